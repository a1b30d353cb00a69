"""Shoppers at a daemon of two processes: 128 at once for ten pieces, and what the shop shows of the rest."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from tests.support.daemon import Daemon
from tests.support.fixtures import KEY
from tests.support.flaky_stripe import FlakyStripe

SHOPPERS = 128


async def test_a_hundred_and_twenty_eight_at_once_leave_ten_payable_orders(
    database_url: str, connection: asyncpg.Connection, stripe: FlakyStripe, tmp_path: Path
) -> None:
    await connection.execute(
        "INSERT INTO products (sku, name, unit_amount, currency, stock) VALUES ('BOX', 'Box', 900, 'eur', 10)"
        " ON CONFLICT (sku) DO UPDATE SET stock = 10"
    )
    settings = {"STRIPE_API_KEY": KEY, "STRIPE_API_BASE": stripe.base, "CHECKOUT_RATE_LIMIT": "0"}
    daemon = Daemon(database_url, tmp_path, "--workers", "2", **settings)
    await daemon.start()
    try:
        connector = aiohttp.TCPConnector(limit=SHOPPERS, force_close=True)
        async with aiohttp.ClientSession(connector=connector) as client:
            answers = await asyncio.gather(*(buy(client, daemon.url, number) for number in range(SHOPPERS)))
            async with client.get(f"{daemon.url}/api/products") as answer:
                products = {product["sku"]: product for product in (await answer.json())["products"]}
            quote = {"items": [{"sku": "BOX", "quantity": 1}]}
            async with client.post(f"{daemon.url}/api/quotes", json=quote) as answer:
                refused = answer.status, await answer.json()
    finally:
        await daemon.kill(workers=True)
    assert Counter(status for status, _ in answers) == {201: 10, 422: SHOPPERS - 10}
    for status, body in answers:
        if status == 422:
            assert (body["code"], body["errors"]) == (
                "out_of_stock",
                [{"pointer": "/items/0/quantity", "code": "out_of_stock", "detail": "Box is sold out.", "left": 0}],
            )
    assert (products["BOX"]["available"], products["BOX"]["left"]) == (False, 0)
    assert "left" not in next(product for sku, product in products.items() if sku != "BOX")
    assert (refused[0], refused[1]["code"]) == (422, "out_of_stock")
    payable = await connection.fetchval("SELECT count(*) FROM orders WHERE status = 'pending'")
    assert (payable, await connection.fetchval("SELECT count(*) FROM checkout_sessions")) == (10, 10)


async def buy(client: aiohttp.ClientSession, url: str, number: int) -> tuple[int, Any]:
    """Buy a box, and repeat the request with its key while the daemon is too busy, as a storefront does."""
    body = {
        "items": [{"sku": "BOX", "quantity": 1}],
        "customer": {"name": "Ada", "email": f"ada{number}@example.com", "phone": "+4930901820"},
    }
    while True:
        headers = {"Idempotency-Key": f"key-{number}"}
        async with client.post(f"{url}/api/stripe-checkout", json=body, headers=headers) as answer:
            if answer.status != 503:
                return answer.status, await answer.json()
        await asyncio.sleep(0.1)
