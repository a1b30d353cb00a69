"""Disputes."""

from __future__ import annotations

from collections.abc import Mapping

from checkout_daemon.sandbox.box import Box, Operation, TimerHandler, on_object
from checkout_daemon.sandbox.errors import missing_object
from checkout_daemon.sandbox.objects.paging import list_page, related
from checkout_daemon.sandbox.parameters.specs import (
    EXPAND,
    PAGING,
    Flag,
    ListOf,
    Map,
    Metadata,
    Params,
    Range,
    Refused,
    Text,
    merge_metadata,
)
from checkout_daemon.sandbox.payments import disputing
from checkout_daemon.sandbox.payments.evidence import EVIDENCE
from checkout_daemon.sandbox.storage import Body, Stored


def retrieve(box: Box, _: Params, object_id: str) -> Body:
    return _get(box, object_id).body


def update(box: Box, params: Params, object_id: str) -> Body:
    record = _get(box, object_id)
    metadata = merge_metadata(record.body["metadata"], params.get("metadata"))
    disputing.answer_dispute(box, record, params.get("evidence") or {}, submit=params.get("submit"), metadata=metadata)
    return record.body


def close(box: Box, _: Params, object_id: str) -> Body:
    record = _get(box, object_id)
    disputing.close_dispute(box, record)
    return record.body


def list_all(box: Box, params: Params, _: str) -> Body:
    return list_page(box, "dispute", "/v1/disputes", params, related(params, charge="parent", payment_intent="intent"))


def open_by_hand(box: Box, params: Params, object_id: str) -> Body:
    """A dispute of any payment at any time. Stripe has no such request: there only certain test cards dispute."""
    charge = box.get(object_id, "charge")
    return disputing.open_dispute(box, charge, params.get("reason") or "fraudulent").body


def _get(box: Box, object_id: str) -> Stored:
    record = box.storage.find(object_id, "dispute")
    if record is None:
        raise missing_object("dispute", object_id, "dispute", in_path=True)
    return record


_NO_NETWORK_RULES = "The offline sandbox does not know the card networks' own rules for evidence."
_EVIDENCE = Map(
    {
        **{name: Text(maximum=20_000) for name in EVIDENCE},
        "appeal": Map({"card": Map({"reason_for_filing": Text(), "supporting_files": ListOf(Text())})}),
        "enhanced_evidence": Refused(_NO_NETWORK_RULES),
    }
)
OPERATIONS = (
    Operation("GET", "/v1/disputes/{id}", retrieve, EXPAND),
    Operation(
        "POST",
        "/v1/disputes/{id}",
        update,
        {
            **EXPAND,
            "evidence": _EVIDENCE,
            "intended_submission_method": Refused(_NO_NETWORK_RULES),
            "metadata": Metadata(),
            "submit": Flag(),
        },
    ),
    Operation("POST", "/v1/disputes/{id}/close", close, EXPAND),
    Operation(
        "POST",
        "/v1/test_helpers/charges/{id}/dispute",
        open_by_hand,
        {**EXPAND, "reason": Text(choices=disputing.KINDS)},
    ),
    Operation(
        "GET",
        "/v1/disputes",
        list_all,
        {**PAGING, "charge": Text(), "created": Range(), "payment_intent": Text()},
    ),
)

TIMERS: Mapping[str, TimerHandler] = {
    "dispute": on_object("charge", "charge", disputing.open_planned_dispute, "reason"),
    "dispute_decided": on_object("dispute", "dispute", disputing.decide_dispute, "text"),
    "dispute_due": on_object("dispute", "dispute", disputing.miss_deadline, "due_by"),
    "inquiry_over": on_object("dispute", "dispute", disputing.close_inquiry),
}
