"""Batches that are stopped, taken over or interrupted: they go on, and nothing is done twice."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from checkout_daemon.audit.audit_log import verify
from checkout_daemon.audit.operators import Operator
from checkout_daemon.batches.listing import NotRunning, show_batch, stop_batch
from checkout_daemon.batches.records import BatchAct
from checkout_daemon.batches.running import (
    BatchHeld,
    OtherModeBatch,
    resume_batch,
    run_batch,
    run_left_batches,
)
from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.orders.history import read_history
from checkout_daemon.runtime import Runtime
from tests.batches.place import ADA, ended, refunds_of, run_to_end, start, statuses
from tests.support.flaky_stripe import FlakyStripe, Request

REFUNDS = "/v1/refunds"


async def test_one_process_runs_a_batch_and_another_may_take_it_over(
    runtime: Runtime, paid: list[CheckoutAnswer]
) -> None:
    started = await start(runtime, BatchAct.REFUND, paid)
    first = run_batch(runtime, started.number, started.holder, stop_when_cancelled=True)
    await anext(first)
    with pytest.raises(BatchHeld, match="is being run by"):
        await ended(resume_batch(runtime, started.number))
    rest = await ended(resume_batch(runtime, started.number, take_over=True))
    assert [one.item.position for one in rest] == [2, 3, 4]
    assert [items async for items in first] == []
    assert (await show_batch(runtime.database, started.number)).batch.status == "finished"
    assert await refunds_of(runtime, paid) == [1, 1, 1, 1]


async def test_two_processes_at_one_item_make_one_refund(
    runtime: Runtime, paid: list[CheckoutAnswer], stripe: FlakyStripe
) -> None:
    """Take the batch over while Stripe is answering the first process."""
    answering, go_on = asyncio.Event(), asyncio.Event()

    async def hold(request: Request) -> None:
        if request.path == REFUNDS and request.method == "POST" and not answering.is_set():
            answering.set()
            await go_on.wait()

    stripe.before_answer = hold
    started = await start(runtime, BatchAct.REFUND, paid)
    first = asyncio.create_task(run_to_end(runtime, started))
    await answering.wait()
    rest = await ended(resume_batch(runtime, started.number, take_over=True))
    go_on.set()
    with pytest.raises(Exception, match="was taken over by another process"):
        await first
    assert [one.item.status for one in rest] == ["done"] * 4
    assert await refunds_of(runtime, paid) == [1, 1, 1, 1]
    assert (await verify(runtime.database)).faults == []


async def test_a_stopped_batch_ends_the_item_under_way_and_goes_on_when_it_is_resumed(
    runtime: Runtime, paid: list[CheckoutAnswer]
) -> None:
    started = await start(runtime, BatchAct.REFUND, paid)
    running = run_batch(runtime, started.number, started.holder, stop_when_cancelled=True)
    await anext(running)
    stopped = await stop_batch(runtime.database, started.number, operator=Operator("bob", "desk"))
    assert [items async for items in running] == []
    assert (stopped.status, stopped.why) == ("stopped", "stopped by bob@desk")
    with pytest.raises(NotRunning, match="is stopped"):
        await stop_batch(runtime.database, started.number, operator=ADA)
    assert await run_left_batches(runtime) == 0
    await ended(resume_batch(runtime, started.number))
    assert await statuses(runtime, started.number) == ["done"] * 4


async def test_a_batch_whose_process_died_is_continued_by_a_daemon_under_the_name_of_who_asked(
    runtime: Runtime, paid: list[CheckoutAnswer], connection: asyncpg.Connection
) -> None:
    started = await start(runtime, BatchAct.REFUND, paid)
    assert await run_left_batches(runtime) == 0  # its process may live
    await connection.execute("UPDATE batches SET leased_until = now() - interval '1 second'")
    await connection.execute("UPDATE batches SET livemode = true")
    assert await run_left_batches(runtime) == 0  # our key is not that of the batch
    with pytest.raises(OtherModeBatch):
        await ended(resume_batch(runtime, started.number))
    await connection.execute("UPDATE batches SET livemode = false")
    assert await run_left_batches(runtime) == 4
    (action, *_) = (await read_history(runtime.database, str(paid[0].order_id))).actions
    assert action.actor == "ada@shop1"
    assert await refunds_of(runtime, paid) == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("act", "cause"),
    [(BatchAct.NOTE, "order.noted"), (BatchAct.CANCEL, "order.canceled"), (BatchAct.RESEND, "session.resent")],
)
async def test_an_act_whose_end_was_not_recorded_is_not_repeated(
    runtime: Runtime, unpaid: list[CheckoutAnswer], connection: asyncpg.Connection, act: BatchAct, cause: str
) -> None:
    """Undo the record of every item, as if the process had been killed just before it."""
    started = await start(runtime, act, unpaid, note="called")
    await run_to_end(runtime, started)
    await connection.execute("UPDATE batch_items SET status = 'waiting'")
    await connection.execute("UPDATE batches SET status = 'stopped', done = 0")
    again = await ended(resume_batch(runtime, started.number))
    assert [one.item.outcome for one in again] == ["done before the interruption"] * 3
    counts = await connection.fetch("SELECT count(*) FROM order_changes WHERE cause = $1 GROUP BY order_id", cause)
    assert [row["count"] for row in counts] == [1, 1, 1]


async def test_a_process_that_lost_its_batch_in_the_middle_of_an_act_does_not_repeat_it(
    runtime: Runtime, unpaid: list[CheckoutAnswer], connection: asyncpg.Connection
) -> None:
    """Have the act itself begin again, though another process has done it meanwhile."""
    started = await start(runtime, BatchAct.NOTE, unpaid[:1], note="called")
    await run_to_end(runtime, started)
    await connection.execute("UPDATE batch_items SET status = 'waiting', attempts = 0")
    await connection.execute("UPDATE batches SET status = 'stopped', done = 0")
    (again,) = await ended(resume_batch(runtime, started.number))
    assert again.item.outcome == "done before the interruption"
    assert await connection.fetchval("SELECT count(*) FROM order_changes WHERE cause = 'order.noted'") == 1


async def test_expired_sessions_whose_end_was_not_recorded_count_as_done(
    runtime: Runtime, unpaid: list[CheckoutAnswer], connection: asyncpg.Connection
) -> None:
    started = await start(runtime, BatchAct.EXPIRE, unpaid)
    await run_to_end(runtime, started)
    await connection.execute("UPDATE batch_items SET status = 'waiting'")
    await connection.execute("UPDATE batches SET status = 'stopped', done = 0")
    again = await ended(resume_batch(runtime, started.number))
    assert [one.item.outcome for one in again] == ["expired before the interruption"] * 3
