"""Refunds at Stripe: https://docs.stripe.com/api/refunds."""

from __future__ import annotations

from typing import Any

from checkout_daemon.errors import StripeUnavailable
from checkout_daemon.gateway.client import Fetched, StripeGateway

_PAGE = 100


async def create_refund(gateway: StripeGateway, parameters: dict[str, Any], idempotency_key: str) -> Fetched:
    """Give money back. The same key with the same parameters answers the same refund, however often it is asked."""
    return await gateway.call(
        "refunds.create",
        lambda client: client.v1.refunds.create_async(params=parameters, options={"idempotency_key": idempotency_key}),
    )


async def list_refunds(gateway: StripeGateway, payment_id: str) -> list[Fetched]:
    """All refunds of a PaymentIntent (pi_) or a charge, newest first. Raises StripeUnavailable where not all came."""
    params: dict[str, Any] = {"limit": _PAGE, payment_parameter(payment_id): payment_id}
    refunds: list[Fetched] = []
    while True:
        page = await gateway.call(
            "refunds.list",
            lambda client, params=dict(params): client.v1.refunds.list_async(params=params),  # type: ignore[misc]
        )
        refunds += [Fetched(each, page.observed_at) for each in page.object["data"]]
        if not page.object.get("has_more"):
            return refunds
        if not page.object["data"]:
            raise StripeUnavailable("Stripe says that there are more refunds and lists none: ask again")
        params["starting_after"] = page.object["data"][-1]["id"]


def payment_parameter(payment_id: str) -> str:
    """What Stripe calls a payment of this id among a refund's parameters."""
    return "payment_intent" if payment_id.startswith("pi_") else "charge"
