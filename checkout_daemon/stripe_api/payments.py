"""PaymentIntents, charges, refunds and disputes at Stripe: https://docs.stripe.com/api/payment_intents."""

from __future__ import annotations

from typing import Any

from checkout_daemon.stripe_api.client import Fetched, StripeGateway
from checkout_daemon.stripe_api.paging import everything


async def retrieve_payment(gateway: StripeGateway, payment_id: str) -> Fetched:
    """Return a PaymentIntent (pi_) with its latest charge, or a charge. Raise StripeMissing."""
    if payment_id.startswith("pi_"):
        return await gateway.request("payment_intents.retrieve", payment_id, params={"expand": ["latest_charge"]})
    return await gateway.request("charges.retrieve", payment_id)


async def create_refund(gateway: StripeGateway, parameters: dict[str, Any], idempotency_key: str) -> Fetched:
    """Refund a payment. The same key and parameters return the same refund, however often they are sent."""
    return await gateway.request("refunds.create", params=parameters, options={"idempotency_key": idempotency_key})


async def list_refunds(gateway: StripeGateway, payment_id: str) -> list[Fetched]:
    """Return all refunds of a PaymentIntent or charge, newest first. Raise StripeUnavailable if some are missing."""
    return await everything(gateway, "refunds.list", params={payment_parameter(payment_id): payment_id})


async def list_disputes(gateway: StripeGateway, payment_id: str) -> list[Fetched]:
    """Return all disputes of a PaymentIntent or charge, newest first. Raise StripeUnavailable if some are missing."""
    return await everything(gateway, "disputes.list", params={payment_parameter(payment_id): payment_id})


def payment_parameter(payment_id: str) -> str:
    """Return the name of the request parameter that takes this payment's id."""
    return "payment_intent" if payment_id.startswith("pi_") else "charge"
