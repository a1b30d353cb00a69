"""Answers that are always the same but for the request id and the date: their bytes are made once.

Sending one costs a fifth of a `web.Response`, which makes, orders and encodes its headers for each request.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate
from functools import lru_cache

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter

from checkout_daemon.web.edge import Edge

_ID = "an-id-of-a-request"


class PreparedAnswer:
    """An answer as bytes, and as the `web.Response` of which they are made."""

    def __init__(self, make: Callable[[], web.Response], edge: Edge) -> None:
        self._make = make
        self._edge = edge
        response = make()
        edge.finish(response, _ID)
        self._status = response.status
        body = response.body
        if not isinstance(body, bytes):
            raise TypeError("only a body of bytes can be prepared")
        lines = [f"HTTP/1.1 {response.status} {response.reason}"]
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        lines += [f"Content-Length: {len(body)}", "Date: "]
        head, _, rest = "\r\n".join(lines).encode().partition(_ID.encode())
        self._before_id, self._before_date, self._end = head, rest, b"\r\n\r\n" + body

    def to(self, request: web.BaseRequest, request_id: str) -> web.StreamResponse:
        """Return the answer to this request."""
        if not request.keep_alive or request.version != HttpVersion11:  # then it has a Connection header
            response = self._make()
            self._edge.finish(response, request_id)
            return response
        date = _date(int(time.time()))
        data = b"".join((self._before_id, request_id.encode(), self._before_date, date, self._end))
        return _Bytes(self._status, data)


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
    return formatdate(seconds, usegmt=True).encode()
