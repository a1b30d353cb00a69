"""Read what every view of the page shows: counts, event types, and the receivers of events."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.dashboard.states import counted
from checkout_daemon.sandbox.dashboard.views import Badge, Detail, ObjectView, filled
from checkout_daemon.sandbox.storage import Stored
from checkout_daemon.sandbox.stripecli import listeners


def read_types(box: Box) -> list[str]:
    """Return the event types that exist here."""
    found = box.storage.connection.execute("SELECT DISTINCT kind FROM objects WHERE type = 'event' ORDER BY kind")
    return [str(row[0]) for row in found if row[0]]


def read_counts(box: Box) -> dict[str, int]:
    """Return the size of each list, and the number of failing deliveries."""
    connection = box.storage.connection
    by_type = dict(connection.execute("SELECT type, count(*) FROM objects GROUP BY type").fetchall())
    failed = "state IN ('failed', 'dropped') OR (state = 'pending' AND attempts > 0)"
    return {
        "sessions": by_type.get("checkout.session", 0),
        "payments": by_type.get("payment_intent", 0),
        "events": by_type.get("event", 0),
        "deliveries": connection.execute("SELECT count(*) FROM deliveries").fetchone()[0],
        "failed": connection.execute(f"SELECT count(*) FROM deliveries WHERE {failed}").fetchone()[0],  # noqa: S608
        "requests": connection.execute("SELECT count(*) FROM requests").fetchone()[0],
    }


def read_receivers(box: Box) -> tuple[ObjectView, ...]:
    """Return the receivers of events: webhook endpoints, then the CLI's listeners, latest first."""
    endpoints = box.storage.select("webhook_endpoint", limit=50)
    cli = [
        session for session in box.storage.select(listeners.SESSION, limit=50) if session.private.get("connected_at")
    ]
    return (*(_endpoint(receiver) for receiver in endpoints), *(_listener(box, receiver) for receiver in cli))


def _endpoint(record: Stored) -> ObjectView:
    body = record.body
    enabled = body["status"] == "enabled"
    since = record.private.get("failing_since")
    state = Badge("Enabled", "good") if enabled else Badge("Disabled", "quiet")
    states = (state, Badge("Failing", "bad")) if enabled and since is not None else (state,)
    wanted = body["enabled_events"]
    facts = [Detail("ID", record.id, "id"), Detail("Events", "All types" if "*" in wanted else ", ".join(wanted))]
    if since is not None:
        facts.append(Detail("Without success since", str(since), "time"))
    return ObjectView(record.id, "Endpoint", body["url"], states, tuple(facts))


def _listener(box: Box, record: Stored) -> ObjectView:
    body, private = record.body, record.private
    online = record.id in box.sockets
    waiting = box.storage.connection.execute(
        "SELECT count(*) FROM deliveries WHERE endpoint = ? AND state = 'pending'", (record.id,)
    ).fetchone()[0]
    facts = filled(
        Detail("ID", record.id, "id"),
        Detail("Forwards to", body.get("forward_to_url") or "", "code"),
        Detail("Receives", ", ".join(feature.replace("_", " ") for feature in body["websocket_features"])),
        Detail("Connected" if online else "Last connected", str(private["connected_at"]), "time"),
        Detail("Waiting", counted(waiting, "event") if waiting else ""),
    )
    away = Badge("Disconnected, may reconnect", "wait") if listeners.is_active(box, record) else Badge("Gone", "quiet")
    state = Badge("Connected", "good") if online else away
    return ObjectView(record.id, "CLI listener", f"stripe listen on {body['device_name']}", (state,), facts)
