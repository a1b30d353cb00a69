"""Today's figures above the list of orders: read every ten seconds, and sooner after a change."""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic

from textual import work

from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.orders.figures import read_figures

from ..context import AppContext
from ..widgets.figures import FiguresBar
from .base import BaseScreen

_SECONDS = 10.0
_SHARE = 50  # spend at most one part in this many of the time on reading figures


class OrderFigures(BaseScreen):
    """A screen with the bar of today's figures."""

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        self._figures_due = 0.0
        self._figures_busy = False

    def want_figures(self, within_seconds: float = 0.0) -> None:
        """Have the figures read that soon."""
        self._figures_due = min(self._figures_due, monotonic() + within_seconds)

    def read_due_figures(self) -> None:
        """Read the figures if it is time to."""
        if monotonic() >= self._figures_due and not self._figures_busy and self.app_context.lost_at is None:
            self.load_figures()

    @work(group="figures")
    async def load_figures(self) -> None:
        """Read the figures and show them."""
        self._figures_busy = True
        self._figures_due = monotonic() + _SECONDS
        started, context = monotonic(), self.app_context
        try:
            figures = await read_figures(context.reads, datetime.now(UTC), context.time_zone, livemode=context.livemode)
        except DatabaseUnavailable:
            return
        finally:
            self._figures_busy = False
        context.trouble = figures.trouble
        if not self.gone:
            self.query_one(FiguresBar).show(figures)
        # A busy day makes figures slower to read, so read them less often.
        self._figures_due = max(self._figures_due, monotonic() + _SHARE * (monotonic() - started))
