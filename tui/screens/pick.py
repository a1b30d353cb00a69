"""Asks which of several to show: statuses, types."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import SelectionList, Static


class Picker(ModalScreen[tuple[str, ...] | None]):
    """Answers those that are chosen, none of them for any; None where it was left."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Leave"),
        Binding("enter", "take", "Show these", priority=True),
    ]

    def __init__(self, title: str, options: Sequence[tuple[str, str]], chosen: Iterable[str]) -> None:
        """`options`: what is answered, and its words."""
        super().__init__()
        self._title = title
        self._options = options
        self._chosen = frozenset(chosen)

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self._title
            yield SelectionList[str](*((words, each, each in self._chosen) for each, words in self._options))
            yield Static("Space chooses  Enter shows  Esc leaves", classes="hint")

    def action_take(self) -> None:
        chosen = set(self.query_one(SelectionList).selected)
        self.dismiss(tuple(each for each, _ in self._options if each in chosen))

    def action_leave(self) -> None:
        self.dismiss(None)
