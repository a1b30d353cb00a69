"""The sandbox's clock: the machine's clock plus the time it was advanced by."""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(slots=True)
class Clock:
    """A clock that is `offset` seconds ahead of the machine's."""

    offset: float = 0.0

    def now(self) -> float:
        """Return the time in seconds since the epoch, with its fraction."""
        return time.time() + self.offset


_MACHINE = Clock()
_current: ContextVar[Clock] = ContextVar("sandbox_clock")


def use(clock: Clock) -> None:
    """Make `now` and `stamp` read this clock, here and in tasks started from here.

    Several sandboxes may share a process, each with its own time.
    """
    _current.set(clock)


def now() -> float:
    """Return the time in seconds since the epoch, with its fraction."""
    return _current.get(_MACHINE).now()


def stamp() -> int:
    """Return the time in whole seconds, as Stripe writes it."""
    return int(now())


def today() -> datetime:
    """Return the time as a datetime in UTC."""
    return datetime.fromtimestamp(now(), UTC)
