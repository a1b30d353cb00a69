"""Webhook endpoints at Stripe: https://docs.stripe.com/api/webhook_endpoints."""

from __future__ import annotations

from checkout_daemon.gateway.client import Fetched, StripeGateway


async def list_endpoints(gateway: StripeGateway) -> Fetched:
    """All of the account's (Stripe allows sixteen), as a list object."""
    return await gateway.call(
        "webhook_endpoints.list", lambda client: client.v1.webhook_endpoints.list_async(params={"limit": 100})
    )
