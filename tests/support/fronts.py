"""What stands in front of the PostgreSQL of the tests: TLS, which it is built without, or another port."""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

CERTIFICATE = Path(__file__).parent / "localhost.pem"  # with its key; self-signed, for localhost and 127.0.0.1
Begin = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bytes]]
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)


@asynccontextmanager
async def offering_tls(url: str) -> AsyncIterator[str]:
    """Yield the URL of the same database through a server that offers TLS, as PostgreSQL negotiates it."""
    server = urlsplit(url)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)

    async def negotiate(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        first = await reader.readexactly(8)
        if first != _SSL_REQUEST:
            return first
        writer.write(b"S")
        await writer.start_tls(context)
        return b""

    async with passing_on(0, server.hostname or "", server.port or 0, negotiate) as port:
        yield url.replace(f":{server.port}/", f":{port}/")


async def _nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    return b""


@asynccontextmanager
async def passing_on(port: int, host: str, to_port: int, begin: Begin = _nothing) -> AsyncIterator[int]:
    """Listen on a port of this machine (0: any), yield it, and pass everything on to another one.

    `begin` talks to a client first, and returns what the other server gets at once. No connection outlives this.
    """
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        writers = [writer]
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                first = await begin(reader, writer)
                behind, to_server = await asyncio.open_connection(host, to_port)
                writers.append(to_server)
                to_server.write(first)
                await asyncio.gather(_copy(reader, to_server), _copy(behind, writer))
        finally:
            for each in writers:
                each.transport.abort()
            serving.discard(task)

    listening = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        ending = list(serving)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        await asyncio.sleep(0)  # what was aborted closes its socket


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
