"""Slow down guessing of discount codes and testing of stolen cards, by address and by email.

The first tries of an hour are free. After them one try passes now and then; or, if the shop has a challenge
(CHECKOUT_CHALLENGE_URL), every try with a solved one. Every worker process counts invalid codes on its own. Declined
cards are counted in the database: for the orders that this process created for the address and the networks around it,
and for all orders of the email. Those of orders that were paid in the end do not count: a shopper whose second card
works tests none.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

from aiohttp import web

from checkout_daemon.checkout.challenges import Challenge
from checkout_daemon.checkout.shopper_view import count_declines, count_declines_of
from checkout_daemon.errors import InvalidRequest
from checkout_daemon.orders.order_store import DeclineLimit, TooManyDeclines
from checkout_daemon.runtime import Runtime
from checkout_daemon.web.failures import ChallengeRequired, TooManyRequests
from checkout_daemon.web.limits import MOST_CLIENTS, Clients, TokenBuckets
from checkout_daemon.web.recent_orders import RecentOrders

CHALLENGE_HEADER = "Checkout-Challenge"
_HOUR = 3600.0
# The time until one more try passes, once the free ones are used up.
_SLOW_SECONDS = 300.0
# So many orders of an address are counted by the statement that places the next one. More are counted by a query of
# their own, once in COUNTED_SECONDS, and so are those of the networks around the address.
_FEW_ORDERS = 16
COUNTED_SECONDS = 1.0
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
        self._orders = RecentOrders(per_hour)
        self._declines: OrderedDict[str, tuple[float, int]] = OrderedDict()

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
        """Count a request that was refused, if it was because of its discount code.

        Requests that come at once are checked before the first of them is refused, so each is counted as a debt.
        """
        if self._per_hour and any(fault.code in _WRONG_CODES for fault in refusal.errors):
            for key, share in self._keys(request, email):
                self._codes.owe(key, share)

    async def decline_limit(self, request: web.BaseRequest, runtime: Runtime) -> DeclineLimit | None:
        """Return how many payments of a checkout's customer may have been declined before it is slowed down.

        Raise TooManyDeclines if the limit of the address or of a network around it is known to be reached.
        """
        if not self._per_hour:
            return None
        address_orders: tuple[str, ...] = ()
        narrower = 0
        for number, (network, share) in enumerate(self._clients.keys(request)):
            orders = self._orders.count(network)
            if number == 0 and orders <= _FEW_ORDERS:
                address_orders = self._orders.of(network)
            elif orders > narrower and await self._count_declines(runtime, network) >= self._per_hour * share:
                raise TooManyDeclines
            narrower = orders
        return DeclineLimit(self._per_hour, address_orders)

    async def slow_payment(self, request: web.BaseRequest, customer: str) -> None:
        """Slow down a customer who reached the limit, named by email or reference.

        Raise TooManyRequests or ChallengeRequired, unless one more try passes.
        """
        keys = [*self._clients.keys(request), (f"email {customer.lower()}", 1)]
        wait = max(self._slow.wait(key, share) for key, share in keys)
        if wait:
            await self._slow_down(request, "payment", wait, "too many declined payments")
            return
        for key, share in keys:
            self._slow.take(key, share)

    async def check_retry(self, request: web.BaseRequest, runtime: Runtime, ref: str) -> None:
        """Check another try to pay the order `ref`. Raise TooManyRequests or ChallengeRequired."""
        if await self._has_reached_limit(request, runtime, ref):
            await self.slow_payment(request, ref)

    def order_created(self, request: web.BaseRequest, order_id: str) -> None:
        """Remember that this address created the order, to count its declined payments."""
        if self._per_hour:
            self._orders.add(order_id, self._clients.keys(request))

    def _keys(self, request: web.BaseRequest, email: str | None) -> Iterable[tuple[str, int]]:
        yield from self._clients.keys(request)
        if email:
            yield f"email {email.lower()}", 1

    async def _has_reached_limit(self, request: web.BaseRequest, runtime: Runtime, ref: str) -> bool:
        try:
            limit = await self.decline_limit(request, runtime)
        except TooManyDeclines:
            return True
        return limit is not None and await count_declines(runtime, ref, limit.address_orders) >= limit.most

    async def _count_declines(self, runtime: Runtime, network: str) -> int:
        """Return how many payments of a network's orders were declined within the hour, as of a moment ago."""
        now = time.monotonic()
        counted_at, declines = self._declines.get(network, (-math.inf, 0))
        if now - counted_at < COUNTED_SECONDS:
            return declines
        self._declines[network] = (now, declines)  # one request counts, and others go on meanwhile
        self._declines.move_to_end(network)
        if len(self._declines) > MOST_CLIENTS:
            self._declines.popitem(last=False)
        declines = await count_declines_of(runtime, self._orders.of(network))
        self._declines[network] = (now, declines)
        return declines

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
