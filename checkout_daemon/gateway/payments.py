"""PaymentIntents, charges and disputes at Stripe, to be read: https://docs.stripe.com/api/payment_intents."""

from __future__ import annotations

from typing import Any

from checkout_daemon.errors import StripeUnavailable
from checkout_daemon.gateway.client import Fetched, StripeGateway
from checkout_daemon.gateway.refunds import payment_parameter

_PAGE = 100


async def retrieve_payment(gateway: StripeGateway, payment_id: str) -> Fetched:
    """A PaymentIntent (pi_) with its latest charge, or a charge. Raises StripeMissing."""
    if payment_id.startswith("pi_"):
        return await gateway.call(
            "payment_intents.retrieve",
            lambda client: client.v1.payment_intents.retrieve_async(payment_id, params={"expand": ["latest_charge"]}),
        )
    return await gateway.call("charges.retrieve", lambda client: client.v1.charges.retrieve_async(payment_id))


async def list_disputes(gateway: StripeGateway, payment_id: str) -> list[Fetched]:
    """All disputes of a PaymentIntent or a charge, newest first. Raises StripeUnavailable where not all came."""
    params: dict[str, Any] = {"limit": _PAGE, payment_parameter(payment_id): payment_id}
    page = await gateway.call("disputes.list", lambda client: client.v1.disputes.list_async(params=params))
    if page.object.get("has_more"):  # a payment has a few at most
        raise StripeUnavailable(f"payment {payment_id} has more than {_PAGE} disputes, and not all could be seen")
    return [Fetched(each, page.observed_at) for each in page.object["data"]]
