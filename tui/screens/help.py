"""`?`: every key of a screen, what it does, and the command that does the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.actions import Action

_MOVING = (
    ("↑ ↓, j k", "One row up or down"),
    ("PgUp PgDn", "A page up or down"),
    ("Home End, g G", "The newest and the oldest"),
    ("ctrl+p", "Everything that can be done, by name"),
)


class HelpScreen(ModalScreen[None]):
    BINDINGS: ClassVar[list[BindingType]] = [("escape,q,question_mark", "dismiss", "Close")]

    def __init__(self, place: str, actions: Iterable[Action]) -> None:
        super().__init__()
        self._place = place
        self._actions = tuple(actions)

    def compose(self) -> ComposeResult:
        with VerticalScroll() as box:
            box.border_title = f"Keys: {self._place}"
            box.border_subtitle = "Esc closes"
            yield Static(self._table())

    def _table(self) -> Table:
        muted = self.app.theme_variables["muted"]
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
        table.add_column(justify="right", style="bold", no_wrap=True)
        table.add_column()
        for each in self._actions:
            command = Text(f"\ncheckout {each.command}", style=muted) if each.command else ""
            table.add_row(_shown(each.shown_key), Text.assemble(each.does, command))
        table.add_row("", "")
        for keys, does in _MOVING:
            table.add_row(keys, does)
        return table


def _shown(key: str) -> str:
    names = {"enter": "Enter", "escape": "Esc", "slash": "/", "question_mark": "?", "space": "Space"}
    return ", ".join(names.get(each, each) for each in key.split(","))
