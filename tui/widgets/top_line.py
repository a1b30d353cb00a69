"""The first line: the screen's name, live or test mode, and whether changes are followed."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from rich.text import Text

from tui.context import AppContext
from tui.widgets.line import Line


class TopLine(Line):
    """Coloured over its whole width in live mode."""

    def __init__(self, context: AppContext, place: str) -> None:
        super().__init__()
        self.app_context = context
        self.place = place
        self.paused = False
        self.waiting = 0

    def on_mount(self) -> None:
        self.set_class(self.app_context.livemode, "-live")
        self.set_interval(1, self.redraw)
        self.redraw()

    def redraw(self) -> None:
        left = Text.assemble((" checkout ", "bold"), " ", self.place)
        right = Text(" │ ").join(Text(state) if isinstance(state, str) else state for state in self._states())
        room = self.size.width - left.cell_len - right.cell_len - 1
        self.show_text(Text.assemble(left, " " * max(room, 1), right, " ", no_wrap=True, overflow="crop"))

    def _states(self) -> list[str | Text]:
        context = self.app_context
        states: list[str | Text] = [Text("LIVE MODE: real money", "bold") if context.livemode else "test mode"]
        if context.read_only:
            states.append("read-only")
        if context.masked:
            states.append("masked")
        if context.lost_at is not None:
            states.append(Text("○ no database", "bold"))
        elif self.paused:
            states.append(Text(f"‖ paused, {self.waiting} waiting" if self.waiting else "‖ paused", "bold"))
        else:
            states.append("● following")
        if self.size.width >= 70:
            now = datetime.now(ZoneInfo(context.time_zone))
            states.append(f"{now:%H:%M:%S %Z}")
        return states
