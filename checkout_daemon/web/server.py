"""Answers what never reaches the application's middleware: aiohttp's own refusals, as problems like all others."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler

from checkout_daemon.errors import CheckoutError
from checkout_daemon.web.failures import AddressTooLong, BadRequest, HeadersTooLarge, UnknownExpectation
from checkout_daemon.web.headers import DATA_SECURITY_POLICY
from checkout_daemon.web.keys import SECURITY_HEADERS
from checkout_daemon.web.problems import problem_response

log = logging.getLogger(__name__)

LONGEST_ADDRESS = 8190
# Not the same number: LineTooLong names the limit, and only the limit says which line it was.
LONGEST_FIELD = 8192
MOST_FIELDS = 128


class ShopRunner(web.AppRunner):
    """Runs the application, with our refusals in place of the server library's."""

    __slots__ = ()

    async def _make_server(self) -> web.Server:
        return _Server(await super()._make_server(), self.app[SECURITY_HEADERS])


class _Server(web.Server):
    """The application's server, made again so that its connections speak our protocol."""

    def __init__(self, made: web.Server, headers: Mapping[str, str]) -> None:
        limits = {"max_line_size": LONGEST_ADDRESS, "max_field_size": LONGEST_FIELD, "max_headers": MOST_FIELDS}
        super().__init__(
            self._handle,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            loop=made._loop,
            **made._kwargs | limits,
        )
        self._application = made.request_handler
        self._headers = headers

    def __call__(self) -> RequestHandler:
        return _Protocol(self, loop=self._loop, **self._kwargs)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._application(request)
        except web.HTTPException as error:  # aiohttp's router raises them, before any middleware
            return self.refuse(error.status, error)

    def refuse(self, status: int, error: BaseException | None) -> web.Response:
        """Return a problem that repeats nothing of what was sent."""
        refusal = _refusal(status, error)
        response = problem_response(refusal)
        response.headers.update(self._headers)
        response.headers["Content-Security-Policy"] = DATA_SECURITY_POLICY
        return response


class _Protocol(RequestHandler):
    __slots__ = ("_server",)

    def __init__(self, server: _Server, **kwargs: Any) -> None:
        super().__init__(server, **kwargs)
        self._server = server

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the refusal, after which the connection closes.

        Raises ConnectionError where the client is gone or an answer has begun.
        """
        if isinstance(exc, ConnectionError) or request.writer.output_size > 0:
            raise ConnectionError("the client is gone, or an answer has begun") from exc
        if status >= 500:
            log.error("a request failed outside the application", exc_info=exc)
        else:  # anybody can cause it: one line, without what was sent
            log.info("refused what is no request: %s", type(exc).__name__)
        response = self._server.refuse(status, exc)
        response.force_close()
        return response


def _refusal(status: int, error: BaseException | None) -> CheckoutError:
    if isinstance(error, LineTooLong):
        if error.args[1] == LONGEST_ADDRESS:
            return AddressTooLong(f"the address is longer than {LONGEST_ADDRESS} bytes")
        return HeadersTooLarge(f"a header is longer than {LONGEST_FIELD} bytes")
    if error is not None and error.args == ("Too many headers received",):
        return HeadersTooLarge(f"there are more than {MOST_FIELDS} headers")
    if status == UnknownExpectation.status:
        return UnknownExpectation("of Expect only 100-continue is known here")
    if status >= 500:
        return CheckoutError(type(error).__name__)
    return BadRequest("the request line, a header or a chunk of the body does not follow RFC 9112")
