"""Compares this machine's clock with the database's and Stripe's, and says what must not be done by a wrong one.

What is deleted after a time is deleted for good, so nothing is while the clocks differ by minutes: one of them is
wrong, and a wrong clock makes everything look old.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from checkout_daemon.domain.outbox import Alert, MessageKind
from checkout_daemon.errors import StripeUnavailable
from checkout_daemon.gateway.events import stripe_time
from checkout_daemon.runtime import Runtime
from checkout_daemon.store.alerts import owe_once
from checkout_daemon.store.database import Database
from checkout_daemon.store.servers import read_server

log = logging.getLogger(__name__)

NOTABLE = timedelta(seconds=30)
"""More is a fault: doctor names it and the operator gets an alert."""
DANGEROUS = timedelta(minutes=5)
"""More, and nothing is deleted or given up because of its age."""

FIX = "timedatectl set-ntp true"
_SECOND = timedelta(seconds=1)  # Stripe tells whole ones


class ClocksDiffer(StripeUnavailable):
    """Two clocks differ by more than five minutes; what rests on an age is not done until they agree."""

    exit_code = 1  # to a shopper it is Stripe that is away
    title = "The clocks differ"
    retry_after_seconds = 60


@dataclass(frozen=True, slots=True)
class Clocks:
    """The database's and Stripe's clocks less ours, as far as a round trip can tell; None where nobody was asked."""

    database: timedelta | None = None
    stripe: timedelta | None = None

    @property
    def widest(self) -> timedelta:
        """Return by how much two of the clocks differ at most."""
        ahead = [timedelta(), *(each for each in (self.database, self.stripe) if each is not None)]
        return max(ahead) - min(ahead)

    @property
    def says(self) -> str:
        """Say which clock is how far from which."""
        named = (("the database's", self.database), ("Stripe's", self.stripe))
        known = [(name, ahead) for name, ahead in named if ahead is not None]
        ahead = [each for _, each in known]
        if len(known) == 2 and abs(ahead[0] - ahead[1]) <= NOTABLE < min(map(abs, ahead)):
            return f"this machine's clock ({socket.gethostname()}) is {_off(-ahead[1])} the database's and Stripe's"
        off = [
            f"{name} clock is {_off(each)} this machine's ({socket.gethostname()})"
            for name, each in known
            if abs(each) >= _SECOND
        ]
        if not off:
            return "the clocks agree" if known else "no other clock is known"
        return " and ".join(off)


async def compare_clocks(runtime: Runtime) -> Clocks:
    """Ask the database and Stripe. Raises StripeUnavailable and DatabaseUnavailable."""
    database = await _database_ahead(runtime.database)
    before = datetime.now(UTC)
    told = await stripe_time(runtime.gateway)
    return Clocks(database, ahead_of_us(told, before, precision=_SECOND))


async def require_clocks(runtime: Runtime) -> None:
    """Raise ClocksDiffer where two clocks differ so much that no age can be believed."""
    clocks = await compare_clocks(runtime)
    if clocks.widest > DANGEROUS:
        raise ClocksDiffer(
            f"{clocks.says}: nothing is given up or deleted because of its age until they agree: `{FIX}` on the "
            "machine that is wrong"
        )


async def clocks_allow(runtime: Runtime) -> bool:
    """Return whether ages can be believed. `tell_of_clocks` alerts the operator, once, when they cannot."""
    return (await compare_clocks(runtime)).widest <= DANGEROUS


async def tell_of_clocks(runtime: Runtime) -> int:
    """Tell of clocks that differ, once for each state: by a little, or so that nothing is deleted; 1 if they do."""
    clocks = await compare_clocks(runtime)
    dangerous = clocks.widest > DANGEROUS
    states = [] if clocks.widest <= NOTABLE else ["nothing is deleted" if dangerous else "differ"]
    text = clocks.says
    if dangerous:
        text += "; until they agree, no payload, customer, coupon or idempotency key is given up because of its age"
    alert = Alert(text, len(states), (), "checkout doctor")
    machine = socket.gethostname()  # each has a clock of its own
    if await runtime.database.run(owe_once, MessageKind.CLOCKS_DIFFER, states, alert, machine=machine):
        log.error("clocks: %s", text)
    return len(states)


def ahead_of_us(told: datetime, before: datetime, *, precision: timedelta = timedelta()) -> timedelta:
    """Return how far a clock, read between `before` and now, is ahead of ours at least: 0 where it may agree."""
    now = datetime.now(UTC)
    if now < before:  # ours was set back meanwhile
        before = now
    if told > now:
        return told - now
    return min(told + precision - before, timedelta())


async def _database_ahead(database: Database) -> timedelta:
    async with database.connection() as connection:
        before = datetime.now(UTC)
        return ahead_of_us((await read_server(connection)).now, before)


def _off(ahead: timedelta) -> str:
    """Return a difference in words, such as `2 h 3 min ahead of`."""
    seconds = int(abs(ahead).total_seconds())
    parts = _parts(seconds)
    return f"{' '.join(parts)} {'ahead of' if ahead > timedelta() else 'behind'}"


def _parts(seconds: int) -> Iterable[str]:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        if seconds >= size:
            yield f"{seconds // size} {unit}"
            seconds %= size
