"""Bounds the connections of this process, in all and for each address, so that descriptors are left for the database,
Stripe and files. Whoever has waited longest makes room for a new connection: a delivery of Stripe's asks at once.
"""

from __future__ import annotations

import errno
import heapq
import logging
import os
import resource
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from checkout_daemon.observability.rarely import Rarely
from checkout_daemon.web.proxies import TrustedProxies, network_of, parse_address

log = logging.getLogger(__name__)

# More than this needs more workers, not more descriptors.
MOST_DESCRIPTORS = 65_536
# Database, Stripe, mail, files and what is being closed; a quarter where there are few.
_ROOM = 256
# Dropped together, so that a flood costs a look at all connections only now and then.
_SHARE_DROPPED = 32


class Connection(Protocol):
    """A connection as this module sees it."""

    waiting_since: float

    def is_idle(self) -> bool:
        """Return whether no request is under way."""

    def is_sending(self) -> bool:
        """Return whether a request's body is still to come."""

    def drop(self) -> None:
        """Close it at once."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """`descriptors`: how many files this process may hold open."""

    most: int
    per_address: int
    descriptors: int

    @property
    def in_all(self) -> int:
        """Return how many connections there may be."""
        return max(1, min(self.most, self.descriptors - self._room))

    @property
    def for_one_address(self) -> int:
        """Return how many one address may have: never all."""
        return max(1, min(self.per_address, self.in_all * 3 // 4))

    @property
    def highest_descriptor(self) -> int:
        """Return the number above which descriptors are about to run out: the lowest free one is always given."""
        return self.descriptors - self._room // 2

    @property
    def _room(self) -> int:
        return min(_ROOM, self.descriptors // 4)


class Connections:
    """The open connections. `dropped` counts those closed to make room or refused, by the reason."""

    def __init__(self, limits: ConnectionLimits, unlimited: TrustedProxies, dropped: Callable[[str], None]) -> None:
        self._limits = limits
        self._unlimited = unlimited
        self._dropped = dropped
        self._networks: dict[Connection, str | None] = {}
        self._by_network: dict[str, dict[Connection, None]] = {}
        self._may_log = Rarely()

    def __len__(self) -> int:
        return len(self._networks)

    def admit(self, connection: Connection, peer: str | None, descriptor: int) -> bool:
        """Take the connection in, making room where there is none; False where nobody can be dropped for it."""
        address = parse_address(peer or "")
        network = None if address is None or address in self._unlimited else network_of(address)
        theirs = self._by_network.get(network or "", {})
        if len(theirs) >= self._limits.for_one_address and not self._make_room(theirs, "one address"):
            return False
        full = len(self._networks) >= self._limits.in_all or descriptor >= self._limits.highest_descriptor
        if full and not self._make_room(self._networks, "all addresses"):
            return False
        self._networks[connection] = network
        if network is not None:
            self._by_network.setdefault(network, {})[connection] = None
        return True

    def forget(self, connection: Connection) -> None:
        """Forget a connection that is closed, or was never admitted."""
        network = self._networks.pop(connection, None)
        if network is not None and (theirs := self._by_network.get(network)) is not None:
            theirs.pop(connection, None)
            if not theirs:
                del self._by_network[network]

    def _make_room(self, among: Collection[Connection], whose: str) -> bool:
        """Drop those that have waited longest: without a request first, then with a body that does not come."""
        count = len(among) // _SHARE_DROPPED + 1
        for reason, waits in (("idle", _is_idle), ("sending", _is_sending)):
            victims = heapq.nsmallest(count, filter(waits, among), key=_waiting_since)
            if victims:
                self._tell(len(among), whose)
                for victim in victims:
                    self._dropped(reason)
                    self.forget(victim)
                    victim.drop()
                return True
        self._tell(len(among), whose)
        self._dropped("refused")
        return False

    def _tell(self, count: int, whose: str) -> None:
        if self._may_log():
            log.warning("there are %d connections of %s: those that wait longest are closed", count, whose)


class DescriptorWatch:
    """Tells when this process can open no file and take no connection any more."""

    def __init__(self, exhausted: Callable[[], None]) -> None:
        self._exhausted = exhausted
        self._may_log = Rarely()

    def look(self) -> None:
        """Open a file, to see whether one can be opened."""
        try:
            os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            self._exhausted()
            if self._may_log():
                log.error("no file descriptor is left (%s): raise the limit (ulimit -n, LimitNOFILE)", error.strerror)


def raise_descriptor_limit() -> int:
    """Raise the soft limit on open files to the hard one, within reason; return what holds now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return descriptor_limit()


def descriptor_limit() -> int:
    """Return how many files this process may hold open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft


def _is_idle(connection: Connection) -> bool:
    return connection.is_idle()


def _is_sending(connection: Connection) -> bool:
    return connection.is_sending()


def _waiting_since(connection: Connection) -> float:
    return connection.waiting_since
