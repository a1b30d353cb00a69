"""A dialog to select several values of a filter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import SelectionList, Static


class Picker(ModalScreen[tuple[str, ...] | None]):
    """Returns the selected values, empty for no filter; None if dismissed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "Cancel"),
        Binding("enter", "take", "Show these", priority=True),
    ]

    def __init__(self, title: str, options: Sequence[tuple[str, str]], chosen: Iterable[str]) -> None:
        """`options` are values with their text."""
        super().__init__()
        self._title = title
        self._options = options
        self._chosen = frozenset(chosen)

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self._title
            yield SelectionList[str](*((words, value, value in self._chosen) for value, words in self._options))
            yield Static("Space selects  Enter shows  Esc cancels", classes="hint")

    def action_take(self) -> None:
        chosen = set(self.query_one(SelectionList).selected)
        self.dismiss(tuple(value for value, _ in self._options if value in chosen))
