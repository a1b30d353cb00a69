"""Webhook endpoints; the secret is told once, when one is made."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box, Operation
from checkout_daemon.sandbox.errors import ApiError
from checkout_daemon.sandbox.guard import hostname, is_foreign_address
from checkout_daemon.sandbox.ids import new_id
from checkout_daemon.sandbox.objects.paging import list_page
from checkout_daemon.sandbox.objects.shapes import new_object
from checkout_daemon.sandbox.parameters.addresses import check_url
from checkout_daemon.sandbox.parameters.specs import (
    EXPAND,
    PAGING,
    Flag,
    ListOf,
    Metadata,
    Params,
    Text,
    merge_metadata,
)
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.endpoints import drop_deliveries


def create(box: Box, params: Params, _: str) -> Body:
    secret = new_id("whsec_")
    body = new_object(
        "we_1",
        "webhook_endpoint",
        api_version=params.get("api_version"),
        application=None,
        description=params.get("description"),
        enabled_events=_known(params["enabled_events"]),
        metadata=merge_metadata({}, params.get("metadata")),
        status="enabled",
        url=_receiver(box, params["url"]),
    )
    box.storage.add(Stored(body, {"secret": secret}))
    return {**body, "secret": secret}


def retrieve(box: Box, _: Params, object_id: str) -> Body:
    return box.get(object_id, "webhook_endpoint").body


def update(box: Box, params: Params, object_id: str) -> Body:
    record = box.get(object_id, "webhook_endpoint")
    body = record.body
    if "enabled_events" in params:
        body["enabled_events"] = _known(params["enabled_events"])
    if "url" in params:
        body["url"] = _receiver(box, params["url"] or "")
    if "description" in params:
        body["description"] = params["description"]
    if "disabled" in params:
        body["status"] = "disabled" if params["disabled"] else "enabled"
        if params["disabled"]:
            drop_deliveries(box, object_id)
    body["metadata"] = merge_metadata(body["metadata"], params.get("metadata"))
    box.storage.save(record)
    return body


def delete(box: Box, _: Params, object_id: str) -> Body:
    box.get(object_id, "webhook_endpoint")
    drop_deliveries(box, object_id)
    box.storage.remove(object_id)
    return {"id": object_id, "object": "webhook_endpoint", "deleted": True}


def list_all(box: Box, params: Params, _: str) -> Body:
    return list_page(box, "webhook_endpoint", "/v1/webhook_endpoints", params)


def _receiver(box: Box, url: str) -> str:
    """Refuse an address of another machine: a page could have the sandbox send requests into the network.

    A name is taken, and nothing is delivered there, see `Deliverer`.
    """
    if is_foreign_address(hostname(check_url(url, "url"))) and not box.settings.remote_endpoints:
        raise ApiError(
            "Invalid URL: the offline Stripe delivers to this machine only; start it with --allow-remote-endpoints",
            code="url_invalid",
            param="url",
        )
    return url


def _known(given: list[str]) -> list[str]:
    if not given:
        message = "You must provide at least one event in enabled_events."
        raise ApiError(message, code="parameter_missing", param="enabled_events", stored=False)
    return given


OPERATIONS = (
    Operation(
        "POST",
        "/v1/webhook_endpoints",
        create,
        {
            **EXPAND,
            "api_version": Text(),
            "connect": Flag(),
            "description": Text(),
            "enabled_events": ListOf(Text(), required=True, maximum=500),
            "metadata": Metadata(),
            "url": Text(required=True),
        },
    ),
    Operation("GET", "/v1/webhook_endpoints/{id}", retrieve, EXPAND),
    Operation(
        "POST",
        "/v1/webhook_endpoints/{id}",
        update,
        {
            **EXPAND,
            "description": Text(),
            "disabled": Flag(),
            "enabled_events": ListOf(Text(), maximum=500),
            "metadata": Metadata(),
            "url": Text(),
        },
    ),
    Operation("DELETE", "/v1/webhook_endpoints/{id}", delete, {}),
    Operation("GET", "/v1/webhook_endpoints", list_all, PAGING),
)
