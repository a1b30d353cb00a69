"""What the rules look at, and what they say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from checkout_daemon.events.event_lists import EventLine
from checkout_daemon.model.money import format_money
from checkout_daemon.model.orders import Order
from checkout_daemon.orders.explaining.explain_store import HintLine
from checkout_daemon.orders.explaining.refusals import refused_tries
from checkout_daemon.orders.order_lists import OrderSession, OrderView, PaymentLine
from checkout_daemon.orders.refund_requests import RefundRequest
from checkout_daemon.orders.session_attempts import Attempt
from checkout_daemon.outbox.outbox_store import MessageLine


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence about an order. `next`: what happens by itself, if anything; `command`: what puts it right."""

    code: str
    says: str
    next: str | None = None
    command: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """All that is held of an order as of `now`, in whose time zone times are told.

    `unapplied`: failed and dead events that are about it, also where its order could not be read from them.
    `refusal`: what Stripe said of the last try to pay that was refused.
    `undelivered`: messages that failed or are dead.
    `doubtful`: a session of the last attempt may appear though Stripe answered with a failure.
    `late`: refunds and sessions that appeared after their requests had been given up.
    """

    view: OrderView
    now: datetime
    attempt: Attempt | None = None
    refund_request: RefundRequest | None = None
    hints: tuple[HintLine, ...] = ()
    unapplied: tuple[EventLine, ...] = ()
    undelivered: tuple[MessageLine, ...] = ()
    refusal: str | None = None
    erased: bool = False
    late: tuple[str, ...] = ()
    doubtful: bool = False

    @property
    def order(self) -> Order:
        return self.view.order

    @property
    def open_sessions(self) -> tuple[OrderSession, ...]:
        return tuple(each for each in self.view.sessions if each.status == "open")

    @property
    def last_session(self) -> OrderSession | None:
        """Of the highest attempt."""
        return max(self.view.sessions, key=lambda each: (each.attempt, each.id), default=None)

    @property
    def valid_payments(self) -> tuple[PaymentLine, ...]:
        return tuple(each for each in self.view.payments if each.valid)

    @property
    def wrong_payments(self) -> tuple[PaymentLine, ...]:
        """Those of which something was told that is not the order's."""
        return tuple(each for each in self.view.payments if each.amount is not None and not each.valid)

    def command(self, verb: str, rest: str = "") -> str:
        """`checkout orders cancel 1001`, for the verb `orders cancel`."""
        return f"checkout {verb} {self.order.number}{' ' if rest else ''}{rest}"

    @property
    def resend(self) -> str | None:
        """The command that gives the customer a link, where there is a customer and no payment to see to first."""
        return None if self.erased or self.wrong_payments else self.command("sessions resend")

    @property
    def tries(self) -> tuple[EventLine, ...]:
        """An event of each try to pay that was refused, oldest first."""
        return refused_tries(self.view.events)

    @property
    def because(self) -> str:
        """The end of a sentence about a refused payment: why, where that is known."""
        return "" if self.refusal is None else f": {self.refusal}"

    def when(self, time: datetime | None) -> str:
        """A time and how far away it is."""
        if time is None:
            return "at an unknown time"
        away = time - self.now
        span = _span(abs(away))
        how_far = f"in {span}" if away > timedelta() else f"{span} ago"
        return f"{time.astimezone(self.now.tzinfo):%Y-%m-%d %H:%M %Z} ({how_far})"


def ids(lines: Iterable[PaymentLine]) -> str:
    """Each once: where Stripe's objects disagree a payment has several lines."""
    return ", ".join(dict.fromkeys(each.id for each in lines))


def money(amount: int | None, currency: str | None) -> str:
    return "an unknown amount" if amount is None or currency is None else format_money(amount, currency)


def _span(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
