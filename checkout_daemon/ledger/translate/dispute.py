"""Translates charge.dispute.*: a dispute is the one Stripe object whose state can move back (lost, appealed, won)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from checkout_daemon.ledger.facts import DisputeFact, DisputeStatus
from checkout_daemon.ledger.translate.stripe_objects import (
    ObjectSnapshot,
    Translation,
    amount,
    child,
    choice,
    currency,
    if_readable,
    moment,
    of_payment,
    own_id,
    text,
)

_MOST_SUBMISSIONS = 1_000_000  # more is no count


def funds_withdrawn(snapshot: ObjectSnapshot) -> Translation:
    """Translate a dispute whose money was taken at the time of the event."""
    return translate(snapshot, withdrawn_at=snapshot.observed_at)


def funds_reinstated(snapshot: ObjectSnapshot) -> Translation:
    """Translate a dispute whose money came back at the time of the event."""
    return translate(snapshot, reinstated_at=snapshot.observed_at)


def translate(
    snapshot: ObjectSnapshot, withdrawn_at: datetime | None = None, reinstated_at: datetime | None = None
) -> Translation:
    """Translate a dispute, from an event or an answer of the Stripe API."""
    dispute = snapshot.object
    dispute_id = own_id(dispute, "dispute")
    translation = of_payment(dispute)
    if translation.subject_id is None:
        return translation
    status, unknown = choice(dispute, "status", DisputeStatus)
    if status is None and unknown is None:
        unknown = "status=null"
    withdrawn, reinstated = _booked(snapshot)
    details = child(dispute, "evidence_details") or {}
    card = child(child(dispute, "payment_method_details") or {}, "card") or {}
    if snapshot.livemode is not None:
        translation.facts.append(
            DisputeFact(
                dispute_id,
                snapshot.livemode,
                translation.subject_id,
                status or DisputeStatus.UNKNOWN,
                due_by=moment(details, "due_by"),
                amount=if_readable(lambda: amount(dispute, "amount")),
                currency=if_readable(lambda: currency(dispute)),
                reason=text(dispute, "reason"),
                observed_at=snapshot.observed_at,
                event_id=snapshot.event_id,
                unknown=unknown,
                withdrawn_at=withdrawn_at or withdrawn,
                reinstated_at=reinstated_at or reinstated,
                network_reason=text(card, "network_reason_code"),
                has_evidence=_flag(details, "has_evidence"),
                submission_count=_count(details, "submission_count"),
                past_due=_flag(details, "past_due"),
            )
        )
    return translation


def _flag(details: dict[str, Any], name: str) -> bool | None:
    value = details.get(name)
    return value if isinstance(value, bool) else None


def _count(details: dict[str, Any], name: str) -> int | None:
    value = details.get(name)
    return value if isinstance(value, int) and 0 <= value < _MOST_SUBMISSIONS and not isinstance(value, bool) else None


def _booked(snapshot: ObjectSnapshot) -> tuple[datetime | None, datetime | None]:
    """Return when the money was last withdrawn and last reinstated, according to the balance transactions."""
    booked: dict[bool, datetime] = {}
    listed = snapshot.object.get("balance_transactions")
    for transaction in listed if isinstance(listed, list) else []:
        net = transaction.get("amount") if isinstance(transaction, dict) else None
        if isinstance(net, int) and net:
            at = moment(transaction, "created") or snapshot.observed_at
            booked[net < 0] = max(booked.get(net < 0, at), at)
    return booked.get(True), booked.get(False)
