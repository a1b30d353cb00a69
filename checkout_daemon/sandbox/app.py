"""Put the sandbox together: API, hosted pages, scheduler."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiohttp import web

from checkout_daemon.sandbox.box import Box, SandboxSettings
from checkout_daemon.sandbox.deliveries import Deliverer
from checkout_daemon.sandbox.hosted import add_pages
from checkout_daemon.sandbox.middleware import Api
from checkout_daemon.sandbox.resources import OPERATIONS
from checkout_daemon.sandbox.router import Router
from checkout_daemon.sandbox.scheduler import run_scheduler
from checkout_daemon.sandbox.storage import Storage

BOX = web.AppKey("box", Box)
_LARGEST_BODY = 4 * 1024 * 1024


def create_app(settings: SandboxSettings) -> web.Application:
    """The application; its storage is opened now, so that a second create_app sees what the first stored."""
    box = Box(settings, Storage(settings.state_dir))
    app = web.Application(client_max_size=_LARGEST_BODY)
    app[BOX] = box
    app.cleanup_ctx.append(_scheduler)
    add_pages(app, box)
    app.router.add_route("*", "/{path:.*}", Api(box, Router(OPERATIONS)).answer)
    return app


async def _scheduler(app: web.Application) -> AsyncIterator[None]:
    box = app[BOX]
    deliverer = Deliverer(box)
    task = asyncio.create_task(run_scheduler(box, deliverer))
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await deliverer.close()
    box.storage.close()
