"""A shop of another system on the offline Stripe: sessions and payments that no order here is about."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import aiohttp

from checkout_daemon.runtime import Runtime
from tests.support.flaky_stripe import FlakyStripe

CARD = {"type": "card", "card": {"token": "tok_visa"}}
DISPUTED = {"type": "card", "card": {"token": "tok_createDispute"}}
DEBIT = {
    "type": "sepa_debit",
    "sepa_debit": {"iban": "AT611904300234573201"},  # succeeds later
    "billing_details": {"name": "Ada", "email": "ada@old.example"},
}
_AT_ONCE = 8


class OldShop:
    """Makes objects as a system does that knows nothing of ours."""

    def __init__(self, runtime: Runtime, stripe: FlakyStripe) -> None:
        self.runtime, self.stripe = runtime, stripe

    async def ask(self, method: str, path: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        async def call(client: Any) -> Any:
            return await client._requestor.request_async(method, path, params, base_address="api")

        return (await self.runtime.gateway.call("test", call)).object

    async def advance(self, span: str) -> None:
        """Move Stripe's clock on."""
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{self.stripe.upstream}/sandbox/clock", json={"advance": span}) as answer,
        ):
            assert answer.status == 200, await answer.text()

    async def session(self, amount: int, quantity: int = 1, **params: Any) -> dict[str, Any]:
        """Create a session of its own prices, and return it."""
        product = {"name": "Old mug", "metadata": {"old": "1"}}
        line = {"quantity": quantity, "price_data": {"currency": "eur", "unit_amount": amount, "product_data": product}}
        wanted = {
            "mode": "payment",
            "line_items": [line],
            "success_url": "https://old.example/thanks",
            "client_reference_id": f"cart-{uuid4().hex[:8]}",
            "customer_email": "buyer@old.example",
        }
        return await self.ask("post", "/v1/checkout/sessions", wanted | params)

    async def paid(self, amount: int, method: dict[str, Any] = CARD, **params: Any) -> dict[str, Any]:
        """Create a session and pay it; return it with its PaymentIntent and charge."""
        made = await self.session(amount, **params)
        method_id = (await self.ask("post", "/v1/payment_methods", method))["id"]
        confirm = {"payment_method": method_id, "expected_amount": made["amount_total"]}
        await self.ask("post", f"/v1/payment_pages/{made['id']}/confirm", confirm)
        return await self.read(made["id"])

    async def read(self, session_id: str) -> dict[str, Any]:
        """Return a session as it is now."""
        expand = {"expand": ["payment_intent.latest_charge"]}
        return await self.ask("get", f"/v1/checkout/sessions/{session_id}", expand)

    async def refund(self, session: dict[str, Any], amount: int | None = None) -> dict[str, Any]:
        """Give back a payment, or a part of it."""
        wanted = {"payment_intent": session["payment_intent"]["id"]} | ({} if amount is None else {"amount": amount})
        return await self.ask("post", "/v1/refunds", wanted)

    async def intent(self, amount: int, **params: Any) -> dict[str, Any]:
        """Take a payment without a session."""
        wanted = {
            "amount": amount,
            "currency": "eur",
            "payment_method": "pm_card_visa",
            "payment_method_types": ["card"],
            "confirm": True,
        }
        return await self.ask("post", "/v1/payment_intents", wanted | params)


async def at_once(count: int, make: Callable[[int], Awaitable[Any]]) -> list[Any]:
    """Make so many things, a few at a time."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(place: int) -> Any:
        async with gate:
            return await make(place)

    return await asyncio.gather(*(one(place) for place in range(count)))
