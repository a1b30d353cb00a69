"""The choice on the trigger screen (event, order, amount): its request, command line, text and run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rich.text import Text

from checkout_daemon.errors import ConfigurationError
from checkout_daemon.events.event_lists import EventOutcome
from checkout_daemon.ledger.event_types import EVENT_TYPES
from checkout_daemon.model.orders import Order, OrderStatus
from checkout_daemon.present.money import money
from checkout_daemon.present.statuses import tone
from checkout_daemon.present.text import words
from checkout_daemon.runtime import Runtime
from checkout_daemon.settings import Settings
from checkout_daemon.stripe_cli import triggering
from checkout_daemon.stripe_cli.program import CliMissing, OnLine, install_command, open_stripe_cli
from checkout_daemon.stripe_cli.triggering import NEW_ORDER, TriggerRequest

from .actions import command_line
from .context import AppContext
from .theme import COLOURS

EVENTS = tuple(EVENT_TYPES)
FITTING = {
    "unpaid": (OrderStatus.PENDING, OrderStatus.FAILED),
    "paid": (OrderStatus.COMPLETED, OrderStatus.PARTIALLY_REFUNDED),
    "disputed": (OrderStatus.DISPUTED,),
}
"""The statuses of orders that an event can be about, by EventType.needs."""

_WAIT_SECONDS = 30.0  # for events to arrive, as the command waits


@dataclass(frozen=True, slots=True)
class TriggerChoice:
    """The event to trigger, and the order that it is for.

    `number` or `new` select the order; with neither, Stripe creates objects of its own. `order` is the order of that
    number once it is read. `amount` is for a partial refund.
    """

    event: str = EVENTS[0]
    number: int | None = None
    order: Order | None = None
    new: bool = False
    amount: int | None = None

    def of_event(self, event: str) -> TriggerChoice:
        return self if event == self.event else replace(self, event=event, amount=None)

    def about(self, order: Order | None) -> TriggerChoice:
        """Select another order, or none."""
        return TriggerChoice(self.event, None if order is None else order.number, order)

    def about_new(self) -> TriggerChoice:
        return TriggerChoice(self.event, new=True)

    def read(self, order: Order) -> TriggerChoice:
        """Fill in the order that was read, if it is still the selected one."""
        return replace(self, order=order) if order.number == self.number else self

    @property
    def request(self) -> TriggerRequest:
        return TriggerRequest(self.event, self._order, self.amount, _WAIT_SECONDS)

    @property
    def command(self) -> str:
        order = [] if self._order is None else ["--order", self._order]
        amount = [] if self.amount is None else ["--amount", self.amount]
        return command_line("trigger", self.event, *order, *amount)

    @property
    def _order(self) -> str | None:
        if self.number is not None:
            return str(self.number)
        return NEW_ORDER if self.new else None


def describe(choice: TriggerChoice, context: AppContext, colour: Callable[[str], str], *, narrow: bool = False) -> Text:
    """Describe the choice in two lines. Where it is narrow, the event is only named by the list."""
    muted = colour("muted")
    description = EVENT_TYPES[choice.event].description
    text = Text(" Event  ", muted)
    if narrow:
        text.append(f"{description}\n", "bold")
    else:
        text.append(choice.event, "bold").append(f"  {description}\n", muted)
    text.append(" Order  ", muted)
    order = choice.order
    if order is not None:
        status = colour(COLOURS[tone("order", order.status)])
        text.append(f"{order.number}  ", "bold").append(words(order.status), f"bold {status}")
        text.append(f"  {money(order.amount_total, order.currency)}  {context.customer(order)}")
        if choice.amount is not None:
            text.append(f"  refund {money(choice.amount, order.currency)} of it", "bold")
    elif choice.number is not None:
        text.append(f"{choice.number}  …")
    elif choice.new:
        text.append("new", "bold").append("  an order of one piece of the first product", muted)
    else:
        text.append("none", "bold").append("  Stripe creates its own objects; / picks an order, n creates one", muted)
    return text


def find_obstacle(settings: Settings) -> tuple[str, str] | None:
    """Return why no event can be triggered and the command that fixes it, empty if none does; None if one can."""
    try:
        triggering.refuse_live_key(settings)
        with open_stripe_cli(settings):
            return None
    except CliMissing as error:
        return error.detail, install_command()
    except ConfigurationError as error:
        return error.detail, ""


async def trigger(
    runtime: Runtime, request: TriggerRequest, *, on_line: OnLine, on_outcome: Callable[[EventOutcome], None]
) -> Sequence[str]:
    """Trigger an event and return what is wrong with the result, as sentences.

    Raise ConfigurationError, CliMissing, CliStuck, UnknownEvent, TriggerFailed, NotInThisState, NotFound,
    StripeUnavailable.
    """
    triggering.refuse_live_key(runtime.settings)
    with open_stripe_cli(runtime.settings) as cli:
        return await triggering.trigger(runtime, cli, request, on_line=on_line, on_outcome=on_outcome)
