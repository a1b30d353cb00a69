"""The webhook endpoints at Stripe for our URL: list, create, fix and replace them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import replace as changed
from uuid import uuid4

from checkout_daemon.errors import CheckoutError, NotFound, StripeRejected, StripeUnavailable
from checkout_daemon.ledger.event_types import ENDPOINT_TYPES
from checkout_daemon.stripe_api import webhook_endpoints
from checkout_daemon.stripe_api.client import StripeGateway
from checkout_daemon.stripe_sync.endpoint_rules import (
    API_VERSION,
    REPLACES,
    SECRET_MARK,
    Endpoint,
    endpoint_parameters,
    fingerprint,
    read_endpoint,
)
from checkout_daemon.urls import same_address

_DESCRIPTION = "checkout-daemon"
_MADE_BY = "made_by"  # key of its metadata: the call that created it


class EndpointExists(CheckoutError):
    """An endpoint for this URL exists. The message names its faults, and the command that fixes them."""

    code = "endpoint_exists"
    exit_code = 4
    title = "An endpoint for this URL already exists"


@dataclass(frozen=True, slots=True)
class CreatedEndpoint:
    """A new endpoint with its secret, which Stripe reveals only once."""

    endpoint: Endpoint
    secret: str


Reveal = Callable[[CreatedEndpoint], None]
"""Shows a new secret, before anything else that may fail."""


async def endpoints_for(gateway: StripeGateway, url: str) -> list[Endpoint]:
    """Return the endpoints at Stripe for this URL in the mode of our key, newest first."""
    listed = (await webhook_endpoints.list_endpoints(gateway)).object["data"]
    ours = [read_endpoint(endpoint) for endpoint in listed if same_address(endpoint["url"], url)]
    return sorted(ours, key=lambda endpoint: (endpoint.created_at, bool(endpoint.replaces)), reverse=True)


async def create(gateway: StripeGateway, url: str, reveal: Reveal) -> CreatedEndpoint:
    """Create the endpoint for this URL. Raise EndpointExists if there is one, even one with faults."""
    await require_none(gateway, url)
    return await create_another(gateway, url, [], reveal)


async def require_none(gateway: StripeGateway, url: str) -> None:
    """Raise EndpointExists if Stripe has an endpoint for this URL."""
    if existing := await endpoints_for(gateway, url):
        raise EndpointExists(_refusal(existing))


async def fix(gateway: StripeGateway, url: str) -> list[Endpoint]:
    """Give the existing endpoints exactly our types, and enable them; their secrets stay. Raise as `fixable`."""
    existing = await fixable(gateway, url)
    wanted = {"enabled_events": list(ENDPOINT_TYPES), "disabled": False}
    fixed = [await webhook_endpoints.update_endpoint(gateway, endpoint.id, wanted) for endpoint in existing]
    return [read_endpoint(endpoint) for endpoint in fixed]


async def fixable(gateway: StripeGateway, url: str) -> list[Endpoint]:
    """Return the endpoints that `fix` would change.

    Raise NotFound, and EndpointExists if one has another API version, which Stripe cannot change.
    """
    existing = [endpoint for endpoint in await endpoints_for(gateway, url) if endpoint.retired_at is None]
    if not existing:
        raise NotFound(f"Stripe has no endpoint for {url}: `checkout webhook create` creates one")
    if any(endpoint.api_version != API_VERSION for endpoint in existing):
        raise EndpointExists(_refusal(existing))
    return existing


async def replace(gateway: StripeGateway, url: str, old: Sequence[Endpoint], reveal: Reveal) -> CreatedEndpoint:
    """Create an endpoint, show its secret, then delete the old ones.

    A daemon fetches the events that those had not delivered yet.
    """
    created = await create_another(gateway, url, [], reveal)
    for endpoint in old:
        await webhook_endpoints.delete_endpoint(gateway, endpoint.id)
    return created


async def create_another(
    gateway: StripeGateway,
    url: str,
    replaces: Sequence[str],
    reveal: Reveal,
) -> CreatedEndpoint:
    """Create an endpoint with exactly our types and the pinned API version, next to existing ones.

    `reveal` shows the secret. Only then is the endpoint marked with its fingerprint: a mark means that it was shown.
    Raise StripeUnavailable if there was no certain answer. An endpoint that was created nevertheless is deleted, as
    far as it is visible, because its secret is lost.
    """
    token = uuid4().hex
    marks = {REPLACES: ",".join(replaces), _MADE_BY: token}
    try:
        endpoint = await webhook_endpoints.create_endpoint(
            gateway, endpoint_parameters(url, _DESCRIPTION) | {"metadata": marks}
        )
    except StripeUnavailable as error:
        raise type(error)(f"{error.detail}; {await _delete_without_secret(gateway, token)}") from error
    secret = str(endpoint["secret"])
    created = CreatedEndpoint(changed(read_endpoint(endpoint), secret=fingerprint(secret)), secret)
    reveal(created)
    # The fingerprint shows later whose secret this is. The endpoint works without it, and the secret must not be lost.
    with suppress(StripeRejected, StripeUnavailable):
        mark = {"metadata": {SECRET_MARK: fingerprint(secret)}}
        await webhook_endpoints.update_endpoint(gateway, endpoint["id"], mark)
    return created


async def _delete_without_secret(gateway: StripeGateway, token: str) -> str:
    """Delete the endpoint that a call without an answer created. Return what is known of it, and what to do next."""
    try:
        created = [
            endpoint["id"]
            for endpoint in (await webhook_endpoints.list_endpoints(gateway)).object["data"]
            if (endpoint.get("metadata") or {}).get(_MADE_BY) == token
        ]
        for endpoint_id in created:
            await webhook_endpoints.delete_endpoint(gateway, endpoint_id)
    except (StripeRejected, StripeUnavailable):
        created = []
    if created:
        return f"Stripe created {created[0]}, but its secret was lost, so it was deleted: run the command again"
    return (
        "it is not known whether Stripe created the endpoint or still will: run the command again; if `checkout "
        "webhook show` then lists one with an unknown secret, `checkout webhook create --replace` replaces it"
    )


def _refusal(existing: Sequence[Endpoint]) -> str:
    first = min(existing, key=lambda endpoint: bool(endpoint.faults(exact=True)))  # one without faults, or the newest
    exists, faults = f"{first.id} exists for {first.url}", first.faults(exact=True)
    if not faults:
        return f"{exists} and needs no change: `checkout webhook rotate` gives it a new secret"
    command = "create --replace" if first.api_version != API_VERSION else "create --update"
    return f"{exists}, but it {'; it '.join(faults)}: `checkout webhook {command}` fixes it"
