"""A forward proxy as company networks have: it opens tunnels (CONNECT) to servers of its own choice."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

COMPANY_CA = Path(__file__).parent / "company_ca.pem"
COMPANY_SERVER = Path(__file__).parent / "company_server.pem"
"""A certificate with its key for stripe.example and shop.example, signed by that authority."""
PASSWORD = "s3cr3t"


@dataclass(slots=True)
class Proxy:
    """A running proxy. `ports` are those of this machine that it reaches as host:port."""

    ports: Mapping[str, int]
    url: str = ""
    tunnels: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, target, _ = head.split(maxsplit=2)
            if b64encode(f"buyer:{PASSWORD}".encode()).decode() not in head:
                writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            elif method != "CONNECT" or target not in self.ports:
                writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            else:
                self.tunnels.append(target)
                far, there = await asyncio.open_connection("127.0.0.1", self.ports[target])
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await asyncio.gather(_copy(reader, there), _copy(far, writer))
        writer.close()


@asynccontextmanager
async def running_proxy(ports: Mapping[str, int]) -> AsyncIterator[Proxy]:
    """Run a proxy with the user `buyer`."""
    proxy = Proxy(ports)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.url = f"http://buyer:{PASSWORD}@127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
