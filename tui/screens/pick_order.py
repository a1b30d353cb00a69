"""A dialog to pick an order: the newest that fit, and a search."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.model.orders import Order
from checkout_daemon.orders.lookup import add_search
from checkout_daemon.orders.order_filter import OrderFilter
from checkout_daemon.present.money import money
from checkout_daemon.present.statuses import tone
from checkout_daemon.present.text import words
from checkout_daemon.present.times import age

from ..context import AppContext
from ..latest import Latest
from ..lists import OrderSource
from ..texts import fit
from ..theme import COLOURS
from ..typeahead import READING
from ..widgets.entry import Entry
from .dialogs import Dialog

_MOST = 12


class OrderPicker(Dialog[Order | None]):
    """Returns an order, or None if dismissed. Without a search it lists the newest with some statuses."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", "Next", priority=True),
        Binding("up", "move(-1)", "Previous", priority=True),
    ]

    def __init__(self, context: AppContext, title: str, statuses: Sequence[str]) -> None:
        super().__init__(title)
        self.app_context = context
        self._statuses = tuple(statuses)
        self._searches = Latest(self._search)
        self._found: list[Order] = []
        self._text = ""  # the search that found them
        self._taken = False  # whether Enter was pressed before the search had ended

    def body(self) -> ComposeResult:
        yield Entry(placeholder="number, name, email, or an id of ours or Stripe's", compact=True)
        yield OptionList()
        yield Static(" …", classes="hint", id="note", markup=False)

    def on_mount(self) -> None:
        self._options.can_focus = False  # keys go to the search
        self._ask("")

    @property
    def _options(self) -> OptionList:
        return self.query_one(OptionList)

    @work(group=READING)
    async def _ask(self, text: str) -> None:
        try:
            await self._searches.ask(text)
        except DatabaseUnavailable as error:
            if self.display:
                self.query_one("#note", Static).update(f" {error.detail}")

    async def _search(self, text: str) -> None:
        wanted = OrderFilter(statuses=() if text else self._statuses)
        if text:
            wanted = await add_search(self.app_context.reads, wanted, text)
        source = OrderSource(self.app_context.reads, wanted)
        items = await source.page(None, _MOST)
        if not self.display:  # it is closing
            return
        self._found, self._text = [item.row.order for item in items], text
        self._options.clear_options()
        self._options.add_options([Option(self._drawn(order)) for order in self._found])
        self._options.highlighted = 0 if self._found else None
        which = f" that are {' or '.join(map(words, self._statuses))}" if self._statuses and not text else ""
        which += "" if source.whole else " among the newest"
        found = f" {'Matching' if text else 'Newest'} orders{which}"
        self.query_one("#note", Static).update(found if self._found else f" No matching orders{which}")
        if self._taken:
            self._take()

    def _drawn(self, order: Order) -> Text:
        colour = self.app.theme_variables[COLOURS[tone("order", order.status)]]
        when, total = age(order.created_at, datetime.now(UTC)), money(order.amount_total, order.currency)
        name = self.app_context.customer(order)
        return Text.assemble(
            f"{order.number:>7}  ", (fit(words(order.status), 18), colour), f"  {when:>4}  {total:>10}  {name}"
        )

    def on_input_changed(self, event: Input.Changed) -> None:
        self._taken = False
        self._ask(event.value.strip())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._take()

    def _take(self) -> None:
        """Return the highlighted order, once the results are those of the typed text."""
        place = self._options.highlighted
        self._taken = self.query_one(Entry).value.strip() != self._text
        if not self._taken and place is not None:
            self.dismiss(self._found[place])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._found[event.option_index])

    def action_move(self, by: int) -> None:
        if self._found:
            self._options.highlighted = ((self._options.highlighted or 0) + by) % len(self._found)
