"""The keys under which handlers find what the application keeps for them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiohttp import web

from checkout_daemon.database.pool import Database
from checkout_daemon.observability.metrics import Metrics
from checkout_daemon.operations.readiness import Readiness
from checkout_daemon.runtime import Runtime
from checkout_daemon.web.api_access import ApiAccess
from checkout_daemon.web.body_budget import BodyBudgets
from checkout_daemon.web.connections import Connections
from checkout_daemon.web.guessing import Guessing
from checkout_daemon.web.limits import Limits
from checkout_daemon.web.metrics_access import MetricsAccess
from checkout_daemon.web.storefront_files import Storefront

RUNTIME = web.AppKey("runtime", Runtime)
READINESS = web.AppKey("readiness", Readiness)
DRAINING = web.AppKey("draining", asyncio.Event)  # set once the daemon was asked to stop
METRICS = web.AppKey("metrics", Metrics)
BODIES = web.AppKey("bodies", BodyBudgets)
CONNECTIONS = web.AppKey("connections", Connections)
METRICS_ACCESS = web.AppKey("metrics_access", MetricsAccess)
API_ACCESS = web.AppKey("api_access", ApiAccess)
LIMITS = web.AppKey("limits", Limits)
GUESSING = web.AppKey("guessing", Guessing)
STOREFRONT = web.AppKey("storefront", Storefront)
POOLS = web.AppKey("pools", Mapping[str, Database])  # by their name in the metrics
SECURITY_HEADERS = web.AppKey("security_headers", Mapping[str, str])  # of every answer
