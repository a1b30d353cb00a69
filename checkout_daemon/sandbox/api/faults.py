"""Planned faults of API requests: refused, answered late, or lost, before or after they take effect."""

from __future__ import annotations

import asyncio
import time

from aiohttp import web

from checkout_daemon.sandbox.api.request_log import RequestLog
from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.errors import ApiError
from checkout_daemon.sandbox.trouble import Strike

_KINDS = ("api_429", "api_500", "api_timeout", "api_drop")


def plan_strike(box: Box) -> Strike | None:
    """Return the fault planned for this request, or None."""
    box.requests_seen += 1
    trouble, number = box.trouble, box.requests_seen
    for name in _KINDS:
        if trouble.strikes(name, number):
            either = trouble.random("effect", number) < 0.5
            after = trouble.api_effect == "after" or (trouble.api_effect == "either" and either)
            later = trouble.later_seconds if trouble.api_effect == "later" and name == "api_500" else None
            return Strike(name, after and name != "api_429", later)
    return None


async def close_connection(request: web.Request, strike: Strike, log: RequestLog) -> web.Response:
    """Close the connection without an answer, immediately or after the planned timeout."""
    await log.write(None, strike)
    if strike.name == "api_timeout":
        await asyncio.sleep(log.box.trouble.timeout_seconds)
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)  # never sent


def server_error(*, stored: bool) -> ApiError:
    """Return the planned 500. `stored` keeps it under the request's idempotency key."""
    return ApiError("A planned error occurred.", status=500, kind="api_error", stored=stored)


def too_many_requests() -> ApiError:
    """Return the error of the rate limit, planned or real."""
    return ApiError(
        "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
        status=429,
        code="rate_limit",
        stored=False,
        headers={"Stripe-Rate-Limited-Reason": "global-rate"},
    )


class Limiter:
    """A rate limit: requests per second, with bursts of the same size."""

    def __init__(self) -> None:
        self.limit: int | None = None
        self.left = 0.0
        self.at = 0.0

    def check(self, limit: int | None) -> None:
        """Count a request. Raise ApiError (429) if there were too many.

        It uses the machine's clock: the sandbox's may be advanced.
        """
        if limit is None:
            return
        moment = time.monotonic()
        if limit != self.limit:
            self.limit, self.left, self.at = limit, float(limit), moment
        self.left = min(float(limit), self.left + (moment - self.at) * limit)
        self.at = moment
        if self.left < 1:
            raise too_many_requests()
        self.left -= 1
