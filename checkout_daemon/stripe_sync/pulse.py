"""The pulse: a daemon notes every two seconds that it is at work, and another note is whether Stripe answers.

Terminals and the doctor read both. Each note is kept with a lease, so that another daemon goes on when one stops.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec

from checkout_daemon.database.leases import claim_cursor, leased, save_cursor
from checkout_daemon.database.queries import sql
from checkout_daemon.errors import StripeRejected, StripeUnavailable
from checkout_daemon.ledger.event_store import held_events
from checkout_daemon.ledger.event_types import EVENT_TYPES
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.events import newest_events_of

BEAT_SECONDS = 2.0
ASK_SECONDS = 10.0

_BEAT, _ASKED = "pulse", "pulse-stripe"
_LEASE = timedelta(seconds=8)
_DAEMON_SECONDS = 8.0  # four beats
_STRIPE_SECONDS = 3.0  # Stripe answers within one
_UNDER_WAY = timedelta(seconds=10)  # a delivery takes seconds


class Asked(msgspec.Struct, frozen=True):
    """What came of asking Stripe. `since`: when the first call began that was not answered, None once one is.

    `undelivered` counts those of Stripe's newest events that should have arrived and are not stored.
    """

    since: datetime | None = None
    undelivered: int = 0


@dataclass(frozen=True, slots=True)
class Pulse:
    """How long ago a daemon was at work, None if never; for how long Stripe has not answered it, 0 if it does."""

    daemon_seconds: float | None = None
    stripe_seconds: float = 0.0
    undelivered: int = 0

    @property
    def daemon_silent(self) -> bool:
        """Whether no daemon is at work: none runs, it is stopped, or it cannot reach the database."""
        return self.daemon_seconds is None or self.daemon_seconds > _DAEMON_SECONDS

    @property
    def stripe_silent(self) -> bool:
        """Whether Stripe does not answer. Without a daemon nobody asks it."""
        return not self.daemon_silent and self.stripe_seconds > _STRIPE_SECONDS


async def beat(runtime: Runtime) -> int:
    """Note that this daemon is at work, unless another one just did."""
    holder = f"{socket.gethostname()}/{os.getpid()}"
    async with runtime.database.connection() as connection:
        if await claim_cursor(connection, _BEAT, holder, _LEASE) is not None:
            await save_cursor(connection, _BEAT, holder, "{}", _LEASE)
    return 0


async def ask_stripe(runtime: Runtime) -> int:
    """Ask Stripe for its newest events, and note whether it answered and which of them have not arrived.

    The note is written before the call too: one that gets no answer takes long to end.
    """
    async with leased(runtime.database, _ASKED) as lease:
        if lease is None:
            return 0
        before = Asked() if lease.value is None else msgspec.json.decode(lease.value, type=Asked)
        asking = msgspec.structs.replace(before, since=before.since or datetime.now(UTC))
        await lease.save(msgspec.json.encode(asking).decode())
        try:
            found = await newest_events_of(runtime.gateway, tuple(EVENT_TYPES))
        except StripeUnavailable:
            return 0  # the note that was written before shows it
        except StripeRejected:
            await lease.save(msgspec.json.encode(Asked()).decode())
            return 0
        due = {event["id"] for event in found.object["data"] if _is_due(event["created"], found.observed_at)}
        async with runtime.database.connection() as connection:
            held = await held_events(connection, due)
        await lease.save(msgspec.json.encode(Asked(undelivered=len(due - held.keys()))).decode())
    return 0


def _is_due(created: int, now: datetime) -> bool:
    return datetime.fromtimestamp(created, UTC) < now - _UNDER_WAY


async def read_pulse(connection: asyncpg.Connection) -> Pulse:
    """Return the pulse as it was last noted."""
    row = await connection.fetchrow(sql("read_pulse"), _BEAT, _ASKED)
    assert row is not None
    asked = Asked() if row["asked"] is None else msgspec.json.decode(row["asked"], type=Asked)
    waited = 0.0 if asked.since is None else (row["now"] - asked.since).total_seconds()
    return Pulse(row["daemon_seconds"], max(waited, 0.0), asked.undelivered)
