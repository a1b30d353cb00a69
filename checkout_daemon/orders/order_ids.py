"""Makes the ids of orders."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

_WINDOW_SECONDS = 600
_WINDOW_BITS = 16
DIGITS_LAST = timedelta(seconds=_WINDOW_SECONDS << 8)
"""How long new ids begin with the same two digits."""


def new_order_id(now: datetime) -> str:
    """Return a new id: a UUID of version 4 whose first 16 bits follow the time and whose other 106 bits are random.

    Whoever has the id may see the order, so it must not be guessed. Orders of the same ten minutes are neighbours in
    every index, so that with ten million orders a webhook writes to pages that were just written. With ids that are all
    random, each index needs a page of its own, read from the disk and written whole to the log.
    """
    random = uuid4().int & ((1 << (128 - _WINDOW_BITS)) - 1)
    return str(UUID(int=_window(now) << (128 - _WINDOW_BITS) | random))


def digits_between(first: datetime, last: datetime) -> Iterator[str]:
    """Yield the first two digits of the ids that are made between two times. They repeat after 455 days."""
    at = first
    while at < last:
        yield _first_digits(at)
        at += DIGITS_LAST
    yield _first_digits(last)


def id_ranges(now: datetime) -> Iterator[tuple[str, str]]:
    """Yield the first and last id of two ranges: from the ids of now back to the first ones, then all others.

    Read from their ends, ids come in the sequence of their windows, the latest first; among those made 455 days before.
    """
    window = _window(now)
    yield _id_with(0, "0"), _id_with(window, "f")
    if window + 1 < 1 << _WINDOW_BITS:
        yield _id_with(window + 1, "0"), _id_with((1 << _WINDOW_BITS) - 1, "f")


def id_made_before(order_id: str, now: datetime) -> datetime:
    """Return the end of the window in which an id was made, the last one before now."""
    passed = (_window(now) - int(order_id[:4], 16)) % (1 << _WINDOW_BITS)
    started = int(now.timestamp()) // _WINDOW_SECONDS - passed
    return datetime.fromtimestamp((started + 1) * _WINDOW_SECONDS, UTC)


def _id_with(window: int, digit: str) -> str:
    return str(UUID(f"{window:04x}{digit * 28}"))


def _first_digits(now: datetime) -> str:
    return f"{_window(now) >> (_WINDOW_BITS - 8):02x}"


def _window(now: datetime) -> int:
    return int(now.timestamp()) // _WINDOW_SECONDS % (1 << _WINDOW_BITS)
