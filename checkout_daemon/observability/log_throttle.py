"""Keep a flood of events from filling the log."""

from __future__ import annotations

import time

QUIET_SECONDS = 30.0


class Rarely:
    """A callable that returns True once, and again only after QUIET_SECONDS."""

    def __init__(self) -> None:
        self._quiet_until = 0.0

    def __call__(self) -> bool:
        """Return whether to log now."""
        now = time.monotonic()
        if now < self._quiet_until:
            return False
        self._quiet_until = now + QUIET_SECONDS
        return True
