"""The only middleware: request id, answers to failures, headers, metrics. It is on the webhook's hot path."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Mapping
from itertools import count

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.typedefs import Handler, Middleware

from checkout_daemon.errors import CheckoutError
from checkout_daemon.observability import context
from checkout_daemon.observability.metrics import Metrics
from checkout_daemon.web.app_keys import STOREFRONT
from checkout_daemon.web.failures import BadRequest, ClientGone, MethodNotAllowed, NoSuchPage
from checkout_daemon.web.fields import expects_continue
from checkout_daemon.web.headers import DATA_SECURITY_POLICY, CrossOrigin
from checkout_daemon.web.problems import problem_response

log = logging.getLogger(__name__)

REQUEST_ID = "X-Request-Id"
# Never sent: the status in the metrics when the client is gone, as other servers count it.
CLIENT_GONE = 499
_READING = (hdrs.METH_GET, hdrs.METH_HEAD)
_HOST = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=%-]*(:[0-9]*)?|\[[0-9A-Fa-f:.]+\](:[0-9]*)?")


def edge(metrics: Metrics, *, headers: Mapping[str, str], cors_origins: tuple[str, ...]) -> Middleware:
    """Return the middleware of an application. Every answer gets the `headers`."""
    cross_origin = CrossOrigin(cors_origins)
    process = os.urandom(5).hex()
    numbers = count(1)

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        request_id = f"{process}{next(numbers):07x}"
        context.request_id.set(request_id)  # every request has its own task, so there is nothing to reset
        covered = cross_origin.covers(request)
        preflight = cross_origin.preflight(request) if covered else None
        response = await _answer(request, handler) if preflight is None else preflight
        response.headers.update(headers)
        response.headers.setdefault("Content-Security-Policy", DATA_SECURITY_POLICY)
        response.headers[REQUEST_ID] = request_id
        if covered:
            cross_origin.open(request, response)
        _account(metrics, request, response.status, time.perf_counter() - started)
        return response

    return answer


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        _check(request)
        if request.match_info.http_exception is not None:
            return _unrouted(request, request.match_info.http_exception)
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


def _check(request: web.Request) -> None:
    """Raise BadRequest for an invalid Host (RFC 9112, 3.2), UnknownExpectation for other Expects (RFC 9110, 10.1.1).

    The parser has already refused a second Host, and HTTP/1.1 without one.
    """
    if _HOST.fullmatch(request.headers.get(hdrs.HOST, "")) is None:
        raise BadRequest("the Host header is not a host and port")
    if hdrs.EXPECT in request.headers and request.version >= HttpVersion11:
        expects_continue(request)


def _unrouted(request: web.Request, fault: web.HTTPException) -> web.StreamResponse:
    """Return the storefront's answer to a request that no route matches, or raise the refusal."""
    if isinstance(fault, web.HTTPMethodNotAllowed):
        raise MethodNotAllowed(", ".join(sorted(fault.allowed_methods)))
    storefront = request.app[STOREFRONT]
    if request.path == "/api" or request.path.startswith("/api/"):
        raise NoSuchPage("there is nothing at this path; /openapi.json lists every path")
    if request.method not in _READING:
        if storefront.has(request):
            raise MethodNotAllowed(", ".join(_READING))
        raise NoSuchPage("there is nothing at this path")
    return storefront.answer(request)


def _account(metrics: Metrics, request: web.Request, status: int, seconds: float) -> None:
    resource = request.match_info.route.resource
    # The pattern, never the path: an order's path is its access key.
    route = "storefront" if resource is None else resource.canonical
    method = request.method if request.method in hdrs.METH_ALL else "other"
    metrics.request_answered(route, method, status, seconds)
    if log.isEnabledFor(logging.DEBUG):
        log.debug("%s %s %d in %.1f ms", method, route, status, seconds * 1000)
