"""Write an event for everything that happens, and plan its webhooks."""

from __future__ import annotations

from typing import Any

from checkout_daemon.sandbox.box import API_VERSION, Box
from checkout_daemon.sandbox.clock import now, stamp
from checkout_daemon.sandbox.ids import new_id
from checkout_daemon.sandbox.storage import Body, Record


def emit(box: Box, kind: str, body: Body, previous: dict[str, Any] | None = None) -> None:
    """Store the event and a delivery for each endpoint that is enabled and wants it now; later ones never get it."""
    endpoints = [each for each in box.storage.select("webhook_endpoint", ascending=True) if wants(each, kind)]
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
    box.storage.add(Record(event, kind=kind))
    for endpoint in endpoints:
        plan_delivery(box, event["id"], endpoint.id)


def wants(endpoint: Record, kind: str) -> bool:
    """Whether this endpoint gets events of this type."""
    body = endpoint.body
    return body["status"] == "enabled" and ("*" in body["enabled_events"] or kind in body["enabled_events"])


def plan_delivery(box: Box, event_id: str, endpoint_id: str) -> None:
    """Have an event sent to an endpoint as soon as what happens now is stored."""
    moment = now()
    box.storage.connection.execute(
        "INSERT INTO deliveries (event, endpoint, created, next_at) VALUES (?, ?, ?, ?)",
        (event_id, endpoint_id, moment, moment),
    )
