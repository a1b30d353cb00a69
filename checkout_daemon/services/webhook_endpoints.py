"""Our webhook endpoint at Stripe: which there are, and making, mending and replacing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from checkout_daemon.domain.events import EVENT_TYPES
from checkout_daemon.domain.webhook_endpoint import (
    API_VERSION,
    REPLACES,
    SECRET_MARK,
    Endpoint,
    endpoint_parameters,
    read_endpoint,
)
from checkout_daemon.domain.webhook_secrets import fingerprint
from checkout_daemon.errors import CheckoutError, NotFound
from checkout_daemon.gateway import webhook_endpoints
from checkout_daemon.gateway.client import StripeGateway

_DESCRIPTION = "checkout-daemon"


class EndpointExists(CheckoutError):
    """There is one for this URL; the message says what differs and which command mends it."""

    code = "endpoint_exists"
    exit_code = 4
    title = "There is an endpoint for this URL already"


@dataclass(frozen=True, slots=True)
class Made:
    """A new endpoint with its secret, which Stripe tells once."""

    endpoint: Endpoint
    secret: str


async def endpoints_for(gateway: StripeGateway, url: str) -> list[Endpoint]:
    """Those at Stripe for this URL, in the mode of our key; the newest first."""
    told = (await webhook_endpoints.list_endpoints(gateway)).object["data"]
    ours = [read_endpoint(each) for each in told if each["url"] == url]
    return sorted(ours, key=lambda each: (each.created_at, bool(each.replaces)), reverse=True)


async def create(gateway: StripeGateway, url: str) -> Made:
    """Raises EndpointExists where there is one for this URL, whatever it is like."""
    existing = await endpoints_for(gateway, url)
    if existing:
        raise EndpointExists(_refusal(existing))
    return await make(gateway, url)


async def mend(gateway: StripeGateway, url: str) -> list[Endpoint]:
    """Give those that are there exactly our types, and enable them; they keep their secrets.

    Raises NotFound, and EndpointExists where one has another API version: Stripe cannot change that.
    """
    existing = [each for each in await endpoints_for(gateway, url) if each.retired_at is None]
    if not existing:
        raise NotFound(f"Stripe has no endpoint for {url}: `checkout webhook create` makes one")
    if any(each.api_version != API_VERSION for each in existing):
        raise EndpointExists(_refusal(existing))
    wanted = {"enabled_events": list(EVENT_TYPES), "disabled": False}
    mended = [await webhook_endpoints.update_endpoint(gateway, each.id, wanted) for each in existing]
    return [read_endpoint(each) for each in mended]


async def replace(gateway: StripeGateway, url: str, old: Sequence[Endpoint]) -> Made:
    """Make a new one, then delete these. What they were still to be sent, the daemon fetches from Stripe by itself."""
    made = await make(gateway, url)
    for each in old:
        await webhook_endpoints.delete_endpoint(gateway, each.id)
    return made


async def make(gateway: StripeGateway, url: str, replaces: Sequence[str] = ()) -> Made:
    """With exactly our types and the pinned API version, beside what there is."""
    parameters = endpoint_parameters(url, _DESCRIPTION) | {"metadata": {REPLACES: ",".join(replaces)}}
    told = await webhook_endpoints.create_endpoint(gateway, parameters)
    secret = str(told["secret"])
    # So that it is known later which secret is whose.
    marked = await webhook_endpoints.update_endpoint(
        gateway, told["id"], {"metadata": {SECRET_MARK: fingerprint(secret)}}
    )
    return Made(read_endpoint(marked), secret)


def _refusal(existing: Sequence[Endpoint]) -> str:
    first = next((each for each in existing if not each.faults), existing[0])
    if not first.faults:
        return (
            f"{first.id} is there for {first.url} and is as it must be: `checkout webhook rotate` gives it a new secret"
        )
    mend = "create --replace" if first.api_version != API_VERSION else "create --update"
    return (
        f"{first.id} is there for {first.url}, but it {'; it '.join(first.faults)}: `checkout webhook {mend}` mends it"
    )
