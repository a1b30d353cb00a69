"""Paths between programs that a test can cut, as a network does: nothing passes, and nobody is told."""

from __future__ import annotations

import asyncio
from contextlib import suppress

_CHUNK = 64 * 1024


class Link:
    """A path to a port of this machine.

    While it is cut, bytes wait on both sides, new connections are accepted and stay silent, and neither side learns
    that the other has closed its connection or has died. Restored, what waits passes.
    """

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._whole = asyncio.Event()
        self._whole.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Listen on a free port and return it."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_CHUNK)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def cut(self) -> None:
        self._whole.clear()

    def restore(self) -> None:
        self._whole.set()

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._whole.wait()
            try:
                there, back = await asyncio.open_connection("127.0.0.1", self._upstream, limit=_CHUNK)
            except OSError:  # nobody listens: the connection is refused
                return
            try:
                pumps = [asyncio.create_task(self._pump(reader, back)), asyncio.create_task(self._pump(there, writer))]
                try:
                    await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)  # PostgreSQL and HTTP close both
                    await self._whole.wait()
                finally:
                    for pump in pumps:
                        pump.cancel()
            finally:
                back.transport.abort()
        finally:
            writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._whole.wait()
                writer.write(data)
                await writer.drain()
            await self._whole.wait()
            writer.write_eof()
