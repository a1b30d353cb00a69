"""Translates refund.* and charge.refund.updated."""

from __future__ import annotations

from checkout_daemon.ledger.facts import Link, LinkRank, RefundFact, RefundStatus, is_charge
from checkout_daemon.ledger.translate.stripe_objects import (
    ObjectSnapshot,
    Translation,
    UnreadableObject,
    amount,
    choice,
    currency,
    mark,
    payment_and_charge,
    stripe_id,
    unknown_values,
)


def translate(snapshot: ObjectSnapshot) -> Translation:
    """Translate a refund, from an event or an answer of the Stripe API.

    Its metadata may name the refund request of ours that made it.
    """
    refund = snapshot.object
    refund_id = stripe_id(refund, "id")
    if refund_id is None:
        raise UnreadableObject("refund.id is missing")
    payment_id, charge_id = payment_and_charge(refund)
    node = payment_id or charge_id
    if node is None:  # a refund of neither is not of a payment through Checkout
        return Translation()
    translation = Translation(subject_id=node)
    if payment_id is not None and charge_id is not None and is_charge(charge_id):
        translation.links.append(Link(charge_id, payment_id, LinkRank.STRIPE))
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
