"""The sandbox's clock: the machine's, and whatever it was advanced by."""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(slots=True)
class Clock:
    """Runs as fast as the machine's clock, `offset` seconds ahead of it."""

    offset: float = 0.0

    def now(self) -> float:
        return time.time() + self.offset


_MACHINE = Clock()
_current: ContextVar[Clock] = ContextVar("sandbox_clock")


def use(clock: Clock) -> None:
    """Let `now` and `stamp` read this clock, here and in the tasks started from here: several sandboxes may share a
    process, each with its own time."""
    _current.set(clock)


def now() -> float:
    """The time in seconds since the epoch, with its fraction."""
    return _current.get(_MACHINE).now()


def stamp() -> int:
    """The time in whole seconds, as Stripe writes it."""
    return int(now())


def today() -> datetime:
    """The time as a date in UTC."""
    return datetime.fromtimestamp(now(), UTC)
