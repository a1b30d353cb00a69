"""The offline Stripe in a thread, for tests whose own thread runs commands, which start their own event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from aiohttp.test_utils import TestServer

from checkout_daemon.sandbox.app import create_app
from checkout_daemon.sandbox.main import SandboxSettings
from tests.support.flaky_stripe import FlakyStripe

T = TypeVar("T")


class BackgroundStripe:
    """The server. `network` is the proxy in front of it, which can cause trouble; `base` is the proxy's address."""

    network: FlakyStripe

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="offline-stripe", daemon=True)

    @property
    def base(self) -> str:
        return self.network.base

    def start(self) -> None:
        self._thread.start()
        self._run(self._open())

    def stop(self) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _open(self) -> None:
        settings = SandboxSettings(state_dir=self._state_dir, port=0, settle_seconds=0.1)
        self._server = TestServer(create_app(settings))
        await self._server.start_server()
        self.network = FlakyStripe(str(self._server.make_url("")).rstrip("/"))
        self.network.base = await self.network.start()

    async def _close(self) -> None:
        await self.network.stop()
        await self._server.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)
