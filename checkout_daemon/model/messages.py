"""What is owed to customers, operators and the shop's own systems: kinds of messages, and how each goes.

A message is a row of the outbox for each channel. Those of orders follow from facts (ledger/derive.py), are written in
the transaction that merges them, and are at most one of each order, kind, subject and channel; its id is the same at
every attempt: `webhook-id` to a system, Message-ID to a person.

| kind | subject | payload |
|---|---|---|
| order.completed | "" | |
| payment.failed | the session whose payment failed | |
| order.refunded, refund.requires_action, .pending, .canceled, .failed | the refund, which is in that state | |
| order.attention | code:subject, as `attention_subject` makes it | |
| session.link | one for each time that somebody sends the link | `{"session_id"}` |
| events.dead, outbox.dead, events.silent, … | one for each time that it is found | `Alert` |
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Channel(StrEnum):
    """`mail` goes to the order's customer, `alert` is a mail to the operator, `webhook` goes to the shop's systems."""

    MAIL = "mail"
    ALERT = "alert"
    WEBHOOK = "webhook"


class MessageKind(StrEnum):
    ORDER_COMPLETED = "order.completed"
    ORDER_REFUNDED = "order.refunded"
    ORDER_ATTENTION = "order.attention"
    PAYMENT_FAILED = "payment.failed"
    REFUND_REQUIRES_ACTION = "refund.requires_action"
    REFUND_PENDING = "refund.pending"
    REFUND_CANCELED = "refund.canceled"
    REFUND_FAILED = "refund.failed"
    SESSION_LINK = "session.link"
    EVENTS_DEAD = "events.dead"
    OUTBOX_DEAD = "outbox.dead"
    EVENTS_SILENT = "events.silent"
    ENDPOINT_DISABLED = "endpoint.disabled"
    CLOCKS_DIFFER = "clocks.differ"
    ORDERS_MISSING = "orders.missing"


_CUSTOMER = (Channel.MAIL, Channel.WEBHOOK)
_OPERATOR = (Channel.ALERT, Channel.WEBHOOK)

CHANNELS: dict[MessageKind, tuple[Channel, ...]] = {
    MessageKind.ORDER_COMPLETED: _CUSTOMER,
    MessageKind.ORDER_REFUNDED: _CUSTOMER,
    MessageKind.ORDER_ATTENTION: _OPERATOR,
    MessageKind.PAYMENT_FAILED: _CUSTOMER,
    MessageKind.REFUND_REQUIRES_ACTION: _CUSTOMER,
    MessageKind.REFUND_PENDING: _CUSTOMER,
    # To a customer only if an earlier mail announced the refund; the operator gets an attention for a failed one.
    MessageKind.REFUND_CANCELED: _CUSTOMER,
    MessageKind.REFUND_FAILED: _CUSTOMER,
    MessageKind.SESSION_LINK: (Channel.MAIL,),
    MessageKind.EVENTS_DEAD: _OPERATOR,
    MessageKind.OUTBOX_DEAD: _OPERATOR,
    MessageKind.EVENTS_SILENT: _OPERATOR,
    MessageKind.ENDPOINT_DISABLED: _OPERATOR,
    MessageKind.CLOCKS_DIFFER: _OPERATOR,
    MessageKind.ORDERS_MISSING: _OPERATOR,
}

# What waited this long for a channel that nobody configured is not news any more.
UNCONFIGURED_LIFETIME = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Alert:
    """What a message about the shop as a whole says: how many things it is about, some of them, and the mend."""

    text: str
    count: int
    subjects: tuple[str, ...]
    command: str


def attention_subject(code: str, subject: str) -> str:
    return f"{code}:{subject}"


def split_attention(subject_id: str) -> tuple[str, str]:
    """The attention's code, and what it is about."""
    code, _, subject = subject_id.partition(":")
    return code, subject
