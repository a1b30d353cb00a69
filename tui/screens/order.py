"""One order: its facts, its history, and what an operator can do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar, Protocol, runtime_checkable

from rich.text import Text
from textual import work
from textual.containers import Container, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from checkout_daemon.errors import CheckoutError
from checkout_daemon.ledger.change_log import ChangeLine
from checkout_daemon.model.events import EventLine
from checkout_daemon.model.orders import Order
from checkout_daemon.orders.explaining import Finding
from checkout_daemon.orders.time_machine import OrderThen, show_order_at, status_at
from checkout_daemon.outbox.outbox_store import MessageLine
from checkout_daemon.present.columns import WIDE
from checkout_daemon.present.statuses import attention_words
from checkout_daemon.present.text import plain, words
from checkout_daemon.present.times import clock, time_of_day

from ..actions import Action
from ..context import AppContext
from ..filters import EventChoice
from ..order_facts import OrderDetails, facts, headline, read_order_details
from ..texts import short_id, with_short_ids
from ..timeline import Moment, entry_text, moments, record_of_moment
from ..typeahead import ACTING
from ..widgets.line import Block
from ..widgets.pick_list import PickList
from .caring import CARE_ACTIONS, CareActions
from .dialogs import ShowResult
from .order_actions import OrderActions
from .own_actions import OwnActions
from .walking import open_others_of

_MARGIN = 3  # a pane's padding and scroll bar


@runtime_checkable
class HasOrders(Protocol):
    """A screen with a list of orders."""

    def neighbour(self, order_id: str, by: int) -> str | None: ...


class OrderScreen(OrderActions, CareActions, OwnActions):
    """Shows an order and keeps it current."""

    PLACE = "Order"
    CONFIG_NAME = "order"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("escape", "dismiss", "Back to the list", foot="Back"),
        Action("r", "resend", "Show a payment link, or mail it too", "sessions resend ORDER", "Resend", writes=True),
        Action(
            "f",
            "refund",
            "Refund a payment or a part of it",
            "orders refund ORDER --amount AMOUNT",
            foot="Refund",
            writes=True,
        ),
        Action("x", "expire", "Expire the open session", "sessions expire ORDER", foot="Expire", writes=True),
        Action("X", "cancel", "Cancel the order", "orders cancel ORDER", writes=True),
        Action("s", "sync", "Show what differs at Stripe, then apply it", "sessions sync ORDER", "Sync", writes=True),
        Action("y", "replay", "Replay one of its events", "events replay EVENT", "Replay", writes=True),
        Action(
            "t",
            "open_trigger",
            "Trigger a test event for this order",
            "trigger EVENT --order ORDER",
            "Test",
            writes=True,
        ),
        Action("a", "acknowledge", "Mark an attention code as dealt with", "orders ack ORDER REASON", writes=True),
        Action("n", "note", "Add a note", "orders note ORDER TEXT", writes=True),
        Action("S", "ship", "State that it was sent", "orders ship ORDER --carrier NAME", writes=True),
        Action(
            "u", "correct", "Correct the customer's email or phone", "orders correct ORDER --email EMAIL", writes=True
        ),
        Action("e", "events", "List its events", "events list --order ORDER", foot="Events"),
        Action("w", "copy_fix", "Copy the command that fixes it", "orders explain ORDER", "Fix"),
        Action("enter", "open_moment", "Open the event, message or entry under the cursor"),
        Action("v", "look_back", "Show the order as of the line under the cursor", "orders show ORDER --at WHEN"),
        Action("E", "of_customer", "Open another order of this customer, or list them", "orders list --email EMAIL"),
        Action("left_square_bracket", "neighbour(-1)", "Go to the previous order of the list", show_key="["),
        Action("right_square_bracket", "neighbour(1)", "Go to the next order of the list", show_key="]"),
        Action("o", "dashboard", "Open its page in Stripe's dashboard"),
        Action("c", "copy_one", "Copy an id or a link"),
        *CARE_ACTIONS,
        Action("tab", "app.focus_next", "Go to the next pane"),
    )

    def __init__(self, context: AppContext, order_id: str, then: str = "") -> None:
        super().__init__(context, order_id, then)
        self._rows: list[Moment | None] = []  # None: a day
        self._texts: list[Text] = []
        self._at_newest = True
        self._past: OrderThen | None = None

    def body(self) -> Iterable[Widget]:
        yield Block(" …", id="headline")
        yield Container(
            VerticalScroll(Block(id="facts"), id="left"),
            Vertical(
                PickList(id="timeline"),
                VerticalScroll(Block(id="findings"), id="why"),
                id="right",
            ),
            id="halves",
        )

    def on_mount(self) -> None:
        timeline = self.query_one("#timeline")
        timeline.focus()
        self.watch(timeline, "container_size", self.redraw, init=False)  # its width is known only after layout
        self.query_one("#why").border_title = "Why"

    def on_resize(self) -> None:
        self.set_class(self.size.width < WIDE, "-narrow")
        self.redraw()

    @property
    def place(self) -> tuple[object, ...]:
        return (self.PLACE, self.order_id)

    @property
    def current_order(self) -> Order | None:
        return None if self.details is None else self.details.view.order

    @property
    def order_under_cursor(self) -> tuple[str, int] | None:
        return None if self.details is None else (self.order_id, self.details.view.order.number)

    # Reading

    async def read(self) -> None:
        first, context = self.details is None, self.app_context
        details = await read_order_details(context.reads, self.order_id, context.settings)
        if self.gone or details == self.details:
            return
        self.details = details
        if first:
            self.show_command(self.command_for("orders", "show"))
        self.redraw()
        if first and self._then:
            self.run_worker(self.act(self._then))

    async def changed(self, changes: list[ChangeLine]) -> None:
        if any(change.order_id == self.order_id for change in changes):
            self.load()

    def redraw(self) -> None:
        super().redraw()
        if self.details is None or self.gone:
            return
        self._show_timeline(self.details)
        self._show_state_at_cursor()
        self.query_one("#headline", Block).show_text(Text(" ").append_text(headline(self.details, self.colour)))
        self.query_one("#facts", Block).show_text(self._facts(self.details))
        self.query_one("#findings", Block).show_text(self._why(self.details.findings))

    def _room(self, pane: str) -> int:
        return self.query_one(pane).outer_size.width - _MARGIN

    def _show_timeline(self, details: OrderDetails) -> None:
        """Show the timeline. The cursor stays on its entry; on the newest one it stays there."""
        timeline, zone = self.query_one("#timeline", PickList), self.app_context.time_zone
        room = self._room("#timeline")
        under, place = self.moment, 0
        rows: list[tuple[Moment | None, Text]] = []
        day = ""
        for moment in moments(details):
            if (date := clock(moment.at, zone)[:10]) != day:
                day = date
                rows.append((None, Text(day, self.colour("muted"))))
            if under is not None and not self._at_newest and moment.is_of(under):
                place = len(rows)
            rows.append((moment, entry_text(moment, zone, self.colour, room)))
        texts = [text for _, text in rows]
        if texts == self._texts:
            return
        self._texts, self._rows = texts, [moment for moment, _ in rows]
        timeline.set_options([Option(text, disabled=moment is None) for moment, text in rows])
        if rows:
            timeline.highlighted = place or 1

    @property
    def moment(self) -> Moment | None:
        """The entry of the timeline under the cursor."""
        place = self.query_one("#timeline", PickList).highlighted
        return None if place is None or place >= len(self._rows) else self._rows[place]

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        if self.gone:
            return
        self._at_newest = event.option_index <= 1
        self._show_state_at_cursor()
        if self._past is not None:
            self._look_back()

    def _show_state_at_cursor(self) -> None:
        title, moment = "Why", self.moment
        if moment is not None and not self._at_newest and self.details is not None:
            status = status_at(self.details.view.changes, moment.state_at)
            at = time_of_day(moment.at, self.app_context.time_zone)
            title += f" │ at the cursor, {at}: {'no order yet' if status is None else words(status)}"
        self.query_one("#why").border_title = title

    def action_open_moment(self) -> None:
        moment = self.moment
        if moment is None:
            return
        if isinstance(moment.line, EventLine):
            self.app_context.navigation.event(moment.line.id)
            return
        if isinstance(moment.line, MessageLine):
            self.app_context.navigation.message(moment.line.id)
            return
        if self.details is None:
            return
        currency = self.details.view.order.currency
        title, text, copied = record_of_moment(moment.line, self.app_context.time_zone, currency)
        self.app.push_screen(ShowResult(title, text, copies=copied))

    def action_events(self) -> None:
        """List the order's events, the newest one under the cursor."""
        if self.details is not None:
            order = self.details.view.order
            self.app_context.navigation.events(EventChoice(order=(order.id, order.number)))

    @work(group=ACTING)
    async def action_of_customer(self) -> None:
        if self.details is None:
            return
        email = self.details.view.order.customer_email
        if not email:
            self.notify("The customer of this order was erased.", markup=False)
            return
        try:
            await open_others_of(self, email, but=self.order_id)
        except CheckoutError as error:
            self.notify(error.detail, severity="error", markup=False)

    def action_neighbour(self, by: int) -> None:
        """Show the order before or after this one in the list from which it was opened."""
        below = self.app.screen_stack[-2]
        order_id = below.neighbour(self.order_id, by) if isinstance(below, HasOrders) else None
        if order_id is None:
            self.notify("There is no other order there.", timeout=3, markup=False)
        else:
            self.app.switch_screen(OrderScreen(self.app_context, order_id))

    def action_look_back(self) -> None:
        """Show the order as of the cursor's line, or as it is now again."""
        if self._past is None:
            self._look_back()
        else:
            self._past = None
            self.show_command(self.command_for("orders", "show"))
            self.redraw()

    @work(group="then", exclusive=True)
    async def _look_back(self) -> None:
        moment = self.moment
        if moment is None or self.details is None:
            return
        at = moment.state_at
        try:
            then = await show_order_at(self.app_context.reads, self.order_id, at)
        except CheckoutError as error:
            self.notify(error.detail, severity="error", markup=False)
            return
        if not self.gone:
            self._past = then
            self.show_command(self.command_for("orders", "show", rest=("--at", at.isoformat())))
            self.redraw()

    def _facts(self, details: OrderDetails) -> Text:
        then, room = self._past, self._room("#left")
        if then is None:
            return facts(details, self.app_context, self.colour, room)
        text = Text()
        text.append(f"As of {clock(then.at, self.app_context.time_zone)}: {words(then.view.order.status)}\n", "bold")
        attention = attention_words(then.view.order.attention) if then.attention_known else "not known any more"
        if attention:
            text.append(f"Attention: {attention}\n")
        if then.changed_since:
            text.append(f"Changed since: {', '.join(map(short_id, then.changed_since))}\n", self.colour("warning"))
        care = replace(details.care, owner=None, snoozed_until=None)  # those of now
        past = replace(details, view=then.view, care=care)
        return text.append_text(facts(past, self.app_context, self.colour, room))

    def _why(self, findings: Iterable[Finding]) -> Text:
        """Return the findings as `orders explain` prints them. Where it fits, also what happens next."""
        text, muted = Text(), self.colour("muted")
        roomy = self.size.width >= WIDE
        for finding in findings:
            description = plain(finding.description)
            text.append(f"{description if roomy else with_short_ids(description)}\n")
            if finding.page is not None:
                text.append("  → ", muted).append(f"{plain(finding.page)}\n", "bold")
            if finding.command is not None:
                text.append("  → ", muted).append(f"{plain(finding.command)}\n", "bold")
            if finding.next is not None and (roomy or (finding.command or finding.page) is None):
                text.append(f"  next: {plain(finding.next)}\n", muted)
        text.rstrip()
        return text
