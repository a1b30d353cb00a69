"""Translates refund.* and charge.refund.updated."""

from __future__ import annotations

from checkout_daemon.ledger.facts import RefundFact, RefundStatus
from checkout_daemon.ledger.translate.stripe_objects import (
    ObjectSnapshot,
    Translation,
    UnreadableObject,
    amount,
    choice,
    currency,
    mark,
    of_payment,
    own_id,
    unknown_values,
)


def translate(snapshot: ObjectSnapshot) -> Translation:
    """Translate a refund, from an event or an answer of the Stripe API.

    Its metadata may name the refund request of ours that made it.
    """
    refund = snapshot.object
    refund_id = own_id(refund, "refund")
    translation = of_payment(refund)
    node = translation.subject_id
    if node is None:  # it does not belong to a payment through Checkout
        return translation
    total, code = amount(refund, "amount"), currency(refund)
    if total is None or code is None:
        raise UnreadableObject("refund has no amount or currency")
    if snapshot.livemode is not None:
        status, unknown = choice(refund, "status", RefundStatus)
        if status is None:
            status = RefundStatus.PENDING if unknown is None else RefundStatus.UNKNOWN
        request = mark(refund, "refund_request")
        values = unknown_values(snapshot, unknown)
        translation.facts.append(RefundFact(refund_id, snapshot.livemode, node, status, total, code, request, **values))
    return translation
