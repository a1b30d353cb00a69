"""Lines whose height does not depend on their text.

Textual lays out the whole screen again when a text changes, unless it knows that nothing moves. With changes every few
milliseconds, that was most of the work.
"""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static


class Line(Static):
    """Text whose height comes from the stylesheet."""

    def __init__(self) -> None:
        super().__init__(markup=False)
        self._last_text: Text | None = None

    def on_resize(self) -> None:
        self.redraw()

    def redraw(self) -> None:
        """Draw the same data again: the width or the colours have changed."""

    def colour(self, name: str) -> str:
        """Return a colour of the current theme."""
        return self.app.theme_variables[name]

    def show_text(self, text: Text) -> None:
        """Show text, unless it is shown already."""
        if text != self._last_text:
            self._last_text = text
            self.update(text, layout=False)
