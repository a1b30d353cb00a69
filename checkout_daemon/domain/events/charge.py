"""charge.*: a second witness of a payment, and what it says of its refunds."""

from __future__ import annotations

from functools import partial

from checkout_daemon.domain.events import refund
from checkout_daemon.domain.events.reading import (
    ObjectSnapshot,
    Translation,
    UnreadableObject,
    amount,
    child,
    if_readable,
    observations,
    order_link,
    stripe_id,
)
from checkout_daemon.domain.facts import Link, LinkRank, RefundHint


def succeeded(snapshot: ObjectSnapshot) -> Translation:
    translation = links_only(snapshot)
    if snapshot.object.get("captured") is False:  # authorized only: no money yet
        return translation
    # amount_captured is 0 in an event made before the capture was booked; only another, real capture contradicts.
    captured = ("amount_captured",) if amount(snapshot.object, "amount_captured") else ()
    translation.facts += observations(snapshot, translation.subject_id, ("amount", *captured))
    return translation


def links_only(snapshot: ObjectSnapshot) -> Translation:
    """Whose it is; a failed charge moves no status."""
    charge_id = stripe_id(snapshot.object, "id")
    if charge_id is None:
        raise UnreadableObject("charge.id is missing")
    payment_id = stripe_id(snapshot.object, "payment_intent")
    node = payment_id or charge_id
    translation = Translation(subject_id=node, links=order_link(snapshot.object, node))
    if payment_id is not None:
        translation.links.append(Link(charge_id, payment_id, LinkRank.STRIPE))
    return translation


def refunded(snapshot: ObjectSnapshot) -> Translation:
    """Translate to a hint, and to the refunds themselves, which charges listed until API version 2022-11-15."""
    translation = links_only(snapshot)
    charge_id = stripe_id(snapshot.object, "id")
    total = amount(snapshot.object, "amount_refunded")
    if (
        charge_id is not None
        and translation.subject_id is not None
        and total is not None
        and snapshot.livemode is not None
    ):
        translation.facts.append(
            RefundHint(
                charge_id, snapshot.livemode, translation.subject_id, total, snapshot.observed_at, snapshot.event_id
            )
        )
    listed = (child(snapshot.object, "refunds") or {}).get("data")
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, dict):
            # A listed refund names its charge, but in the older versions not always its PaymentIntent.
            named = {"payment_intent": snapshot.object.get("payment_intent"), "charge": charge_id, **each}
            listed_refund = ObjectSnapshot(named, snapshot.observed_at, snapshot.event_id, snapshot.modes)
            # One that cannot be read is asked for: the hint's total differs without it.
            of_refund = if_readable(partial(refund.translate, listed_refund)) or Translation()
            translation.links += of_refund.links
            translation.facts += of_refund.facts
    return translation


def fetched(snapshot: ObjectSnapshot) -> Translation:
    """A charge as Stripe's API answered it."""
    translation = succeeded(snapshot) if snapshot.object.get("status") == "succeeded" else links_only(snapshot)
    if (amount(snapshot.object, "amount_refunded") or 0) > 0:
        translation.facts += refunded(snapshot).facts
    return translation
