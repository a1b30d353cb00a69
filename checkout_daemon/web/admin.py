"""The address for monitoring: /metrics, /healthz and /readyz, for whoever reaches it."""

from __future__ import annotations

import socket

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from checkout_daemon.errors import CheckoutError
from checkout_daemon.web import system
from checkout_daemon.web.app_keys import DRAINING, METRICS, METRICS_ACCESS, POOLS, READINESS
from checkout_daemon.web.failures import MethodNotAllowed, NoSuchPage
from checkout_daemon.web.metrics_access import MetricsAccess
from checkout_daemon.web.problems import problem_response

_STOP_SECONDS = 1.0


async def serve_admin(app: web.Application, listener: socket.socket) -> web.AppRunner:
    """Serve the monitoring of a running application on a socket, and return the runner that ends it."""
    admin = web.Application(middlewares=[_answer])
    admin[DRAINING] = app[DRAINING]
    admin[METRICS] = app[METRICS]
    admin[POOLS] = app[POOLS]
    admin[READINESS] = app[READINESS]
    admin[METRICS_ACCESS] = MetricsAccess("public")
    admin.router.add_get("/healthz", system.get_health)
    admin.router.add_get("/readyz", system.get_ready)
    admin.router.add_get("/metrics", system.get_metrics)
    runner = web.AppRunner(admin, access_log=None, shutdown_timeout=_STOP_SECONDS)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    return runner


@web.middleware
async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        fault = request.match_info.http_exception
        if isinstance(fault, web.HTTPMethodNotAllowed):
            raise MethodNotAllowed(", ".join(sorted(fault.allowed_methods)))
        if fault is not None:
            raise NoSuchPage("there is nothing at this path; there are /metrics, /healthz and /readyz")
        response = await handler(request)
    except CheckoutError as error:
        response = problem_response(error)
    response.headers[hdrs.SERVER] = "checkout-daemon"
    return response
