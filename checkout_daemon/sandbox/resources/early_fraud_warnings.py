"""Early fraud warnings."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box, Timers, on_object
from checkout_daemon.sandbox.objects.operations import listing, operation, retrieving
from checkout_daemon.sandbox.parameters.specs import EXPAND, Fields, Params, Text
from checkout_daemon.sandbox.parameters.stripe_fields import Rules
from checkout_daemon.sandbox.payments import fraud_warnings
from checkout_daemon.sandbox.storage import Body


def _warn_by_hand(box: Box, params: Params, object_id: str) -> Body:
    """Warn about any payment at any time. Stripe has no such request: there only a test card leads to a warning."""
    charge = box.get(object_id, "charge")
    return fraud_warnings.open_warning(box, charge, params.get("fraud_type") or "misc").body


_PATH = "/v1/radar/early_fraud_warnings"
_BY_HAND: Fields = {**EXPAND, "fraud_type": Text(choices=fraud_warnings.FRAUD_TYPES)}
OPERATIONS = (
    retrieving(_PATH, fraud_warnings.KIND),
    listing(_PATH, fraud_warnings.KIND, columns={"charge": "parent", "payment_intent": "intent"}),
    operation("POST /v1/test_helpers/charges/{id}/early_fraud_warning", _warn_by_hand, Rules(own=_BY_HAND)),
)
TIMERS: Timers = {"fraud_warning": on_object("charge", "charge", fraud_warnings.open_planned_warning, "fraud_type")}
FOLLOWERS = dict.fromkeys(("charge.dispute.created", "charge.refunded"), fraud_warnings.follow_charge)
