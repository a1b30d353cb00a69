"""A dialog to choose a time range: one of the usual ones, or one that is typed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, OptionList, Static

from checkout_daemon.model.time_ranges import RANGES, TimeRange, read_range
from checkout_daemon.present.times import minute

from ..filters import SPANS
from ..widgets.entry import Entry
from .dialogs import Dialog

_ANY = "any time"


class TimeRangeBox(Dialog[str | None]):
    """Returns a range as typed, an empty text for any time, or None if dismissed."""

    HINT = "Enter selects, or type a range; Esc cancels"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", "Next", priority=True),
        Binding("up", "move(-1)", "Previous", priority=True),
    ]

    def __init__(
        self,
        time_zone: str,
        chosen: str,
        *,
        title: str = "Show orders of",
        spans: Sequence[str] = SPANS,
        usual: str = _ANY,
        usual_range: TimeRange | None = None,
    ) -> None:
        """`spans` are offered, after the `usual` one, for which an empty text stands."""
        super().__init__(title)
        self._time_zone = time_zone
        self._chosen = chosen
        self._usual, self._usual_range = usual, usual_range or TimeRange()
        self._ranges = ["", *spans, *([chosen] if chosen and chosen not in spans else [])]

    def body(self) -> ComposeResult:
        yield Entry(placeholder=RANGES, compact=True)
        yield OptionList(*(name or self._usual for name in self._ranges), markup=False)
        yield Static("", classes="hint", id="note", markup=False)

    def on_mount(self) -> None:
        self._options.can_focus = False  # keys go to the input
        self._options.highlighted = self._ranges.index(self._chosen)

    @property
    def _options(self) -> OptionList:
        return self.query_one(OptionList)

    @property
    def _typed(self) -> str:
        return self.query_one(Entry).value.strip()

    def action_move(self, by: int) -> None:
        options = self._options
        options.highlighted = ((options.highlighted or 0) + by) % len(self._ranges)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        self._show()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._show()

    def _show(self) -> None:
        """Show what the range is in dates, or that what was typed cannot be read."""
        text = self._typed or self._ranges[self._options.highlighted or 0]
        found = self._read(text) if text else self._usual_range
        self.query_one("#note", Static).update(
            f"Not a range. Type {RANGES}." if found is None else _shown(found, self._time_zone)
        )

    def _read(self, text: str) -> TimeRange | None:
        return read_range(text, self._time_zone, datetime.now(UTC))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if not self._typed:
            self.dismiss(self._ranges[self._options.highlighted or 0])
        elif self._read(self._typed) is not None:
            self.dismiss(self._typed)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._ranges[event.option_index])


def _shown(found: TimeRange, time_zone: str) -> str:
    since = "the first order" if found.since is None else minute(found.since, time_zone)
    return f"{since} to {'now' if found.until is None else minute(found.until, time_zone)}"
