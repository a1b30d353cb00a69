"""The offline Stripe's clock and balance, for tests of what we read of it."""

from __future__ import annotations

from typing import Any

import aiohttp

from tests.support.fixtures import KEY
from tests.support.flaky_stripe import FlakyStripe


async def advance(stripe: FlakyStripe, by: str) -> None:
    """Advance the offline Stripe's clock, and let everything due until then happen."""
    await tell(stripe, "/sandbox/clock", {"advance": by})


async def tell(stripe: FlakyStripe, path: str, given: dict[str, Any]) -> dict[str, Any]:
    """Post to one of its own routes, and return the answer."""
    async with aiohttp.ClientSession() as http, http.post(f"{stripe.upstream}{path}", json=given) as answer:
        assert answer.status == 200, await answer.text()
        found: dict[str, Any] = await answer.json()
        return found


async def ask(stripe: FlakyStripe, path: str) -> dict[str, Any]:
    """Ask its API, without the network between us and it."""
    headers = {"Authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(headers=headers) as http, http.get(f"{stripe.upstream}{path}") as answer:
        assert answer.status == 200, await answer.text()
        found: dict[str, Any] = await answer.json()
        return found


async def post(stripe: FlakyStripe, path: str, form: dict[str, str]) -> dict[str, Any]:
    """Post to its API, without the network between us and it."""
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(f"{stripe.upstream}{path}", data=form) as answer,
    ):
        assert answer.status == 200, await answer.text()
        found: dict[str, Any] = await answer.json()
        return found


async def whole_balance(stripe: FlakyStripe) -> dict[str, int]:
    """Return the whole balance by currency, what is pending included; currencies without any are left out."""
    sums: dict[str, int] = {}
    for parts in (found for name, found in (await ask(stripe, "/v1/balance")).items() if name in _PARTS):
        for part in parts:
            sums[part["currency"]] = sums.get(part["currency"], 0) + part["amount"]
    return {currency: amount for currency, amount in sums.items() if amount}


_PARTS = ("available", "pending")
