"""The kinds of messages to customers, operators and the shop's own systems, and the channels of each.

A message is a row of the outbox for each channel. Messages about orders follow from facts (ledger/derive.py) and are
written in the transaction that merges them, at most one for each order, kind, subject and channel. Its id is the same
at every attempt: `webhook-id` for a system, Message-ID for a person.

| kind | subject | payload |
|---|---|---|
| order.completed | "" | |
| payment.failed | the session whose payment failed | |
| order.refunded, refund.requires_action, .pending, .canceled, .failed | the refund with that status | |
| order.attention | code:subject, see `attention_subject` | |
| session.link | the session, with a suffix when it is sent again | `{"session_id"}` |
| events.dead, outbox.dead, events.silent, … | a new one for each occurrence | `Alert` |
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
    """The kind of a message; the names are part of the contract for webhooks."""

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
