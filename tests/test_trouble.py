"""A hundred orders while deliveries are doubled, reordered, lost and dropped: all end as they are at Stripe."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from tests.support.dev import running_dev
from tests.support.shop import CUSTOMER, FAILS_LATER, SUCCEEDS_LATER, Shop

ORDERS = 100
AT_ONCE = 8
TROUBLE = {"seed": 20, "duplicate": 20, "reorder": 20, "answer_lost": 10, "drop": 5, "spread_seconds": 0.5}
STORIES = (
    "paid", "refunded", "declined", "debited", "partly_refunded", "debit_failed", "abandoned", "expired", "disputed",
    "refund_failed", "inquiry", "dispute_won", "authenticated_never",
)  # fmt: skip


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    state_dir = Path(tempfile.mkdtemp(prefix="checkout-trouble-"))
    state_dir.chmod(0o755)
    async with running_dev(state_dir) as dev, aiohttp.ClientSession() as http:
        yield Shop(dev, http)
    shutil.rmtree(state_dir)


async def control(shop: Shop, path: str, body: dict[str, Any]) -> Any:
    async with shop.http.post(f"{shop.dev.env['STRIPE_API_BASE']}/sandbox/{path}", json=body) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def found(shop: Shop, path: str) -> dict[str, Any]:
    """Wait for the first object of a list, and return it."""
    deadline = time.monotonic() + 10
    while True:
        _, listed = await shop.stripe("GET", path)
        if listed["data"]:
            first: dict[str, Any] = listed["data"][0]
            return first
        assert time.monotonic() < deadline, f"nothing at {path}"
        await asyncio.sleep(0.05)


async def live(shop: Shop, story: str) -> dict[str, Any]:
    """Take one order from checkout through its story, and return it as it was created."""
    order = await shop.check_out()
    token = {
        "disputed": "tok_createDispute",
        "dispute_won": "tok_createDispute",
        "inquiry": "tok_createDisputeInquiry",
        "refund_failed": "tok_refundFail",
        "authenticated_never": "tok_threeDSecure2Required",
    }.get(story, "tok_visa")
    if story == "abandoned":
        return order
    if story == "expired":
        await shop.stripe("POST", f"/v1/checkout/sessions/{order['session_id']}/expire")
        return order
    if story == "declined":
        status, _ = await shop.pay(order, "tok_chargeDeclined")
        assert status == 402
    debits = {"debited": SUCCEEDS_LATER, "debit_failed": FAILS_LATER}
    status, paid = await shop.pay(order, token, iban=debits.get(story, ""))
    assert status == 200, paid
    intent = paid["payment_intent"]["id"]
    if story in ("refunded", "partly_refunded", "refund_failed"):
        amount = {"amount": str(order["amount_total"] // 3)} if story == "partly_refunded" else {}
        status, refund = await shop.stripe("POST", "/v1/refunds", {"payment_intent": intent, **amount})
        assert status == 200, refund
    if story == "dispute_won":
        dispute = await found(shop, f"/v1/disputes?payment_intent={intent}")
        evidence = {"evidence[uncategorized_text]": "winning_evidence"}
        await shop.stripe("POST", f"/v1/disputes/{dispute['id']}", evidence)
    return order


async def truth(shop: Shop, order: dict[str, Any]) -> dict[str, Any]:
    """Return the offline Stripe's state of an order, and the status that follows from it by the rules of the README."""
    _, session = await shop.stripe("GET", f"/v1/checkout/sessions/{order['session_id']}?expand[]=payment_intent")
    intent = session["payment_intent"]
    refunds: list[dict[str, Any]] = []
    disputes: list[dict[str, Any]] = []
    if intent is not None:
        _, listed = await shop.stripe("GET", f"/v1/refunds?payment_intent={intent['id']}")
        refunds = listed["data"]
        _, listed = await shop.stripe("GET", f"/v1/disputes?payment_intent={intent['id']}")
        disputes = listed["data"]
    given_back = sum(
        refund["amount"] for refund in refunds if refund["status"] in ("requires_action", "pending", "succeeded")
    )
    failed = session["status"] == "complete" and intent["status"] == "requires_payment_method"
    if any(dispute["status"] not in ("won", "warning_closed", "prevented") for dispute in disputes):
        status = "disputed"
    elif session["payment_status"] == "paid":
        left = session["amount_total"] - given_back
        status = "completed" if not given_back else "partially_refunded" if left else "refunded"
    elif session["status"] == "complete":
        status = "failed" if failed else "processing"
    else:
        status = {"open": "pending", "expired": "expired"}[session["status"]]
    return {
        "status": status,
        "amount_refunded": given_back,
        "session": (session["status"], "failed" if failed else session["payment_status"]),
        "paid": [(intent["id"], intent["amount_received"])] if intent and intent["amount_received"] else [],
        "refunds": sorted((refund["id"], refund["status"], refund["amount"]) for refund in refunds),
        "disputes": sorted((dispute["id"], dispute["status"]) for dispute in disputes),
    }


