"""Send requests as bytes, including those that no client library would send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tests.web.conftest import Client

TIMEOUT_SECONDS = 10.0


@asynccontextmanager
async def connection_to(client: Client) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open a connection to the application for the block, whose time is bounded."""
    assert client.port is not None
    reader, writer = await asyncio.open_connection(client.host, client.port)
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):  # the application may have closed while we were still sending
            await writer.wait_closed()


async def send_raw(client: Client, sent: bytes) -> bytes:
    """Return the head of the answer to these bytes, which need not be a whole request."""
    async with connection_to(client) as (reader, writer):
        writer.write(sent)
        return await reader.readuntil(b"\r\n\r\n")
