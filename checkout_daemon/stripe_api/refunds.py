"""Refunds at Stripe: https://docs.stripe.com/api/refunds."""

from __future__ import annotations

from typing import Any

from checkout_daemon.stripe_api.client import Fetched, StripeGateway
from checkout_daemon.stripe_api.paging import everything


async def create_refund(gateway: StripeGateway, parameters: dict[str, Any], idempotency_key: str) -> Fetched:
    """Give money back. The same key with the same parameters answers the same refund, however often it is asked."""
    return await gateway.call(
        "refunds.create",
        lambda client: client.v1.refunds.create_async(params=parameters, options={"idempotency_key": idempotency_key}),
    )


async def list_refunds(gateway: StripeGateway, payment_id: str) -> list[Fetched]:
    """Return all refunds of a PaymentIntent or a charge, newest first. Raises StripeUnavailable if not all came."""

    def ask(client: Any, params: dict[str, Any]) -> Any:
        return client.v1.refunds.list_async(params=params)

    return await everything(gateway, "refunds.list", ask, {payment_parameter(payment_id): payment_id})


def payment_parameter(payment_id: str) -> str:
    """What Stripe calls a payment of this id among a refund's parameters."""
    return "payment_intent" if payment_id.startswith("pi_") else "charge"
