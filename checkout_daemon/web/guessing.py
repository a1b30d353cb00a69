"""Slow down guessing of discount codes and testing of stolen cards, by address and by email.

The first tries of an hour are free. After them one try passes now and then; or, if the shop has a challenge
(CHECKOUT_CHALLENGE_URL), every try with a solved one. Every worker process counts invalid codes on its own. Declined
cards are counted in the database: for the address's orders that this process created, and for all orders of the email.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

from aiohttp import web

from checkout_daemon.checkout.challenges import Challenge
from checkout_daemon.checkout.shopper_view import count_declines
from checkout_daemon.errors import InvalidRequest
from checkout_daemon.orders.order_store import DeclineLimit
from checkout_daemon.runtime import Runtime
from checkout_daemon.web.failures import ChallengeRequired, TooManyRequests
from checkout_daemon.web.limits import MOST_CLIENTS, Clients, TokenBuckets

CHALLENGE_HEADER = "Checkout-Challenge"
_HOUR = 3600.0
# The time until one more try passes, once the free ones are used up.
_SLOW_SECONDS = 300.0
# How many of an address's latest orders are remembered; every one may be declined several times.
_MOST_ORDERS = 16
_WRONG_CODES = {"discount_unknown", "discount_exhausted", "discount_expired", "discount_not_started"}


class Guessing:
    """Counts failed tries; no limit if `per_hour` is 0. `slowed` is called with "code" or "payment"."""

    def __init__(
        self, per_hour: int, clients: Clients, challenge: Challenge | None, slowed: Callable[[str], None]
    ) -> None:
        self._per_hour = per_hour
        self._clients = clients
        self._challenge = challenge
        self._slowed = slowed
        self._codes = TokenBuckets(max(per_hour, 1), refill_seconds=_HOUR)
        self._slow = TokenBuckets(1, refill_seconds=_SLOW_SECONDS)
        self._orders: OrderedDict[str, OrderedDict[str, None]] = OrderedDict()

    async def check_code(self, request: web.BaseRequest, code: str | None, email: str | None = None) -> None:
        """Check a request with a discount code. Raise TooManyRequests or ChallengeRequired."""
        if not self._per_hour or not (code or "").strip():
            return
        wait = max(self._codes.wait(key, share) for key, share in self._keys(request, email))
        if wait:
            await self._slow_down(request, "code", wait, "too many invalid discount codes")

    def counting(self, request: web.BaseRequest, email: str | None = None) -> AbstractContextManager[None]:
        """Count a request that the block refuses because of its discount code."""
        return _Counting(self, request, email)

    def count(self, refusal: InvalidRequest, request: web.BaseRequest, email: str | None) -> None:
        """Count a request that was refused, if it was because of its discount code."""
        if self._per_hour and any(fault.code in _WRONG_CODES for fault in refusal.errors):
            for key, share in self._keys(request, email):
                self._codes.take(key, share)

    def decline_limit(self, request: web.BaseRequest) -> DeclineLimit | None:
        """Return how many payments of a checkout's customer may have been declined before it is slowed down."""
        if not self._per_hour:
            return None
        return DeclineLimit(self._per_hour, tuple(self._orders.get(self._network(request), ())))

    async def slow_payment(self, request: web.BaseRequest, customer: str) -> None:
        """Slow down a customer who reached the limit, named by email or reference.

        Raise TooManyRequests or ChallengeRequired, unless one more try passes.
        """
        wait = max(self._slow.take(f"address {self._network(request)}"), self._slow.take(f"email {customer.lower()}"))
        if wait:
            await self._slow_down(request, "payment", wait, "too many declined payments")

    async def check_retry(self, request: web.BaseRequest, runtime: Runtime, ref: str) -> None:
        """Check another try to pay the order `ref`. Raise TooManyRequests or ChallengeRequired."""
        limit = self.decline_limit(request)
        if limit is not None and await count_declines(runtime, ref, limit.address_orders) >= limit.most:
            await self.slow_payment(request, ref)

    def order_created(self, request: web.BaseRequest, order_id: str) -> None:
        """Remember that this address created the order, to count its declined payments."""
        if not self._per_hour:
            return
        network = self._network(request)
        orders = self._orders.setdefault(network, OrderedDict())
        self._orders.move_to_end(network)
        orders[order_id] = None
        _shorten(orders, _MOST_ORDERS)
        _shorten(self._orders, MOST_CLIENTS)

    def _network(self, request: web.BaseRequest) -> str:
        return self._clients.keys(request)[0][0]

    def _keys(self, request: web.BaseRequest, email: str | None) -> Iterable[tuple[str, int]]:
        yield from self._clients.keys(request)
        if email:
            yield f"email {email.lower()}", 1

    async def _slow_down(self, request: web.BaseRequest, what: str, wait_seconds: float, why: str) -> None:
        wait = math.ceil(wait_seconds)
        if self._challenge is None:
            self._slowed(what)
            raise TooManyRequests(wait, why)
        client = self._clients.address(request)
        if not await self._challenge.is_solved(request.headers.get(CHALLENGE_HEADER, ""), client):
            self._slowed(what)
            raise ChallengeRequired(wait, why)


class _Counting:
    """A block whose refusals are counted."""

    __slots__ = ("_email", "_guessing", "_request")

    def __init__(self, guessing: Guessing, request: web.BaseRequest, email: str | None) -> None:
        self._guessing = guessing
        self._request = request
        self._email = email

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, InvalidRequest):
            self._guessing.count(error, self._request, self._email)


def _shorten(kept: OrderedDict[str, Any], most: int) -> None:
    while len(kept) > most:
        kept.popitem(last=False)
