"""Compare the clocks of this machine, the database and Stripe.

While they differ by minutes, nothing is deleted because of its age: to a wrong clock everything may look old, and a
deletion cannot be undone.
"""

from __future__ import annotations

import logging
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from checkout_daemon.database.pool import Database
from checkout_daemon.database.server import Server, read_server
from checkout_daemon.errors import StripeUnavailable
from checkout_daemon.model.messages import Alert, MessageKind
from checkout_daemon.outbox.alert_store import owe_once
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.events import stripe_time

log = logging.getLogger(__name__)

NOTABLE = timedelta(seconds=30)
"""A larger difference is a fault: doctor reports it and the operator gets an alert."""
DANGEROUS = timedelta(minutes=5)
"""With a larger difference, nothing is deleted or given up because of its age."""

FIX = "timedatectl set-ntp true"
_SECOND = timedelta(seconds=1)  # Stripe's times are whole seconds


class ClocksDiffer(StripeUnavailable):
    """Two clocks differ by more than five minutes; work that depends on an age waits until they agree."""

    exit_code = 1  # shoppers see it as Stripe being unavailable
    title = "The clocks differ"
    retry_after_seconds = 60


@dataclass(frozen=True, slots=True)
class Clocks:
    """How far the clocks of the database and Stripe are ahead of ours, at least; None for one that was not asked."""

    database: timedelta | None = None
    stripe: timedelta | None = None

    @property
    def widest(self) -> timedelta:
        """Return the largest difference between two of the clocks."""
        ahead = [timedelta(), *(clock for clock in (self.database, self.stripe) if clock is not None)]
        return max(ahead) - min(ahead)

    @property
    def description(self) -> str:
        """Describe which clock is how far ahead of or behind which."""
        machine = f"this machine's clock ({socket.gethostname()})"
        if self.database is not None and self.stripe is not None:
            nearest = min(abs(self.database), abs(self.stripe))
            if abs(self.database - self.stripe) <= NOTABLE < nearest:
                return f"{machine} is {_off(-self.stripe)} the database's and Stripe's"
        others = (("the database's", self.database), ("Stripe's", self.stripe))
        known = [(name, ahead) for name, ahead in others if ahead is not None]
        off = [f"{name} clock is {_off(ahead)} {machine}" for name, ahead in known if abs(ahead) >= _SECOND]
        return " and ".join(off) or ("the clocks agree" if known else "no other clock is known")


async def compare_clocks(runtime: Runtime) -> Clocks:
    """Read the clocks of the database and Stripe. Raise StripeUnavailable and DatabaseUnavailable."""
    _, database = await read_database_clock(runtime.database)
    before = datetime.now(UTC)
    stripe = await stripe_time(runtime.gateway)
    return Clocks(database, ahead_of_us(stripe, before, precision=_SECOND))


async def require_clocks(runtime: Runtime) -> None:
    """Raise ClocksDiffer if two clocks differ so much that no age can be trusted."""
    clocks = await compare_clocks(runtime)
    if clocks.widest > DANGEROUS:
        raise ClocksDiffer(
            f"{clocks.description}: nothing is given up or deleted because of its age until they agree; run `{FIX}` on "
            "the machine that is wrong"
        )


async def clocks_allow(runtime: Runtime) -> bool:
    """Return whether ages can be trusted. `alert_about_clocks` alerts the operator, once, if they cannot."""
    return (await compare_clocks(runtime)).widest <= DANGEROUS


async def alert_about_clocks(runtime: Runtime) -> int:
    """Alert the operator about clocks that differ; return 1 if they do.

    There is one alert for each state: a notable difference, and one with which nothing is deleted.
    """
    clocks = await compare_clocks(runtime)
    dangerous = clocks.widest > DANGEROUS
    states = [] if clocks.widest <= NOTABLE else ["nothing is deleted" if dangerous else "differ"]
    text = clocks.description
    if dangerous:
        text += "; until they agree, no payload, customer, coupon or idempotency key is given up because of its age"
    alert = Alert(text, len(states), (), "checkout doctor")
    machine = socket.gethostname()  # each machine has a clock of its own
    if await runtime.database.run(owe_once, MessageKind.CLOCKS_DIFFER, states, alert, machine=machine):
        log.error("clocks: %s", text)
    return len(states)


def ahead_of_us(time: datetime, before: datetime, *, precision: timedelta = timedelta()) -> timedelta:
    """Return how far a clock that showed `time` after `before` is ahead of ours, at least; 0 if they may agree."""
    now = datetime.now(UTC)
    if now < before:  # our clock was set back meanwhile
        before = now
    if time > now:
        return time - now
    return min(time + precision - before, timedelta())


async def read_database_clock(database: Database) -> tuple[Server, timedelta]:
    """Return the database server, and how far its clock is ahead of ours. Raise DatabaseUnavailable."""
    async with database.connection() as connection:
        before = datetime.now(UTC)
        server = await read_server(connection)
        return server, ahead_of_us(server.now, before)


def _off(ahead: timedelta) -> str:
    """Return a difference in words, such as `2 h 3 min ahead of`."""
    seconds = int(abs(ahead).total_seconds())
    parts = []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    return f"{' '.join(parts)} {'ahead of' if ahead > timedelta() else 'behind'}"
