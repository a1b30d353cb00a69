"""Asks which statuses to show."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import SelectionList, Static

from tui.data import OrderStatus
from tui.texts import words


class StatusPicker(ModalScreen[tuple[str, ...] | None]):
    """Answers the statuses, none of them for any; None where it was left."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Leave"),
        Binding("enter", "take", "Show these", priority=True),
    ]

    def __init__(self, chosen: Iterable[str]) -> None:
        super().__init__()
        self._chosen = frozenset(chosen)

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Show orders that are"
            yield SelectionList[str](*((words(each), each.value, each in self._chosen) for each in OrderStatus))
            yield Static("Space chooses  Enter shows  Esc leaves", classes="hint")

    def action_take(self) -> None:
        chosen = set(self.query_one(SelectionList).selected)
        self.dismiss(tuple(each.value for each in OrderStatus if each in chosen))

    def action_leave(self) -> None:
        self.dismiss(None)
