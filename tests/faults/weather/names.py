"""A name server of our own, and a mount namespace in which programs ask it: Stripe's name can stop being found."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from tests.faults.report import MissingPackage

ADDRESS = "127.77.0.53"
NAME = "stripe.test"
_ADDRESS_RECORD = 1


class NameServer(asyncio.DatagramProtocol):
    """Answers every name with 127.0.0.1, or nothing at all while it is silent."""

    def __init__(self) -> None:
        self.silent = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.silent:
            return
        end = data.index(0, 12) + 5  # the question: labels up to an empty one, type, class
        (kind,) = struct.unpack("!H", data[end - 4 : end - 2])
        found = kind == _ADDRESS_RECORD
        head = data[:2] + struct.pack("!HHHHH", 0x8180, 1, int(found), 0, 0)
        record = struct.pack("!HHHIH", 0xC00C, _ADDRESS_RECORD, 1, 0, 4) + socket.inet_aton("127.0.0.1")
        self._transport.sendto(head + data[12:end] + (record if found else b""), addr)


async def serve_names() -> tuple[asyncio.BaseTransport, NameServer]:
    """Start the name server. Raises MissingPackage if this process may not use its port."""
    loop = asyncio.get_running_loop()
    try:
        return await loop.create_datagram_endpoint(NameServer, local_addr=(ADDRESS, 53))
    except PermissionError as error:
        raise MissingPackage("a name server of its own needs root, to listen on port 53") from error


def asking_it(directory: Path) -> Sequence[str]:
    """Return the beginning of a command that runs a program with this name server. Raises MissingPackage."""
    if os.getuid() != 0 or shutil.which("unshare") is None:
        raise MissingPackage("a name server of its own needs root and unshare: apt-get install util-linux")
    resolver = directory / "resolv.conf"
    resolver.write_text(f"nameserver {ADDRESS}\n", encoding="ascii")
    return ("unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"', str(resolver))
