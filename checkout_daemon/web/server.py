"""Answer requests that never reach the middleware: refusals by aiohttp become problems like all others."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any, cast

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.http_exceptions import BadHttpMethod, InvalidURLError, LineTooLong, TransferEncodingError
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from checkout_daemon.errors import CheckoutError
from checkout_daemon.web.app_keys import CONNECTIONS, DRAINING, SECURITY_HEADERS
from checkout_daemon.web.direct import DIRECT
from checkout_daemon.web.failures import AddressTooLong, BadRequest, HeadersTooLarge, UnknownExpectation
from checkout_daemon.web.fields import expects_continue
from checkout_daemon.web.headers import DATA_SECURITY_POLICY
from checkout_daemon.web.problems import problem_response

log = logging.getLogger(__name__)

LONGEST_ADDRESS = 8190
# Two different numbers, because LineTooLong names only the limit, which shows which line it was.
LONGEST_FIELD = 8192
MOST_FIELDS = 128
# Of all header lines together.
LARGEST_HEAD = 64 * 1024
# Of a body that nobody reads yet; up to twice as much is buffered.
READ_BUFFER = 16 * 1024
# Of a refused body, which is read and discarded so that its sender gets to read the refusal.
MOST_DISCARDED = 4 * 1024 * 1024
# A client sends its request as soon as it is connected, but for those that connect in advance.
REQUEST_SECONDS = 1.0
# Of the connections that wait to be accepted, in one turn of the loop, which accepts only one itself: under load a turn
# takes long, and whoever comes with a new connection, such as Stripe, would wait behind all who have one.
MOST_ACCEPTED = 1024
# Of a path: routing scans it once per segment, so its time grows with their number and with the length.
MOST_PARTS = 64


class ShopRunner(web.AppRunner):
    """Runs the application, with our refusals instead of aiohttp's."""

    __slots__ = ()

    async def _make_server(self) -> web.Server:
        return _Server(await super()._make_server(), self.app)

    async def listen(self, listener: socket.socket) -> None:
        """Take connections from now on. One that does not fit into the queue tries again after a second or three."""
        await web.SockSite(self, listener, backlog=socket.SOMAXCONN).start()
        cast("_Server", self.server).listener = listener

    def drain(self) -> None:
        """Answer on, but be no longer ready, and close each connection after its next answer."""
        self.app[DRAINING].set()

    async def stop_listening(self, listener: socket.socket) -> None:
        """Take the connections that the kernel has accepted for us, and wait until their requests have come.

        The kernel would reset them, and a proxy that has sent a POST does not send it to another daemon.
        """
        loop = asyncio.get_running_loop()
        server = cast("_Server", self.server)
        server.listener = None
        queued = []
        try:
            while True:
                queued.append(listener.accept()[0])
        except OSError:  # there are no more
            pass
        for site in self.sites:
            await site.stop()  # at once: what arrives after the last accept is reset
        await server.take(queued)
        give_up_at = loop.time() + REQUEST_SECONDS
        while server.expects_requests() and loop.time() < give_up_at:  # noqa: ASYNC110 - any of them may change it
            await asyncio.sleep(0.01)


