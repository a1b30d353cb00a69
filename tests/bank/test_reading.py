"""The job that reads the balance at Stripe: lines, payouts, and the lines of payouts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import asyncpg
import pytest

from checkout_daemon.bank.bank_store import last_reading, write_lines, write_payouts
from checkout_daemon.bank.reading import read_balance
from checkout_daemon.bank.records import line_of, payout_of
from checkout_daemon.errors import StripeUnavailable
from checkout_daemon.ledger.apply import ReceivedEvent, apply_batch
from checkout_daemon.ledger.event_types import BALANCE_TYPES
from checkout_daemon.ledger.translate.envelope import parse_event
from checkout_daemon.runtime import Runtime, open_runtime
from tests.support.balance import advance, ask, post, tell
from tests.support.flaky_stripe import FlakyStripe
from tests.support.shopping import paid_order
from tests.support.stripe_events import event_body

_LINES = "SELECT type, amount, fee, net, currency FROM balance_transactions ORDER BY created_at, type"
LISTED = "/v1/balance_transactions"
PAYOUTS = "/v1/payouts"
PAYOUT = {
    "object": "payout", "amount": 100, "currency": "eur", "created": 1790000000, "arrival_date": 1790000000,
    "status": "paid", "automatic": True, "reconciliation_status": "completed", "livemode": False,
}  # fmt: skip


async def test_a_shop_without_orders_asks_stripe_nothing(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    assert await read_balance(runtime) == 0
    assert stripe.requests == []


async def test_a_payment_and_its_refund_are_read_with_their_fees(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    answer = await paid_order(runtime)
    payment = await connection.fetchval("SELECT id FROM payments WHERE order_id = $1", answer.order_id)
    await post(stripe, "/v1/refunds", {"payment_intent": payment, "amount": "500"})
    assert await read_balance(runtime) == 2
    assert [tuple(row) for row in await connection.fetch(_LINES)] == [
        ("charge", 3399, 129, 3270, "eur"),
        ("refund", -500, 0, -500, "eur"),
    ]
    assert {row[0] for row in await connection.fetch("SELECT payment_id FROM balance_transactions")} == {payment}


async def test_reading_again_changes_nothing(runtime: Runtime, connection: asyncpg.Connection) -> None:
    await paid_order(runtime)
    assert [await read_balance(runtime, at_once=True) for _ in range(2)] == [1, 0]


async def test_a_payout_is_read_with_its_lines_once_they_are_complete(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    await paid_order(runtime)
    await read_balance(runtime)
    await advance(stripe, "4d")
    await read_balance(runtime, at_once=True)
    payout = await connection.fetchrow("SELECT id, amount, currency, automatic, lines_read_at FROM payouts")
    assert payout is not None
    assert tuple(payout)[1:4] == (3270, "eur", True)
    assert payout["lines_read_at"] is not None
    lines = await connection.fetch("SELECT net FROM balance_transactions WHERE payout_id = $1", payout["id"])
    assert sorted(row["net"] for row in lines) == [-3270, 3270]


async def test_a_payout_of_a_long_pause_is_read(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    await paid_order(runtime)
    await read_balance(runtime)
    for pause in ("4d", "50d"):
        await advance(stripe, pause)
    await read_balance(runtime, at_once=True)
    assert await connection.fetchval("SELECT sum(amount) FROM payouts WHERE lines_read_at IS NOT NULL") == 3270


async def test_a_payout_that_stripe_does_not_know_any_more_holds_up_no_other(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    gone = payout_of({"id": "po_gone", **PAYOUT}, livemode=False)
    await runtime.database.run(write_payouts, [gone])
    await paid_order(runtime)
    await read_balance(runtime)
    await advance(stripe, "4d")
    await read_balance(runtime, at_once=True)
    assert await connection.fetchval("SELECT count(*) FROM payouts WHERE lines_read_at IS NOT NULL") == 2
    asked = len(stripe.requests)
    await read_balance(runtime, at_once=True)
    assert not [request for request in stripe.requests[asked:] if "po_gone" in str(request)]


async def test_the_next_turn_waits_unless_an_event_is_about_the_balance(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    await paid_order(runtime)
    await read_balance(runtime)
    asked = len(stripe.requests)
    assert await read_balance(runtime) == 0
    assert len(stripe.requests) == asked
    event = parse_event(event_body("payout.paid", {"id": "po_1", "object": "payout"}))
    await apply_batch(runtime.database, [ReceivedEvent(event, datetime.now(UTC))])
    await read_balance(runtime)
    assert {request.path for request in stripe.requests[asked:]} == {"/v1/events", LISTED, "/v1/payouts"}


@pytest.mark.parametrize("event_type", BALANCE_TYPES)
async def test_an_event_about_the_balance_is_stored_and_not_merged(
    runtime: Runtime, connection: asyncpg.Connection, event_type: str
) -> None:
    body = event_body(event_type, {"id": "ch_1", "object": "charge", "payment_intent": "pi_1"})
    (applied,) = await apply_batch(runtime.database, [ReceivedEvent(parse_event(body), datetime.now(UTC))])
    assert (applied.status, applied.reason) == ("ignored", "balance")
    assert await connection.fetchval("SELECT count(*) FROM charges") == 0


async def test_a_key_that_may_not_read_the_balance_is_not_tried_again_at_once(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    await paid_order(runtime)
    await tell(stripe, "/sandbox/chaos", {"denied": "rak_balance_transaction_source_read"})
    async with open_runtime(replace(runtime.settings, stripe_api_key="rk_test_services0123456789")) as restricted:
        assert await read_balance(restricted) == 0
        asked = len(stripe.requests)
        assert await read_balance(restricted) == 0
    assert len(stripe.requests) == asked
    assert await read_balance(runtime, at_once=True) == 1


_NEXT_YEAR = "to_jsonb(now() + interval '1 year')"


@pytest.mark.parametrize(
    ("wrong", "asked_for"),
    [
        (
            f"value = jsonb_set(value::jsonb, '{{refused_at}}', {_NEXT_YEAR}), updated_at = now() - interval '1 hour'",
            LISTED,
        ),
        (
            f"value = jsonb_set(value::jsonb, '{{payouts_at}}', {_NEXT_YEAR}), updated_at = now() - interval '1 hour'",
            PAYOUTS,
        ),
        ("updated_at = now() + interval '1 year'", LISTED),
    ],
    ids=["refused", "payouts", "saved"],
)
async def test_a_time_that_a_wrong_clock_has_stored_is_not_waited_for(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe, wrong: str, asked_for: str
) -> None:
    await paid_order(runtime)
    await read_balance(runtime)
    await connection.execute(f"UPDATE cursors SET {wrong} WHERE name = 'balance-test'")
    asked = len(stripe.requests)
    await read_balance(runtime)
    assert asked_for in {request.path for request in stripe.requests[asked:]}
    assert await read_balance(runtime) == 0


async def test_a_failure_loses_nothing_that_the_next_turn_does_not_read(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    await paid_order(runtime)
    stripe.plan = lambda number, request: "refuse_429" if request.path == "/v1/payouts" else None
    with pytest.raises(StripeUnavailable):
        await read_balance(runtime)
    stripe.plan = lambda number, request: None
    await advance(stripe, "4d")
    await read_balance(runtime, at_once=True)
    assert await connection.fetchval("SELECT count(*) FROM balance_transactions WHERE payout_id IS NOT NULL") == 2


async def test_the_balance_of_older_orders_is_read_once_they_are_imported(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    await paid_order(runtime)
    await read_balance(runtime)
    await connection.execute("DELETE FROM balance_transactions")
    assert await read_balance(runtime, at_once=True) == 1  # the last minutes are read again
    await connection.execute("UPDATE orders SET created_at = created_at - interval '40 days'")
    await read_balance(runtime, at_once=True)
    read, _ = await last_reading(connection, livemode=False)
    assert read is not None
    assert read.began == await connection.fetchval("SELECT created_at - interval '1 day' FROM orders")


async def test_a_conversion_keeps_both_amounts(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    await tell(stripe, "/sandbox/settlement", {"currency": "usd", "rates": {"eur": 1.25}})
    await paid_order(runtime)
    await read_balance(runtime)
    row = await connection.fetchrow(
        "SELECT amount, currency, exchange_rate::text, source_amount, source_currency FROM balance_transactions"
    )
    assert row is not None
    assert tuple(row) == (4249, "usd", "1.25", 3399, "eur")


async def test_what_is_known_of_a_line_is_not_forgotten(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    await paid_order(runtime)
    (found,) = (await ask(stripe, f"{LISTED}?expand[]=data.source"))["data"]
    line = line_of(found, livemode=False, payout_id="po_1")
    bare = line_of(found | {"source": found["source"]["id"]}, livemode=False)
    assert await write_lines(connection, [line, line]) == 1
    assert await write_lines(connection, [bare]) == 0
    row = await connection.fetchrow("SELECT payment_id, payout_id FROM balance_transactions")
    assert row is not None
    assert tuple(row) == (line.payment_id, "po_1")


def test_what_cannot_be_read_is_named() -> None:
    with pytest.raises(StripeUnavailable, match="txn_1"):
        line_of({"id": "txn_1", "amount": "12"}, livemode=False)
    with pytest.raises(StripeUnavailable, match="po_1"):
        payout_of({"id": "po_1", "amount": None}, livemode=False)
