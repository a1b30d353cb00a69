"""Translates payment_intent.*: a succeeded one is money, a canceled one will bring none, the others move no status."""

from __future__ import annotations

from msgspec.structs import replace

from checkout_daemon.ledger.facts import CanceledPayment
from checkout_daemon.ledger.translate import charge
from checkout_daemon.ledger.translate.charge_details import of_last_error
from checkout_daemon.ledger.translate.stripe_objects import (
    ObjectSnapshot,
    Translation,
    charge_link,
    child,
    if_readable,
    observations,
    order_link,
    own_id,
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
    translation = failed(snapshot)
    if translation.subject_id is not None:
        translation.facts.append(CanceledPayment(translation.subject_id, snapshot.observed_at))
    return translation


def failed(snapshot: ObjectSnapshot) -> Translation:
    """Translate to the attempt that failed, if there was one: a declined card leaves its session open."""
    translation = links_only(snapshot)
    if translation.subject_id is not None:
        attempt = of_last_error(snapshot, translation.subject_id)
        translation.links += [link for link in attempt.links if link not in translation.links]
        translation.facts += attempt.facts
    return translation


def links_only(snapshot: ObjectSnapshot) -> Translation:
    """Translate to the links alone."""
    payment_id = own_id(snapshot.object, "payment_intent")
    charge_id = if_readable(lambda: stripe_id(snapshot.object, "latest_charge"))
    return Translation(payment_id, order_link(snapshot.object, payment_id) + charge_link(charge_id, payment_id))


def fetched(snapshot: ObjectSnapshot) -> Translation:
    """Translate a PaymentIntent that the Stripe API returned, with its latest charge if that is expanded."""
    by_status = {"succeeded": succeeded, "canceled": canceled}
    translation = by_status.get(str(snapshot.object.get("status")), failed)(snapshot)
    if (latest := child(snapshot.object, "latest_charge")) is not None:
        translation.add(charge.fetched(replace(snapshot, object=latest)))
    return translation
