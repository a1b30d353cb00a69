"""Limit the connections of this process, in total and per address, so that file descriptors remain for other uses.

The connection that has waited longest makes room for a new one: a delivery by Stripe sends its request at once.
"""

from __future__ import annotations

import errno
import heapq
import logging
import os
import resource
from collections.abc import Callable, Collection
from dataclasses import dataclass
from operator import attrgetter, methodcaller
from typing import Protocol

from checkout_daemon.observability.log_throttle import Rarely
from checkout_daemon.web.proxies import TrustedProxies, network_of, parse_address

log = logging.getLogger(__name__)

# Whoever needs more needs more workers, not more descriptors.
MOST_DESCRIPTORS = 65_536
# For the database, Stripe, mail, files and closing connections; a quarter if the limit is low.
_ROOM = 256
# How many to drop at once, so that a flood does not cause a scan of all connections every time.
_SHARE_DROPPED = 32


class Connection(Protocol):
    """A connection as this module sees it."""

    waiting_since: float

    def is_idle(self) -> bool:
        """Return whether no request is under way."""

    def is_sending(self) -> bool:
        """Return whether a request's body is still to come."""

    def drop(self) -> None:
        """Close the connection at once."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """The configured limits. `descriptors` is how many files this process may hold open."""

    most: int
    per_address: int
    descriptors: int

    @property
    def in_all(self) -> int:
        """Return how many connections may be open."""
        return max(1, min(self.most, self.descriptors - self._room))

    @property
    def for_one_address(self) -> int:
        """Return how many connections one address may have, which is never all of them."""
        return max(1, min(self.per_address, self.in_all * 3 // 4))

    @property
    def highest_descriptor(self) -> int:
        """Return the number above which descriptors are running out: the system always gives the lowest free one."""
        return self.descriptors - self._room // 2

    @property
    def _room(self) -> int:
        return min(_ROOM, self.descriptors // 4)


class Connections:
    """The open connections. `dropped` is called with the reason for every one closed to make room, or refused."""

    def __init__(self, limits: ConnectionLimits, unlimited: TrustedProxies, dropped: Callable[[str], None]) -> None:
        self._limits = limits
        self._unlimited = unlimited
        self._dropped = dropped
        self._networks: dict[Connection, str | None] = {}
        self._by_network: dict[str, dict[Connection, None]] = {}
        self._may_log = Rarely()

    def __len__(self) -> int:
        """Return how many connections are open."""
        return len(self._networks)

    def admit(self, connection: Connection, peer: str | None, descriptor: int) -> bool:
        """Admit the connection, and make room if needed. Return False if no other can be dropped for it."""
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
        """Forget a connection that was closed or never admitted."""
        network = self._networks.pop(connection, None)
        if network is not None and (theirs := self._by_network.get(network)) is not None:
            theirs.pop(connection, None)
            if not theirs:
                del self._by_network[network]

    def _make_room(self, among: Collection[Connection], whose: str) -> bool:
        """Drop the connections that have waited longest: idle ones first, then those whose body does not come.

        Return False if all of them are busy, so that none was dropped.
        """
        count = len(among) // _SHARE_DROPPED + 1
        if self._may_log():
            log.warning("%d connections of %s are open: closing those that have waited longest", len(among), whose)
        for reason, waits in (("idle", methodcaller("is_idle")), ("sending", methodcaller("is_sending"))):
            victims = heapq.nsmallest(count, filter(waits, among), key=attrgetter("waiting_since"))
            for victim in victims:
                self._dropped(reason)
                self.forget(victim)
                victim.drop()
            if victims:
                return True
        self._dropped("refused")
        return False


class DescriptorWatch:
    """Detects when this process can no longer open files or take connections."""

    def __init__(self, exhausted: Callable[[], None]) -> None:
        self._exhausted = exhausted
        self._may_log = Rarely()

    def look(self) -> None:
        """Try to open a file, and report a failure."""
        try:
            os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            self._exhausted()
            if self._may_log():
                log.error("no file descriptor is left (%s): raise the limit (ulimit -n, LimitNOFILE)", error.strerror)


def raise_descriptor_limit() -> int:
    """Raise the soft limit on open files to the hard one, within reason, and return the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return descriptor_limit()


def descriptor_limit() -> int:
    """Return how many files this process may hold open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
