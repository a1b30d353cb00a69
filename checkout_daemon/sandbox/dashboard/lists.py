"""Read the lists of the page: newest first, filtered, one page at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from checkout_daemon.sandbox.amounts import money_text
from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.dashboard import states
from checkout_daemon.sandbox.dashboard.list_queries import ListQuery, select
from checkout_daemon.sandbox.dashboard.views import Badge, ListPage, ListRow
from checkout_daemon.sandbox.stripecli import listeners

Condition = tuple[str, tuple[Any, ...]]


def rows_about(box: Box, object_id: str) -> tuple[ListRow, ...]:
    """Return the latest events that mention an object."""
    return _events(box, ListQuery(search=object_id)).rows


def _sessions(box: Box, query: ListQuery) -> ListPage:
    only = {
        "open": "json_extract(body, '$.status') = 'open'",
        "paid": "json_extract(body, '$.payment_status') = 'paid'",
        "unpaid": "json_extract(body, '$.status') = 'complete' AND json_extract(body, '$.payment_status') = 'unpaid'",
        "expired": "json_extract(body, '$.status') = 'expired'",
    }
    found, more = _objects(box, "checkout.session", query, only)
    intents = _bodies(box, [body["payment_intent"] for _, body in found])
    rows = []
    for seq, body in found:
        badge = states.session_state(body, intents.get(body["payment_intent"] or ""))
        money = money_text(body["amount_total"] or 0, body["currency"] or "usd")
        rows.append(_row("sessions", seq, body, (badge,), money, reference(body)))
    return ListPage(tuple(rows), more)


def _row(view: str, seq: int, body: dict[str, Any], badges: tuple[Badge, ...], title: str, text: str) -> ListRow:
    return ListRow(seq, body["id"], f"{view}/{body['id']}", badges, title, text, body["created"])


def reference(session: dict[str, Any]) -> str:
    """Return the name by which the shop knows a session: its reference, or the customer's email."""
    details = session.get("customer_details") or {}
    found = (session.get("client_reference_id"), details.get("email"), session.get("customer_email"))
    return next((str(name) for name in found if name), "")


def _payments(box: Box, query: ListQuery) -> ListPage:
    charge = "SELECT 1 FROM objects AS c WHERE c.intent = objects.id AND c.type ="
    only = {
        "succeeded": "json_extract(body, '$.status') = 'succeeded'",
        "waiting": "json_extract(body, '$.status') IN ('processing', 'requires_action', 'requires_capture')",
        "failed": "json_extract(body, '$.last_payment_error') IS NOT NULL",
        "refunded": f"EXISTS ({charge} 'refund')",
        "disputed": f"EXISTS ({charge} 'dispute')",
    }
    found, more = _objects(box, "payment_intent", query, only)
    charges = _bodies(box, [body["latest_charge"] for _, body in found])
    rows = []
    for seq, body in found:
        latest = charges.get(body["latest_charge"] or "")
        badges = (states.intent_state(body), *states.money_back(latest or {}))
        text = ", ".join(part for part in (states.method_text(latest), body.get("description")) if part)
        money = money_text(body["amount"], body["currency"])
        rows.append(_row("payments", seq, body, badges, money, text))
    return ListPage(tuple(rows), more)


def _events(box: Box, query: ListQuery) -> ListPage:
    sent = "SELECT 1 FROM deliveries WHERE event = objects.id"
    only = {
        "undelivered": f"EXISTS ({sent} AND state != 'delivered' AND (state != 'pending' OR attempts > 0))",
        "unheard": f"NOT EXISTS ({sent})",
    }
    found, more = _objects(box, "event", query, only)
    ids = json.dumps([body["id"] for _, body in found])
    sent_by_event: dict[str, list[tuple[str, int]]] = {}
    for event, state, attempts in box.storage.connection.execute(
        "SELECT event, state, attempts FROM deliveries WHERE event IN (SELECT value FROM json_each(?))", (ids,)
    ):
        sent_by_event.setdefault(event, []).append((state, attempts))
    rows = []
    for seq, body in found:
        badge = states.event_state(sent_by_event.get(body["id"], []))
        rows.append(_row("events", seq, body, (badge,), body["type"], subject(body)))
    return ListPage(tuple(rows), more)


def subject(event: dict[str, Any]) -> str:
    """Return the subject of an event: its amount if it has one, and the object's id."""
    about = event["data"]["object"]
    amount, currency = about.get("amount_total", about.get("amount")), about.get("currency")
    money = money_text(amount, currency) if isinstance(amount, int) and isinstance(currency, str) else None
    return " · ".join(str(part) for part in (money, about.get("id")) if part)


