"""Steps that the tests of the sandbox's page share."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import stripe

from tests.sandbox.conftest import Receiver, confirm, open_session


async def read(browser: aiohttp.ClientSession, path: str, status: int = 200) -> Any:
    async with browser.get(f"/sandbox/api/{path}") as response:
        assert response.status == status, await response.text()
        return await response.json()


async def act(browser: aiohttp.ClientSession, name: str, **given: str) -> tuple[int, str]:
    """Return the status and the message."""
    async with browser.post(f"/sandbox/api/act/{name}", json=given) as response:
        answer = await response.json()
        return response.status, answer.get("message") or answer["error"]


async def first_failure(browser: aiohttp.ClientSession) -> Any:
    """Return the failed delivery, as soon as it exists."""
    async with asyncio.timeout(20):
        while True:
            if rows := (await read(browser, "deliveries?only=failed"))["rows"]:
                return rows[0]
            await asyncio.sleep(0.02)


def states(thing: dict[str, Any]) -> list[str]:
    return [state["text"] for state in thing["states"]]


def labels(thing: dict[str, Any]) -> list[str]:
    return [action["label"] for action in thing["actions"]]


async def pay(client: stripe.StripeClient, method: str = "pm_card_visa", **more: Any) -> str:
    """Pay a session and return its intent."""
    session = await open_session(client, **more)
    await confirm(client, session.id, payment_method=method)
    paid = await client.v1.checkout.sessions.retrieve_async(session.id)
    assert isinstance(paid.payment_intent, str)
    return paid.payment_intent


async def debit(client: stripe.StripeClient) -> tuple[str, str]:
    """Open a session and start a bank debit for it. Return the session and its intent."""
    params: Any = {
        "type": "sepa_debit",
        "sepa_debit": {"iban": "AT611904300234573201"},
        "billing_details": {"name": "Ana Berg", "email": "ana@example.com"},
    }
    method = await client.v1.payment_methods.create_async(params=params)
    session = await open_session(client, currency="eur", payment_method_types=["card", "sepa_debit"])
    await confirm(client, session.id, payment_method=method.id)
    body = await client.v1.checkout.sessions.retrieve_async(session.id)
    assert isinstance(body.payment_intent, str)
    return session.id, body.payment_intent


async def listen(client: stripe.StripeClient, receiver: Receiver) -> str:
    endpoint = await client.v1.webhook_endpoints.create_async(params={"url": receiver.url, "enabled_events": ["*"]})
    return endpoint.id
