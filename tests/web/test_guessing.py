"""Clients that guess discount codes or test cards are slowed down; others are not."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.flaky_stripe import FlakyStripe
from tests.support.waiting import until
from tests.web.conftest import Client, OpenClient, checkout_body

QUOTE = {"items": [{"sku": "NOTE", "quantity": 1}]}


async def ask(client: Client, path: str, body: dict[str, Any], **headers: str) -> tuple[int, str, str]:
    """Return the status, the code (of a 422 that of its first fault) and Retry-After."""
    async with client.post(path, json=body, headers=headers) as answer:
        data = json.loads(await answer.read())
        code = data["errors"][0]["code"] if answer.status == 422 else data.get("code", "")
        return answer.status, code, answer.headers.get("Retry-After", "")


@pytest.fixture
async def shop(
    open_client: OpenClient, database_url: str, connection: asyncpg.Connection, stripe: FlakyStripe
) -> Client:
    return await open_client(
        DATABASE_URL=database_url,
        STRIPE_API_BASE=stripe.base,
        CHECKOUT_FAILED_TRIES="3",
        CHECKOUT_TRUSTED_PROXIES="127.0.0.1",
    )


async def test_codes_that_do_not_fit_are_slowed_for_their_address_alone(shop: Client) -> None:
    def guess(code: str) -> dict[str, Any]:
        return QUOTE | {"discount_code": code}

    for number in range(3):
        assert (await ask(shop, "/api/quotes", guess(f"CODE{number}")))[:2] == (422, "discount_unknown")
    status, code, wait = await ask(shop, "/api/quotes", guess("TEN"))  # a right one too: its answer would tell
    assert (status, code) == (429, "too_many_requests")
    assert 0 < int(wait) <= 1200
    assert (await ask(shop, "/api/quotes", QUOTE))[0] == 200
    assert (await ask(shop, "/api/stripe-checkout", checkout_body(discount_code="TEN")))[0] == 429
    assert (await ask(shop, "/api/quotes", guess("TEN"), **{"X-Forwarded-For": "203.0.113.7"}))[0] == 200


async def test_right_codes_are_not_counted(shop: Client) -> None:
    for _ in range(6):
        assert (await ask(shop, "/api/quotes", QUOTE | {"discount_code": "ten"}))[0] == 200


async def test_codes_are_counted_for_an_email_from_many_addresses(shop: Client) -> None:
    answers = [
        await ask(
            shop,
            "/api/stripe-checkout",
            checkout_body(discount_code=f"CODE{number}"),
            **{"X-Forwarded-For": f"203.0.113.{number}"},
        )
        for number in range(4)
    ]
    assert [status for status, _, _ in answers] == [422, 422, 422, 429]


async def test_codes_are_counted_for_a_network_from_many_of_its_addresses(shop: Client) -> None:
    answers = [
        await ask(
            shop,
            "/api/quotes",
            QUOTE | {"discount_code": f"CODE{number}"},
            **{"X-Forwarded-For": f"2001:db8:0:{number:x}::1"},
        )
        for number in range(13)
    ]
    assert [status for status, _, _ in answers] == [422] * 12 + [429]  # a /56 may try four times as often


async def decline(connection: asyncpg.Connection, count: int) -> None:
    """Decline the payment of the latest order this many times."""
    order_id = await connection.fetchval("SELECT id FROM orders ORDER BY number DESC LIMIT 1")
    for _ in range(count):
        await connection.execute(
            "INSERT INTO stripe_events (id, type, status, order_id, received_at, body_hash)"
            " VALUES ($1, 'payment_intent.payment_failed', 'applied', $2, now(), '\\x00')",
            f"evt_{uuid.uuid4().hex}",
            order_id,
        )


def order(email: str, quantity: int) -> dict[str, Any]:
    customer = {"name": "Ada Lovelace", "email": email, "phone": "+43 664 1234567"}
    return {"items": [{"sku": "NOTE", "quantity": quantity}], "customer": customer}


async def test_codes_that_are_tried_at_once_are_all_counted(shop: Client, connection: asyncpg.Connection) -> None:
    def guess(number: int) -> dict[str, Any]:
        return order(f"guesser{number}@example.com", 1) | {"discount_code": f"CODE{number}"}

    async def more_wait_than_are_free() -> bool:
        waiting: int = await connection.fetchval(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'discounts'::regclass"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return waiting > 3

    async with connection.transaction():
        await connection.execute("LOCK TABLE discounts")  # nobody learns that a code is wrong until others ask too
        guesses = [asyncio.create_task(ask(shop, "/api/stripe-checkout", guess(number))) for number in range(40)]
        await until(more_wait_than_are_free)
    refused = [status for status, _, _ in await asyncio.gather(*guesses)].count(422)
    assert refused > 3
    status, code, wait = await ask(shop, "/api/stripe-checkout", guess(40))
    assert (status, code) == (429, "too_many_requests")
    assert (refused - 3) * 1200 < int(wait) <= (refused - 2) * 1200


async def test_declined_payments_slow_their_email_and_their_address(
    shop: Client, connection: asyncpg.Connection
) -> None:
    path, elsewhere = "/api/stripe-checkout", {"X-Forwarded-For": "203.0.113.7"}
    assert (await ask(shop, path, order("ada@example.com", 1)))[0] == 201
    await decline(connection, 2)
    assert (await ask(shop, path, order("ada@example.com", 2)))[0] == 201
    await decline(connection, 1)
    assert (await ask(shop, path, order("ada@example.com", 3)))[0] == 201  # one in five minutes
    status, code, wait = await ask(shop, path, order("ada@example.com", 4))
    assert (status, code) == (429, "too_many_requests")
    assert 0 < int(wait) <= 300
    assert (await ask(shop, path, order("ADA@example.com", 5), **elsewhere))[0] == 429
    assert (await ask(shop, path, order("eve@example.com", 1)))[0] == 429  # from the address that was declined
    assert (await ask(shop, path, order("bob@example.com", 1), **elsewhere))[0] == 201
    order_id = await connection.fetchval("SELECT id FROM orders WHERE customer_email = 'ada@example.com' LIMIT 1")
    assert (await ask(shop, f"{path}/{order_id}/retry", {}, **elsewhere))[0] in (200, 429)
    assert (await ask(shop, f"{path}/{order_id}/retry", {}, **elsewhere))[0] == 429
    async with shop.get("/metrics", headers={"Host": "127.0.0.1"}) as answer:
        assert 'checkout_guessers_slowed_total{what="payment"}' in await answer.text()


async def test_one_declined_card_for_each_order_slows_the_address(
    open_client: OpenClient, database_url: str, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    """More orders than the statement that places one counts, each of another email."""
    client = await open_client(DATABASE_URL=database_url, STRIPE_API_BASE=stripe.base, CHECKOUT_FAILED_TRIES="17")
    path = "/api/stripe-checkout"
    for number in range(17):
        assert (await ask(client, path, order(f"tester{number}@example.com", 1)))[0] == 201
        await decline(connection, 1)
    assert (await ask(client, path, order("tester17@example.com", 1)))[0] == 201  # one in five minutes
    assert (await ask(client, path, order("tester18@example.com", 1)))[:2] == (429, "too_many_requests")
    order_id = await connection.fetchval("SELECT id FROM orders WHERE customer_email = 'tester3@example.com'")
    assert (await ask(client, f"{path}/{order_id}/retry", {}))[0] == 429


async def test_orders_that_were_paid_with_another_card_do_not_slow_a_busy_address(
    open_client: OpenClient,
    database_url: str,
    connection: asyncpg.Connection,
    stripe: FlakyStripe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("checkout_daemon.web.guessing.COUNTED_SECONDS", 0.0)
    client = await open_client(DATABASE_URL=database_url, STRIPE_API_BASE=stripe.base, CHECKOUT_FAILED_TRIES="17")
    path = "/api/stripe-checkout"
    for number in range(24):
        assert (await ask(client, path, order(f"shopper{number}@example.com", 1)))[0] == 201, number
        await decline(connection, 1)
        await connection.execute("UPDATE orders SET status = 'completed'")


async def test_orders_that_were_paid_with_another_card_slow_neither_their_email_nor_their_address(
    shop: Client, connection: asyncpg.Connection
) -> None:
    path = "/api/stripe-checkout"
    assert (await ask(shop, path, order("ada@example.com", 1)))[0] == 201
    await decline(connection, 5)
    await connection.execute("UPDATE orders SET status = 'completed'")
    for number in range(2, 5):
        assert (await ask(shop, path, order("ada@example.com", number)))[0] == 201, number
    order_id = await connection.fetchval("SELECT id FROM orders WHERE status = 'pending' LIMIT 1")
    for _ in range(2):
        assert (await ask(shop, f"{path}/{order_id}/retry", {}))[0] != 429
    await decline(connection, 3)  # of the latest order, which nobody has paid
    assert [(await ask(shop, path, order("ada@example.com", number)))[0] for number in (5, 6)] == [201, 429]


async def test_declined_payments_are_counted_for_a_network_from_many_of_its_addresses(
    shop: Client, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checkout_daemon.web.guessing.COUNTED_SECONDS", 0.0)

    async def check_out(number: int) -> int:
        address = {"X-Forwarded-For": f"2001:db8:0:{number:x}::1"}
        return (await ask(shop, "/api/stripe-checkout", order(f"tester{number}@example.com", 1), **address))[0]

    for number in range(6):
        assert await check_out(number) == 201
        await decline(connection, 2)
    # A /56 may have four times as many declined, and then four checkouts in five minutes.
    assert [await check_out(number) for number in range(6, 11)] == [201] * 4 + [429]


@pytest.fixture
async def challenges() -> AsyncIterator[tuple[str, list[dict[str, str]]]]:
    """Run a challenge service that accepts the token `solved`, and record its requests."""
    asked: list[dict[str, str]] = []

    async def verify(request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        asked.append(form)
        return web.json_response({"success": form["response"] == "solved", "hostname": "shop"})

    app = web.Application()
    app.router.add_post("/siteverify", verify)
    server = TestServer(app)
    await server.start_server()
    yield str(server.make_url("/siteverify")), asked
    await server.close()


async def test_a_solved_challenge_lets_a_slowed_request_pass(
    open_client: OpenClient,
    database_url: str,
    connection: asyncpg.Connection,
    challenges: tuple[str, list[dict[str, str]]],
) -> None:
    url, asked = challenges
    client = await open_client(
        DATABASE_URL=database_url,
        CHECKOUT_FAILED_TRIES="1",
        CHECKOUT_CHALLENGE_URL=url,
        CHECKOUT_CHALLENGE_SECRET="hush",
    )
    guess = QUOTE | {"discount_code": "WRONG"}
    assert (await ask(client, "/api/quotes", guess))[0] == 422
    assert (await ask(client, "/api/quotes", guess))[:2] == (429, "challenge_required")
    assert asked == []
    assert (await ask(client, "/api/quotes", guess, **{"Checkout-Challenge": "guessed"}))[1] == "challenge_required"
    assert (await ask(client, "/api/quotes", guess, **{"Checkout-Challenge": "solved"}))[1] == "discount_unknown"
    assert asked[-1] == {"secret": "hush", "response": "solved", "remoteip": "127.0.0.1"}


async def test_a_challenge_service_that_is_away_lets_nobody_pass_and_keeps_nobody_waiting(
    open_client: OpenClient, database_url: str, connection: asyncpg.Connection
) -> None:
    client = await open_client(
        DATABASE_URL=database_url,
        CHECKOUT_FAILED_TRIES="1",
        CHECKOUT_CHALLENGE_URL="http://127.0.0.1:9/siteverify",
        CHECKOUT_CHALLENGE_SECRET="hush",
    )
    guess = QUOTE | {"discount_code": "WRONG"}
    assert (await ask(client, "/api/quotes", guess))[0] == 422
    assert (await ask(client, "/api/quotes", guess, **{"Checkout-Challenge": "solved"}))[1] == "challenge_required"
    assert (await ask(client, "/api/quotes", QUOTE))[0] == 200
