"""The filters of a list as clickable chips; a click does the same as the key on the chip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.style import Style
from rich.text import Text
from textual import events
from textual.message import Message

from .line import Line


class Chips(Line):
    """A line of chips with a note at its right end."""

    @dataclass
    class Pressed(Message):
        """A chip was clicked: the name of its action."""

        action: str

    def __init__(self) -> None:
        super().__init__()
        self._chips: Sequence[tuple[str, str, bool]] = ()
        self._note = ""
        self._is_warning = False

    def show(self, chips: Sequence[tuple[str, str, bool]], note: str = "", *, is_warning: bool = False) -> None:
        """Show chips, each with its action, text and whether it narrows the list, and a note.

        Where there is no room for both, the note is left out, but a warning cuts the chips.
        """
        self._chips, self._note, self._is_warning = chips, note, is_warning
        self.redraw()

    def redraw(self) -> None:
        text = Text(no_wrap=True, overflow="ellipsis")
        for action, words, narrows in self._chips:
            narrowing = f"bold {self.colour('background')} on {self.colour('primary')}"
            style = Style.parse(narrowing if narrows else self.colour("muted"))
            text.append(f" {words} ", style + Style(meta={"chip": action})).append(" ")
        note = Text(f"{self._note} ", self.colour("warning" if self._is_warning else "muted"))
        if self._is_warning:
            text.truncate(max(self.size.width - note.cell_len - 1, 0), overflow="ellipsis")
        room = self.size.width - text.cell_len - note.cell_len
        if room > 0:
            text.append(" " * room).append_text(note)
        self.show_text(text)

    def on_click(self, event: events.Click) -> None:
        if action := event.style.meta.get("chip"):
            self.post_message(self.Pressed(action))
