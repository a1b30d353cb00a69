"""Texts that are drawn again only if they differ, and lines whose height does not depend on their text.

Textual lays out the whole screen again when a text is set, unless it knows that nothing moves. With changes every few
milliseconds, that was most of the work.
"""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.widgets import Static


class Block(Static):
    """Text that takes the room that it needs."""

    _MOVES: ClassVar[bool] = True  # whether the height depends on the text

    def __init__(self, text: str = "", *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(text, id=id, markup=False)
        self._last_text: Text | None = None

    def show_text(self, text: Text) -> None:
        """Show text, unless it is shown already."""
        last = self._last_text
        if last is None or text != last or text.style != last.style:
            self._last_text = text
            self.update(text, layout=self._MOVES)


class Line(Block):
    """Text whose height comes from the stylesheet."""

    _MOVES = False

    def on_resize(self) -> None:
        self.redraw()

    def redraw(self) -> None:
        """Draw the same data again: the width or the colours have changed."""

    def colour(self, name: str) -> str:
        """Return a colour of the current theme."""
        return self.app.theme_variables[name]
