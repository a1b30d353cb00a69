"""Reads with what a payment was attempted and why it was declined, from charges and from a PaymentIntent's last error.

Nothing rests on these fields: what is not as Stripe documents it counts as absent.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from checkout_daemon.ledger.charge_facts import ChargeFact, ChargeStatus, DeclineReport, DeclineSource, RiskReport
from checkout_daemon.ledger.translate.stripe_objects import (
    Object,
    ObjectSnapshot,
    Translation,
    charge_link,
    child,
    if_readable,
    moment,
    stripe_id,
    text,
)

_WORD = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_LAST4 = re.compile(r"[A-Za-z0-9]{2,4}")
_LONGEST_MESSAGE = 500
_MOST_RISK = 100


def of_charge(snapshot: ObjectSnapshot, payment_id: str, charge_id: str, status: ChargeStatus) -> list[ChargeFact]:
    """Return the fact that a charge reports, or none if its livemode is contradictory.

    `status` is what follows from the event; a charge that states a status known to this version has that one.
    """
    if snapshot.livemode is None:
        return []
    charge = snapshot.object
    created_at = moment(charge, "created") or snapshot.observed_at
    stated = charge.get("status")
    outcome = child(charge, "outcome") or {}
    details = child(charge, "payment_method_details") or {}
    decline = risk = None
    message = _message(charge, "failure_message")
    if outcome.get("type") == "issuer_declined" and (code := _word(outcome, "reason")) is not None:
        decline = DeclineReport(DeclineSource.OUTCOME, created_at, code, message)
    elif (code := _word(charge, "failure_code")) is not None:
        decline = DeclineReport(DeclineSource.FAILURE_CODE, created_at, code, message)
    if (level := _word(outcome, "risk_level")) is not None:
        risk = RiskReport(snapshot.observed_at, level, _score(outcome))
    return [
        ChargeFact(
            payment_id,
            charge_id,
            snapshot.livemode,
            created_at,
            ChargeStatus(stated) if stated in ("succeeded", "pending", "failed") else status,
            **_of_method(details),
            decline=decline,
            risk=risk,
        )
    ]


def of_last_error(snapshot: ObjectSnapshot, payment_id: str) -> Translation:
    """Return the failed attempt that a PaymentIntent reports as its last error, if it reports one."""
    translation = Translation()
    error = child(snapshot.object, "last_payment_error")
    if error is None or snapshot.livemode is None:
        return translation
    method = child(error, "payment_method") or {}
    charge_id = if_readable(lambda: stripe_id(error, "charge"))
    translation.links += charge_link(charge_id, payment_id)
    decline = None
    for source, name in ((DeclineSource.DECLINE_CODE, "decline_code"), (DeclineSource.ERROR_CODE, "code")):
        if decline is None and (code := _word(error, name)) is not None:
            decline = DeclineReport(source, snapshot.observed_at, code, _message(error, "message"))
    translation.facts.append(
        ChargeFact(
            payment_id,
            charge_id or if_readable(lambda: stripe_id(method, "id")) or payment_id,
            snapshot.livemode,
            snapshot.observed_at,
            ChargeStatus.FAILED,
            **_of_method(method),
            decline=decline,
        )
    )
    return translation


def _of_method(method: Object) -> dict[str, Any]:
    """Return what describes a payment method, or the details that a charge repeats of it."""
    kind = _word(method, "type")
    details = child(method, kind) or {} if kind is not None else {}
    last4 = text(details, "last4") or text(details, "iban_last4")
    return {
        "method": kind,
        "brand": _word(details, "brand"),
        "last4": last4 if last4 is not None and _LAST4.fullmatch(last4) else None,
        "funding": _word(details, "funding"),
        "country": _word(details, "country"),
        "wallet": _word(child(details, "wallet") or {}, "type"),
        "network": _word(details, "network"),
    }


def _word(fields: Object, name: str) -> str | None:
    value = fields.get(name)
    return value if isinstance(value, str) and _is_word(value) else None


@lru_cache(512)  # brands, countries and codes repeat
def _is_word(value: str) -> bool:
    return _WORD.fullmatch(value) is not None


def _score(outcome: Object) -> int:
    value = outcome.get("risk_score")
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_RISK else -1


def _message(fields: Object, name: str) -> str:
    return (text(fields, name) or "")[:_LONGEST_MESSAGE]
