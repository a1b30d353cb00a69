"""What every answer of the application has: request id, headers, problems for failures, metrics."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import TypeVar

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.typedefs import Handler, Middleware
from multidict import CIMultiDict, istr

from checkout_daemon.errors import CheckoutError
from checkout_daemon.observability import context
from checkout_daemon.observability.metrics import Metrics
from checkout_daemon.web.app_keys import STOREFRONT
from checkout_daemon.web.failures import BadRequest, ClientGone, MethodNotAllowed, NoSuchPage
from checkout_daemon.web.fields import expects_continue
from checkout_daemon.web.headers import DATA_SECURITY_POLICY, CrossOrigin
from checkout_daemon.web.problems import problem_response

log = logging.getLogger(__name__)

# With their lower case worked out once, and the headers as a multidict: that halves what adding them costs.
REQUEST_ID = istr("X-Request-Id")
_POLICY = istr("Content-Security-Policy")
# Never sent: the status in the metrics when the client is gone, as other servers count it.
CLIENT_GONE = 499
_READING = (hdrs.METH_GET, hdrs.METH_HEAD)
_HOST = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=%-]*(:[0-9]*)?|\[[0-9A-Fa-f:.]+\](:[0-9]*)?")

Request = TypeVar("Request", bound=web.BaseRequest)
Answer = TypeVar("Answer")


class Edge:
    """Gives every answer its id and headers, turns failures into problems, and counts.

    `guard` and `finish` together are what a route needs that aiohttp's router is not asked for.
    """

    def __init__(self, metrics: Metrics, *, headers: Mapping[str, str], cors_origins: tuple[str, ...]) -> None:
        self._metrics = metrics
        self._headers = CIMultiDict({istr(name): value for name, value in headers.items()})
        self._cross_origin = CrossOrigin(cors_origins)
        self._process = os.urandom(5).hex()
        self._numbers = count(1)

    def middleware(self) -> Middleware:
        """Return the middleware of an application."""

        @web.middleware
        async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
            started = time.perf_counter()
            request_id = self.new_request_id()
            cross_origin = self._cross_origin if self._cross_origin.covers(request) else None
            response: web.StreamResponse | None = None
            if cross_origin is not None:
                response = cross_origin.preflight(request)
            if response is None:
                routed = request.match_info.http_exception is None
                response = await guard(handler if routed else _unrouted, request)
            self.finish(response, request_id)
            if cross_origin is not None:
                cross_origin.open(request, response)
            resource = request.match_info.route.resource
            # The pattern, never the path: an order's path is its access key.
            route = "storefront" if resource is None else resource.canonical
            self.count(route, request.method, response.status, started)
            return response

        return answer

    def new_request_id(self) -> str:
        """Return an id for the current request, which also goes into its log lines."""
        request_id = f"{self._process}{next(self._numbers):07x}"
        context.request_id.set(request_id)  # every request has its own task, so there is nothing to reset
        return request_id

    def finish(self, response: web.StreamResponse, request_id: str) -> None:
        """Add the headers of every answer."""
        headers = response.headers
        headers.update(self._headers)
        headers.setdefault(_POLICY, DATA_SECURITY_POLICY)
        headers[REQUEST_ID] = request_id

    def count(self, route: str, method: str, status: int, started: float) -> None:
        """Count an answered request. `route` is a pattern, never a path; `started` is of the performance counter."""
        seconds = time.perf_counter() - started
        if method not in hdrs.METH_ALL:
            method = "other"
        self._metrics.request_answered(route, method, status, seconds)
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s %s %d in %.1f ms", method, route, status, seconds * 1000)


async def guard(handler: Callable[[Request], Awaitable[Answer]], request: Request) -> Answer | web.Response:
    """Return what the handler returns, or the answer to its failure."""
    try:
        _check(request)
        return await handler(request)
    except CheckoutError as error:
        if error.status == 500:
            log.exception("an unexpected failure was answered with 500")
        elif error.status > 500:
            log.warning("%s: %s", error.code, error.detail)
        return problem_response(error)
    except ClientGone:
        return web.Response(status=CLIENT_GONE)
    except Exception as error:
        log.exception("a request failed")
        return problem_response(CheckoutError(type(error).__name__))


def _check(request: web.BaseRequest) -> None:
    """Raise BadRequest for an invalid Host (RFC 9112, 3.2), UnknownExpectation for other Expects (RFC 9110, 10.1.1).

    The parser has already refused a second Host, and HTTP/1.1 without one.
    """
    headers = request.headers
    if _HOST.fullmatch(headers.get(hdrs.HOST, "")) is None:
        raise BadRequest("the Host header is not a host and port")
    if hdrs.EXPECT in headers and request.version >= HttpVersion11:
        expects_continue(request)


async def _unrouted(request: web.Request) -> web.StreamResponse:
    """Return the storefront's answer to a request that no route matches, or raise the refusal."""
    fault = request.match_info.http_exception
    if isinstance(fault, web.HTTPMethodNotAllowed):
        raise MethodNotAllowed(", ".join(sorted(fault.allowed_methods)))
    storefront = request.app[STOREFRONT]
    if request.path == "/api" or request.path.startswith("/api/"):
        raise NoSuchPage("there is nothing at this path; /openapi.json lists every path")
    if request.method not in _READING:
        if storefront.has(request):
            raise MethodNotAllowed(", ".join(_READING))
        raise NoSuchPage("there is nothing at this path")
    return await storefront.answer(request)
