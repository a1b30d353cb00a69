"""Lines whose place on the screen does not depend on what they say.

Textual lays the whole screen out again for any text that changes, unless it is told that nothing moves; with changes
every few milliseconds that was the larger part of the terminal's work.
"""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static


class Line(Static):
    """Text of a height that the stylesheet gives."""

    def __init__(self) -> None:
        super().__init__(markup=False)
        self._said: Text | None = None

    def show_text(self, text: Text) -> None:
        """Draw it, unless it is what is drawn already."""
        if text != self._said:
            self._said = text
            self.update(text, layout=False)
