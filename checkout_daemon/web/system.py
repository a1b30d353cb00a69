"""Handlers for machines that watch: alive, ready, metrics, the API's description."""

from __future__ import annotations

import asyncio

from aiohttp import web

from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.observability.metrics import CONTENT_TYPE
from checkout_daemon.store.migrations import code_version, read_state
from checkout_daemon.web.answers import json_response
from checkout_daemon.web.keys import METRICS, OPENAPI, POOLS, RUNTIME
from checkout_daemon.web.schemas import Health

READY_TIMEOUT_SECONDS = 1.0


async def get_health(request: web.Request) -> web.Response:
    """The process answers. Says nothing of the database: restarting us would not bring it back."""
    return json_response(Health("ok"))


async def get_ready(request: web.Request) -> web.Response:
    """The database answers, and its schema fits this code. Raises DatabaseUnavailable or SchemaMismatch."""
    try:
        async with (
            asyncio.timeout(READY_TIMEOUT_SECONDS),
            request.app[RUNTIME].database.connection() as connection,
        ):
            state = await read_state(connection)
    except TimeoutError as error:
        raise DatabaseUnavailable(f"the database did not answer within {READY_TIMEOUT_SECONDS} s") from error
    state.check(code_version())
    return json_response(Health("ready"))


async def get_metrics(request: web.Request) -> web.Response:
    metrics = request.app[METRICS]
    for name, pool in request.app[POOLS].items():
        metrics.pool_used(name, *pool.usage())
    return web.Response(body=metrics.render(), headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})


async def get_openapi(request: web.Request) -> web.Response:
    return web.Response(
        body=request.app[OPENAPI], content_type="application/json", headers={"Cache-Control": "no-cache"}
    )
