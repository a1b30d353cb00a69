"""charge.dispute.*: a dispute, the one Stripe object whose state moves back (lost, appealed, won)."""

from __future__ import annotations

from checkout_daemon.domain.events.reading import (
    Told,
    Translation,
    UnreadableObject,
    amount,
    child,
    choice,
    currency,
    moment,
    stripe_id,
    text,
)
from checkout_daemon.domain.facts import DisputeFact, DisputeStatus, Link, LinkRank, is_charge


def told_of(told: Told) -> Translation:
    dispute = told.object
    dispute_id = stripe_id(dispute, "id")
    if dispute_id is None:
        raise UnreadableObject("dispute.id is missing")
    payment_id, charge_id = stripe_id(dispute, "payment_intent"), stripe_id(dispute, "charge")
    node = payment_id or charge_id
    if node is None:
        return Translation()
    translation = Translation(subject_id=node)
    if payment_id is not None and charge_id is not None and is_charge(charge_id):
        translation.links.append(Link(charge_id, payment_id, LinkRank.STRIPE))
    status = choice(dispute, "status", DisputeStatus)
    if status is None:
        raise UnreadableObject("dispute has no status")
    if told.livemode is not None:
        translation.facts.append(
            DisputeFact(
                dispute_id,
                told.livemode,
                node,
                status,
                due_by=moment(child(dispute, "evidence_details") or {}, "due_by"),
                amount=amount(dispute, "amount"),
                currency=currency(dispute),
                reason=text(dispute, "reason"),
                observed_at=told.observed_at,
                event_id=told.event_id,
            )
        )
    return translation
