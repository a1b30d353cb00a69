"""The CLI's sessions, which listen to events or watch the request log."""

from __future__ import annotations

import json
from typing import Any

from checkout_daemon.sandbox.box import ACCOUNT_ID, API_VERSION, Box, Timers
from checkout_daemon.sandbox.clock import now, stamp
from checkout_daemon.sandbox.errors import ApiError
from checkout_daemon.sandbox.ids import new_id, token
from checkout_daemon.sandbox.objects.operations import operation
from checkout_daemon.sandbox.parameters.specs import EXPAND, Fields, Flag, ListOf, Params, Text
from checkout_daemon.sandbox.parameters.stripe_fields import Rules
from checkout_daemon.sandbox.storage import Body, Stored

SESSION = "stripecli.session"
PREFIX = "cliws_"
QUEUE_SECONDS = 300.0
"""How long events wait for a listener whose websocket is gone."""

_FEATURES = ("webhooks", "v2_events", "request_logs")
_FORGET_SECONDS = 24 * 3600.0
_RECONNECT_SECONDS = 86_400
_SECRET_STATE = "cli_secret"  # noqa: S105 - the name, not the secret


def create(box: Box, params: Params, _: str) -> Body:
    """Create a session, and return the websocket's address and the secret that signs its events."""
    features = params["websocket_features"]
    filters = _filters(params.get("filters"))
    _forget_old(box)
    session = {
        "id": new_id(PREFIX),
        "object": SESSION,
        "created": stamp(),
        "device_name": params["device_name"],
        "websocket_features": features,
        "forward_to_url": params.get("forward_to_url"),
        "filters": filters,
    }
    box.storage.add(Stored(session, {"lost_at": now()}, kind=features[0]))
    return {
        "websocket_url": f"{box.origin.websocket_url}/subscribe/{ACCOUNT_ID}",
        "websocket_id": session["id"],
        "websocket_authorized_feature": ",".join(features),
        "secret": secret(box),
        "reconnect_delay": _RECONNECT_SECONDS,
        "default_version": API_VERSION,
        "latest_version": API_VERSION,
        "display_connect_filter_warning": False,
        "device_token": token(24),
    }


def secret(box: Box) -> str:
    """Return the secret of all listeners. It never changes while the state exists, so programs need it once."""
    known = box.storage.state(_SECRET_STATE)
    if known is None:
        known = new_id("whsec_")
        box.storage.set_state(_SECRET_STATE, known)
    return known


def listeners(box: Box) -> list[Stored]:
    """Return the sessions that receive events: connected, or disconnected only recently."""
    return [
        session
        for session in box.storage.select(SESSION, ascending=True)
        if "webhooks" in session.body["websocket_features"] and is_active(box, session)
    ]


def is_active(box: Box, session: Stored) -> bool:
    """Return whether a session receives events: its websocket is open, or was until recently."""
    if session.id in box.sockets:
        return True
    # One that never connected only wants the secret, as `stripe listen --print-secret` does.
    lost_at: float = session.private["lost_at"]
    return bool(session.private.get("connected_at")) and now() - lost_at < QUEUE_SECONDS


def mark_connected(box: Box, session: Stored) -> None:
    """Mark a session as connected, and send the events that waited."""
    session.private["connected_at"] = now()
    box.storage.save(session)
    box.storage.connection.execute(
        "UPDATE deliveries SET next_at = ? WHERE endpoint = ? AND state = 'pending' AND next_at IS NULL",
        (now(), session.id),
    )
    box.wake.set()


def mark_disconnected(box: Box, session_id: str) -> None:
    """Mark a session as disconnected. Its events wait for a while."""
    session = box.storage.find(session_id, SESSION)
    if session is None:
        return
    session.private["lost_at"] = now()
    box.storage.save(session)
    box.storage.add_timer("listener_gone", now() + QUEUE_SECONDS, {"session": session_id})
    box.wake.set()


def drop_events(box: Box, payload: Body) -> None:
    """Drop the events of a session that did not reconnect."""
    session = box.storage.find(payload["session"], SESSION)
    if session is None or not is_active(box, session):
        box.storage.connection.execute(
            "UPDATE deliveries SET state = 'dropped', next_at = NULL WHERE endpoint = ? AND state = 'pending'",
            (payload["session"],),
        )


def mark_all_disconnected(box: Box) -> None:
    """Mark all sessions as disconnected at start. Each has the usual time to reconnect."""
    for session in box.storage.select(SESSION):
        if session.private.get("connected_at"):
            mark_disconnected(box, session.id)


def _forget_old(box: Box) -> None:
    for session in box.storage.select(SESSION):
        if session.id not in box.sockets and now() - session.private["lost_at"] > _FORGET_SECONDS:
            box.storage.remove(session.id)


def _filters(given: str | None) -> dict[str, Any]:
    try:
        filters = json.loads(given or "{}")
    except ValueError:
        filters = None
    if not isinstance(filters, dict):
        raise ApiError("Invalid filters: not a JSON object.", param="filters", stored=False)
    return filters


_URLS = ("forward_connect_to_url", "forward_thin_connect_to_url", "forward_thin_to_url", "forward_to_url")
_CREATE: Fields = {
    **EXPAND,
    **dict.fromkeys((*_URLS, "filters"), Text()),
    "device_name": Text(required=True),
    "events": ListOf(Text(), maximum=500),
    "livemode": Flag(),
    "websocket_features": ListOf(Text(choices=_FEATURES), required=True, maximum=3),
}
OPERATIONS = (operation("POST /v1/stripecli/sessions", create, Rules(own=_CREATE)),)
TIMERS: Timers = {"listener_gone": drop_events}
