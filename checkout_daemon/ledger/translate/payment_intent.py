"""Translates payment_intent.*: a succeeded one is money, a canceled one will bring none, the others move no status."""

from __future__ import annotations

from dataclasses import replace

from checkout_daemon.ledger.facts import CanceledPayment, Link, LinkRank, is_charge
from checkout_daemon.ledger.translate import charge
from checkout_daemon.ledger.translate.stripe_objects import (
    ObjectSnapshot,
    Translation,
    UnreadableObject,
    child,
    if_readable,
    observations,
    order_link,
    stripe_id,
)


def succeeded(snapshot: ObjectSnapshot) -> Translation:
    """Translate to an observation of each amount that it reports."""
    translation = links_only(snapshot)
    # If the two amounts differ, the payment is not what was agreed.
    translation.facts += observations(snapshot, translation.subject_id, ("amount", "amount_received"))
    return translation


def canceled(snapshot: ObjectSnapshot) -> Translation:
    """Translate to the fact that no money will come of it, although its session may look as if some would."""
    translation = links_only(snapshot)
    if translation.subject_id is not None:
        translation.facts.append(CanceledPayment(translation.subject_id, snapshot.observed_at))
    return translation


def links_only(snapshot: ObjectSnapshot) -> Translation:
    """Translate to the links alone: a declined card leaves its session open."""
    payment_id = stripe_id(snapshot.object, "id")
    if payment_id is None:
        raise UnreadableObject("payment_intent.id is missing")
    translation = Translation(subject_id=payment_id, links=order_link(snapshot.object, payment_id))
    charge_id = if_readable(lambda: stripe_id(snapshot.object, "latest_charge"))
    if charge_id is not None and is_charge(charge_id):
        translation.links.append(Link(charge_id, payment_id, LinkRank.STRIPE))
    return translation


def fetched(snapshot: ObjectSnapshot) -> Translation:
    """Translate a PaymentIntent that the Stripe API returned, with its latest charge if that is expanded."""
    by_status = {"succeeded": succeeded, "canceled": canceled}
    translation = by_status.get(str(snapshot.object.get("status")), links_only)(snapshot)
    if (latest := child(snapshot.object, "latest_charge")) is not None:
        of_charge = charge.fetched(replace(snapshot, object=latest))
        translation.links += of_charge.links
        translation.facts += of_charge.facts
    return translation
