"""Events."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.errors import invalid, missing_object
from checkout_daemon.sandbox.objects.operations import operation
from checkout_daemon.sandbox.objects.paging import Condition, list_page
from checkout_daemon.sandbox.parameters.specs import EXPAND, Fields, Flag, Params, Text
from checkout_daemon.sandbox.parameters.stripe_fields import Rules
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.stripecli.listeners import listeners
from checkout_daemon.sandbox.webhooks.events import plan_delivery

_SHOWN_SECONDS = 30 * 24 * 3600
_UNDELIVERED = (
    "EXISTS (SELECT 1 FROM deliveries AS d WHERE d.event = objects.id AND d.endpoint GLOB 'we_*' "
    "AND d.state IN ('pending', 'failed') AND NOT EXISTS (SELECT 1 FROM deliveries AS e "
    "WHERE e.event = d.event AND e.endpoint = d.endpoint AND e.state = 'delivered'))"
)
"""An endpoint has not received the event, or never will. The CLI's listeners do not count."""


def _list_all(box: Box, params: Params, _: str) -> Body:
    one, several = params.get("type"), params.get("types")
    if one and several:
        raise invalid("You may only specify one of these parameters: type, types.", param="types")
    conditions: list[Condition] = []
    kinds: list[str] = list(dict.fromkeys(several or ()))
    if one and "*" in one:
        conditions.append(("kind GLOB ?", one))
    elif one:
        kinds = [one]
    if (wanted := params.get("delivery_success")) is not None:
        conditions.append((f"({_UNDELIVERED}) = ?", int(not wanted)))
    conditions.append(("created >= ?", stamp() - _SHOWN_SECONDS))
    return list_page(box, "event", "/v1/events", params, conditions, kinds)


def _retrieve(box: Box, _: Params, object_id: str) -> Body:
    return _recent(box, object_id).body


def _recent(box: Box, event_id: str) -> Stored:
    """Return an event. Raise ApiError (404) if it is older than Stripe shows."""
    record = box.get(event_id, "event")
    if record.body["created"] < stamp() - _SHOWN_SECONDS:
        raise missing_object("event", event_id, in_path=True)
    return record


def _retry(box: Box, params: Params, object_id: str) -> Body:
    """Send an event again: to one endpoint, to all enabled ones, or to the CLI's listeners."""
    record = _recent(box, object_id)
    if given := params.get("webhook_endpoint"):
        endpoints = [box.get(given, "webhook_endpoint", "webhook_endpoint")]
    else:
        endpoints = [] if params.get("for_stripecli") else box.storage.select("webhook_endpoint")
    if params.get("for_stripecli"):
        for listener in listeners(box):
            plan_delivery(box, record.id, listener.id)
    for endpoint in endpoints:
        if endpoint.body["status"] == "enabled":
            plan_delivery(box, record.id, endpoint.id)
    return record.body


_RETRY: Fields = {**EXPAND, "account": Text(), "for_stripecli": Flag(), "webhook_endpoint": Text()}
OPERATIONS = (
    operation("GET /v1/events/{id}", _retrieve),
    operation("GET /v1/events", _list_all, Rules(most={"types": 20})),
    operation("POST /v1/events/{id}/retry", _retry, Rules(own=_RETRY)),
)