class _Server(web.Server):
    """The application's server, built again so that its connections use our protocol class."""

    def __init__(self, server: web.Server, app: web.Application) -> None:
        limits = {
            "max_line_size": LONGEST_ADDRESS,
            "max_field_size": LONGEST_FIELD,
            "max_headers": MOST_FIELDS,
            "read_bufsize": READ_BUFFER,
        }
        super().__init__(
            self._handle,
            request_factory=server.request_factory,
            handler_cancellation=server.handler_cancellation,
            loop=server._loop,
            **server._kwargs | limits,
        )
        self._application = server.request_handler
        self._direct = app[DIRECT]
        self._headers = app[SECURITY_HEADERS]
        self._draining = app[DRAINING]
        self.open_connections = app[CONNECTIONS]
        self.listener: socket.socket | None = None
        self._taking: set[asyncio.Task[Any]] = set()

    def __call__(self) -> RequestHandler:
        if self.listener is not None and not self._taking:
            task = self._loop.create_task(self._take_others(self.listener))
            self._taking.add(task)
            task.add_done_callback(self._taking.discard)
        return _Protocol(self, loop=self._loop, **self._kwargs)

    async def _take_others(self, listener: socket.socket) -> None:
        """Take the connections that wait next to one that the loop has accepted."""
        waiting: list[socket.socket] = []
        with suppress(OSError):  # there are no more, or no descriptor is left for one
            while len(waiting) < MOST_ACCEPTED:
                waiting.append(listener.accept()[0])
        await self.take(waiting)

    async def take(self, accepted: Sequence[socket.socket]) -> None:
        """Serve connections that were accepted from the listener."""
        for connection in accepted:
            connection.setblocking(False)
        served = (self._loop.connect_accepted_socket(self, connection) for connection in accepted)
        await asyncio.gather(*served, return_exceptions=True)  # one that is gone by now is closed

    def expects_requests(self) -> bool:
        """Return whether a connection was opened for a request that is still to come."""
        return any(cast("_Protocol", connection).expects_request() for connection in self._connections)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = cast("_Protocol", request.protocol)
        connection.began(request)
        if self._draining.is_set():
            request._message = request._message._replace(should_close=True)
        try:
            expects = hdrs.EXPECT in request.headers and request.version >= HttpVersion11
            handler = None if expects else self._direct.get((request.method, request.raw_path))
            if handler is not None:
                return await handler(request)
            if request.path.count("/") > MOST_PARTS:
                return self.refuse(414, None)
            if expects:
                expects_continue(request)  # for requests without a route, aiohttp checks it before any middleware
            return await self._application(request)
        except (UnknownExpectation, web.HTTPException) as error:  # aiohttp's router raises them, before any middleware
            return self.refuse(error.status, error)
        finally:
            connection.ended()

    def refuse(self, status: int, error: BaseException | None) -> web.Response:
        """Return a problem that repeats nothing of the request."""
        refusal = _refusal(status, error)
        response = problem_response(refusal)
        response.headers.update(self._headers)
        response.headers["Content-Security-Policy"] = DATA_SECURITY_POLICY
        return response

    def large_head(self) -> bytes:
        """Return the answer to a request whose head does not end, as bytes: aiohttp has no request to answer yet."""
        refusal = HeadersTooLarge(f"the headers are larger than {LARGEST_HEAD} bytes")
        response = problem_response(refusal)
        body = cast("bytes", response.body)
        headers = {**response.headers, **self._headers, "Content-Length": str(len(body)), "Connection": "close"}
        lines = [f"HTTP/1.1 431 {HTTPStatus(431).phrase}", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + body


class _Protocol(RequestHandler):
    """A connection. `waiting_since` is when its request began, its last one ended, or it was opened."""

    __slots__ = ("_answering", "_discarded_bytes", "_head_bytes", "_is_new", "_server", "waiting_since")

    def __init__(self, server: _Server, **kwargs: Any) -> None:
        super().__init__(server, **kwargs)
        self._server = server
        self._answering: web.BaseRequest | None = None
        self._head_bytes = 0
        self._discarded_bytes = 0
        self._is_new = True
        self.waiting_since = self._loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the connection, or close it if there are too many."""
        opened = transport.get_extra_info("socket")
        peer = transport.get_extra_info("peername")
        if not self._server.open_connections.admit(self, peer[0] if isinstance(peer, tuple) else None, opened.fileno()):
            cast("asyncio.Transport", transport).abort()
            return
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection."""
        self._server.open_connections.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse the data. Limit the whole head, not only its lines."""
        super().data_received(data)
        if self._messages and isinstance(fault := self._messages[-1][0], _ErrInfo):
            # Its traceback would keep the data, up to 256 KB, until the next garbage collection.
            fault.exc.__traceback__ = None
            self._break_off_body()
        waiter = self._waiter
        if waiter is None or waiter.done():
            self._head_bytes = 0
            if self._answering is None:
                self._discarded_bytes += len(data)
                if self._discarded_bytes > MOST_DISCARDED:
                    self.force_close()
            return
        self._head_bytes += len(data)
        if self._head_bytes > LARGEST_HEAD and self.transport is not None:
            self.transport.write(self._server.large_head())
            self.force_close()

    def _break_off_body(self) -> None:
        """Fail the reader of the body whose framing is broken: aiohttp would let it wait forever."""
        content = None if self._answering is None else self._answering.content
        body = self._messages[-2][1] if len(self._messages) > 1 else content
        if body is not None and not body.is_eof():
            self._messages.pop()  # refuse a request only once
            # Not feed_eof: the part that came would be taken for the whole body.
            body.set_exception(TransferEncodingError("the body's framing is broken"))
            self.close()

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """Log the exception, unless a client went away while its refused body was discarded."""
        if self.transport is None and isinstance(kwargs.get("exc_info"), ConnectionError | RuntimeError):
            return
        super().log_exception(*args, **kwargs)

    def began(self, request: web.BaseRequest) -> None:
        """Note that a request is under way."""
        self._is_new = False
        self._answering = request
        self._discarded_bytes = 0
        self.waiting_since = self._loop.time()

    def ended(self) -> None:
        """Note that the answer is complete."""
        self._answering = None
        self.waiting_since = self._loop.time()

    def expects_request(self) -> bool:
        """Return whether the first request, or the rest of a head, is still to come."""
        return self._answering is None and (self._is_new or self._head_bytes > 0)

    def is_idle(self) -> bool:
        """Return whether no request is under way."""
        return self._answering is None

    def is_sending(self) -> bool:
        """Return whether a request's body is still to come."""
        return self._answering is not None and not self._answering.content.is_eof()

    def drop(self) -> None:
        """Close the connection at once."""
        if self.transport is not None:
            self.transport.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the refusal, after which the connection closes.

        Raise ConnectionError if the client is gone or an answer has begun.
        """
        if isinstance(exc, ConnectionError) or request.writer.output_size > 0:
            raise ConnectionError("the client is gone, or an answer has begun") from exc
        if status >= 500:
            log.error("a request failed outside the application", exc_info=exc)
        else:  # anyone can cause it: log one line, without the data
            log.info("refused an invalid request: %s", type(exc).__name__)
        response = self._server.refuse(status, exc)
        response.force_close()
        return response


def _refusal(status: int, error: BaseException | None) -> CheckoutError:
    if status == AddressTooLong.status:
        return AddressTooLong(f"the path has more than {MOST_PARTS} parts")
    if isinstance(error, LineTooLong):
        if error.args[1] == LONGEST_ADDRESS:
            return AddressTooLong(f"the address is longer than {LONGEST_ADDRESS} bytes")
        return HeadersTooLarge(f"a header is longer than {LONGEST_FIELD} bytes")
    if error is not None and error.args == ("Too many headers received",):
        return HeadersTooLarge(f"there are more than {MOST_FIELDS} headers")
    if status == UnknownExpectation.status:
        return UnknownExpectation("the only supported Expect value is 100-continue")
    if status >= 500:
        return CheckoutError(type(error).__name__)
    return BadRequest(_reason(error))


def _reason(error: BaseException | None) -> str:
    """Describe the fault in our own words: the error's text repeats what was sent."""
    text = str(error.args[0]) if error is not None and error.args else ""
    if isinstance(error, BadHttpMethod):
        return "the request line does not begin with a method that HTTP has"
    if isinstance(error, InvalidURLError):
        return "the address in the request line is not well-formed"
    if text.startswith("Duplicate '"):
        return "a header that may occur once occurs twice"
    if text.startswith("Missing 'Host'"):
        return "the Host header is missing"
    return "the request line, a header or a chunk of the body does not follow RFC 9112"
