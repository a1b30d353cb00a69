"""Webhook endpoints at Stripe: https://docs.stripe.com/api/webhook_endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checkout_daemon.errors import StripeUnavailable
from checkout_daemon.stripe_api.client import Fetched, StripeGateway, StripeMissing


async def list_endpoints(gateway: StripeGateway) -> Fetched:
    """List the account's endpoints (Stripe allows sixteen). Raises StripeUnavailable if not all came."""
    page = await gateway.call(
        "webhook_endpoints.list", lambda client: client.v1.webhook_endpoints.list_async(params={"limit": 100})
    )
    if page.object.get("has_more"):
        raise StripeUnavailable("the account has more than 100 webhook endpoints, and not all could be seen")
    return page


async def create_endpoint(gateway: StripeGateway, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """With its secret, which Stripe tells only now."""
    fetched = await gateway.call(
        "webhook_endpoints.create",
        lambda client: client.v1.webhook_endpoints.create_async(params=dict(parameters)),
    )
    return fetched.object


async def update_endpoint(gateway: StripeGateway, endpoint_id: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Raises StripeMissing where it is gone."""
    fetched = await gateway.call(
        "webhook_endpoints.update",
        lambda client: client.v1.webhook_endpoints.update_async(endpoint_id, params=dict(parameters)),
    )
    return fetched.object


async def delete_endpoint(gateway: StripeGateway, endpoint_id: str) -> None:
    """What it was still to be sent is not. One that is gone already is no failure."""
    try:
        await gateway.call(
            "webhook_endpoints.delete", lambda client: client.v1.webhook_endpoints.delete_async(endpoint_id)
        )
    except StripeMissing:
        return
