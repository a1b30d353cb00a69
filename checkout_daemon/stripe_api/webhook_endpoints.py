"""Webhook endpoints at Stripe: https://docs.stripe.com/api/webhook_endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from checkout_daemon.errors import StripeUnavailable
from checkout_daemon.stripe_api.client import Fetched, StripeGateway, StripeMissing


async def list_endpoints(gateway: StripeGateway) -> Fetched:
    """List the account's endpoints (Stripe allows sixteen). Raise StripeUnavailable if some are missing."""
    page = await gateway.request("webhook_endpoints.list", params={"limit": 100})
    if page.object.get("has_more"):
        raise StripeUnavailable("the account has more than 100 webhook endpoints, and not all could be seen")
    return page


async def create_endpoint(gateway: StripeGateway, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Create an endpoint and return it with its secret, which Stripe shows only now."""
    return (await gateway.request("webhook_endpoints.create", params=dict(parameters))).object


async def update_endpoint(gateway: StripeGateway, endpoint_id: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Change an endpoint and return it. Raise StripeMissing."""
    return (await gateway.request("webhook_endpoints.update", endpoint_id, params=dict(parameters))).object


async def delete_endpoint(gateway: StripeGateway, endpoint_id: str) -> None:
    """Delete an endpoint, unless it is gone already. Stripe drops its undelivered events."""
    with suppress(StripeMissing):
        await gateway.request("webhook_endpoints.delete", endpoint_id)
