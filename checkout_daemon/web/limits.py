"""Limit how often one address may ask: checkouts cost rows and a call to Stripe, quotes and looks cost queries.

Every worker process counts on its own.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from aiohttp import web

from checkout_daemon.web.failures import TooManyRequests
from checkout_daemon.web.proxies import Address, TrustedProxies, networks_of

MOST_CLIENTS = 10_000
# Whose addresses are kept as they were read, which costs more than all else that a limit does.
MOST_PEERS = 1000
FREE_FORGERIES_A_MINUTE = 120
WAIT_SECONDS = 0.25
_MOST_WAITING = 1000
_LONGEST_DEBT_SECONDS = 86400.0


class TokenBuckets:
    """One bucket of tokens per key, refilled evenly in `refill_seconds`. Only the latest keys are remembered."""

    def __init__(
        self, capacity: int, clock: Callable[[], float] = time.monotonic, *, refill_seconds: float = 60.0
    ) -> None:
        self._capacity = float(capacity)
        self._refill_seconds = refill_seconds
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, share: int = 1) -> float:
        """Take a token from a bucket `share` times as large. Return 0.0, or the seconds until there is a token."""
        tokens, now = self._tokens(key, share)
        granted = tokens >= 1
        self._keep(key, tokens - 1 if granted else tokens, now)
        return 0.0 if granted else self._seconds(tokens, share)

    def owe(self, key: str, share: int = 1) -> None:
        """Take a token, also from an empty bucket, which then owes it. It owes at most what a day refills."""
        tokens, now = self._tokens(key, share)
        least = -self._capacity * share * _LONGEST_DEBT_SECONDS / self._refill_seconds
        self._keep(key, max(tokens - 1, least), now)

    def wait(self, key: str, share: int = 1) -> float:
        """Return the seconds until there is a token, without taking it."""
        tokens, _ = self._tokens(key, share)
        return 0.0 if tokens >= 1 else self._seconds(tokens, share)

    def _keep(self, key: str, tokens: float, now: float) -> None:
        self._buckets.pop(key, None)
        self._buckets[key] = (tokens, now)
        if len(self._buckets) > MOST_CLIENTS:
            self._buckets.popitem(last=False)

    def _tokens(self, key: str, share: int) -> tuple[float, float]:
        now, most = self._clock(), self._capacity * share
        tokens, since = self._buckets.get(key, (most, now))
        return min(most, tokens + (now - since) * most / self._refill_seconds), now

    def _seconds(self, tokens: float, share: int) -> float:
        return (1 - tokens) * self._refill_seconds / (self._capacity * share)


class Clients:
    """Identifies clients, as keys to count by."""

    def __init__(self, proxies: TrustedProxies) -> None:
        self._proxies = proxies
        self._of_peer = lru_cache(maxsize=MOST_PEERS)(self._of)

    def keys(self, request: web.BaseRequest) -> tuple[tuple[str, int], ...]:
        """Return the client's networks, narrowest first, with their shares."""
        forwarded_for = request.headers.getall("X-Forwarded-For", ())
        return self._of(request.remote, forwarded_for) if forwarded_for else self._of_peer(request.remote)

    def _of(self, peer: str | None, forwarded_for: Sequence[str] = ()) -> tuple[tuple[str, int], ...]:
        client = self._proxies.client(peer, forwarded_for)
        return (("unknown", 1),) if client is None else networks_of(client)

    def address(self, request: web.BaseRequest) -> str | None:
        """Return the client's address, if it has one."""
        client = self._client(request)
        return None if client is None else str(client)

    def _client(self, request: web.BaseRequest) -> Address | None:
        return self._proxies.client(request.remote, request.headers.getall("X-Forwarded-For", ()))


class AddressLimit:
    """Limits how often per minute one address may do something; no limit if `per_minute` is 0."""

    def __init__(self, per_minute: int, clients: Clients, what: str) -> None:
        self._buckets = TokenBuckets(per_minute) if per_minute else None
        self._clients = clients
        self._what = what

    def check(self, request: web.BaseRequest) -> None:
        """Count the request. Raise TooManyRequests."""
        if self._buckets is None:
            return
        for key, share in self._clients.keys(request):
            if wait_seconds := self._buckets.take(key, share):
                raise self._refusal(wait_seconds)

    def require(self, request: web.BaseRequest) -> None:
        """Raise TooManyRequests if the limit is reached. Count nothing."""
        if self._buckets is None:
            return
        for key, share in self._clients.keys(request):
            if wait_seconds := self._buckets.wait(key, share):
                raise self._refusal(wait_seconds)

    def _refusal(self, wait_seconds: float) -> TooManyRequests:
        return TooManyRequests(math.ceil(wait_seconds), f"too many {self._what} from this address")


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of the shop's routes."""

    checkouts: AddressLimit
    quotes: AddressLimit
    looks: AddressLimit


class WaitingRoom:
    """Lets refused clients wait.

    Those that are answered at once come again at once, and everybody's requests go through the event loop after theirs.
    At most `most` wait at a time, since each of them holds a connection. All others are answered at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting = 0

    async def wait(self, seconds: float) -> None:
        """Wait so long, unless too many do."""
        if self._waiting >= self._most:
            return
        self._waiting += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._waiting -= 1


class Forgeries:
    """Slows down clients that send invalid signatures; signed deliveries are never slowed.

    Counts refused signatures by address and the networks around it. Without `waits` it limits only logging.
    """

    def __init__(self, clients: Clients, *, waits: bool = True) -> None:
        self._clients = clients
        self._waits = waits
        self._buckets = TokenBuckets(FREE_FORGERIES_A_MINUTE)
        self._pauses = WaitingRoom(_MOST_WAITING)

    async def refused(self, request: web.BaseRequest) -> bool:
        """Count a refused signature, and wait a moment if there were too many. Return whether to log it."""
        if not any(self._buckets.take(key, share) for key, share in self._clients.keys(request)):
            return True
        if self._waits:
            await self._pauses.wait(WAIT_SECONDS)
        return False
