"""The stock of products: how many pieces there are, are reserved and are free; sets and adjusts them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from textual import work
from textual.widget import Widget

from checkout_daemon.audit.operators import this_operator
from checkout_daemon.database.reading import Readable
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.model.stock import Movement, StockLine
from checkout_daemon.present.stock_columns import STOCK
from checkout_daemon.present.text import plain
from checkout_daemon.present.times import age
from checkout_daemon.stock.counting import (
    StockChanged,
    adjust_stock,
    list_stock,
    set_stock,
    stock_history,
)

from ..actions import Action, command_line
from ..context import AppContext
from ..listing import Item, Listing, Source
from ..typeahead import ACTING, READING
from ..widgets.chips import Chips
from ..widgets.table import LiveTable
from .acting import ActingScreen
from .dialogs import ShowResult
from .forms import FillIn
from .looks import Looks
from .sorting import look_actions

_LOOK_SECONDS = 1.0
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")
_NO_PRODUCTS = "There are no products: `checkout catalog import FILE` fills the catalog."


class StockSource(Source[StockLine]):
    """Reads all products at once, also those that are not counted. `place` sorts them."""

    at_once = True

    def __init__(self, database: Readable, place: Callable[..., tuple[Any, ...]]) -> None:
        self._database = database
        self._place = place

    async def page(self, after: Any | None, limit: int) -> Sequence[Item[StockLine]]:
        lines = await list_stock(self._database, uncounted=True)
        return sorted(
            (Item(line.sku, self._place(line, line.sku), line) for line in lines), key=_by_place, reverse=True
        )


def _by_place(item: Item[StockLine]) -> Any:
    return item.place


class StockScreen(Looks, ActingScreen):
    """The list of products with their stock."""

    PLACE = "Stock"
    LOOK = STOCK
    LIST_COMMAND = ("stock", "list")
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("escape", "dismiss", "Back", foot="Back"),
        Action("enter", "open", "Show the changes of a product's stock", "stock history SKU", foot="History"),
        Action("a", "adjust", "Add pieces, or take some away", "stock adjust SKU +N|-N", "Adjust", writes=True),
        Action("s", "set", "Set how many pieces are not sold", "stock set SKU N", "Set", writes=True),
        *look_actions("stock list --all"),
    )

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        self.table = self.look_table(self._listing(), empty=_NO_PRODUCTS)

    def _listing(self) -> Listing[StockLine]:
        return Listing(StockSource(self.app_context.reads, self.place_of))

    def body(self) -> Iterable[Widget]:
        return Chips(), self.table

    def on_mount(self) -> None:
        self.table.focus()
        self._show_chips()
        self.look_every(_LOOK_SECONDS, self.look_again)
        self._load()

    def _show_chips(self) -> None:
        self.query_one(Chips).show([("", "stock", True), *self.sort_chips])
        self.show_command(command_line("stock", "list", "--all", *self.sort_options))

    def show_in_sort(self) -> None:
        self.table.show(self._listing())
        self._show_chips()
        self._load()

    @work(group=READING)
    async def _load(self) -> None:
        listing = self.table.listing
        try:
            await listing.load(0)
        except DatabaseUnavailable:
            return
        if not self.gone and listing is self.table.listing:
            self.table.rows_arrived()

    async def look(self) -> None:
        """Read the list again: orders change the stock all the time."""
        listing = self.table.listing
        try:
            found = await listing.source.page(None, 0)
        except DatabaseUnavailable:
            return
        if self.gone or listing is not self.table.listing:
            return
        keys = {item.key for item in found}
        self.table.update(found, [row.key for row in listing.rows if row.key not in keys])

    async def reload(self) -> None:
        self._load()

    @property
    def product(self) -> StockLine | None:
        """The product under the cursor."""
        row = self.table.cursor_row
        return None if row is None else row.row

    def on_live_table_moved(self, event: LiveTable.Moved) -> None:
        if event.by_hand and event.key is not None:
            self.show_command(command_line("stock", "history", event.key))

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        self._show_history(event.key)

    def action_open(self) -> None:
        self.table.action_choose()

    @work(group=ACTING)
    async def _show_history(self, sku: str) -> None:
        async with self.doing(command_line("stock", "history", sku)):
            moved = await stock_history(self.app_context.reads, sku)
            text = "\n".join(map(_line, moved)) or "The stock was never changed."
            await self.ask(ShowResult(f"Stock of {plain(sku)}", text, copies=text))

    @work(group=ACTING)
    async def action_set(self) -> None:
        line = self.product
        if line is None:
            return
        question = [("How many pieces are not sold? off: do not count", "" if line.stock is None else str(line.stock))]
        answer = await self._ask(f"Set the stock of {plain(line.sku)}", question, _fault_of_stock)
        if answer is None:
            return
        stock, note = (None if answer[0] == "off" else int(answer[0])), answer[1]
        async with self.doing(command_line("stock", "set", line.sku, answer[0], *_note(note))):
            database, operator = self.app_context.database, this_operator()
            self._report(await set_stock(database, line.sku, stock, operator=operator, note=note, seen=line))

    @work(group=ACTING)
    async def action_adjust(self) -> None:
        line = self.product
        if line is None:
            return
        title = f"Adjust the stock of {plain(line.sku)}"
        answer = await self._ask(title, [("How many pieces more, such as +20 or -1?", "")], _fault_of_number)
        if answer is None:
            return
        by, note = int(answer[0]), answer[1]
        async with self.doing(command_line("stock", "adjust", line.sku, f"{by:+d}", *_note(note))):
            self._report(
                await adjust_stock(self.app_context.database, line.sku, by, operator=this_operator(), note=note)
            )

    async def _ask(
        self, title: str, questions: Sequence[tuple[str, str]], fault: Callable[[str], str | None]
    ) -> tuple[str, ...] | None:
        form = FillIn(title, [*questions, ("Note, for the history", "")], check=lambda values: fault(values[0]))
        return await self.app.push_screen_wait(form)

    def _report(self, changed: StockChanged) -> None:
        line = changed.line
        if line.stock is None:
            self.done(f"{line.sku} is no longer counted.")
            return
        served = f" Oversold orders that have their pieces now: {', '.join(map(str, changed.served))}." * bool(
            changed.served
        )
        was = "" if changed.before is None else f" There were {changed.before} before."
        self.done(f"{line.sku}: {line.stock} in stock, {line.reserved} reserved, {line.free} free.{was}{served}")


def _note(note: str) -> tuple[str, ...]:
    return ("--note", note) if note else ()


def _fault_of_number(text: str) -> str | None:
    return None if _NUMBER.fullmatch(text) else f"{text!r} is not a whole number."


def _fault_of_stock(text: str) -> str | None:
    return (
        None
        if text == "off" or (text.isdecimal() and len(text) < 10)
        else f"{text!r} is not a whole number from 0, or off."
    )


def _line(movement: Movement) -> str:
    order = f"  order {movement.order_number}" if movement.order_number is not None else ""
    stock = "not counted" if movement.stock is None else movement.stock
    note = f"  {plain(movement.note)}" if movement.note else ""
    when = age(movement.at, datetime.now(UTC))
    return f"{when:>4}  {movement.kind:<9} {movement.change:>+6}  {stock:>11}  {plain(movement.actor)}{order}{note}"
