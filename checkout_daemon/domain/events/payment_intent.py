"""payment_intent.*: only a succeeded one is money; the others move no status, and a canceled one will bring none."""

from __future__ import annotations

from checkout_daemon.domain.events import charge
from checkout_daemon.domain.events.reading import (
    Told,
    Translation,
    UnreadableObject,
    child,
    if_readable,
    observations,
    order_link,
    stripe_id,
)
from checkout_daemon.domain.facts import CanceledPayment, Link, LinkRank, is_charge


def succeeded(told: Told) -> Translation:
    translation = seen(told)
    # Both are told: where they differ, the payment is not what was agreed.
    translation.facts += observations(told, translation.subject_id, ("amount", "amount_received"))
    return translation


def canceled(told: Told) -> Translation:
    """Note that no money will come of it: its session may look as if some were on its way."""
    translation = seen(told)
    if translation.subject_id is not None:
        translation.facts.append(CanceledPayment(translation.subject_id, told.observed_at))
    return translation


def seen(told: Told) -> Translation:
    """Whose it is, and nothing of its state: a declined card leaves its session open."""
    payment_id = stripe_id(told.object, "id")
    if payment_id is None:
        raise UnreadableObject("payment_intent.id is missing")
    translation = Translation(subject_id=payment_id, links=order_link(told.object, payment_id))
    charge_id = if_readable(lambda: stripe_id(told.object, "latest_charge"))
    if charge_id is not None and is_charge(charge_id):
        translation.links.append(Link(charge_id, payment_id, LinkRank.STRIPE))
    return translation


def fetched(told: Told) -> Translation:
    """Translate a PaymentIntent as Stripe's API answered it, with its latest charge where that is expanded."""
    translation = {"succeeded": succeeded, "canceled": canceled}.get(str(told.object.get("status")), seen)(told)
    if (latest := child(told.object, "latest_charge")) is not None:
        of_charge = charge.fetched(Told(latest, told.observed_at, told.event_id, told.modes))
        translation.links += of_charge.links
        translation.facts += of_charge.facts
    return translation
