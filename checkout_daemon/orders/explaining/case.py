"""What the rules look at, and what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from checkout_daemon.model.events import EventLine
from checkout_daemon.model.money import format_money
from checkout_daemon.model.orders import Order
from checkout_daemon.orders.order_lists import (
    DisputeLine,
    FraudWarningLine,
    OrderSession,
    OrderView,
    PaymentLine,
    RefundLine,
)
from checkout_daemon.orders.refund_request_store import RefundRequest
from checkout_daemon.orders.session_attempt_store import Attempt
from checkout_daemon.outbox.outbox_store import MessageLine
from checkout_daemon.settings import STRIPE_API_BASE


class Finding(msgspec.Struct, frozen=True, rename={"description": "says"}):  # kept: JSON key
    """A statement about an order.

    `next`: what happens without an operator, if anything. `command`: what fixes it. `page`: where it is
    fixed at Stripe.
    """

    code: str
    description: str
    next: str | None = None
    command: str | None = None
    page: str | None = None


Rule = Callable[["Case"], Iterable[Finding]]
StripeLine = OrderSession | RefundLine | DisputeLine | FraudWarningLine


@dataclass(frozen=True, slots=True)
class HintLine:
    """A charge whose refunded amount differs from the sum of its refunds. Amounts in minor units."""

    charge_id: str
    amount_refunded: int
    amount_held: int


@dataclass(frozen=True, slots=True)
class Case:
    """Everything stored about an order as of `now`. Times are written in the time zone of `now`.

    `unapplied`: failed and dead events about the order, even if the order could not be read from them.
    `undelivered`: messages that failed or are dead.
    `doubtful`: a session of the last attempt may still appear, although Stripe answered with a failure.
    `late`: refunds and sessions that appeared after their requests had been given up. `oversold`: the pieces that are
    not there for it, such as `2 × PEN`. `acknowledged`: codes of attention, each with its subject.
    """

    view: OrderView
    now: datetime
    attempt: Attempt | None = None
    refund_request: RefundRequest | None = None
    hints: tuple[HintLine, ...] = ()
    unapplied: tuple[EventLine, ...] = ()
    undelivered: tuple[MessageLine, ...] = ()
    erased: bool = False
    late: tuple[str, ...] = ()
    oversold: str = ""
    acknowledged: frozenset[tuple[str, str]] = frozenset()
    doubtful: bool = False
    stripe_api_base: str = STRIPE_API_BASE

    @property
    def order(self) -> Order:
        """The order itself."""
        return self.view.order

    @property
    def open_sessions(self) -> tuple[OrderSession, ...]:
        """Sessions that are stored as open, even if their time is over."""
        return tuple(session for session in self.view.sessions if session.status == "open")

    @property
    def last_session(self) -> OrderSession | None:
        """The session of the highest attempt."""
        return max(self.view.sessions, key=lambda session: (session.attempt, session.id), default=None)

    @property
    def valid_payments(self) -> tuple[PaymentLine, ...]:
        """Payments that equal the order's total, currency and livemode."""
        return valid_payments(self.view)

    @property
    def wrong_payments(self) -> tuple[PaymentLine, ...]:
        """Payments of which an amount is known, and which are not valid."""
        return wrong_payments(self.view)

    def command(self, verb: str, rest: str = "") -> str:
        """Return a command about the order: `checkout orders cancel 1001` for the verb `orders cancel`."""
        return f"checkout {verb} {self.order.number}{' ' if rest else ''}{rest}"

    @property
    def resend(self) -> str | None:
        """The command that sends the customer a link, unless they were erased or a wrong payment comes first.

        An imported order has no page of ours to be paid on.
        """
        none = self.erased or self.wrong_payments or self.order.imported_from
        return None if none else self.command("sessions resend")

    @property
    def because(self) -> str:
        """The end of a sentence about a refused payment: the reason and the card or account, if they are known."""
        failed = [charge for charge in self.view.charges if charge.status == "failed"]
        if not failed:
            return ""
        reason = f": {failed[-1].declined}" if failed[-1].declined else ""
        return f"{reason}, with {failed[-1].described}" if failed[-1].described else reason

    def when(self, time: datetime | None) -> str:
        """Return a time in words, and how far away it is."""
        if time is None:
            return "at an unknown time"
        away = time - self.now
        span = _span(abs(away))
        how_far = f"in {span}" if away > timedelta() else f"{span} ago"
        return f"{time.astimezone(self.now.tzinfo):%Y-%m-%d %H:%M %Z} ({how_far})"


def valid_payments(view: OrderView) -> tuple[PaymentLine, ...]:
    """Return the payments that equal the order's total, currency and livemode."""
    return tuple(payment for payment in view.payments if payment.valid)


def wrong_payments(view: OrderView) -> tuple[PaymentLine, ...]:
    """Return the payments of which an amount is known, and which are not valid."""
    return tuple(payment for payment in view.payments if payment.amount is not None and not payment.valid)


def refused_payments(events: Sequence[EventLine]) -> list[EventLine]:
    """Return one event for each refused payment, oldest first. Stripe reports each for its intent and its charge."""
    of_intents = [event for event in events if event.type == "payment_intent.payment_failed"]
    found = of_intents or [event for event in events if event.type == "charge.failed"]
    return sorted(found, key=lambda event: event.created_at or event.received_at)


def ids(lines: Iterable[StripeLine | PaymentLine]) -> str:
    """Return the ids, separated by commas. Each appears once: a payment may have several lines."""
    return ", ".join(dict.fromkeys(line.id for line in lines))


def money(amount: int | None, currency: str | None) -> str:
    """Return an amount in words that fit a sentence."""
    return "an unknown amount" if amount is None or currency is None else format_money(amount, currency)


def _span(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
