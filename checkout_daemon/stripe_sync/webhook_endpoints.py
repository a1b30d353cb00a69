"""The webhook endpoints at Stripe for our URL: list, create, fix and replace them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

from checkout_daemon.errors import CheckoutError, NotFound, StripeRejected, StripeUnavailable
from checkout_daemon.ledger.event_types import EVENT_TYPES
from checkout_daemon.stripe_api import webhook_endpoints
from checkout_daemon.stripe_api.client import StripeGateway
from checkout_daemon.stripe_sync.endpoint_rules import (
    API_VERSION,
    REPLACES,
    SECRET_MARK,
    Endpoint,
    endpoint_parameters,
    read_endpoint,
)
from checkout_daemon.stripe_sync.secret_names import fingerprint
from checkout_daemon.urls import same_address

_DESCRIPTION = "checkout-daemon"
_MADE_BY = "made_by"  # in its metadata: which call made it


class EndpointExists(CheckoutError):
    """An endpoint for this URL exists. The message names what differs, and the command that fixes it."""

    code = "endpoint_exists"
    exit_code = 4
    title = "There is an endpoint for this URL already"


@dataclass(frozen=True, slots=True)
class CreatedEndpoint:
    """A new endpoint with its secret, which Stripe tells once."""

    endpoint: Endpoint
    secret: str


async def endpoints_for(gateway: StripeGateway, url: str) -> list[Endpoint]:
    """Those at Stripe for this URL, in the mode of our key; the newest first."""
    told = (await webhook_endpoints.list_endpoints(gateway)).object["data"]
    ours = [read_endpoint(each) for each in told if same_address(each["url"], url)]
    return sorted(ours, key=lambda each: (each.created_at, bool(each.replaces)), reverse=True)


async def create(gateway: StripeGateway, url: str) -> CreatedEndpoint:
    """Raises EndpointExists where there is one for this URL, whatever it is like."""
    existing = await endpoints_for(gateway, url)
    if existing:
        raise EndpointExists(_refusal(existing))
    return await make(gateway, url)


async def fix(gateway: StripeGateway, url: str) -> list[Endpoint]:
    """Give the existing endpoints exactly our types, and enable them; they keep their secrets.

    Raises NotFound, and EndpointExists where one has another API version: Stripe cannot change that.
    """
    existing = [each for each in await endpoints_for(gateway, url) if each.retired_at is None]
    if not existing:
        raise NotFound(f"Stripe has no endpoint for {url}: `checkout webhook create` makes one")
    if any(each.api_version != API_VERSION for each in existing):
        raise EndpointExists(_refusal(existing))
    wanted = {"enabled_events": list(EVENT_TYPES), "disabled": False}
    fixed = [await webhook_endpoints.update_endpoint(gateway, each.id, wanted) for each in existing]
    return [read_endpoint(each) for each in fixed]


async def replace(gateway: StripeGateway, url: str, old: Sequence[Endpoint]) -> CreatedEndpoint:
    """Make a new one, then delete these. What they were still to be sent, the daemon fetches from Stripe by itself."""
    made = await make(gateway, url)
    for each in old:
        await webhook_endpoints.delete_endpoint(gateway, each.id)
    return made


async def make(gateway: StripeGateway, url: str, replaces: Sequence[str] = ()) -> CreatedEndpoint:
    """Make an endpoint with exactly our types and the pinned API version, beside those there are.

    Raises StripeUnavailable where there is no certain answer; an endpoint that was made all the same is deleted, as far
    as it can be seen, because nobody knows its secret.
    """
    token = uuid4().hex
    marks = {REPLACES: ",".join(replaces), _MADE_BY: token}
    try:
        told = await webhook_endpoints.create_endpoint(
            gateway, endpoint_parameters(url, _DESCRIPTION) | {"metadata": marks}
        )
    except StripeUnavailable as error:
        raise type(error)(f"{error.detail}; {await _without_secret(gateway, token)}") from error
    secret = str(told["secret"])
    # So that it is known later which secret is whose.
    with suppress(
        StripeRejected, StripeUnavailable
    ):  # it works without, and the secret must not be lost with the answer
        told = await webhook_endpoints.update_endpoint(
            gateway, told["id"], {"metadata": {SECRET_MARK: fingerprint(secret)}}
        )
    return CreatedEndpoint(read_endpoint(told), secret)


async def _without_secret(gateway: StripeGateway, token: str) -> str:
    """Delete the endpoint that a call without an answer made; what is known of it, and what to do next."""
    try:
        made = [
            each["id"]
            for each in (await webhook_endpoints.list_endpoints(gateway)).object["data"]
            if (each.get("metadata") or {}).get(_MADE_BY) == token
        ]
        for each in made:
            await webhook_endpoints.delete_endpoint(gateway, each)
    except (StripeRejected, StripeUnavailable):
        made = []
    if made:
        return f"it made {made[0]} without telling its secret, so that was deleted: run the command again"
    return (
        "it is not known whether the endpoint was or will be made: run the command again; if `checkout webhook show` "
        "has one whose secret nobody knows by then, `checkout webhook create --replace` ends it"
    )


def _refusal(existing: Sequence[Endpoint]) -> str:
    first = next((endpoint for endpoint in existing if not endpoint.faults), existing[0])
    exists = f"{first.id} exists for {first.url}"
    if not first.faults:
        return f"{exists} and needs no change: `checkout webhook rotate` gives it a new secret"
    command = "create --replace" if first.api_version != API_VERSION else "create --update"
    return f"{exists}, but it {'; it '.join(first.faults)}: `checkout webhook {command}` fixes it"
