"""Handlers for monitoring: alive, ready, metrics, and the API's description."""

from __future__ import annotations

import asyncio

from aiohttp import web

from checkout_daemon.errors import Stopping
from checkout_daemon.observability.metrics import CONTENT_TYPE
from checkout_daemon.web.answers import json_response
from checkout_daemon.web.app_keys import DRAINING, METRICS, METRICS_ACCESS, POOLS, READINESS
from checkout_daemon.web.failures import NoSuchPage
from checkout_daemon.web.schemas import Health


async def get_health(request: web.Request) -> web.Response:
    """Answer that the process is alive, whatever the state of the database: a restart would not bring that back."""
    return json_response(Health("ok"))


async def get_ready(request: web.Request) -> web.Response:
    """Check that new requests are welcome and the database can take orders.

    Raise Stopping, DatabaseUnavailable or SchemaMismatch within a second.
    """
    if request.app[DRAINING].is_set():
        raise Stopping("the daemon was asked to stop")
    await request.app[READINESS].check()
    return json_response(Health("ready"))


async def get_metrics(request: web.Request) -> web.Response:
    """Return the metrics, or raise NoSuchPage for clients that may not read them."""
    if not request.app[METRICS_ACCESS].allows(request):
        raise NoSuchPage("there is nothing at this path")
    metrics = request.app[METRICS]
    for name, pool in request.app[POOLS].items():
        metrics.pool_used(name, *pool.usage())
    return web.Response(body=metrics.render(), headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})


async def get_openapi(request: web.Request) -> web.Response:
    """Return the OpenAPI description, which is made once it is asked for: few ever do."""

    def made() -> bytes:
        from checkout_daemon.web.openapi import description  # it imports the routes, which import this module

        return description()

    return web.Response(
        body=await asyncio.to_thread(made), content_type="application/json", headers={"Cache-Control": "no-cache"}
    )
