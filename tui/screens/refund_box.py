"""The box that asks what to refund: an amount or items, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from checkout_daemon.model.orders import REFUND_REASONS
from checkout_daemon.orders.refund_items import RefundedItem, WantedItem
from checkout_daemon.present.money import money
from checkout_daemon.present.text import plain, words

from ..texts import amount_fault, minor_units
from ..widgets.entry import Entry
from .dialogs import Dialog


@dataclass(frozen=True, slots=True)
class RefundChoice:
    """What was chosen: an amount in minor units or items; without both, all that is left."""

    amount: int | None
    items: tuple[WantedItem, ...]
    reason: str | None
    note: str


class Quantities(OptionList):
    """Items, and how many of each are chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,plus", "more", "One more"),
        Binding("left,minus", "less", "One less"),
        Binding("space", "all", "All or none"),
    ]

    def __init__(self, items: Sequence[RefundedItem], names: Mapping[str, str], currency: str) -> None:
        """`items` are what can be refunded; `names` are their names by SKU."""
        self._items = items
        self._names = names
        self._currency = currency
        self._chosen = [0] * len(items)
        super().__init__(*(Option(self._line(place)) for place in range(len(items))))

    @property
    def wanted(self) -> tuple[WantedItem, ...]:
        """The items that are chosen."""
        return tuple(
            WantedItem(item.sku, chosen) for item, chosen in zip(self._items, self._chosen, strict=True) if chosen
        )

    def action_more(self) -> None:
        self._choose(lambda chosen, left: min(chosen + 1, left))

    def action_less(self) -> None:
        self._choose(lambda chosen, left: max(chosen - 1, 0))

    def action_all(self) -> None:
        self._choose(lambda chosen, left: 0 if chosen == left else left)

    def _choose(self, change: Callable[[int, int], int]) -> None:
        if (place := self.highlighted) is not None:
            self._chosen[place] = change(self._chosen[place], self._items[place].quantity)
            self.replace_option_prompt_at_index(place, self._line(place))

    def _line(self, place: int) -> Text:
        item, chosen = self._items[place], self._chosen[place]
        name = plain(self._names.get(item.sku, ""))
        text = f"{chosen} of {item.quantity}  {plain(item.sku)}  {name}  {money(item.amount, self._currency)}"
        return Text(text, style="bold" if chosen else "", no_wrap=True, overflow="ellipsis")


class Reason(Static, can_focus=True):
    """A reason for Stripe, or none; the arrows change it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,space", "turn(1)", "Next reason"),
        Binding("left", "turn(-1)", "Previous reason"),
    ]

    def __init__(self) -> None:
        super().__init__("‹ no reason ›", markup=False)
        self._place = 0

    @property
    def reason(self) -> str | None:
        return (None, *REFUND_REASONS)[self._place]

    def action_turn(self, by: int) -> None:
        self._place = (self._place + by) % (len(REFUND_REASONS) + 1)
        self.update(f"‹ {words(self.reason or 'no_reason')} ›")


class RefundBox(Dialog[RefundChoice | None]):
    """Ask for an amount or items, a reason and a note; returns them, or None if dismissed. Enter continues anywhere."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "app.focus_previous"),
        Binding("down", "app.focus_next"),
        Binding("enter", "take", "Continue"),
    ]
    HINT = "Tab goes on, Enter continues, Esc cancels"

    def __init__(self, left: int, currency: str, items: Sequence[RefundedItem], names: Mapping[str, str]) -> None:
        """`left` is what is left of the payment, in minor units. The rest as for Quantities."""
        super().__init__("Refund")
        self._left = left
        self._currency = currency
        self._items = items
        self._names = names

    def body(self) -> ComposeResult:
        question = f"How much of {money(self._left, self._currency)}, in {self._currency.upper()}? Leave empty for all."
        yield Static(question, markup=False)
        yield Entry(compact=True, id="amount")
        if self._items:
            yield Static("Or items: arrows choose, Space takes all", classes="label")
            yield Quantities(self._items, self._names, self._currency)
        yield Static("Reason, for Stripe: arrows change it", classes="label")
        yield Reason()
        yield Static("Note, for the history", classes="label")
        yield Entry(compact=True, id="note")
        yield Static("", classes="hint", id="fault", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_take()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.action_take()

    def action_take(self) -> None:
        typed, note = (self.query_one(name, Entry).value.strip() for name in ("#amount", "#note"))
        items = self.query_one(Quantities).wanted if self._items else ()
        amount = minor_units(typed, self._currency) if typed else None
        fault = amount_fault(typed, self._currency) if typed and amount is None else ""
        if typed and items:
            fault = "Give an amount or items, not both"
        if fault:
            self.query_one("#fault", Static).update(f"{fault}. Nothing was done.")
            return
        self.dismiss(RefundChoice(amount, items, self.query_one(Reason).reason, note))
