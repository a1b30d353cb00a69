"""Gauges of ages, which grow between two measurements: a job that has stopped cannot keep them young."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import Gauge


class Ages:
    """The ages that were measured, and when what they are the ages of began."""

    def __init__(self) -> None:
        self._began: dict[Gauge, float] = {}

    def measured(self, gauge: Gauge, seconds: float | None) -> None:
        """Set an age. None: there is nothing that has one; the gauge is 0 and does not grow."""
        if seconds is None:
            gauge.set(0.0)
            self._began.pop(gauge, None)
        else:
            gauge.set(seconds)
            self._began[gauge] = monotonic() - seconds

    def grow(self) -> None:
        """Set every age to what it is now."""
        now = monotonic()
        for gauge, began in self._began.items():
            gauge.set(now - began)
