"""The line that goes anywhere: `:` and a number, a screen, an id of ours or Stripe's, or any text to search for."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from checkout_daemon.batches.listing import find_batch
from checkout_daemon.errors import CheckoutError
from checkout_daemon.orders.destinations import find_destination
from checkout_daemon.orders.order_query import parse_query
from checkout_daemon.present.text import plain

from ..failures import named_failures
from ..filters import Choice
from ..places import HELP, QUIT, place_named, places_of, suggestions
from ..texts import fit
from ..typeahead import READING
from ..widgets.entry import Entry
from ..widgets.line import Block
from .base import BaseScreen

_MOST_SHOWN = 6
_BATCH = re.compile(r"(?:b|batch|batches)\s+#?([0-9]{1,18})")
_NUMBER = re.compile(r"#?([0-9]+)")
_ID = re.compile(r"[a-z]{2,3}_\w+|[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}")

Go = Callable[[], object]


class GoTo(ModalScreen[Go | None]):
    """Returns what goes to the typed place, or None if dismissed. What does not exist is named, and the line stays."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Cancel"),
        Binding("tab", "complete(1)", "Complete", priority=True),
        Binding("shift+tab", "complete(-1)", "Complete backwards", priority=True),
        Binding("up", "recall(1)", "Before", priority=True),
        Binding("down", "recall(-1)", "After", priority=True),
        Binding("backspace", "rub_out", priority=True),
    ]

    def __init__(self, origin: BaseScreen) -> None:
        super().__init__()
        self.origin = origin
        self.app_context = origin.app_context
        self._places = places_of(self.app_context.user_config.tabs)
        self._typed = ""  # what the user typed, which Tab completes
        self._completed = ""  # the name that Tab has put there
        self._turn = -1
        self._back = 0  # how far back in what was typed before

    def compose(self) -> ComposeResult:
        with Vertical(id="goto"):
            yield Block(id="found")
            with Horizontal():
                yield Static(":", id="colon", markup=False)
                yield Entry(compact=True, select_on_focus=False)
            yield Block(id="hint")

    def on_mount(self) -> None:
        self._show()

    @property
    def _entry(self) -> Entry:
        return self.query_one(Entry)

    # Suggesting

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.value != self._completed:
            self._typed, self._completed, self._turn = event.value, "", -1
        self._show()

    def _show(self) -> None:
        """Show the names that complete the text, and what Enter does."""
        muted, primary = self.app.theme_variables["muted"], self.app.theme_variables["primary"]
        found = suggestions(self._typed, self._places)
        first = max(min(self._turn - _MOST_SHOWN + 1, len(found) - _MOST_SHOWN), 0)
        text = Text(no_wrap=True, overflow="ellipsis")
        for place, (name, description) in enumerate(found[first : first + _MOST_SHOWN], start=first):
            style = f"bold {primary}" if place == self._turn else "bold"
            text.append(f"{'▸' if place == self._turn else ' '}{fit(name, 19)} ", style).append(
                f"{description}\n", muted
            )
        text.rstrip()
        self.query_one("#found", Block).show_text(text)
        self.query_one("#hint", Block).show_text(
            Text(self._hint(bool(found)), muted, no_wrap=True, overflow="ellipsis")
        )

    def _hint(self, completes: bool) -> str:
        word = self._entry.value.strip()
        tab = "   Tab completes" if completes else ""
        if not word:
            return (
                " a screen, an order's number, any id, or text to search for   Tab completes   ↑ what was typed before"
            )
        place = place_named(word, self._places)
        if place is not None:
            return f" Enter: {place.description}{tab}"
        if word.lower() in QUIT or word.lower() in HELP:
            return f" Enter: {'quit' if word.lower() in QUIT else 'help'}"
        if batch := _BATCH.fullmatch(word.lower()):
            return f" Enter: batch {batch[1]}"
        if number := _NUMBER.fullmatch(word):
            return f" Enter: order {number[1]}"
        if _ID.fullmatch(word):
            return " Enter: the order or event of this id"
        return f" Enter: search the orders for {plain(word)!r}{tab}"

    def action_complete(self, by: int) -> None:
        found = suggestions(self._typed, self._places)
        if not found:
            return
        self._turn = (self._turn + by) % len(found) if self._turn >= 0 or by > 0 else len(found) - 1
        self._put(found[self._turn][0], completed=True)

    def action_recall(self, by: int) -> None:
        """Put there what was typed before, or after."""
        typed = self.app_context.typed_places
        self._back = min(max(self._back + by, 0), len(typed))
        self._put(typed[-self._back] if self._back else "", completed=False)

    def _put(self, text: str, *, completed: bool) -> None:
        self._completed = text
        if not completed:
            self._typed, self._turn = text, -1
        self._entry.value = text
        self._entry.cursor_position = len(text)
        self._show()

    def action_rub_out(self) -> None:
        """Delete a character; with none left, leave, as in vim."""
        if self._entry.value:
            self._entry.action_delete_left()
        else:
            self.dismiss(None)

    # Going

    def on_input_submitted(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        if not text:
            self.dismiss(None)
            return
        history = self.app_context.typed_places
        if text in history:
            history.remove(text)
        history.append(text)
        self.set_focus(None)  # further keys are for where this leads: they wait
        self._find(text)

    @work(group=READING)
    async def _find(self, text: str) -> None:
        try:
            with named_failures():
                go = await self._way(text)
        except CheckoutError as error:
            if not self.display:  # it is closing
                return
            self._entry.focus()
            fault = Text(
                f" {plain(error.detail)}", self.app.theme_variables["error"], no_wrap=True, overflow="ellipsis"
            )
            self.query_one("#hint", Block).show_text(fault)
        else:
            self.dismiss(go)

    async def _way(self, text: str) -> Go:
        """Return what goes there. Raise NotFound, InvalidQuery, DatabaseUnavailable."""
        navigation, word = self.app_context.navigation, text.lower()
        place = place_named(text, self._places)
        if place is not None:
            return partial(place.open, navigation)
        if word in QUIT:
            return self.origin.action_quit
        if word in HELP:
            return self.origin.action_help
        if batch := _BATCH.fullmatch(word):
            return partial(navigation.batch, (await find_batch(self.app_context.reads, batch[1])).number)
        found = await find_destination(self.app_context.reads, text)
        if found.order_id is not None:
            return partial(navigation.order, found.order_id)
        if found.event_id is not None:
            return partial(navigation.event, found.event_id)
        parse_query(found.search, time_zone=self.app_context.time_zone, now=datetime.now(UTC))
        return partial(navigation.orders, Choice(search=found.search))
