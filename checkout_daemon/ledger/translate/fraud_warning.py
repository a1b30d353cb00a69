"""Translates radar.early_fraud_warning.*: the issuer of a card reports a payment as fraudulent."""

from __future__ import annotations

from checkout_daemon.ledger.fraud_facts import FraudWarning
from checkout_daemon.ledger.translate.stripe_objects import (
    ObjectSnapshot,
    Translation,
    moment,
    of_payment,
    own_id,
    text,
)


def translate(snapshot: ObjectSnapshot) -> Translation:
    """Translate a warning. One that does not say whether something can be done counts as if something could."""
    warning = snapshot.object
    warning_id = own_id(warning, "radar.early_fraud_warning")
    translation = of_payment(warning)
    if translation.subject_id is not None and snapshot.livemode is not None:
        translation.facts.append(
            FraudWarning(
                warning_id,
                snapshot.livemode,
                translation.subject_id,
                fraud_type=text(warning, "fraud_type"),
                actionable=warning.get("actionable") is not False,
                warned_at=moment(warning, "created"),
                observed_at=snapshot.observed_at,
                event_id=snapshot.event_id,
            )
        )
    return translation
