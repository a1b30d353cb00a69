"""A list of which several can be chosen. What is chosen is marked by a letter, not by a colour."""

from __future__ import annotations

from typing import TypeVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widgets import SelectionList
from textual.widgets.option_list import OptionDoesNotExist

T = TypeVar("T")


class CheckList(SelectionList[T]):
    """A SelectionList with `[x]` and `[ ]`. Textual draws the same sign for both, in two colours."""

    def render_line(self, y: int) -> Strip:
        """Draw a line as Textual does, with another box."""
        drawn = list(super().render_line(y))
        try:
            option = self.get_option_at_index(self.scroll_offset.y + y)
        except OptionDoesNotExist:
            return Strip(drawn)
        box, (blank, *rest) = drawn[:3], drawn[3:]
        meta = box[1].style.meta if box[1].style is not None else {}
        look = (blank.style or Style()) + Style(meta=meta)
        mark = "[x]" if option.value in self.selected else "[ ]"
        return Strip([Segment(mark, look), blank, *rest])
