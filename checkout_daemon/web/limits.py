"""How many checkouts one address may start a minute: each of them costs us rows and a call to Stripe.

Counted by each worker process for itself.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from aiohttp import web

from checkout_daemon.web.failures import TooManyRequests
from checkout_daemon.web.proxies import TrustedProxies, network_of

MOST_CLIENTS = 10_000


class TokenBuckets:
    """A bucket of `per_minute` tokens for each key, refilled evenly; of the keys only the latest are remembered."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity = float(per_minute)
        self._per_second = per_minute / 60
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> float:
        """Take one token: 0.0 if there was one, else the seconds until there is."""
        now = self._clock()
        tokens, since = self._buckets.pop(key, (self._capacity, now))
        tokens = min(self._capacity, tokens + (now - since) * self._per_second)
        granted = tokens >= 1
        self._buckets[key] = (tokens - 1 if granted else tokens, now)
        if len(self._buckets) > MOST_CLIENTS:
            self._buckets.popitem(last=False)
        return 0.0 if granted else (1 - tokens) / self._per_second


class CheckoutLimit:
    """The limit on starting checkouts; none at all when `per_minute` is 0."""

    def __init__(self, per_minute: int, proxies: TrustedProxies) -> None:
        self._buckets = TokenBuckets(per_minute) if per_minute else None
        self._proxies = proxies

    def check(self, request: web.Request) -> None:
        """Raises TooManyRequests."""
        if self._buckets is None:
            return
        client = self._proxies.client(request.remote, request.headers.getall("X-Forwarded-For", ()))
        wait_seconds = self._buckets.take(network_of(client) if client is not None else "unknown")
        if wait_seconds:
            raise TooManyRequests(math.ceil(wait_seconds))
