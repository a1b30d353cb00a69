"""Deliveries over HTTP: stored before they are answered, refused with a reason, never lost."""

from __future__ import annotations

import asyncio
import json
import time

import asyncpg
import pytest

from checkout_daemon.ledger.signature import sign
from tests.support.stripe_events import SECRET, event_body, insert_order, session_object, signed
from tests.web.conftest import Client, OpenClient


async def deliver(client: Client, body: bytes, signature: str | None = None) -> tuple[int, str]:
    headers = {"Stripe-Signature": signed(body) if signature is None else signature}
    async with client.post("/api/webhook", data=body, headers=headers) as answer:
        data = json.loads(await answer.read())
        return answer.status, data.get("code", "") if answer.status != 200 else json.dumps(data)


async def count_events(connection: asyncpg.Connection) -> int:
    return int(await connection.fetchval("SELECT count(*) FROM stripe_events"))


async def test_when_a_delivery_is_answered_the_order_shows_it(
    shop: Client, connection: asyncpg.Connection, database_url: str
) -> None:
    order_id = await insert_order(database_url)
    body = event_body("checkout.session.completed", session_object(order_id, "cs_1", "pi_1"))
    assert await deliver(shop, body) == (200, '{"received": true}')
    assert await connection.fetchval("SELECT status FROM orders") == "completed"


async def test_fifty_copies_at_once_apply_once(shop: Client, connection: asyncpg.Connection, database_url: str) -> None:
    order_id = await insert_order(database_url)
    body = event_body("checkout.session.completed", session_object(order_id, "cs_1", "pi_1"))
    answers = await asyncio.gather(*(deliver(shop, body) for _ in range(50)))
    assert set(answers) == {(200, '{"received": true}')}
    assert await count_events(connection) == 1
    assert await connection.fetchval("SELECT count(*) FROM order_changes") == 1


async def test_a_type_that_is_not_used_is_taken_too(shop: Client, connection: asyncpg.Connection) -> None:
    assert (await deliver(shop, event_body("customer.created", {"id": "cus_1"})))[0] == 200
    assert await connection.fetchval("SELECT status FROM stripe_events") == "ignored"


@pytest.mark.parametrize(
    ("body", "signature", "expected"),
    [
        (b"{}", "", (400, "invalid_signature")),
        (b"{}", "t=1,v1=00", (400, "invalid_signature")),
        (b"{}", "nonsense", (400, "invalid_signature")),
        (b"{}", ("whsec_other", b"{}", 0), (400, "invalid_signature")),
        (b"{}", (SECRET, b"{}", 400), (400, "invalid_signature")),
        (b"{}", (SECRET, b"{ }", 0), (400, "invalid_signature")),
        (b'{"id":"evt_1",', None, (400, "malformed_json")),
        (b"", None, (400, "malformed_json")),
        (b"[" * 100_000, None, (400, "malformed_json")),
    ],
)
async def test_what_is_not_signed_or_not_json_is_refused_and_not_stored(
    shop: Client,
    connection: asyncpg.Connection,
    body: bytes,
    signature: str | tuple[str, bytes, int] | None,
    expected: tuple[int, str],
) -> None:
    if isinstance(signature, tuple):
        secret, signed, age = signature
        signature = sign(signed, secret, int(time.time()) - age)
    assert await deliver(shop, body, signature) == expected
    assert await count_events(connection) == 0


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"[" * 100_000 + b"]" * 100_000, b'{"id":"evt_1","type":"a","data":{"object":[]}}']
)
async def test_what_stripe_signed_is_stored_though_it_is_no_event(
    shop: Client, connection: asyncpg.Connection, body: bytes
) -> None:
    assert await deliver(shop, body) == (200, '{"received": true}')
    assert await deliver(shop, body) == (200, '{"received": true}')
    assert await connection.fetchval("SELECT payload FROM stripe_event_payloads") == body.decode()
    assert await connection.fetchval("SELECT reason FROM stripe_events") == "not_an_event"


async def test_a_delivery_without_a_signature_header_is_refused(shop: Client) -> None:
    async with shop.post("/api/webhook", data=b"{}") as answer:
        assert answer.status == 400


async def test_without_a_database_the_answer_is_503(client: Client) -> None:
    assert await deliver(client, event_body("customer.created", {"id": "cus_1"})) == (503, "database_unavailable")


async def test_refusals_and_events_are_counted(shop: Client) -> None:
    await deliver(shop, b"{}", "t=1,v1=00")
    await deliver(shop, event_body("customer.created", {"id": "cus_1"}))
    async with shop.get("/metrics") as answer:
        lines = (await answer.text()).splitlines()
    assert 'checkout_webhook_refusals_total{code="invalid_signature"} 1.0' in lines
    assert 'checkout_webhook_events_total{outcome="ignored",type="customer.created"} 1.0' in lines
    assert 'checkout_webhook_secret_matches_total{place="0"} 1.0' in lines
    assert "checkout_webhook_batch_size_count 1.0" in lines
    assert "checkout_webhook_received_to_committed_seconds_count 1.0" in lines
    assert "checkout_webhook_created_to_committed_seconds_count 1.0" in lines


async def test_the_second_of_two_secrets_counts_as_the_second(open_client: OpenClient, database_url: str) -> None:
    client = await open_client(DATABASE_URL=database_url, STRIPE_WEBHOOK_SECRET=f"whsec_new,{SECRET}")
    assert (await deliver(client, event_body("customer.created", {"id": "cus_1"})))[0] == 200
    async with client.get("/metrics") as answer:
        assert 'checkout_webhook_secret_matches_total{place="1"} 1.0' in await answer.text()
