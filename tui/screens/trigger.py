"""Triggers a test event through the official Stripe CLI, and shows its output and the outcome of each event."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from time import monotonic
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.containers import Container, Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets.option_list import Option
from textual.worker import Worker

from checkout_daemon.errors import CheckoutError, DatabaseUnavailable
from checkout_daemon.events.event_lists import EventOutcome
from checkout_daemon.ledger.change_log import ChangeLine
from checkout_daemon.ledger.event_types import EVENT_TYPES
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.present.columns import WIDE
from checkout_daemon.present.statuses import tone
from checkout_daemon.present.text import counted
from checkout_daemon.stripe_cli.triggering import TriggerRequest

from ..actions import Action
from ..context import AppContext
from ..texts import amount_fault, minor_units
from ..theme import COLOURS
from ..triggering import EVENTS, FITTING, TriggerChoice, describe, find_obstacle, trigger
from ..typeahead import ACTING, READING
from ..widgets.key_line import KeyLine
from ..widgets.line import Block
from ..widgets.pick_list import PickList
from ..widgets.run_log import RunLog
from .base import BaseScreen
from .dialogs import Ask
from .pick_order import OrderPicker

_TYPE_WIDTH = max(map(len, EVENT_TYPES))
_MARKS = {"applied": "✓", "failed": "▲", "dead": "✗"}
_OTHER_MARK = "·"
_NOTHING_YET = (
    "Press Enter to trigger the event. The output of the Stripe CLI and the outcome of each event appear here."
)


class TriggerScreen(BaseScreen):
    """Runs one trigger at a time; leaving the screen stops it."""

    PLACE = "Trigger"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("escape", "back", "Stop the run, or go back", foot="Back"),
        Action("enter", "trigger", "Trigger the event", "trigger EVENT --order ORDER", "Trigger", writes=True),
        Action("slash", "pick", "Pick the order that it is for", "trigger --order ORDER", foot="Order", show_key="/"),
        Action("n", "new_order", "Create a new order for it", "trigger EVENT --order new", foot="New"),
        Action("0", "no_order", "No order: Stripe creates its own objects", "trigger EVENT", foot="None"),
        Action("a", "amount", "Refund part of it", "trigger --amount AMOUNT", foot="Amount"),
        Action("x", "stop", "Stop the run", foot="Stop"),
        Action("o", "order", "Open the order", "orders show ORDER", foot="Open"),
        Action("e", "events", "Stripe's events as they arrive", "events list"),
    )

    @dataclass
    class Printed(Message):
        """The CLI printed a line."""

        line: str
        stderr: bool

    @dataclass
    class Handled(Message):
        """An event arrived and was handled, or did not arrive in time."""

        outcome: EventOutcome

    @dataclass
    class Ended(Message):
        """The run has ended. `troubles` are sentences about what went wrong."""

        troubles: tuple[str, ...]

    def __init__(self, context: AppContext, order_number: int | None = None) -> None:
        super().__init__(context)
        self.choice = TriggerChoice(number=order_number)
        self.events = PickList(*(Option("") for _ in EVENT_TYPES))
        self.log_box = RunLog(context, empty=_NOTHING_YET)
        self._run: Worker[None] | None = None
        self._started = 0.0
        self._arrived = 0
        self._obstacle: tuple[str, str] | None = None

    @property
    def place(self) -> tuple[object, ...]:
        return (self.PLACE, self.choice.number)

    def body(self) -> Iterable[Widget]:
        yield Block(id="choice")
        right = Vertical(Block(id="progress"), self.log_box, id="right")
        yield Container(Vertical(self.events, id="left"), right, id="halves")

    def on_mount(self) -> None:
        self.events.highlighted = 0
        self.events.focus()
        self._obstacle = find_obstacle(self.app_context.settings)
        self.set_interval(1, self._show_progress)
        self.redraw()
        self._show_choice()
        self._load_order()

    def on_resize(self) -> None:
        self.set_class(self.size.width < WIDE, "-narrow")
        self._list_events()
        self._show_choice()

    @property
    def running(self) -> bool:
        return self._run is not None

    def obstacle(self, action: Action) -> str | None:
        if action.name == "stop" and not self.running:
            return "Nothing is running."
        if action.name == "order" and self.choice.number is None:
            return "The event is for no order of ours: / picks one."
        return super().obstacle(action)

    # Choosing

    def _list_events(self) -> None:
        """Fill the list of events, with descriptions if it is as wide as the screen."""
        muted = self.colour("muted")
        for place, row in enumerate(EVENT_TYPES.values()):
            text = Text.assemble(f" {row.name:<{_TYPE_WIDTH}}  ", (f"{row.needs:<8}", muted))
            if self.has_class("-narrow"):
                text.append(f"  {row.description}", muted)
            self.events.replace_option_prompt_at_index(place, text)

    @work(group=READING)
    async def _load_order(self) -> None:
        number = self.choice.number
        if number is None:
            return
        try:
            view = await show_order(self.app_context.database, str(number))
        except DatabaseUnavailable:
            return
        except CheckoutError as error:
            self.notify(error.detail, severity="error", markup=False)
            choice = self.choice.about(None)
        else:
            choice = self.choice.read(view.order)
        if not self.gone:
            self._choose(choice)

    async def reload(self) -> None:
        self._load_order()

    async def changed(self, changes: list[ChangeLine]) -> None:
        order = self.choice.order
        if order is not None and any(change.order_id == order.id for change in changes):
            self._load_order()

    def _choose(self, choice: TriggerChoice) -> None:
        self.choice = choice
        self._show_choice()
        self.query_one(KeyLine).redraw()

    def on_option_list_option_highlighted(self, event: PickList.OptionHighlighted) -> None:
        self._choose(self.choice.of_event(EVENTS[event.option_index]))

    def _settle(self) -> None:
        """Take over the highlighted event: a key can arrive before the list's message."""
        self.choice = self.choice.of_event(EVENTS[self.events.highlighted or 0])

    def _show_choice(self) -> None:
        narrow = self.has_class("-narrow")
        self.query_one("#choice", Block).show_text(describe(self.choice, self.app_context, self.colour, narrow=narrow))
        installs = self._obstacle[1] if self._obstacle is not None else ""
        self.show_command(installs or self.choice.command)

    # Running

    def action_trigger(self) -> None:
        if self.running:
            self.notify("A run is in progress; x stops it.", markup=False)
            return
        self._settle()
        self._obstacle = find_obstacle(self.app_context.settings)
        self._show_choice()
        self._show_progress()
        if self._obstacle is not None:
            self.log_box.add("✗", self._obstacle[0], "error")
            return
        self._started, self._arrived = monotonic(), 0
        self.log_box.add("$", self.command, "foreground")
        self._run = self._carry_out(self.choice.request)
        self.set_class(True, "-run")
        self.call_after_refresh(self.events.scroll_to_highlight)  # the list may be lower now
        self._show_progress()

    @work(group="run")
    async def _carry_out(self, request: TriggerRequest) -> None:
        def on_line(line: str, stderr: bool) -> None:
            self.post_message(self.Printed(line, stderr))

        def on_outcome(outcome: EventOutcome) -> None:
            self.post_message(self.Handled(outcome))

        try:
            troubles = await trigger(self.app_context.runtime, request, on_line=on_line, on_outcome=on_outcome)
        except CheckoutError as error:
            self.post_message(self.Ended((error.detail,)))
        else:
            self.post_message(self.Ended(tuple(troubles)))

    def on_trigger_screen_printed(self, message: Printed) -> None:
        if message.line.strip():
            self.log_box.add("!" if message.stderr else "│", message.line, "warning" if message.stderr else "muted")

    def on_trigger_screen_handled(self, message: Handled) -> None:
        outcome = message.outcome
        self._arrived += 1
        if self.choice.new and outcome.number is not None:  # so that the next event is for the same order
            self.choice = TriggerChoice(self.choice.event, outcome.number)
            self._load_order()
        mark = _MARKS.get(outcome.status, _OTHER_MARK)
        self.log_box.add(mark, f"{outcome.type}  {outcome.summary}", COLOURS[tone("event", outcome.status)], outcome.id)

    def on_trigger_screen_ended(self, message: Ended) -> None:
        for trouble in message.troubles:
            self.log_box.add("✗", trouble, "error")
        seconds = f"{monotonic() - self._started:.1f} s"
        if not message.troubles:
            self.log_box.add("●", f"Done in {seconds}: {counted(self._arrived, 'event')}", "foreground")
        self._run = None
        self._show_progress()

    def _show_progress(self) -> None:
        self.query_one(KeyLine).redraw()
        if self._obstacle is not None:
            text = Text(f" ▲ {self._obstacle[0].split(';')[0]}", f"bold {self.colour('error')}")
        elif self.running:
            seconds = int(monotonic() - self._started)
            text = Text(
                f" ◌ running for {seconds} s, {counted(self._arrived, 'event')}; x stops it",
                f"bold {self.colour('cyan')}",
            )
        elif self.app_context.read_only:
            text = Text(" read-only: triggering is disabled", self.colour("warning"))
        else:
            text = Text(" ○ idle", self.colour("muted"))
        self.query_one("#progress", Block).show_text(text)

    def redraw(self) -> None:
        super().redraw()
        self._list_events()
        self._show_choice()
        self._show_progress()
        self.log_box.redraw()

    # Acting

    def action_back(self) -> None:
        if self.running:
            self.action_stop()
        else:
            self.dismiss()

    def action_stop(self) -> None:
        if self._run is not None:
            self._run.cancel()
            self._run = None
            self.log_box.add("■", "Stopped. Objects that Stripe already created remain.", "warning")
            self._show_progress()

    @work(group=ACTING)
    async def action_pick(self) -> None:
        self._settle()
        need = EVENT_TYPES[self.choice.event].needs
        order = await self.app.push_screen_wait(OrderPicker(self.app_context, f"Which {need} order", FITTING[need]))
        if order is not None:
            self._choose(self.choice.about(order))

    def action_new_order(self) -> None:
        self._choose(self.choice.about_new())

    def action_no_order(self) -> None:
        self._choose(self.choice.about(None))

    @work(group=ACTING)
    async def action_amount(self) -> None:
        self._settle()
        order = self.choice.order
        if order is None:
            self.notify("Pick an order first: the amount is part of its payment.", markup=False)
            return
        currency = order.currency
        typed = await self.app.push_screen_wait(Ask("Refund part", f"How much, in {currency.upper()}? Empty: all."))
        if typed is None:
            return
        amount = minor_units(typed, currency) if typed else None
        if typed and (amount is None or amount < 1):
            self.notify(amount_fault(typed, currency), severity="error", markup=False)
            return
        self._choose(replace(self.choice, amount=amount))

    def action_open_trigger(self) -> None:
        """Do nothing: this is the trigger screen."""

    def action_order(self) -> None:
        if self.choice.order is not None:
            self.app_context.navigation.order(self.choice.order.id)
