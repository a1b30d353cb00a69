"""The first line: where one is, whether money is real, and whether the news still comes in."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from rich.text import Text

from tui.desk import Desk
from tui.widgets.line import Line


class TopLine(Line):
    """Live mode colours all of it and says so in words."""

    def __init__(self, desk: Desk, place: str) -> None:
        super().__init__()
        self._desk = desk
        self.place = place
        self.paused = False
        self.waiting = 0

    def on_mount(self) -> None:
        self.set_class(self._desk.data.livemode, "-live")
        self.set_interval(1, self.redraw)
        self.redraw()

    def on_resize(self) -> None:
        self.redraw()

    def redraw(self) -> None:
        """As things are now."""
        left = Text.assemble((" checkout ", "bold"), " ", self.place)
        right = Text(" │ ").join(Text(each) if isinstance(each, str) else each for each in self._states())
        room = self.size.width - left.cell_len - right.cell_len - 1
        self.show_text(Text.assemble(left, " " * max(room, 1), right, " ", no_wrap=True, overflow="crop"))

    def _states(self) -> list[str | Text]:
        desk = self._desk
        states: list[str | Text] = [Text("LIVE MODE: real money", "bold") if desk.data.livemode else "test mode"]
        if desk.read_only:
            states.append("read-only")
        if desk.masked:
            states.append("masked")
        if desk.lost_at is not None:
            states.append(Text("○ no database", "bold"))
        elif self.paused:
            states.append(Text(f"‖ paused, {self.waiting} waiting" if self.waiting else "‖ paused", "bold"))
        else:
            states.append("● following")
        if self.size.width >= 70:
            now = datetime.now(ZoneInfo(desk.data.time_zone))
            states.append(f"{now:%H:%M:%S %Z}")
        return states
