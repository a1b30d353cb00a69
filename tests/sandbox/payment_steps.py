"""Steps that the tests of payments, refunds and disputes share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import stripe
from aiohttp.test_utils import TestServer

from checkout_daemon.sandbox import clock
from checkout_daemon.sandbox.app import BOX
from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.storage import Stored


async def pay(client: stripe.StripeClient, method: str = "pm_card_visa", **more: Any) -> stripe.PaymentIntent:
    """Create an intent of 20.00 and confirm it with this method."""
    params: dict[str, Any] = {
        "amount": 2000,
        "currency": "usd",
        "payment_method": method,
        "payment_method_types": [_kind(method)],
        "confirm": True,
        **more,
    }
    return await client.v1.payment_intents.create_async(params=params)  # type: ignore[arg-type]


def _kind(method: str) -> str:
    if method.startswith("pm_sepaDebit_"):
        return "sepa_debit"
    return "us_bank_account" if method.startswith("pm_usBankAccount_") else "card"


async def debit(client: stripe.StripeClient, method: str, **more: Any) -> stripe.PaymentIntent:
    """Create an intent that a bank debit pays."""
    return await pay(client, method, currency="eur" if "sepaDebit" in method else "usd", **more)


async def becomes(client: stripe.StripeClient, intent_id: str, status: str, seconds: float = 5.0) -> Any:
    """Return the intent, as soon as it has this status."""
    async with asyncio.timeout(seconds):
        while True:
            intent = await client.v1.payment_intents.retrieve_async(intent_id, params={"expand": ["latest_charge"]})
            if intent.status == status:
                return intent
            await asyncio.sleep(0.02)


async def dispute_of(client: stripe.StripeClient, intent_id: str, seconds: float = 5.0) -> stripe.Dispute:
    """Return the intent's dispute, as soon as it exists."""
    async with asyncio.timeout(seconds):
        while True:
            found = await client.v1.disputes.list_async(params={"payment_intent": intent_id})
            if found.data:
                return found.data[0]
            await asyncio.sleep(0.02)


async def dispute_becomes(client: stripe.StripeClient, dispute_id: str, status: str, seconds: float = 5.0) -> Any:
    """Return the dispute, as soon as it has this status."""
    async with asyncio.timeout(seconds):
        while True:
            dispute = await client.v1.disputes.retrieve_async(dispute_id)
            if dispute.status == status:
                return dispute
            await asyncio.sleep(0.02)


async def refund_becomes(client: stripe.StripeClient, refund_id: str, status: str, seconds: float = 5.0) -> Any:
    """Return the refund with its charge, as soon as it has this status."""
    async with asyncio.timeout(seconds):
        while True:
            refund = await client.v1.refunds.retrieve_async(refund_id, params={"expand": ["charge"]})
            if refund.status == status:
                return refund
            await asyncio.sleep(0.02)


async def types_about(client: stripe.StripeClient, object_id: str) -> list[str]:
    """Return the types of the events about an object, oldest first. `charge.updated` is left out: its time varies."""
    page = await client.v1.events.list_async(params={"limit": 100})
    about = [event for event in reversed(page.data) if getattr(event.data.object, "id", None) == object_id]
    return [event.type for event in about if event.type != "charge.updated"]


async def booked(client: stripe.StripeClient, source: str) -> list[tuple[str, int, int]]:
    """Return the balance transactions of an object, oldest first: type, amount, fee."""
    page = await client.v1.balance_transactions.list_async(params={"source": source, "limit": 100})
    return [(event.type, event.amount, event.fee) for event in reversed(page.data)]


async def advance(server: TestServer, by: str) -> None:
    """Advance the sandbox's clock, and let everything due until then happen."""
    async with (
        aiohttp.ClientSession() as http,
        http.post(server.make_url("/sandbox/clock"), json={"advance": by}) as got,
    ):
        assert got.status == 200, await got.text()


def act(server: TestServer, object_id: str, action: Callable[[Box, Stored], object]) -> None:
    """Apply an action of the sandbox's page to an object."""
    box = server.app[BOX]
    clock.use(box.storage.clock)
    with box.storage.transaction():
        record = box.storage.find(object_id)
        assert record is not None
        action(box, record)
    box.wake.set()
