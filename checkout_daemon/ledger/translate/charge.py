"""Translates charge.*: a second report of a payment, its card or account, and the total of its refunds."""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from checkout_daemon.ledger.charge_facts import ChargeStatus
from checkout_daemon.ledger.facts import Link, LinkRank, RefundHint
from checkout_daemon.ledger.translate import refund
from checkout_daemon.ledger.translate.charge_details import of_charge
from checkout_daemon.ledger.translate.stripe_objects import (
    ObjectSnapshot,
    Translation,
    amount,
    child,
    if_readable,
    observations,
    order_link,
    own_id,
    stripe_id,
)


def succeeded(snapshot: ObjectSnapshot) -> Translation:
    """Translate to an observation, unless the charge is only authorized."""
    translation = _described(snapshot, ChargeStatus.SUCCEEDED)
    if snapshot.object.get("captured") is False:  # authorized only: no money yet
        return translation
    # amount_captured is 0 in an event made before the capture was booked; only another amount is a contradiction.
    captured = ("amount_captured",) if amount(snapshot.object, "amount_captured") else ()
    translation.facts += observations(snapshot, translation.subject_id, ("amount", *captured))
    return translation


def failed(snapshot: ObjectSnapshot) -> Translation:
    """Translate to what was charged in vain: a failed charge moves no status."""
    return _described(snapshot, ChargeStatus.FAILED)


def refunded(snapshot: ObjectSnapshot) -> Translation:
    """Translate to a hint, and to the refunds that a charge lists: it did so until API version 2022-11-15."""
    translation = _described(snapshot, ChargeStatus.SUCCEEDED)
    charge_id = stripe_id(snapshot.object, "id")
    total = amount(snapshot.object, "amount_refunded")
    node, livemode = translation.subject_id, snapshot.livemode
    if charge_id is not None and node is not None and total is not None and livemode is not None:
        hint = RefundHint(charge_id, livemode, node, total, snapshot.observed_at, snapshot.event_id)
        translation.facts.append(hint)
    listed = (child(snapshot.object, "refunds") or {}).get("data")
    for listed_refund in listed if isinstance(listed, list) else []:
        if isinstance(listed_refund, dict):
            # A listed refund names its charge, but in older API versions not always its PaymentIntent.
            fields = {"payment_intent": snapshot.object.get("payment_intent"), "charge": charge_id, **listed_refund}
            # An unreadable refund is fetched later: without it the total of the hint differs.
            of_refund = if_readable(partial(refund.translate, replace(snapshot, object=fields))) or Translation()
            translation.add(of_refund)
    return translation


def fetched(snapshot: ObjectSnapshot) -> Translation:
    """Translate a charge that the Stripe API returned."""
    is_paid = snapshot.object.get("status") == "succeeded"
    translation = succeeded(snapshot) if is_paid else _described(snapshot, ChargeStatus.UNKNOWN)
    if (amount(snapshot.object, "amount_refunded") or 0) > 0:
        translation.facts += refunded(snapshot).facts
    return translation


def _described(snapshot: ObjectSnapshot, status: ChargeStatus) -> Translation:
    """Return the links of a charge, and its card or account. `status` counts if it states none."""
    charge_id = own_id(snapshot.object, "charge")
    payment_id = stripe_id(snapshot.object, "payment_intent")
    node = payment_id or charge_id
    translation = Translation(subject_id=node, links=order_link(snapshot.object, node))
    if payment_id is not None:
        translation.links.append(Link(charge_id, payment_id, LinkRank.STRIPE))
    translation.facts += of_charge(snapshot, node, charge_id, status)
    return translation