async def held(database: asyncpg.Connection, order: dict[str, Any]) -> dict[str, Any]:
    """Return the daemon's state of the order."""
    row = await database.fetchrow(
        "SELECT o.status, o.amount_refunded, s.status AS session, s.outcome FROM orders o "
        "JOIN checkout_sessions s ON s.order_id = o.id AND s.id = $2 WHERE o.id = $1",
        order["order_id"], order["session_id"],
    )  # fmt: skip
    of_order = "JOIN payments p ON p.id = payment_id WHERE p.order_id = $1"
    paid = await database.fetch(f"SELECT payment_id, amount FROM payment_observations {of_order}", order["order_id"])
    refunds = await database.fetch(f"SELECT r.id, status, amount FROM refunds r {of_order}", order["order_id"])
    disputes = await database.fetch(f"SELECT d.id, status FROM disputes d {of_order}", order["order_id"])
    assert row is not None
    return {
        "status": row["status"],
        "amount_refunded": row["amount_refunded"],
        "session": (row["session"], row["outcome"]),
        "paid": [tuple(row) for row in paid],
        "refunds": sorted(tuple(refund) for refund in refunds),
        "disputes": sorted(tuple(dispute) for dispute in disputes),
    }


async def test_a_hundred_orders_end_as_they_are_at_stripe_whatever_happens_to_their_webhooks(shop: Shop) -> None:
    await control(shop, "chaos", TROUBLE)
    room = asyncio.Semaphore(AT_ONCE)

    async def one(story: str) -> dict[str, Any]:
        async with room:
            return await live(shop, story)

    stories = itertools.islice(itertools.cycle(STORIES), ORDERS)
    orders = await asyncio.gather(*(one(plan) for plan in stories))

    # Three days of retries, the expiry of what nobody paid, and every debit: in order, only faster.
    await control(shop, "clock", {"advance": "3d"})

    _, events = await shop.stripe("GET", "/v1/events?limit=100&delivery_success=false")
    assert events["data"] == []
    database = await asyncpg.connect(shop.dev.env["DATABASE_URL"])
    try:
        unwell = await database.fetchval("SELECT count(*) FROM stripe_events WHERE status IN ('failed', 'dead')")
        assert unwell == 0
        differ = []
        for order in orders:
            expected, actual = await truth(shop, order), await held(database, order)
            if expected != actual:
                differ.append((order["number"], expected, actual))
        assert differ == []
        statuses = {row["status"] for row in await database.fetch("SELECT DISTINCT status FROM orders")}
        assert statuses >= {"completed", "failed", "expired", "refunded", "partially_refunded", "disputed"}
    finally:
        await database.close()
    await assert_there_was_trouble(shop.dev.state_dir)


async def assert_there_was_trouble(state_dir: Path) -> None:
    """Check in the sandbox's record that every kind of trouble happened."""
    import sqlite3

    with sqlite3.connect(f"file:{state_dir / 'sandbox.sqlite3'}?mode=ro", uri=True) as record:
        met = dict(record.execute("SELECT trouble, count(*) FROM attempts WHERE trouble IS NOT NULL GROUP BY 1"))
        twice = record.execute(
            "SELECT count(*) FROM (SELECT 1 FROM deliveries GROUP BY event, endpoint HAVING count(*) > 1)"
        ).fetchone()[0]
    record.close()
    assert met["drop"] > 5
    assert met["answer_lost"] > 20
    assert twice > 50


@pytest.mark.parametrize("stored", [False, True])
async def test_checkouts_while_the_api_fails_make_one_open_session_each(shop: Shop, *, stored: bool) -> None:
    """Requests refused, answered 500, never answered: before and after their effect, and too many a second besides.

    Where a 500 is `stored`, it is all that its idempotency key is ever answered, though a session may be there.
    """
    settings = {"seed": 11, "api_429": 5, "api_500": 10, "api_500_stored": stored, "api_drop": 15, "rate_limit": 25}
    await control(shop, "chaos", settings)
    room = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> dict[str, Any]:
        body = {
            "items": [{"sku": "NOTEBOOK-A5", "quantity": 1 + number % 3}],
            "customer": CUSTOMER,
            "discount_code": "WELCOME10",
            "insist": True,
        }
        headers = {"Idempotency-Key": f"trouble-{number}"}
        deadline = time.monotonic() + 60
        async with room:
            while True:
                url = f"{shop.dev.url}/api/stripe-checkout"
                async with shop.http.post(url, json=body, headers=headers) as answer:
                    made: dict[str, Any] = await answer.json()
                    if answer.status in (200, 201):
                        return made
                    assert answer.status == 503, made
                    assert "Retry-After" in answer.headers
                assert time.monotonic() < deadline, made
                await asyncio.sleep(0.2)

    orders = await asyncio.gather(*(one(number) for number in range(30)))
    async with shop.http.delete(f"{shop.dev.env['STRIPE_API_BASE']}/sandbox/chaos") as answer:
        ended = await answer.json()
        assert ended["api_500"] == 0

    assert len({order["order_id"] for order in orders}) == len(orders)
    _, listed = await shop.stripe("GET", "/v1/checkout/sessions?limit=100&status=open")
    sessions = {session["client_reference_id"]: session for session in listed["data"]}
    assert len(sessions) == len(listed["data"]), "an order has two open sessions"
    for order in orders:
        session = sessions[order["order_id"]]
        assert (session["id"], session["amount_total"]) == (order["session_id"], order["amount_total"])
