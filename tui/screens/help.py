"""The help of a screen: every key, what it does, and the equivalent command."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from ..actions import Action, shown
from .dialogs import Dialog

_MOVING = (
    ("↑ ↓, j k", "One row up or down"),
    ("PgUp PgDn", "A page up or down"),
    ("Home End, g G", "The newest and the oldest"),
    ("ctrl+p", "Find any action by name"),
    ("ctrl+c", "Copy what the mouse selected, or quit"),
    ("ctrl+z", "Suspend: `fg` brings it back"),
    ("ctrl+l", "Draw the screen again"),
)


class HelpScreen(Dialog[None]):
    """A table of actions."""

    BINDINGS: ClassVar[list[BindingType]] = [("q,question_mark", "dismiss", "Close")]
    BOX = VerticalScroll
    HINT = "Esc closes"

    def __init__(self, place: str, actions: Iterable[tuple[Action, str | None]], remarks: Iterable[str] = ()) -> None:
        """`actions` come with the reason why they cannot work now; `remarks` are shown below them."""
        super().__init__(f"Keys: {place}")
        self._actions = tuple(actions)
        self._remarks = tuple(remarks)

    def body(self) -> ComposeResult:
        yield Static(self._table())
        for remark in self._remarks:
            yield Static(f"\n{remark}", markup=False)

    def _table(self) -> Table:
        muted = self.app.theme_variables["muted"]
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
        table.add_column(justify="right", style="bold", no_wrap=True)
        table.add_column()
        for action, obstacle in self._actions:
            command = Text(f"\ncheckout {action.command}", style=muted) if action.command else ""
            barred = Text(f"\nnot now: {obstacle}", style=f"italic {muted}") if obstacle else ""
            style = muted if obstacle else ""
            table.add_row(
                Text(shown(action.shown_key), style), Text.assemble((action.description, style), command, barred)
            )
        table.add_row("", "")
        for keys, description in _MOVING:
            table.add_row(keys, description)
        return table
