"""Webhook endpoints. The secret is shown once, when an endpoint is created."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.errors import ApiError
from checkout_daemon.sandbox.guard import hostname, is_foreign_address
from checkout_daemon.sandbox.ids import new_id
from checkout_daemon.sandbox.objects.operations import acting, listing, operation, retrieving
from checkout_daemon.sandbox.objects.shapes import deleted_object, new_body
from checkout_daemon.sandbox.parameters.specs import Params, check_url, merge_metadata
from checkout_daemon.sandbox.parameters.stripe_fields import Rules
from checkout_daemon.sandbox.resources.checkout_session_params import NO_CONNECT
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.endpoints import drop_deliveries


def _create(box: Box, params: Params, _: str) -> Body:
    secret = new_id("whsec_")
    body = new_body(
        "webhook_endpoint",
        "we_1",
        api_version=params.get("api_version"),
        description=params.get("description"),
        enabled_events=_known(params["enabled_events"]),
        metadata=merge_metadata({}, params.get("metadata")),
        url=_receiver(box, params["url"]),
    )
    box.storage.add(Stored(body, {"secret": secret}))
    return {**body, "secret": secret}


def _update(box: Box, endpoint: Stored, params: Params) -> None:
    body = endpoint.body
    if "enabled_events" in params:
        body["enabled_events"] = _known(params["enabled_events"])
    if "url" in params:
        body["url"] = _receiver(box, params["url"] or "")
    if "description" in params:
        body["description"] = params["description"]
    if "disabled" in params:
        # What is owed to it is dropped at its next attempt, if the endpoint is still disabled then.
        body["status"] = "disabled" if params["disabled"] else "enabled"
    body["metadata"] = merge_metadata(body["metadata"], params.get("metadata"))
    box.storage.save(endpoint)


def _delete(box: Box, _: Params, object_id: str) -> Body:
    box.get(object_id, "webhook_endpoint")
    drop_deliveries(box, object_id)
    box.storage.remove(object_id)
    return deleted_object(object_id, "webhook_endpoint")


def _receiver(box: Box, url: str) -> str:
    """Return the URL of a receiver. Raise ApiError for an address of another machine.

    Otherwise a web page could make the sandbox send requests into the network. A host name is accepted, but nothing is
    delivered to one that is not this machine: see `Deliverer`.
    """
    if is_foreign_address(hostname(check_url(url, "url"))) and not box.settings.remote_endpoints:
        raise ApiError(
            "Invalid URL: the offline Stripe delivers to this machine only. Start it with --allow-remote-endpoints",
            code="url_invalid",
            param="url",
        )
    return url


def _known(given: list[str]) -> list[str]:
    if not given:
        message = "You must provide at least one event in enabled_events."
        raise ApiError(message, code="parameter_missing", param="enabled_events", stored=False)
    return given


_PATH = "/v1/webhook_endpoints"
OPERATIONS = (
    operation(f"POST {_PATH}", _create, Rules(refuse={NO_CONNECT: "connect"})),
    retrieving(_PATH, "webhook_endpoint"),
    acting(f"POST {_PATH}/{{id}}", "webhook_endpoint", _update),
    operation(f"DELETE {_PATH}/{{id}}", _delete),
    listing(_PATH, "webhook_endpoint"),
)
