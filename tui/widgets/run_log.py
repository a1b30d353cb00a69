"""The log of a run, line by line with times: program output, event outcomes, and the result."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widget import Widget

from checkout_daemon.present.text import plain
from checkout_daemon.present.times import time_of_day

from ..context import AppContext
from ..texts import hanging
from .line import Block

_MOST_LINES = 1000
_INDENT = " " * 12
_MARGIN = 3  # padding and scroll bar


@dataclass(frozen=True, slots=True)
class RunLine:
    """One entry. `mark` means the same as `tone`, a colour of the theme, without colour; `detail` is shown below."""

    at: datetime
    mark: str
    text: str
    tone: str
    detail: str = ""


class RunLog(VerticalScroll):
    """Follows its end as lines are added, unless the user scrolled up."""

    def __init__(self, context: AppContext, *, empty: str) -> None:
        super().__init__()
        self.app_context = context
        self.empty = empty
        self._at_end = True
        self.lines: deque[RunLine] = deque(maxlen=_MOST_LINES)

    def compose(self) -> Iterable[Widget]:
        yield Block()

    def on_mount(self) -> None:
        # Its end is known only after layout.
        self.watch(self, "virtual_size", self._keep_to_end, init=False)
        self.redraw()

    def on_resize(self) -> None:
        self.redraw()

    def on_mouse_scroll_up(self) -> None:
        self._at_end = False

    def key_up(self) -> None:
        self._at_end = False

    def key_pageup(self) -> None:
        self._at_end = False

    def add(self, mark: str, text: str, tone: str, detail: str = "") -> None:
        self._at_end = self._at_end or self.scroll_y >= self.max_scroll_y
        self.lines.append(RunLine(datetime.now(UTC), mark, plain(text), tone, plain(detail)))
        self.redraw()

    def _keep_to_end(self) -> None:
        if self._at_end:
            self.scroll_end(animate=False, immediate=True)

    def redraw(self) -> None:
        """Draw all lines in the current colours."""
        colours = self.app.theme_variables
        room = self.outer_size.width - _MARGIN
        text = Text()
        for line in self.lines:
            at = time_of_day(line.at, self.app_context.time_zone)
            body = hanging(line.text, _INDENT, room, first=f"{line.mark} ")
            text.append(f"{at}  ", colours["muted"]).append(f"{body}\n", colours[line.tone])
            if line.detail:
                text.append(f"{_INDENT}{line.detail}\n", colours["muted"])
        if not self.lines:
            text.append(self.empty, colours["muted"])
        self.query_one(Block).show_text(text)
