"""The kinds of messages to customers, operators and the shop's own systems, and the channels of each.

A message is a row of the outbox for each channel. Messages about orders follow from facts (ledger/derive.py) and are
written in the transaction that merges them, at most one for each order, kind, subject and channel. Its id is the same
at every attempt: `webhook-id` for a system, Message-ID for a person.

| kind | subject | payload |
|---|---|---|
| order.received, order.completed | "" | |
| order.shipped | how many times it was shipped before, from 1 | |
| order.reminder | "" | |
| payment.failed | the session whose payment failed | |
| order.refunded, refund.requires_action, .pending, .canceled, .failed | the refund with that status | |
| order.attention | code:subject, see `attention_subject` | |
| dispute.due | dispute:how long before its deadline, such as `dp_1:2d` | |
| session.link | the session, with a suffix when it is sent again | `{"session_id"}` |
| events.dead, outbox.dead, events.silent, … | a new one for each occurrence | `Alert` |
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Self

from checkout_daemon.model.orders import PAYABLE_STATUSES, Order, OrderStatus

REFUNDED_BY_NOW = "the order is refunded by now"


class Channel(StrEnum):
    """`mail` goes to the order's customer, `webhook` to the shop's systems, `alert` to the operator.

    An alert is a mail, and goes to the addresses of CHECKOUT_ALERT_URLS through Apprise.
    """

    MAIL = "mail"
    ALERT = "alert"
    WEBHOOK = "webhook"


_CUSTOMER = (Channel.MAIL, Channel.WEBHOOK)
_OPERATOR = (Channel.ALERT, Channel.WEBHOOK)


class MessageKind(StrEnum):
    """The kind of a message, and its channels. The names are part of the contract for webhooks."""

    channels: tuple[Channel, ...]

    def __new__(cls, value: str, channels: tuple[Channel, ...] = ()) -> Self:
        """Create a member; the default is for type checkers, because a look-up has the value alone."""
        kind = str.__new__(cls, value)
        kind._value_ = value
        kind.channels = channels
        return kind

    ORDER_RECEIVED = "order.received", _CUSTOMER  # only if its payment takes days
    ORDER_COMPLETED = "order.completed", _CUSTOMER
    ORDER_SHIPPED = "order.shipped", _CUSTOMER
    ORDER_REFUNDED = "order.refunded", _CUSTOMER
    ORDER_ATTENTION = "order.attention", _OPERATOR
    ORDER_REMINDER = "order.reminder", (Channel.MAIL,)  # only if CHECKOUT_REMINDER_HOURS is set
    PAYMENT_FAILED = "payment.failed", _CUSTOMER
    REFUND_REQUIRES_ACTION = "refund.requires_action", _CUSTOMER
    REFUND_PENDING = "refund.pending", _CUSTOMER
    # To a customer only if an earlier mail announced the refund; the operator gets an attention for a failed one.
    REFUND_CANCELED = "refund.canceled", _CUSTOMER
    REFUND_FAILED = "refund.failed", _CUSTOMER
    DISPUTE_DUE = "dispute.due", _OPERATOR
    SESSION_LINK = "session.link", (Channel.MAIL,)
    EVENTS_DEAD = "events.dead", _OPERATOR
    OUTBOX_DEAD = "outbox.dead", _OPERATOR
    EVENTS_SILENT = "events.silent", _OPERATOR
    ENDPOINT_DISABLED = "endpoint.disabled", _OPERATOR
    KEY_DENIED = "key.denied", _OPERATOR
    PROPOSAL_OPEN = "proposal.open", _OPERATOR
    RECEIVER_DISABLED = "receiver.disabled", _OPERATOR
    ALERT_RESOLVED = "alert.resolved", ()  # only where an address of CHECKOUT_ALERT_URLS got the alert
    CLOCKS_DIFFER = "clocks.differ", _OPERATOR
    ORDERS_MISSING = "orders.missing", _OPERATOR


URGENT = frozenset(
    {
        MessageKind.EVENTS_DEAD,
        MessageKind.EVENTS_SILENT,
        MessageKind.ENDPOINT_DISABLED,
        MessageKind.KEY_DENIED,
        MessageKind.ORDERS_MISSING,
    }
)
"""The alerts that quiet hours let pass: without a person, payments go on being missed."""

# A message that waited this long for a channel that is not configured is no longer worth sending.
UNCONFIGURED_LIFETIME = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Alert:
    """A message about the whole shop: how many things it is about, some of them, and the command that helps."""

    text: str
    count: int
    subjects: tuple[str, ...]
    command: str


def attention_subject(code: str, subject: str) -> str:
    """Return the subject of a message about an attention."""
    return f"{code}:{subject}"


def split_attention(subject_id: str) -> tuple[str, str]:
    """Return the attention's code and subject from the subject of its message."""
    code, _, subject = subject_id.partition(":")
    return code, subject


def why_untrue(order: Order, kind: str) -> str | None:
    """Return why a message about an order is no longer true, since its payment has changed, or None."""
    outdated = False
    if kind == MessageKind.ORDER_COMPLETED:
        if order.paid_at is None:
            return "the order no longer counts as paid"
        if order.status == OrderStatus.REFUNDED:
            return REFUNDED_BY_NOW
    elif kind == MessageKind.ORDER_RECEIVED:
        outdated = order.status != OrderStatus.PROCESSING
    elif kind == MessageKind.ORDER_REMINDER:
        outdated = bool(order.attention) or order.status not in PAYABLE_STATUSES
    elif kind == MessageKind.ORDER_SHIPPED:
        outdated = order.status in (OrderStatus.REFUNDED, OrderStatus.CANCELED)
    elif kind == MessageKind.PAYMENT_FAILED:
        outdated = order.paid_at is not None
    return f"the order is {order.status} by now" if outdated else None
