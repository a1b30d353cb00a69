"""Read one thing with all that belongs to it, and what a person can do to it now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from checkout_daemon.sandbox.amounts import decimals, money_text
from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.dashboard.deliveries import deliveries_about, delivery_of, request_of
from checkout_daemon.sandbox.dashboard.reading import reference, rows_about, subject
from checkout_daemon.sandbox.dashboard.things import Action, Fact, Field, Thing
from checkout_daemon.sandbox.dashboard.words import (
    charge_states,
    dispute_state,
    event_state,
    intent_state,
    method_text,
    money_back,
    other_state,
    readable,
    session_state,
)
from checkout_daemon.sandbox.storage import Record

_ANSWERABLE = ("needs_response", "warning_needs_response", "appeal_needs_response")
_OPEN_DISPUTE = (*_ANSWERABLE, "under_review", "warning_under_review", "appeal_under_review")


def read_thing(box: Box, name: str, object_id: str) -> Thing | None:
    """The thing that the list of this name calls by this id; None when there is none."""
    return THINGS[name](box, object_id)


def _session(box: Box, object_id: str) -> Thing | None:
    record = box.storage.find(object_id, "checkout.session")
    if record is None:
        return None
    body = record.body
    intent = box.storage.find(body["payment_intent"] or "", "payment_intent")
    items = [each.body for each in box.storage.children(object_id, "item")]
    facts = [
        Fact("ID", object_id, "id"),
        Fact("For", reference(body)),
        Fact("Created", str(body["created"]), "time"),
    ]
    if body["status"] == "open":
        facts.append(Fact("Expires", str(body["expires_at"]), "time"))
    for item in items:
        amount = money_text(item["amount_total"], item["currency"])
        facts.append(Fact(f"{item['quantity']} × {item['description'] or 'item'}", amount))
    facts += [Fact(name, str(value)) for name, value in (body.get("metadata") or {}).items()]
    actions = []
    if body["status"] == "open":
        actions.append(Action("open", "Open its payment page", href=f"/c/pay/{object_id}"))
        actions.append(Action("expire_session", "Expire", {"id": object_id}))
    return Thing(
        object_id,
        "Checkout session",
        money_text(body["amount_total"] or 0, body["currency"] or "usd"),
        (session_state(body, intent.body if intent else None),),
        _told(facts),
        tuple(actions),
        body,
        parts=(_payment_of(box, intent, brief=True),) if intent else (),
        rows=rows_about(box, object_id),
    )


def _payment(box: Box, object_id: str) -> Thing | None:
    record = box.storage.find(object_id, "payment_intent")
    return None if record is None else _payment_of(box, record)


def _payment_of(box: Box, intent: Record, *, brief: bool = False) -> Thing:
    body = intent.body
    charges = box.storage.select("charge", conditions=[("intent = ?", intent.id)])
    latest = next((each.body for each in charges if each.id == body["latest_charge"]), None)
    session = intent.private.get("session")
    error = body.get("last_payment_error") or {}
    facts = [
        Fact("ID", intent.id, "id", f"payments/{intent.id}" if brief else None),
        Fact("Session", session or "", "id", None if brief else f"sessions/{session}"),
        Fact("Paid with", method_text(latest)),
        Fact("Description", body.get("description") or ""),
        Fact("Customer", body.get("customer") or "", "id"),
        Fact("Created", "" if brief else str(body["created"]), "time"),
        Fact("Refused because", str(error.get("message", ""))),
    ]
    if not brief:
        facts += [Fact(name, str(value)) for name, value in (body.get("metadata") or {}).items()]
    actions = []
    if body["status"] == "processing":
        actions.append(Action("settle", "Let the debit succeed", {"id": intent.id, "outcome": "succeed"}))
        actions.append(Action("settle", "Let the debit fail", {"id": intent.id, "outcome": "fail"}))
    if body["status"] == "requires_action":
        actions.append(Action("open", "Open 3-D Secure", href=f"/c/authenticate/{intent.id}"))
    return Thing(
        intent.id,
        "Payment",
        money_text(body["amount"], body["currency"]),
        (intent_state(body), *money_back(latest or {})),
        _told(facts),
        tuple(actions),
        None if brief else body,
        parts=tuple(_charge(box, each) for each in charges),
        rows=() if brief else rows_about(box, intent.id),
    )


def _charge(box: Box, charge: Record) -> Thing:
    body = charge.body
    disputes = box.storage.children(charge.id, "dispute")
    refunds = box.storage.children(charge.id, "refund")
    facts = (
        Fact("ID", charge.id, "id"),
        Fact("Paid with", method_text(body)),
        Fact("Created", str(body["created"]), "time"),
        Fact("Refunded", money_text(body["amount_refunded"], body["currency"]) if body["amount_refunded"] else ""),
        Fact("Refused because", body.get("failure_message") or ""),
    )
    return Thing(
        charge.id,
        "Charge",
        money_text(body["amount"], body["currency"]),
        charge_states(body),
        _told(facts),
        _charge_actions(body, [each.body for each in disputes]),
        body,
        parts=(*(_refund(each.body) for each in refunds), *(_dispute(each) for each in disputes)),
    )


def _charge_actions(body: dict[str, Any], disputes: list[dict[str, Any]]) -> tuple[Action, ...]:
    if body["status"] != "succeeded" or not body["captured"]:
        return ()
    actions = []
    left = body["amount"] - body["amount_refunded"]  # what was not captured counts as refunded
    if left > 0 and all(each["is_charge_refundable"] for each in disputes):
        places = decimals(body["currency"])
        most = f"{left / 10**places:.{places}f}"
        hint = f"up to {money_text(left, body['currency'])}"
        amount = Field("amount", f"Amount in {body['currency'].upper()}", most, hint)
        actions.append(Action("refund", "Refund", {"id": body["id"]}, (amount,)))
    if all(each["status"] == "warning_closed" for each in disputes):
        for kind in ("fraudulent", "product_not_received", "inquiry"):
            label = "Open an inquiry" if kind == "inquiry" else f"Dispute: {readable(kind).lower()}"
            actions.append(Action("dispute", label, {"id": body["id"], "kind": kind}))
    return tuple(actions)


def _refund(body: dict[str, Any]) -> Thing:
    facts = (
        Fact("ID", body["id"], "id"),
        Fact("Created", str(body["created"]), "time"),
        Fact("Reason", readable(body.get("reason") or "")),
        Fact("Failed because", readable(body.get("failure_reason") or "")),
    )
    failing = Action("fail_refund", "Let the refund fail", {"id": body["id"]})
    return Thing(
        body["id"],
        "Refund",
        money_text(body["amount"], body["currency"]),
        (other_state(body["status"]),),
        _told(facts),
        (failing,) if body["status"] in ("succeeded", "pending", "requires_action") else (),
        body,
    )


def _dispute(dispute: Record) -> Thing:
    body = dispute.body
    inquiry = body["status"].startswith("warning_")
    due = body["evidence_details"]["due_by"]
    facts = (
        Fact("ID", body["id"], "id"),
        Fact("Reason", readable(body["reason"])),
        Fact("Answer until", str(due) if due and body["status"] in _ANSWERABLE else "", "time"),
        Fact("Evidence", body["evidence"].get("uncategorized_text") or ""),
    )
    given = {"id": body["id"]}
    actions = []
    if body["status"] in _ANSWERABLE:
        evidence = Field("evidence", "Evidence", "The customer has signed for the parcel.")
        actions.append(Action("answer_dispute", "Hand in evidence", given, (evidence,)))
    if body["status"] in _OPEN_DISPUTE:
        if inquiry:
            actions.append(Action("end_dispute", "Close the inquiry", {**given, "outcome": "won"}))
            actions.append(Action("escalate", "Make it a dispute", given))
        else:
            actions.append(Action("end_dispute", "Win", {**given, "outcome": "won"}))
            actions.append(Action("end_dispute", "Lose", {**given, "outcome": "lost"}))
    appealable = body["payment_method_details"] is not None and not dispute.private.get("appealed")
    if body["status"] == "lost" and appealable:
        actions.append(Action("appeal", "Appeal", given))
    return Thing(
        body["id"],
        "Inquiry" if inquiry else "Dispute",
        money_text(body["amount"], body["currency"]),
        (dispute_state(body),),
        _told(facts),
        tuple(actions),
        body,
    )


def _event(box: Box, object_id: str) -> Thing | None:
    record = box.storage.find(object_id, "event")
    if record is None:
        return None
    body = record.body
    sent = deliveries_about(box, object_id)
    request = body.get("request") or {}
    facts = (
        Fact("ID", object_id, "id"),
        Fact("About", subject(body), place=_place_of(body["data"]["object"])),
        Fact("Happened", str(body["created"]), "time"),
        Fact("Caused by", request.get("id") or "", "id", f"requests/{request.get('id')}"),
        Fact("Idempotency key", request.get("idempotency_key") or "", "id"),
    )
    states = box.storage.connection.execute("SELECT state, attempts FROM deliveries WHERE event = ?", (object_id,))
    return Thing(
        object_id,
        "Event",
        body["type"],
        (event_state(states.fetchall()),),
        _told(facts),
        (Action("resend", "Send it again", {"id": object_id}),),
        body,
        None if sent else "No endpoint was enabled for this type, and nobody was listening, when it happened.",
        parts=sent,
    )


def _place_of(about: dict[str, Any]) -> str | None:
    """Where the page shows the object of an event."""
    if about.get("object") == "checkout.session":
        return f"sessions/{about['id']}"
    intent = about["id"] if about.get("object") == "payment_intent" else about.get("payment_intent")
    return f"payments/{intent}" if isinstance(intent, str) else None


def _told(facts: Any) -> tuple[Fact, ...]:
    """Those that say something."""
    return tuple(each for each in facts if each.text)


THINGS: Mapping[str, Callable[[Box, str], Thing | None]] = {
    "sessions": _session,
    "payments": _payment,
    "events": _event,
    "deliveries": delivery_of,
    "requests": request_of,
}
