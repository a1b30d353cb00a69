"""Answers that are always the same but for the request id and the date: their bytes are made once.

Sending one costs a fifth of a `web.Response`, which makes, orders and encodes its headers for each request.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter

from checkout_daemon.web.edge import Edge

_ID = "an-id-of-a-request"


class PreparedHead:
    """The head of answers that differ only in their body, and the `web.Response` of which it is made."""

    def __init__(self, make: Callable[[bytes], web.Response], edge: Edge) -> None:
        self._make = make
        self._edge = edge
        response = make(b"{}")
        edge.finish(response, _ID)
        self._status = response.status
        lines = [f"HTTP/1.1 {response.status} {response.reason}"]
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        lines.append("" if response.status == HTTPStatus.NOT_MODIFIED else "Content-Length: ")  # RFC 9110, 8.6
        head, _, rest = "\r\n".join(lines).encode().partition(_ID.encode())
        self._before_id, self._before_length = head, rest

    def to(self, request: web.BaseRequest, request_id: str, body: bytes) -> web.StreamResponse:
        """Return the answer to this request."""
        if not request.keep_alive or request.version != HttpVersion11:  # then it has a Connection header
            response = self._make(body)
            self._edge.finish(response, request_id)
            return response
        length = b"" if self._status == HTTPStatus.NOT_MODIFIED else b"%d\r\n" % len(body)
        date = _date(int(time.time()))
        parts = (self._before_id, request_id.encode(), self._before_length, length, date, body)
        return _Bytes(self._status, b"".join(parts))


class PreparedAnswer:
    """An answer whose body is always the same, too."""

    def __init__(self, make: Callable[[], web.Response], edge: Edge) -> None:
        body = make().body
        if not isinstance(body, bytes):
            raise TypeError("only a body of bytes can be prepared")
        self._body = body
        self._head = PreparedHead(lambda _: make(), edge)

    def to(self, request: web.BaseRequest, request_id: str) -> web.StreamResponse:
        """Return the answer to this request."""
        return self._head.to(request, request_id, self._body)


class _Bytes(web.StreamResponse):
    """An answer that consists of these bytes. The connection stays open."""

    keep_alive = True

    def __init__(self, status: int, data: bytes) -> None:
        super().__init__(status=status)
        self._data = data

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        """Send everything. Raise ConnectionError if the client is gone."""
        self._writer = request.writer
        await self._writer.write(self._data)
        return self._writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Wait while the client does not read."""
        await self._writer.drain()


@lru_cache(maxsize=1)
def _date(seconds: int) -> bytes:
    """Return the last lines of a head."""
    return b"Date: %b\r\n\r\n" % formatdate(seconds, usegmt=True).encode()
