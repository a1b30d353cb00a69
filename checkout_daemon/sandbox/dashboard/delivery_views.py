"""Build the views of deliveries with their attempts, and of request log lines."""

from __future__ import annotations

import json
from typing import Any

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.dashboard.lists import receiver_names
from checkout_daemon.sandbox.dashboard.states import attempt_state, delivery_state, error_text, request_state
from checkout_daemon.sandbox.dashboard.views import Button, DeliveryAttempt, Detail, ObjectView, filled
from checkout_daemon.sandbox.stripecli import listeners

_TROUBLE = {"bad_signature": "It was signed with a wrong secret as planned."}
_COLUMNS = "id, event, endpoint, created, state, next_at, attempts"


def delivery_of(box: Box, number: str) -> ObjectView | None:
    """Return the view of the delivery with this number, or None."""
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        return None
    row = box.storage.connection.execute(f"SELECT {_COLUMNS} FROM deliveries WHERE id = ?", (int(number),))  # noqa: S608
    found = row.fetchone()
    return None if found is None else _delivery(box, found)


def deliveries_about(box: Box, event_id: str) -> tuple[ObjectView, ...]:
    """Return the deliveries of an event, latest first."""
    rows = box.storage.connection.execute(
        f"SELECT {_COLUMNS} FROM deliveries WHERE event = ? ORDER BY id DESC LIMIT 100",  # noqa: S608
        (event_id,),
    ).fetchall()
    return tuple(_delivery(box, row, brief=True) for row in rows)


def _delivery(box: Box, row: tuple[Any, ...], *, brief: bool = False) -> ObjectView:
    """Return the view of a delivery. A `brief` one is shown under its event and does not name it."""
    number, event_id, receiver_id, created, state, next_at, tried = row
    event = box.storage.find(event_id, "event")
    name = receiver_names(box, [receiver_id])[receiver_id]
    facts = [] if brief else [Detail("Event", event_id, "id", f"events/{event_id}"), Detail("To", name, "code")]
    facts += [Detail("Receiver", receiver_id, "id"), Detail("Planned", str(created), "time")]
    if next_at is not None:
        facts.append(Detail("Next attempt", str(next_at), "time"))
    attempts = box.storage.connection.execute(
        "SELECT id, at, seconds, url, status, error, response, trouble FROM attempts WHERE delivery = ? "
        "ORDER BY id DESC LIMIT 100",
        (number,),
    ).fetchall()
    return ObjectView(
        str(number),
        "Delivery to" if brief else "Delivery",
        name if brief else event.body["type"] if event else event_id,
        (delivery_state(state, tried),),
        tuple(facts),
        (Button("resend", "Resend to this receiver only", {"id": event_id, "to": receiver_id}),),
        note=None if attempts else _waiting(box, state, receiver_id),
        attempts=tuple(_attempt(attempt, name) for attempt in attempts),
    )


def _waiting(box: Box, state: str, receiver_id: str) -> str:
    if state == "dropped":
        return "It was never sent: its receiver was disabled, removed, or did not reconnect."
    if receiver_id.startswith(listeners.PREFIX) and receiver_id not in box.sockets:
        return "It waits until the listener reconnects."
    return "It has not been attempted yet."


def _attempt(row: tuple[Any, ...], receiver: str) -> DeliveryAttempt:
    number, at, seconds, url, status, error, response, trouble = row
    text = error_text(error) if error else _TROUBLE.get(trouble or "", "")
    return DeliveryAttempt(
        number, at, seconds, attempt_state(status, error), text, None if url == receiver else url, response or None
    )


def request_of(box: Box, request_id: str) -> ObjectView | None:
    """Return the view of a request log line, or None."""
    row = box.storage.connection.execute(
        "SELECT at, seconds, method, path, status, idempotency_key, error, user_agent, trouble FROM requests "
        "WHERE id = ? ORDER BY seq DESC LIMIT 1",
        (request_id,),
    ).fetchone()
    if row is None:
        return None
    at, seconds, method, path, status, key, error, agent, trouble = row
    body = json.loads(error) if error else None
    facts = filled(
        Detail("ID", request_id, "id"),
        Detail("At", str(at), "time"),
        Detail("Took", f"{seconds * 1000:.0f} ms"),
        Detail("Idempotency key", key or "", "id"),
        Detail("Client", agent or ""),
        Detail("Planned trouble", (trouble or "").replace("_", " ")),
        Detail("Error", str(body.get("message", "")) if body else ""),
    )
    return ObjectView(request_id, "Request", f"{method} {path}", (request_state(status),), facts, body=body)
