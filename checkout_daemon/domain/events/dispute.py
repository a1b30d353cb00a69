"""charge.dispute.*: a dispute, the one Stripe object whose state moves back (lost, appealed, won)."""

from __future__ import annotations

from datetime import datetime

from checkout_daemon.domain.events.reading import (
    ObjectSnapshot,
    Translation,
    UnreadableObject,
    amount,
    child,
    choice,
    currency,
    if_readable,
    moment,
    payment_and_charge,
    stripe_id,
    text,
)
from checkout_daemon.domain.facts import DisputeFact, DisputeStatus, Link, LinkRank, is_charge


def funds_withdrawn(snapshot: ObjectSnapshot) -> Translation:
    return _translate(snapshot, withdrawn_at=snapshot.observed_at)


def funds_reinstated(snapshot: ObjectSnapshot) -> Translation:
    return _translate(snapshot, reinstated_at=snapshot.observed_at)


def translate(snapshot: ObjectSnapshot) -> Translation:
    return _translate(snapshot)


def _translate(
    snapshot: ObjectSnapshot, withdrawn_at: datetime | None = None, reinstated_at: datetime | None = None
) -> Translation:
    dispute = snapshot.object
    dispute_id = stripe_id(dispute, "id")
    if dispute_id is None:
        raise UnreadableObject("dispute.id is missing")
    payment_id, charge_id = payment_and_charge(dispute)
    node = payment_id or charge_id
    if node is None:
        return Translation()
    translation = Translation(subject_id=node)
    if payment_id is not None and charge_id is not None and is_charge(charge_id):
        translation.links.append(Link(charge_id, payment_id, LinkRank.STRIPE))
    status, unknown = choice(dispute, "status", DisputeStatus)
    if status is None and unknown is None:
        unknown = "status=null"
    taken, given = _booked(snapshot)
    if snapshot.livemode is not None:
        translation.facts.append(
            DisputeFact(
                dispute_id,
                snapshot.livemode,
                node,
                status or DisputeStatus.UNKNOWN,
                due_by=moment(child(dispute, "evidence_details") or {}, "due_by"),
                amount=if_readable(lambda: amount(dispute, "amount")),
                currency=if_readable(lambda: currency(dispute)),
                reason=text(dispute, "reason"),
                observed_at=snapshot.observed_at,
                event_id=snapshot.event_id,
                unknown=unknown,
                withdrawn_at=withdrawn_at or taken,
                reinstated_at=reinstated_at or given,
            )
        )
    return translation


def _booked(snapshot: ObjectSnapshot) -> tuple[datetime | None, datetime | None]:
    """Return when the dispute's money was last taken and given back, by its balance transactions if it has any."""
    booked: dict[bool, datetime] = {}
    listed = snapshot.object.get("balance_transactions")
    for each in listed if isinstance(listed, list) else []:
        net = each.get("amount") if isinstance(each, dict) else None
        if isinstance(net, int) and net:
            at = moment(each, "created") or snapshot.observed_at
            booked[net < 0] = max(booked.get(net < 0, at), at)
    return booked.get(True), booked.get(False)
