"""Store an event for everything that happens, and plan its deliveries."""

from __future__ import annotations

from typing import Any

from checkout_daemon.sandbox.box import API_VERSION, Box
from checkout_daemon.sandbox.clock import now, stamp
from checkout_daemon.sandbox.ids import new_id
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.stripecli.listeners import listeners


def emit(box: Box, kind: str, body: Body, previous: dict[str, Any] | None = None) -> None:
    """Store an event and a delivery for each endpoint that wants it now. Later endpoints never get it."""
    endpoints = [
        endpoint for endpoint in box.storage.select("webhook_endpoint", ascending=True) if wants(endpoint, kind)
    ]
    data: Body = {"object": body}
    if previous is not None:
        data["previous_attributes"] = previous
    event: Body = {
        "id": new_id("evt_"),
        "object": "event",
        "api_version": API_VERSION,
        "created": stamp(),
        "data": data,
        "livemode": False,
        "pending_webhooks": len(endpoints),
        "request": {"id": box.origin.request_id, "idempotency_key": box.origin.idempotency_key},
        "type": kind,
    }
    box.storage.add(Stored(event, kind=kind))
    for receiver in (*endpoints, *listeners(box)):
        plan_delivery(box, event["id"], receiver.id)
    if (follow := box.followers.get(kind)) is not None:
        follow(box, kind, body)


def wants(endpoint: Stored, kind: str) -> bool:
    """Return whether an endpoint wants events of this type."""
    body = endpoint.body
    return body["status"] == "enabled" and ("*" in body["enabled_events"] or kind in body["enabled_events"])


def plan_delivery(box: Box, event_id: str, receiver_id: str) -> None:
    """Plan the delivery of an event to an endpoint or listener, once the current transaction is stored."""
    moment, trouble = now(), box.trouble
    connection = box.storage.connection
    number = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM deliveries").fetchone()[0]
    for copy in range(2 if trouble.strikes("duplicate", number) else 1):
        late = 0.0
        if trouble.strikes("reorder", number, copy):
            late += trouble.spread_seconds * trouble.random("spread", number, copy)
        if trouble.strikes("delay", number, copy):
            late += trouble.delay_seconds
        connection.execute(
            "INSERT INTO deliveries (event, endpoint, created, next_at) VALUES (?, ?, ?, ?)",
            (event_id, receiver_id, moment, moment + late),
        )
