"""Build the detail view of one object, with its parts and the actions that are possible now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from checkout_daemon.sandbox.amounts import decimals, money_text
from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.dashboard import states
from checkout_daemon.sandbox.dashboard.delivery_views import deliveries_about, delivery_of, request_of
from checkout_daemon.sandbox.dashboard.lists import reference, rows_about, subject
from checkout_daemon.sandbox.dashboard.states import DISPUTE_KINDS
from checkout_daemon.sandbox.dashboard.views import Badge, Button, ButtonInput, Detail, ObjectView, filled
from checkout_daemon.sandbox.storage import Stored

_ANSWERABLE = ("needs_response", "warning_needs_response", "appeal_needs_response")
_OPEN_DISPUTE = (*_ANSWERABLE, "under_review", "warning_under_review", "appeal_under_review")


def _session(box: Box, object_id: str) -> ObjectView | None:
    record = box.storage.find(object_id, "checkout.session")
    if record is None:
        return None
    body = record.body
    intent = box.storage.find(body["payment_intent"] or "", "payment_intent")
    items = [item.body for item in box.storage.children(object_id, "item")]
    facts = [
        Detail("ID", object_id, "id"),
        Detail("For", reference(body)),
        Detail("Created", str(body["created"]), "time"),
    ]
    if body["status"] == "open":
        facts.append(Detail("Expires", str(body["expires_at"]), "time"))
    for item in items:
        amount = money_text(item["amount_total"], item["currency"])
        facts.append(Detail(f"{item['quantity']} × {item['description'] or 'item'}", amount))
    facts += [Detail(name, str(value)) for name, value in (body.get("metadata") or {}).items()]
    actions = []
    if body["status"] == "open":
        actions.append(Button("open", "Open the payment page", href=f"/c/pay/{object_id}"))
        actions.append(Button("expire_session", "Expire", {"id": object_id}))
    return ObjectView(
        object_id,
        "Checkout session",
        money_text(body["amount_total"] or 0, body["currency"] or "usd"),
        (states.session_state(body, intent.body if intent else None),),
        filled(*facts),
        tuple(actions),
        body,
        parts=(_payment_of(box, intent, brief=True),) if intent else (),
        rows=rows_about(box, object_id),
    )


def _payment(box: Box, object_id: str) -> ObjectView | None:
    record = box.storage.find(object_id, "payment_intent")
    return None if record is None else _payment_of(box, record)


def _payment_of(box: Box, intent: Stored, *, brief: bool = False) -> ObjectView:
    body = intent.body
    charges = box.storage.select("charge", conditions=[("intent = ?", intent.id)])
    latest = next((charge.body for charge in charges if charge.id == body["latest_charge"]), None)
    session = intent.private.get("session")
    error = body.get("last_payment_error") or {}
    facts = [
        Detail("ID", intent.id, "id", f"payments/{intent.id}" if brief else None),
        Detail("Session", session or "", "id", None if brief else f"sessions/{session}"),
        Detail("Paid with", states.method_text(latest)),
        Detail("Description", body.get("description") or ""),
        Detail("Customer", body.get("customer") or "", "id"),
        Detail("Created", "" if brief else str(body["created"]), "time"),
        Detail("Refused because", str(error.get("message", ""))),
    ]
    if not brief:
        facts += [Detail(name, str(value)) for name, value in (body.get("metadata") or {}).items()]
    actions = []
    if body["status"] == "processing":
        actions.append(Button("settle", "Make the debit succeed", {"id": intent.id, "outcome": "succeed"}))
        actions.append(Button("settle", "Make the debit fail", {"id": intent.id, "outcome": "fail"}))
    if body["status"] == "requires_action":
        actions.append(Button("open", "Open 3-D Secure", href=f"/c/authenticate/{intent.id}"))
    return ObjectView(
        intent.id,
        "Payment",
        money_text(body["amount"], body["currency"]),
        (states.intent_state(body), *states.money_back(latest or {})),
        filled(*facts),
        tuple(actions),
        None if brief else body,
        parts=tuple(_charge(box, charge) for charge in charges),
        rows=() if brief else rows_about(box, intent.id),
    )


def _charge(box: Box, charge: Stored) -> ObjectView:
    body = charge.body
    disputes = box.storage.children(charge.id, "dispute")
    refunds = box.storage.children(charge.id, "refund")
    facts = (
        Detail("Paid with", states.method_text(body)),
        Detail("Created", str(body["created"]), "time"),
        Detail("Refunded", money_text(body["amount_refunded"], body["currency"]) if body["amount_refunded"] else ""),
        Detail("Refused because", body.get("failure_message") or ""),
    )
    parts = (*(_refund(refund.body) for refund in refunds), *(_dispute(dispute) for dispute in disputes))
    actions = _charge_actions(body, [dispute.body for dispute in disputes])
    return _money_view(body, "Charge", states.charge_states(body), facts, actions, parts)


def _money_view(
    body: dict[str, Any],
    kind: str,
    badges: tuple[Badge, ...],
    facts: tuple[Detail, ...],
    actions: Iterable[Button],
    parts: tuple[ObjectView, ...] = (),
) -> ObjectView:
    title = money_text(body["amount"], body["currency"])
    shown = filled(Detail("ID", body["id"], "id"), *facts)
    return ObjectView(body["id"], kind, title, badges, shown, tuple(actions), body, parts=parts)


def _charge_actions(body: dict[str, Any], disputes: list[dict[str, Any]]) -> tuple[Button, ...]:
    if body["status"] != "succeeded" or not body["captured"]:
        return ()
    actions = []
    left = body["amount_captured"] - body["amount_refunded"]
    if left > 0 and all(dispute["is_charge_refundable"] for dispute in disputes):
        places = decimals(body["currency"])
        most = f"{left / 10**places:.{places}f}"
        hint = f"up to {money_text(left, body['currency'])}"
        amount = ButtonInput("amount", f"Amount in {body['currency'].upper()}", most, hint)
        actions.append(Button("refund", "Refund", {"id": body["id"]}, (amount,)))
    if all(dispute["status"] == "warning_closed" for dispute in disputes):
        for kind in DISPUTE_KINDS:
            label = "Open an inquiry" if kind == "inquiry" else f"Dispute: {states.readable(kind).lower()}"
            actions.append(Button("dispute", label, {"id": body["id"], "kind": kind}))
    return tuple(actions)


def _refund(body: dict[str, Any]) -> ObjectView:
    facts = (
        Detail("Created", str(body["created"]), "time"),
        Detail("Reason", states.readable(body.get("reason") or "")),
        Detail("Failed because", states.readable(body.get("failure_reason") or "")),
    )
    failing = (Button("fail_refund", "Make the refund fail", {"id": body["id"]}),)
    actions = failing if body["status"] in ("succeeded", "pending", "requires_action") else ()
    return _money_view(body, "Refund", (states.other_state(body["status"]),), facts, actions)


def _dispute(dispute: Stored) -> ObjectView:
    body = dispute.body
    inquiry = body["status"].startswith("warning_")
    due = body["evidence_details"]["due_by"]
    facts = (
        Detail("Reason", states.readable(body["reason"])),
        Detail("Answer until", str(due) if due and body["status"] in _ANSWERABLE else "", "time"),
        Detail("Evidence", body["evidence"].get("uncategorized_text") or ""),
    )
    given = {"id": body["id"]}
    actions = []
    if body["status"] in _ANSWERABLE:
        evidence = ButtonInput("evidence", "Evidence", "The customer has signed for the parcel.")
        actions.append(Button("answer_dispute", "Submit evidence", given, (evidence,)))
    if body["status"] in _OPEN_DISPUTE:
        if inquiry:
            actions.append(Button("end_dispute", "Close the inquiry", {**given, "outcome": "won"}))
            actions.append(Button("escalate", "Escalate to a dispute", given))
        else:
            actions.append(Button("end_dispute", "Win", {**given, "outcome": "won"}))
            actions.append(Button("end_dispute", "Lose", {**given, "outcome": "lost"}))
    appealable = body["payment_method_details"] is not None and not dispute.private.get("appealed")
    if body["status"] == "lost" and appealable:
        actions.append(Button("appeal", "Appeal", given))
    return _money_view(body, "Inquiry" if inquiry else "Dispute", (states.dispute_state(body),), facts, actions)


def _event(box: Box, object_id: str) -> ObjectView | None:
    record = box.storage.find(object_id, "event")
    if record is None:
        return None
    body = record.body
    sent = deliveries_about(box, object_id)
    request = body.get("request") or {}
    facts = (
        Detail("ID", object_id, "id"),
        Detail("About", subject(body), place=_place_of(body["data"]["object"])),
        Detail("Happened", str(body["created"]), "time"),
        Detail("Caused by", request.get("id") or "", "id", f"requests/{request.get('id')}"),
        Detail("Idempotency key", request.get("idempotency_key") or "", "id"),
    )
    rows = box.storage.connection.execute("SELECT state, attempts FROM deliveries WHERE event = ?", (object_id,))
    return ObjectView(
        object_id,
        "Event",
        body["type"],
        (states.event_state(rows.fetchall()),),
        filled(*facts),
        (Button("resend", "Resend", {"id": object_id}),),
        body,
        None if sent else "When it happened, no endpoint was enabled for this type and no listener was connected.",
        parts=sent,
    )


def _place_of(about: dict[str, Any]) -> str | None:
    """Return the place of an event's object on the page, or None."""
    if about.get("object") == "checkout.session":
        return f"sessions/{about['id']}"
    intent = about["id"] if about.get("object") == "payment_intent" else about.get("payment_intent")
    return f"payments/{intent}" if isinstance(intent, str) else None


THINGS: Mapping[str, Callable[[Box, str], ObjectView | None]] = {
    "sessions": _session,
    "payments": _payment,
    "events": _event,
    "deliveries": delivery_of,
    "requests": request_of,
}
"""The builders of detail views by the name of the list. They return None for an unknown id."""
