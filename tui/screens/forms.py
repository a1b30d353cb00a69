"""A dialog with several lines of text to fill in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from ..widgets.entry import Entry
from .dialogs import Dialog

Values = tuple[str, ...]


class FillIn(Dialog[Values | None]):
    """Ask for several lines of text; returns them trimmed, or None if dismissed.

    Enter goes to the next line, and from the last one on. `check` returns what is wrong with the lines, or None.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("up", "app.focus_previous"), Binding("down", "app.focus_next")]
    HINT = "Enter goes on, Esc cancels"

    def __init__(
        self, title: str, lines: Sequence[tuple[str, str]], *, check: Callable[[Values], str | None] = lambda _: None
    ) -> None:
        """`lines` are labels with the text that is there at first."""
        super().__init__(title)
        self._lines = lines
        self._check = check

    def body(self) -> ComposeResult:
        for label, value in self._lines:
            yield Static(label, markup=False, classes="label")
            yield Entry(value, compact=True, select_on_focus=False)
        yield Static("", classes="hint", id="fault", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        entries = list(self.query(Entry))
        place = entries.index(self.query_one("Entry:focus", Entry))
        if place + 1 < len(entries):
            entries[place + 1].focus()
            return
        values = tuple(entry.value.strip() for entry in entries)
        fault = self._check(values)
        if fault is None:
            self.dismiss(values)
        else:
            self.query_one("#fault", Static).update(f"{fault} Nothing was done.")
