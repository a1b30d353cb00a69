"""Disputes."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box, Timers, on_object
from checkout_daemon.sandbox.objects.operations import acting, listing, operation, retrieving
from checkout_daemon.sandbox.parameters.specs import EXPAND, Fields, Params, Text, merge_metadata
from checkout_daemon.sandbox.parameters.stripe_fields import Rules
from checkout_daemon.sandbox.payments import disputing
from checkout_daemon.sandbox.payments.evidence import EVIDENCE, most_characters
from checkout_daemon.sandbox.storage import Body, Stored


def _update(box: Box, dispute: Stored, params: Params) -> None:
    metadata = merge_metadata(dispute.body["metadata"], params.get("metadata"))
    disputing.answer_dispute(box, dispute, params.get("evidence") or {}, submit=params.get("submit"), metadata=metadata)


def _close(box: Box, dispute: Stored, _: Params) -> None:
    """Accept the dispute: the money is gone."""
    disputing.end_dispute(box, dispute, won=False)


def _open_by_hand(box: Box, params: Params, object_id: str) -> Body:
    """Dispute any payment at any time. Stripe has no such request: there only certain test cards are disputed."""
    charge = box.get(object_id, "charge")
    return disputing.open_dispute(box, charge, params.get("reason") or "fraudulent").body


_PATH = "/v1/disputes"
_NO_NETWORK_RULES = "The offline sandbox does not know the card networks' own rules for evidence."
_UPDATE = Rules(
    refuse={_NO_NETWORK_RULES: "enhanced_evidence intended_submission_method"},
    most={f"evidence[{name}]": most_characters(name) for name in EVIDENCE},
)
_BY_HAND: Fields = {**EXPAND, "reason": Text(choices=disputing.KINDS)}
OPERATIONS = (
    retrieving(_PATH, "dispute"),
    acting(f"POST {_PATH}/{{id}}", "dispute", _update, _UPDATE),
    acting(f"POST {_PATH}/{{id}}/close", "dispute", _close),
    operation("POST /v1/test_helpers/charges/{id}/dispute", _open_by_hand, Rules(own=_BY_HAND)),
    listing(_PATH, "dispute", columns={"charge": "parent", "payment_intent": "intent"}),
)
TIMERS: Timers = {
    "dispute": on_object("charge", "charge", disputing.open_planned_dispute, "reason"),
    "dispute_decided": on_object("dispute", "dispute", disputing.decide_dispute, "text"),
    "dispute_due": on_object("dispute", "dispute", disputing.miss_deadline, "due_by"),
    "inquiry_over": on_object("dispute", "dispute", disputing.close_inquiry),
}
