"""The sandbox's one clock."""

from __future__ import annotations

import time


def now() -> float:
    """The time in seconds since the epoch, with its fraction."""
    return time.time()


def stamp() -> int:
    """The time in whole seconds, as Stripe writes it."""
    return int(time.time())
