"""The banner across the screen while the database does not answer."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.text import Text

from checkout_daemon.present.times import span, time_of_day

from ..context import AppContext
from .line import Line


class Banner(Line):
    """Hidden while the database answers."""

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.app_context = context

    def on_mount(self) -> None:
        self.set_interval(1, self.redraw)
        self.redraw()

    def redraw(self) -> None:
        lost_at = self.app_context.lost_at
        self.display = lost_at is not None
        if lost_at is not None:
            since = span((datetime.now(UTC) - lost_at).total_seconds())
            at = time_of_day(lost_at, self.app_context.time_zone)
            text = f" ▲ The database has not answered for {since}; you see the state of {at}. Trying again …"
            self.show_text(Text(text))
