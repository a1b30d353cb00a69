"""What a batch is about before it runs, and how batches are listed: refused items, money, and no personal data."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from checkout_daemon.batches.listing import BatchFilter, page_of_batches, show_batch
from checkout_daemon.batches.planning import NothingToDo, plan_orders, start_batch
from checkout_daemon.batches.records import BatchAct, BatchOptions
from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.errors import InvalidRequest
from checkout_daemon.orders.erasing import erase, plan_erasure
from checkout_daemon.runtime import Runtime
from tests.batches.place import ADA, NO_OPTIONS, orders_of, planned, run_to_end, start, statuses


async def test_what_the_state_of_an_order_refuses_is_skipped_and_reported(
    runtime: Runtime, paid: list[CheckoutAnswer], unpaid: list[CheckoutAnswer]
) -> None:
    plan = await planned(runtime, BatchAct.REFUND, [paid[0], unpaid[0]])
    assert [item.refusal for item in plan.refused] == [
        f"nothing was paid for order {unpaid[0].number} yet: it is pending"
    ]
    started = await start_batch(runtime, plan, operator=ADA)
    await run_to_end(runtime, started)
    assert await statuses(runtime, started.number) == ["done", "skipped"]
    with pytest.raises(NothingToDo, match="it is refunded"):
        await start(runtime, BatchAct.REFUND, paid[:1])
    with pytest.raises(NothingToDo, match="nothing is selected"):
        await start(runtime, BatchAct.REFUND, [])


async def test_two_sessions_of_one_order_are_two_items_and_an_order_without_an_open_one_is_skipped(
    runtime: Runtime, unpaid: list[CheckoutAnswer], connection: asyncpg.Connection
) -> None:
    first, second, third = await orders_of(runtime, unpaid)
    again = "cs_test_another"
    await connection.execute(
        "INSERT INTO checkout_sessions (id, livemode, order_id, attempt, status, outcome)"
        " VALUES ($1, false, $2, 2, 'open', 'unpaid')",
        again,
        first[0].id,
    )
    named = [(first[0], unpaid[0].session_id), (first[0], again), (first[0], again), second]
    await connection.execute("UPDATE checkout_sessions SET status = 'expired' WHERE order_id = $1", second[0].id)
    plan = await plan_orders(runtime, BatchAct.EXPIRE, named, NO_OPTIONS)
    assert [(item.object_id, item.refusal) for item in plan.items] == [
        (unpaid[0].session_id, None),
        (again, None),
        (None, f"order {second[0].number} has no open session"),
    ]
    started = await start_batch(runtime, plan, operator=ADA)
    assert await statuses(runtime, started.number) == ["waiting", "waiting", "skipped"]
    noted = await plan_orders(runtime, BatchAct.NOTE, [*named, third], NO_OPTIONS)
    assert [item.subject for item in noted.items] == [str(answer.number) for answer in unpaid]


async def test_money_is_summed_only_for_acts_of_money(runtime: Runtime, paid: list[CheckoutAnswer]) -> None:
    noted = await start(runtime, BatchAct.NOTE, paid, note="called")
    await run_to_end(runtime, noted)
    assert (await show_batch(runtime.database, noted.number)).money == ()


async def test_batches_are_listed_by_act_operator_and_time(
    runtime: Runtime, paid: list[CheckoutAnswer], connection: asyncpg.Connection
) -> None:
    for act in (BatchAct.NOTE, BatchAct.SYNC):
        await start(runtime, act, paid, note="called")
    await connection.execute(
        "UPDATE batches SET created_at = now() - interval '2 days', operator = 'Bo' WHERE number = 1"
    )
    day_ago = datetime.now(UTC) - timedelta(days=1)
    for wanted, numbers in (
        (BatchFilter(acts=("note",)), [1]),
        (BatchFilter(actor="bo@"), [1]),
        (BatchFilter(actor="ADA"), [2]),
        (BatchFilter(since=day_ago), [2]),
        (BatchFilter(until=day_ago), [1]),
        (BatchFilter(statuses=("finished",)), []),
        (BatchFilter(order_id=str(paid[0].order_id)), [2, 1]),
        (BatchFilter(), [2, 1]),
    ):
        assert [batch.number for batch in await page_of_batches(runtime.database, wanted, limit=9)] == numbers


async def test_an_erased_customer_is_named_by_no_batch(
    runtime: Runtime, paid: list[CheckoutAnswer], connection: asyncpg.Connection
) -> None:
    started = await start(runtime, BatchAct.NOTE, paid, note="Ada called")
    await run_to_end(runtime, started)
    plan = await plan_erasure(runtime.database, str(paid[0].order_id), customer=False)
    await erase(runtime.database, plan, operator=ADA)
    assert (await show_batch(runtime.database, started.number)).batch.note == ""
    outcomes = await connection.fetch("SELECT outcome FROM batch_items ORDER BY position")
    assert [row["outcome"] for row in outcomes] == [None, "noted", "noted", "noted"]


async def test_a_note_without_text_or_one_amount_in_two_currencies_is_refused(
    runtime: Runtime, paid: list[CheckoutAnswer], connection: asyncpg.Connection
) -> None:
    with pytest.raises(InvalidRequest, match="a note needs text"):
        await start(runtime, BatchAct.NOTE, paid)
    await connection.execute("UPDATE orders SET currency = 'usd' WHERE number = $1", paid[0].number)
    with pytest.raises(InvalidRequest, match="several currencies"):
        await planned(runtime, BatchAct.REFUND, paid, BatchOptions(amount=100))
    assert await connection.fetchval("SELECT count(*) FROM batches") == 0
