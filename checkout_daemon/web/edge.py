"""The one middleware: a request id, an answer to every failure, headers, metrics. It is on the webhook's hot path."""

from __future__ import annotations

import logging
import os
import time
from itertools import count

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from checkout_daemon.errors import CheckoutError
from checkout_daemon.observability import context
from checkout_daemon.observability.metrics import Metrics
from checkout_daemon.web.failures import MethodNotAllowed, NoSuchPage
from checkout_daemon.web.headers import DATA_SECURITY_POLICY, CrossOrigin, security_headers
from checkout_daemon.web.keys import STOREFRONT
from checkout_daemon.web.problems import problem_response

log = logging.getLogger(__name__)

REQUEST_ID = "X-Request-Id"
_READING = (hdrs.METH_GET, hdrs.METH_HEAD)


def edge(metrics: Metrics, *, public_url: str, cors_origins: tuple[str, ...]) -> Middleware:
    """The middleware of one application."""
    headers = security_headers(public_url)
    cross_origin = CrossOrigin(cors_origins)
    process = os.urandom(5).hex()
    numbers = count(1)

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        request_id = f"{process}{next(numbers):07x}"
        context.request_id.set(request_id)  # each request is a task of its own: nothing to reset
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
        if request.match_info.http_exception is not None:
            return _unrouted(request, request.match_info.http_exception)
        return await handler(request)
    except CheckoutError as error:
        if error.status == 500:
            log.exception("a failure without an answer of its own")
        elif error.status > 500:
            log.warning("%s: %s", error.code, error.detail)
        return problem_response(error)
    except Exception as error:
        if isinstance(error, ConnectionError) and request.transport is None:
            raise  # the client went away while we read its body: nobody is there to be answered
        log.exception("a request failed")
        return problem_response(CheckoutError(type(error).__name__))


def _unrouted(request: web.Request, fault: web.HTTPException) -> web.StreamResponse:
    """What no route takes: the storefront's pages, or a refusal."""
    if isinstance(fault, web.HTTPMethodNotAllowed):
        raise MethodNotAllowed(request.method, ", ".join(sorted(fault.allowed_methods)))
    if request.path == "/api" or request.path.startswith("/api/"):
        raise NoSuchPage("there is nothing at this path; /openapi.json lists what there is")
    if request.method not in _READING:
        raise MethodNotAllowed(request.method, ", ".join(_READING))
    return request.app[STOREFRONT].answer(request)


def _account(metrics: Metrics, request: web.Request, status: int, seconds: float) -> None:
    resource = request.match_info.route.resource
    # The pattern, never the path: a path is the key to an order.
    route = "storefront" if resource is None else resource.canonical
    method = request.method if request.method in hdrs.METH_ALL else "other"
    metrics.request_answered(route, method, status, seconds)
    if log.isEnabledFor(logging.DEBUG):
        log.debug("%s %s %d in %.1f ms", method, route, status, seconds * 1000)
