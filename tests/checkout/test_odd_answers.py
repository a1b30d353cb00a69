"""Stripe's API may answer any JSON: one odd value must not stop a page from being read."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import asyncpg
import pytest

from checkout_daemon.errors import StripeRejected, StripeUnavailable
from checkout_daemon.ledger.own_account import learn_own_account, own_accounts
from checkout_daemon.operations.doctor import examine
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.sessions import retrieve_session
from checkout_daemon.stripe_sync.backfill import Backfilled, backfill
from checkout_daemon.stripe_sync.comparing import sync_order
from tests.stripe_sync.test_backfill import pay
from tests.support.flaky_stripe import FlakyStripe, Request
from tests.support.stripe_events import insert_order

NOW = datetime.now(UTC)

ODD = [b'"x":"Zo\\ud83d"', b'"x":1e400', b'"\\ude00":1', b'"x":' + b"[" * 90 + b"]" * 90]


def add(stripe: FlakyStripe, path: str, odd: bytes) -> None:
    """Add an odd value to every object that an answer holds."""

    def rewrite(request: Request, content: bytes) -> bytes:
        return content.replace(b"{", b"{" + odd + b",", 1) if request.path == path else content

    stripe.rewrite = rewrite


@pytest.mark.parametrize("odd", ODD)
async def test_a_page_of_events_with_an_odd_value_is_merged(
    runtime: Runtime, stripe: FlakyStripe, connection: asyncpg.Connection, database_url: str, odd: bytes
) -> None:
    order_id = await insert_order(database_url)
    await pay(stripe.base, order_id)
    stripe.rewrite = lambda _, content: content.replace(b'"metadata":{', b'"metadata":{' + odd + b",").replace(
        b'"metadata": {', b'"metadata": {' + odd + b","
    )
    assert await backfill(runtime, NOW) == Backfilled(scanned=2, new=2)
    assert await connection.fetchval("SELECT status FROM orders") == "completed"
    assert not (await sync_order(runtime, order_id, cause="test", actor="test")).differences


async def test_a_listed_event_of_another_account_makes_no_facts(
    runtime: Runtime, stripe: FlakyStripe, connection: asyncpg.Connection, database_url: str
) -> None:
    order_id = await insert_order(database_url)
    await pay(stripe.base, order_id)
    stripe.rewrite = lambda _, content: re.sub(rb'("object": ?"event")', rb'\1,"account":"acct_theirs"', content)
    assert await backfill(runtime, NOW) == Backfilled(scanned=2, new=2)
    assert await connection.fetchval("SELECT array_agg(DISTINCT reason) FROM stripe_events") == ["other_account"]
    assert await connection.fetchval("SELECT status FROM orders") == "pending"


@pytest.mark.parametrize("odd", ODD)
async def test_the_doctor_reads_an_odd_page(runtime: Runtime, stripe: FlakyStripe, odd: bytes) -> None:
    await pay(stripe.base)
    add(stripe, "/v1/events", odd)
    (check,) = [check async for check in examine(runtime.settings) if check.check == "backfill"]
    assert "events at Stripe" in check.detail


@pytest.mark.parametrize("depth", [500, 100_000])
async def test_a_field_that_nobody_knows_may_be_nested_as_deep_as_it_likes(
    runtime: Runtime, stripe: FlakyStripe, depth: int
) -> None:
    await pay(stripe.base)
    add(stripe, "/v1/events", b'"x":' + b"[" * depth + b"]" * depth)
    assert (await backfill(runtime, NOW)).new == 2


async def test_an_answer_that_cannot_be_read_counts_as_none(runtime: Runtime, stripe: FlakyStripe) -> None:
    add(stripe, "/v1/events", b'"x":[')
    with pytest.raises(StripeUnavailable) as caught:
        await backfill(runtime, NOW)
    assert caught.value.detail == "Stripe's answer could not be read: try again in a moment"


async def test_our_account_is_learned_from_stripe_and_stored(
    runtime: Runtime, stripe: FlakyStripe, connection: asyncpg.Connection
) -> None:
    assert await own_accounts(connection) == frozenset()
    await learn_own_account(runtime)
    (account,) = await own_accounts(connection)
    assert account.startswith("acct_")
    stripe.plan = lambda _, request: "reject_400" if request.path == "/v1/account" else None
    assert await learn_own_account(runtime) == 0
    assert await own_accounts(connection) == {account}


@pytest.mark.parametrize(
    "answer", [b"null", b"[]", b"5", b'"x"', b"{}", b'{"object":"list"}', b'{"data":null}', b'{"data":[null]}']
)
async def test_json_of_another_shape_counts_as_no_answer(
    runtime: Runtime, stripe: FlakyStripe, connection: asyncpg.Connection, database_url: str, answer: bytes
) -> None:
    order_id = await insert_order(database_url)
    await pay(stripe.base, order_id)
    stripe.rewrite = lambda _, content: answer
    with pytest.raises(StripeUnavailable, match="not what was asked for"):
        await backfill(runtime, NOW)


async def test_an_unreadable_payment_is_refused_with_the_reason(
    runtime: Runtime, stripe: FlakyStripe, connection: asyncpg.Connection, database_url: str
) -> None:
    order_id = await insert_order(database_url)
    await pay(stripe.base, order_id)
    assert await backfill(runtime, NOW) == Backfilled(scanned=2, new=2)
    stripe.rewrite = lambda _, content: re.sub(rb'"amount_received": ?\d+', b'"amount_received": -1', content)
    with pytest.raises(StripeRejected, match="amount_received is not an amount"):
        await sync_order(runtime, order_id, cause="test", actor="test")


@pytest.mark.parametrize("answer", [b'{"error":"text"}', b'{"error":[1]}', b"[1]", b"null"])
async def test_a_refusal_of_another_shape_counts_as_no_answer(
    runtime: Runtime, stripe: FlakyStripe, answer: bytes
) -> None:
    stripe.rewrite = lambda _, content: answer
    with pytest.raises((StripeUnavailable, StripeRejected)):
        await retrieve_session(runtime.gateway, "cs_test_nobody")  # 404


async def test_a_refusal_has_only_characters_that_can_be_stored(runtime: Runtime, stripe: FlakyStripe) -> None:
    refusal = rb'{"error":{"type":"invalid_request_error","message":"No\u0000 \ud83d such session"}}'
    stripe.rewrite = lambda _, content: refusal
    with pytest.raises(StripeRejected) as caught:
        await retrieve_session(runtime.gateway, "cs_test_nobody")  # 404
    assert "No ? such session" in caught.value.detail
