"""Put the sandbox together: API, hosted pages, the CLI's websocket, control, scheduler."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

from checkout_daemon.sandbox import clock
from checkout_daemon.sandbox.api.middleware import Api
from checkout_daemon.sandbox.api.router import Router
from checkout_daemon.sandbox.box import Box, SandboxSettings
from checkout_daemon.sandbox.checkout.hosted import add_pages
from checkout_daemon.sandbox.checkout.other_pages import add_other_pages
from checkout_daemon.sandbox.control import add_control
from checkout_daemon.sandbox.dashboard.routes import add_dashboard
from checkout_daemon.sandbox.guard import BOX, refuse_strangers
from checkout_daemon.sandbox.parameters.stripe_types import routes
from checkout_daemon.sandbox.resources import FOLLOWERS, OPERATIONS
from checkout_daemon.sandbox.scheduler import run_scheduler
from checkout_daemon.sandbox.storage import Storage
from checkout_daemon.sandbox.stripecli import listeners
from checkout_daemon.sandbox.stripecli.websocket import add_websocket
from checkout_daemon.sandbox.webhooks.deliveries import Deliverer
from checkout_daemon.sandbox.webhooks.sending import Sender

__all__ = ["BOX", "create_app"]

_LARGEST_BODY = 6 * 1024 * 1024


def create_app(settings: SandboxSettings) -> web.Application:
    """Return the application. Its storage is opened now, so a second application sees what the first stored."""
    box = Box(settings, Storage(settings.state_dir), followers=dict(FOLLOWERS))
    app = web.Application(client_max_size=_LARGEST_BODY, middlewares=[refuse_strangers, _own_clock])
    app[BOX] = box
    app.cleanup_ctx.append(_scheduler)
    add_pages(app, box)
    add_other_pages(app, box)
    add_control(app, box)
    add_websocket(app, box)
    add_dashboard(app, box)
    app.router.add_route("*", "/{path:.*}", Api(box, Router(OPERATIONS, routes())).answer)
    return app


@web.middleware
async def _own_clock(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    clock.use(request.app[BOX].storage.clock)
    return await handler(request)


async def _scheduler(app: web.Application) -> AsyncIterator[None]:
    box = app[BOX]
    clock.use(box.storage.clock)
    listeners.mark_all_disconnected(box)
    deliverer = Deliverer(box, Sender(box))
    task = asyncio.create_task(run_scheduler(box, deliverer))
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await deliverer.close()
    box.closed = True
    box.storage.close()
