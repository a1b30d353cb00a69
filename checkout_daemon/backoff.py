"""Compute how long to wait before another try: one formula for each need.

Random jitter spreads the retries of processes that failed together. Requests for refunds and disputes and doubtful
sessions are not here: SQL computes their next attempt (orders/refund_request_store.sql, disputes/request_store.sql and
orders/session_attempt_store.sql).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import timedelta

EVENT_TRIES = 10
"""After this many failures an event is dead."""
_FIRST_EVENT_DELAY = timedelta(seconds=5)
_LONGEST_EVENT_DELAY = timedelta(hours=6)

# Spread over 33 hours, as Standard Webhooks advises.
_MESSAGE_DELAYS = tuple(timedelta(seconds=seconds) for seconds in (5, 60, 300, 1800, 7200, 18_000, 36_000, 54_000))
MESSAGE_TRIES = len(_MESSAGE_DELAYS) + 1
"""After this many failures a message is dead."""

BUSY_STRIPE_SECONDS = (1.0, 2.0, 4.0, 8.0)
"""The pauses of a long run that Stripe or the database interrupts; after the last one the run stops."""

_LONGEST_JOB_PAUSE_SECONDS = 60.0

# More exceed every limit here, and 1,024 overflow.
_MOST_DOUBLINGS = 20


def event_retry_delay(tries: int) -> timedelta:
    """Return how long a failed event waits after this many tries: 5 s, doubled each time up to six hours, ±20 %."""
    doubled: timedelta = _FIRST_EVENT_DELAY * 2 ** min(tries - 1, _MOST_DOUBLINGS)
    return min(doubled, _LONGEST_EVENT_DELAY) * _jitter(0.8, 1.2)


def message_retry_delay(tries: int) -> timedelta | None:
    """Return how long an undelivered message waits after this many tries, up to 25 % more, or None after the last."""
    return None if tries >= MESSAGE_TRIES else _MESSAGE_DELAYS[tries - 1] * _jitter(1, 1.25)


def job_pause(every_seconds: float, failures: int) -> float:
    """Return the seconds until a job's next turn, ±20 %; after failures in a row 2 s, 4 s, … 60 s if that is longer."""
    longer = min(2.0 ** min(failures, _MOST_DOUBLINGS), _LONGEST_JOB_PAUSE_SECONDS) if failures else 0.0
    return max(every_seconds, longer) * _jitter(0.8, 1.2)


@dataclass(slots=True)
class Pauses:
    """The pauses of a loop that tries until it succeeds: each longer than the last, up to a limit."""

    first: float
    longest: float
    growth: float = 2.0
    jitter: tuple[float, float] = (1.0, 1.0)
    _last: float = field(default=0.0, init=False)

    def next(self) -> float:
        """Return the seconds to wait now."""
        self._last = min(self._last * self.growth, self.longest) if self._last else self.first
        return self._last * _jitter(*self.jitter)

    def reset(self) -> None:
        """Start with the first pause again, after a success."""
        self._last = 0.0


def reconnecting() -> Pauses:
    """Return the pauses before a lost database connection is reopened: short ones, because a failover takes seconds."""
    return Pauses(first=0.2, longest=10.0, jitter=(0.5, 1.0))


def restarting_listener() -> Pauses:
    """Return the pauses before `stripe listen` is restarted, which may have to wait for the network or a new login."""
    return Pauses(first=0.5, longest=30.0, jitter=(0.8, 1.2))


def restarting_worker() -> Pauses:
    """Return the pauses before a worker that died is restarted. Reset them once a worker has run for a while."""
    return Pauses(first=0.2, longest=10.0)


def locking_tables() -> Pauses:
    """Return the pauses in which a migration lets queries pass before it tries again to get its locks."""
    return Pauses(first=0.2, longest=3.0)


def polling_events() -> Pauses:
    """Return the pauses between polls of Stripe for the events of a trigger, which appear one after the other."""
    return Pauses(first=0.05, longest=1.0, growth=1.5)


def _jitter(low: float, high: float) -> float:
    return random.uniform(low, high)  # noqa: S311
