"""A dialog to choose the columns of a list and their sequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from checkout_daemon.present.columns import RowColumn

from .dialogs import Dialog


class ColumnPicker(Dialog[tuple[str, ...] | None]):
    """Returns the names of the columns in their sequence, none of them for the usual ones, or None if dismissed."""

    HINT = "Space on/off, < > moves, 0 the usual ones, Enter shows"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "dismiss", "Cancel"),
        Binding("enter", "take", "Show these", priority=True),
        Binding("space", "turn", "On or off"),
        Binding("less_than_sign,shift+up", "shift(-1)", "Up"),
        Binding("greater_than_sign,shift+down", "shift(1)", "Down"),
        Binding("0", "usual", "The usual ones"),
    ]

    def __init__(self, columns: Mapping[str, RowColumn[Any]], usual: Sequence[str], chosen: Sequence[str] = ()) -> None:
        """`chosen`: the columns that are shown; none: the usual ones."""
        super().__init__("Columns")
        self._columns = columns
        self._usual = tuple(name for name in usual if name in columns)
        self._start_from(chosen or usual)

    def _start_from(self, names: Sequence[str]) -> None:
        known = [name for name in names if name in self._columns]
        self._names = [*known, *(name for name in self._columns if name not in known)]
        self._chosen = set(known)

    def body(self) -> ComposeResult:
        yield OptionList(*self._options())

    def on_mount(self) -> None:
        self._list.highlighted = 0

    @property
    def _list(self) -> OptionList:
        return self.query_one(OptionList)

    def _options(self) -> list[Option]:
        return [
            Option(Text(f"[{'x' if name in self._chosen else ' '}] {self._columns[name].title:<12}{name}"))
            for name in self._names
        ]

    def _draw(self, place: int) -> None:
        self._list.clear_options()
        self._list.add_options(self._options())
        self._list.highlighted = place

    def action_turn(self) -> None:
        place = self._list.highlighted or 0
        self._chosen ^= {self._names[place]}
        self._draw(place)

    def action_shift(self, by: int) -> None:
        place = self._list.highlighted or 0
        other = place + by
        if 0 <= other < len(self._names):
            self._names[place], self._names[other] = self._names[other], self._names[place]
            self._draw(other)

    def action_usual(self) -> None:
        self._start_from(self._usual)
        self._draw(0)

    def action_take(self) -> None:
        names = tuple(name for name in self._names if name in self._chosen)
        if names:
            self.dismiss(() if names == self._usual else names)
        else:
            self.notify("Choose at least one column.", severity="warning", markup=False)
