"""PaymentIntents, charges and disputes at Stripe, to be read: https://docs.stripe.com/api/payment_intents."""

from __future__ import annotations

from typing import Any

from checkout_daemon.stripe_api.client import Fetched, StripeGateway
from checkout_daemon.stripe_api.paging import everything
from checkout_daemon.stripe_api.refunds import payment_parameter


async def retrieve_payment(gateway: StripeGateway, payment_id: str) -> Fetched:
    """A PaymentIntent (pi_) with its latest charge, or a charge. Raises StripeMissing."""
    if payment_id.startswith("pi_"):
        return await gateway.call(
            "payment_intents.retrieve",
            lambda client: client.v1.payment_intents.retrieve_async(payment_id, params={"expand": ["latest_charge"]}),
        )
    return await gateway.call("charges.retrieve", lambda client: client.v1.charges.retrieve_async(payment_id))


async def list_disputes(gateway: StripeGateway, payment_id: str) -> list[Fetched]:
    """Return all disputes of a PaymentIntent or a charge, newest first. Raises StripeUnavailable if not all came."""

    def ask(client: Any, params: dict[str, Any]) -> Any:
        return client.v1.disputes.list_async(params=params)

    return await everything(gateway, "disputes.list", ask, {payment_parameter(payment_id): payment_id})