def _deliveries(box: Box, query: ListQuery) -> ListPage:
    conditions: list[Condition] = []
    if query.only == "failed":
        conditions.append(("(d.state IN ('failed', 'dropped') OR (d.state = 'pending' AND d.attempts > 0))", ()))
    if query.type:
        conditions.append(("o.kind = ?", (query.type,)))
    if query.search:
        text = "(instr(d.event, ?) OR instr(d.endpoint, ?) OR instr(coalesce(o.kind, ''), ?))"
        conditions.append((text, (query.search,) * 3))
    statement = (
        "SELECT d.id, d.event, d.endpoint, d.created, d.state, d.attempts, o.kind FROM deliveries AS d "
        "LEFT JOIN objects AS o ON o.id = d.event"
    )
    found, more = select(box, statement, "d.id", query, conditions)
    names = receiver_names(box, {row[2] for row in found})
    rows = []
    for number, event, endpoint, created, state, attempts, kind in found:
        text = f"to {names[endpoint]}"
        if attempts:
            text += f" · {states.counted(attempts, 'attempt')}{_last_answer(box, number)}"
        badges = (states.delivery_state(state, attempts),)
        rows.append(ListRow(number, event, f"deliveries/{number}", badges, kind or event, text, created))
    return ListPage(tuple(rows), more)


def _last_answer(box: Box, delivery: int) -> str:
    status, error = box.storage.connection.execute(
        "SELECT status, error FROM attempts WHERE delivery = ? ORDER BY id DESC LIMIT 1", (delivery,)
    ).fetchone() or (None, None)
    answer = states.error_text(error) if error else (None if status is None else states.status_text(status))
    return f" · {answer}" if answer else ""


def receiver_names(box: Box, ids: Iterable[str]) -> dict[str, str]:
    """Return the names of receivers: endpoints by their URL, CLI listeners by their device."""
    names = {}
    for receiver_id in ids:
        record = box.storage.find(receiver_id)
        if record is None:
            names[receiver_id] = f"{receiver_id} (removed)"
        elif record.type == listeners.SESSION:
            names[receiver_id] = f"stripe listen on {record.body['device_name']}"
        else:
            names[receiver_id] = str(record.body["url"])
    return names


def _requests(box: Box, query: ListQuery) -> ListPage:
    conditions: list[Condition] = []
    if query.only == "failed":
        conditions.append(("(status IS NULL OR status >= 400)", ()))
    elif query.only == "changes":
        conditions.append(("method != 'GET'", ()))
    if query.search:
        text = "(instr(path, ?) OR instr(id, ?) OR instr(coalesce(idempotency_key, ''), ?))"
        conditions.append((text, (query.search,) * 3))
    statement = "SELECT seq, id, at, seconds, method, path, status, error FROM requests"
    found, more = select(box, statement, "seq", query, conditions)
    rows = [
        ListRow(
            seq,
            request_id,
            f"requests/{request_id}",
            (states.request_state(status),),
            f"{method} {path}",
            str(json.loads(error).get("message", "")) if error else f"{seconds * 1000:.0f} ms",
            at,
        )
        for seq, request_id, at, seconds, method, path, status, error in found
    ]
    return ListPage(tuple(rows), more)


LISTS: Mapping[str, Callable[[Box, ListQuery], ListPage]] = {
    "sessions": _sessions,
    "payments": _payments,
    "events": _events,
    "deliveries": _deliveries,
    "requests": _requests,
}
"""The readers of the lists by name."""


def _objects(
    box: Box, kind: str, query: ListQuery, only: Mapping[str, str]
) -> tuple[list[tuple[int, dict[str, Any]]], bool]:
    """Return the matching objects of a type with their sequence numbers, and whether there are more."""
    conditions: list[Condition] = [("type = ?", (kind,))]
    if query.only in only:
        conditions.append((f"({only[query.only]})", ()))
    if query.type:
        conditions.append(("kind = ?", (query.type,)))
    if query.search:
        conditions.append(("instr(lower(body), lower(?))", (query.search,)))
    found, more = select(box, "SELECT seq, body FROM objects", "seq", query, conditions)
    return [(seq, json.loads(body)) for seq, body in found], more


def _bodies(box: Box, ids: Iterable[str | None]) -> dict[str, dict[str, Any]]:
    wanted = json.dumps([object_id for object_id in ids if object_id])
    found = box.storage.connection.execute(
        "SELECT id, body FROM objects WHERE id IN (SELECT value FROM json_each(?))", (wanted,)
    )
    return {object_id: json.loads(body) for object_id, body in found}
