"""Requests whose end two servers could see differently, or that are not HTTP: sent directly and through nginx.

Each carries a second request, `GET /smuggled`, in what could be its body. A server that answers it took the bytes for a
request of their own; a proxy that passes them on together with another client's request has been desynchronised.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

INNER = b"GET /smuggled HTTP/1.1\r\nHost: shop\r\n\r\n"
_POST = b"POST /api/quotes HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
_LENGTH = b"Content-Length: %d\r\n" % len(INNER)
_CHUNKED = b"Transfer-Encoding: chunked\r\n"
_EMPTY = b"0\r\n\r\n"


def _both(*lines: bytes) -> bytes:
    """Return a request with these header lines, whose body is the end of chunks, then another request."""
    return _POST + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + _EMPTY + INNER


_WHOLE = b"Content-Length: %d" % len(_EMPTY + INNER)

CASES: dict[str, bytes] = {
    "CL and TE": _both(_WHOLE, b"Transfer-Encoding: chunked"),
    "TE and CL": _both(b"Transfer-Encoding: chunked", _WHOLE),
    "CL of the head of a chunk, and TE": _both(b"Content-Length: 3", b"Transfer-Encoding: chunked"),
    "TE with a blank before the colon": _both(_WHOLE, b"Transfer-Encoding : chunked"),
    "TE with a tab": _both(_WHOLE, b"Transfer-Encoding:\tchunked"),
    "TE with a vertical tab": _both(_WHOLE, b"Transfer-Encoding: \x0bchunked"),
    "TE in a folded line": _both(_WHOLE, b"Transfer-Encoding:\r\n chunked"),
    "TE that continues a line": _both(_WHOLE, b"X-A: a\r\n Transfer-Encoding: chunked"),
    "TE twice": _both(_WHOLE, b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"),
    "TE of two codings": _both(_WHOLE, b"Transfer-Encoding: chunked, identity"),
    "TE with a parameter": _both(_WHOLE, b"Transfer-Encoding: chunked;a=b"),
    "TE in quotes": _both(_WHOLE, b'Transfer-Encoding: "chunked"'),
    "TE in capitals": _both(_WHOLE, b"TRANSFER-ENCODING: CHUNKED"),
    "TE cut off": _both(_WHOLE, b"Transfer-Encoding: chunke"),
    "TE with NUL": _both(_WHOLE, b"Transfer-Encoding: chunked\x00"),
    "TE after a bare LF": _both(_WHOLE, b"X-A: a\nTransfer-Encoding: chunked"),
    "TE after a bare CR": _both(_WHOLE, b"X-A: a\rTransfer-Encoding: chunked"),
    "TE with an underscore": _both(_WHOLE, b"Transfer_Encoding: chunked"),
    "TE of HTTP/1.0": _both(_WHOLE, b"Transfer-Encoding: chunked").replace(b"HTTP/1.1", b"HTTP/1.0", 1),
    "TE chunked twice": _both(_WHOLE, b"Transfer-Encoding: chunked, chunked"),
    "CL twice": _both(b"Content-Length: 0", _WHOLE),
    "CL twice, the same": _both(_WHOLE, _WHOLE),
    "CL as a list": _both(b"Content-Length: 0, %d" % len(_EMPTY + INNER)),
    "CL with a plus": _both(b"Content-Length: +5"),
    "CL below zero": _both(b"Content-Length: -1"),
    "CL in hexadecimal": _both(b"Content-Length: 0x5"),
    "CL with an underscore": _both(b"Content-Length: 4_2"),
    "CL of other digits": _both("Content-Length: ٥".encode()),
    "CL with a blank inside": _both(b"Content-Length: 4 2"),
    "CL without a value": _both(b"Content-Length:"),
    "CL larger than any number": _both(b"Content-Length: " + b"9" * 40),
    "CL in a folded line": _both(b"Content-Length:\r\n 5"),
    "CL with a blank before the colon": _both(b"Content-Length : 0"),
    "chunk extension": _POST + _CHUNKED + b"\r\n2;a=b\r\n{}\r\n0\r\n\r\n" + INNER,
    "chunk extension with LF": _POST + _CHUNKED + b"\r\n2;a\n{}\r\n0\r\n\r\n" + INNER,
    "chunk extension with CR": _POST + _CHUNKED + b"\r\n2;\rXX\r\n{}\r\n0\r\n\r\n" + INNER,
    "chunk extension without an end": _POST + _CHUNKED + b"\r\n2;" + b"a" * 100_000,
    "chunk size with a plus": _POST + _CHUNKED + b"\r\n+2\r\n{}\r\n0\r\n\r\n" + INNER,
    "chunk size with 0x": _POST + _CHUNKED + b"\r\n0x2\r\n{}\r\n0\r\n\r\n" + INNER,
    "chunk size with a blank": _POST + _CHUNKED + b"\r\n2 \r\n{}\r\n0\r\n\r\n" + INNER,
    "chunk size that overflows": _POST + _CHUNKED + b"\r\n10000000000000002\r\n{}\r\n0\r\n\r\n" + INNER,
    "chunk size of nothing": _POST + _CHUNKED + b"\r\n\r\n{}\r\n0\r\n\r\n" + INNER,
    "chunk ends with LF": _POST + _CHUNKED + b"\r\n2\n{}\n0\n\n" + INNER,
    "chunk longer than its size": _POST + _CHUNKED + b"\r\n2\r\n{}X\r\n0\r\n\r\n" + INNER,
    "trailers": _POST + _CHUNKED + b"\r\n2\r\n{}\r\n0\r\nContent-Length: 40\r\nHost: evil\r\n\r\n" + INNER,
    "trailers without end": _POST + _CHUNKED + b"\r\n2\r\n{}\r\n0\r\n" + b"X-A: a\r\n" * 20_000,
    "bare LF in the head": _POST.replace(b"\r\n", b"\n") + b"Content-Length: 0\n\n" + INNER,
    "bare CR in the head": b"GET /healthz HTTP/1.1\rHost: shop\r\r" + INNER,
    "body of a GET": b"GET /healthz HTTP/1.1\r\nHost: shop\r\n" + _LENGTH + b"\r\n" + INNER,
    "chunks of a GET": b"GET /healthz HTTP/1.1\r\nHost: shop\r\n" + _CHUNKED + b"\r\n" + _EMPTY + INNER,
    "body of a HEAD": b"HEAD /healthz HTTP/1.1\r\nHost: shop\r\n" + _LENGTH + b"\r\n" + INNER,
    "Expect and a body": _POST + b"Expect: 100-continue\r\n" + _LENGTH + b"\r\n" + INNER,
    "another Expect": _POST + b"Expect: 100-continue, x\r\n" + _LENGTH + b"\r\n" + INNER,
    "Host twice": b"GET /healthz HTTP/1.1\r\nHost: shop\r\nHost: evil\r\n\r\n",
    "Host with a path": b"GET /healthz HTTP/1.1\r\nHost: shop/../evil\r\n\r\n",
    "no Host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "another Host in the address": b"GET http://evil/healthz HTTP/1.1\r\nHost: shop\r\n\r\n",
    "HTTP/0.9": b"GET /healthz\r\n\r\n",
    "HTTP/2.0": b"GET /healthz HTTP/2.0\r\nHost: shop\r\n\r\n",
    "preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "upgrade to HTTP/2": b"GET /healthz HTTP/1.1\r\nHost: shop\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    b"Connection: Upgrade, HTTP2-Settings\r\n\r\n" + INNER,
    "CONNECT": b"CONNECT evil:80 HTTP/1.1\r\nHost: evil:80\r\n\r\n" + INNER,
    "a line of a header without a name": b"GET /healthz HTTP/1.1\r\nHost: shop\r\n: a\r\n\r\n",
    "NUL in a header": b"GET /healthz HTTP/1.1\r\nHost: shop\r\nX-A: a\x00b\r\n\r\n",
    "blank before the first header": b"GET /healthz HTTP/1.1\r\n Host: shop\r\nHost: shop\r\n\r\n",
    "blanks in the request line": b"GET  /healthz  HTTP/1.1\r\nHost: shop\r\n\r\n",
    "a hop that Connection removes": b"GET /healthz HTTP/1.1\r\nHost: shop\r\n"
    b"Connection: close, X-Forwarded-For\r\n\r\n",
}
# After these the connection may stay open for the second request: it is a request of its own by every reading.
PIPELINED = frozenset(
    (
        *("TE with a tab", "chunk extension", "trailers", "chunks of a GET", "upgrade to HTTP/2"),
        *("bare LF in the head", "CL twice, the same"),
    )
)


_UNKNOWN = ("501", "505")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The statuses of all answers that came back, in their sequence, without `100 Continue`."""

    name: str
    statuses: tuple[str, ...]

    def faults(self, *, proxied: bool = False) -> list[str]:
        """Return why this outcome is not safe. A proxy may refuse a coding or version that it does not know."""
        if any(status.startswith("5") and not (proxied and status in _UNKNOWN) for status in self.statuses):
            return [f"{self.name}: answered {self.statuses}"]
        if len(self.statuses) > 1 and self.name not in PIPELINED:
            return [f"{self.name}: its body was taken for a request: {self.statuses}"]
        return []


async def send(port: int, name: str, address: str = "127.0.0.1", patience: float = 1.0) -> Outcome:
    """Send a case on a connection of its own, and read all that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    answer = b""
    try:
        with suppress(ConnectionError, TimeoutError):
            writer.write(CASES[name])
            while True:
                async with asyncio.timeout(patience):
                    if not (data := await reader.read(65_536)):
                        break
                answer += data
    finally:
        writer.close()
    lines = answer.split(b"\r\n")
    statuses = [line[9:12].decode() for line in lines if line.startswith(b"HTTP/1.")]
    return Outcome(name, tuple(status for status in statuses if status != "100"))
