"""Stripe events to facts: the registry of the types we use, one module per Stripe object."""

from __future__ import annotations

from collections.abc import Callable

from checkout_daemon.domain.events import charge, dispute, payment_intent, refund, session
from checkout_daemon.domain.events.reading import ObjectSnapshot, Translation

_TRANSLATORS: dict[str, Callable[[ObjectSnapshot], Translation]] = {
    "checkout.session.completed": session.completed,
    "checkout.session.async_payment_succeeded": session.async_payment_succeeded,
    "checkout.session.async_payment_failed": session.async_payment_failed,
    "checkout.session.expired": session.expired,
    "payment_intent.succeeded": payment_intent.succeeded,
    "payment_intent.payment_failed": payment_intent.seen,
    "payment_intent.processing": payment_intent.seen,
    "payment_intent.canceled": payment_intent.canceled,
    "charge.succeeded": charge.succeeded,
    "charge.failed": charge.seen,
    "charge.refunded": charge.refunded,
    "charge.refund.updated": refund.translate,
    "charge.dispute.created": dispute.translate,
    "charge.dispute.updated": dispute.translate,
    "charge.dispute.closed": dispute.translate,
    "charge.dispute.funds_withdrawn": dispute.funds_withdrawn,
    "charge.dispute.funds_reinstated": dispute.funds_reinstated,
    "refund.created": refund.translate,
    "refund.updated": refund.translate,
    "refund.failed": refund.translate,
}

EVENT_TYPES = tuple(_TRANSLATORS)
"""The event types the daemon understands: what its webhook endpoint is registered for."""


def translate(event_type: str, snapshot: ObjectSnapshot) -> Translation | None:
    """What an event says; None for a type we do not use.

    Raises UnreadableObject where a field is not what Stripe documents.
    """
    translator = _TRANSLATORS.get(event_type)
    return translator(snapshot) if translator else None
