"""Batches: an act on many orders, stopped and resumed, without losing or repeating any of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from checkout_daemon.audit.audit_log import verify
from checkout_daemon.audit.operators import Operator
from checkout_daemon.backoff import BUSY_STRIPE_SECONDS
from checkout_daemon.batches import running
from checkout_daemon.batches.listing import BatchFilter, NotRunning, all_items, page_of_batches, show_batch, stop_batch
from checkout_daemon.batches.planning import BatchPlan, NothingToDo, Started, plan_ids, plan_orders, start_batch
from checkout_daemon.batches.records import BatchAct, BatchOptions
from checkout_daemon.batches.running import (
    BatchHeld,
    BatchOver,
    EndedItem,
    OtherModeBatch,
    resume_batch,
    run_batch,
    run_left_batches,
)
from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.errors import InvalidRequest, StripeUnavailable
from checkout_daemon.model.orders import Order
from checkout_daemon.orders.erasing import erase, plan_erasure
from checkout_daemon.orders.history import read_history
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.payments import list_refunds
from checkout_daemon.stripe_api.throttle import Pace
from tests.support.flaky_stripe import FlakyStripe, Request, Trouble
from tests.support.shopping import SESSIONS, check_out, paid_order

ADA = Operator("ada", "shop1")
NO_OPTIONS = BatchOptions()
REFUNDS = "/v1/refunds"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a batch wait no time while Stripe or the database is away."""
    monkeypatch.setattr(f"{running.__name__}.BUSY_STRIPE_SECONDS", (0.0,) * len(BUSY_STRIPE_SECONDS))


async def orders_of(runtime: Runtime, answers: list[CheckoutAnswer]) -> list[tuple[Order, str | None]]:
    return [((await show_order(runtime.database, str(answer.order_id))).order, None) for answer in answers]


async def planned(
    runtime: Runtime, act: BatchAct, answers: list[CheckoutAnswer], options: BatchOptions = NO_OPTIONS
) -> BatchPlan:
    return await plan_orders(runtime, act, await orders_of(runtime, answers), options)


async def start(
    runtime: Runtime,
    act: BatchAct,
    answers: list[CheckoutAnswer],
    options: BatchOptions = NO_OPTIONS,
    note: str = "",
) -> Started:
    return await start_batch(runtime, await planned(runtime, act, answers, options), operator=ADA, note=note)


async def run_to_end(runtime: Runtime, started: Started) -> list[EndedItem]:
    return await ended(run_batch(runtime, started.number, started.holder, stop_when_cancelled=True))


async def ended(groups: AsyncGenerator[list[EndedItem], None]) -> list[EndedItem]:
    async with aclosing(groups):
        return [item async for group in groups for item in group]


async def statuses(runtime: Runtime, number: int) -> list[str]:
    return [item.status async for page in all_items(runtime.database, number) for item in page]


async def refunds_of(runtime: Runtime, answers: list[CheckoutAnswer]) -> list[int]:
    """Return how many refunds the payments of the orders have at Stripe."""
    views = [await show_order(runtime.database, str(answer.order_id)) for answer in answers]
    return [len(await list_refunds(runtime.gateway, view.payments[0].id)) for view in views]


@pytest.fixture
async def paid(runtime: Runtime, connection: asyncpg.Connection) -> list[CheckoutAnswer]:
    """Return four paid orders of 33.99 EUR."""
    return [await paid_order(runtime) for _ in range(4)]


@pytest.fixture
async def unpaid(runtime: Runtime, connection: asyncpg.Connection) -> list[CheckoutAnswer]:
    """Return three unpaid orders."""
    return [await check_out(runtime) for _ in range(3)]


async def test_a_batch_of_refunds_states_its_money_first_and_names_operator_and_batch_in_every_order(
    runtime: Runtime, paid: list[CheckoutAnswer]
) -> None:
    plan = await planned(runtime, BatchAct.REFUND, [*paid, paid[0]], BatchOptions(reason="duplicate"))
    assert (len(plan.wanted), plan.sums) == (4, {"eur": 4 * 3399})
    started = await start_batch(runtime, plan, operator=ADA, note="recall")
    done = await run_to_end(runtime, started)
    view = await show_batch(runtime.database, started.number)
    assert [(one.item.subject, one.item.status, one.result.amount) for one in done] == [
        (str(answer.number), "done", 3399) for answer in paid
    ]
    assert (view.batch.status, view.batch.done, view.batch.waiting, view.batch.held) == ("finished", 4, 0, False)
    assert [(line.currency, line.amount, line.done) for line in view.money] == [("eur", 13596, 13596)]
    for answer in paid:
        shown = await show_order(runtime.database, str(answer.order_id))
        requested, made = (await read_history(runtime.database, str(answer.order_id))).actions
        assert shown.order.status == "refunded"
        assert (requested.actor, requested.note, dict(requested.details)["batch"]) == ("ada@shop1", "recall", "1")
        assert dict(made.details)["batch"] == "1"
    assert (await verify(runtime.database)).faults == []
    with pytest.raises(BatchOver, match="batch 1 is finished"):
        await ended(resume_batch(runtime, started.number))


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


async def test_the_first_failure_of_a_kind_stops_a_batch_and_a_resumed_one_passes_over_more_of_it(
    runtime: Runtime, paid: list[CheckoutAnswer], stripe: FlakyStripe
) -> None:
    refused = {3: "reject_400", 4: "reject_400", 5: "fail_500"}
    asked: list[Request] = []

    def plan(_: int, request: Request) -> Trouble | None:
        if request.path == REFUNDS and request.method == "POST":
            asked.append(request)
            return refused.get(len(asked))  # type: ignore[return-value]  # those words are troubles
        return None

    more = [await paid_order(runtime) for _ in range(3)]
    stripe.plan = plan
    started = await start(runtime, BatchAct.REFUND, [*paid, *more])
    await run_to_end(runtime, started)
    view = await show_batch(runtime.database, started.number)
    assert await statuses(runtime, started.number) == ["done", "done", "failed", *["waiting"] * 4]
    assert (view.batch.status, view.batch.why) == ("stopped", "stripe_rejected: Stripe refused: No (request …")
    await ended(resume_batch(runtime, started.number))
    assert await statuses(runtime, started.number) == [
        "done",
        "done",
        "failed",
        "failed",
        "failed",
        "waiting",
        "waiting",
    ]
    view = await show_batch(runtime.database, started.number)
    assert view.failures[0] == ("stripe_rejected: Stripe refused: No (request …", 2)
    assert (view.failures[1][0].partition(":")[0], view.batch.status) == ("stripe_unavailable", "stopped")
    await ended(resume_batch(runtime, started.number))
    view = await show_batch(runtime.database, started.number)
    assert (view.batch.status, view.batch.done, view.batch.failed) == ("finished", 4, 3)
    assert await refunds_of(runtime, [*paid, *more]) == [1, 1, 0, 0, 0, 1, 1]


async def test_while_stripe_is_away_the_item_waits_and_is_refunded_once_when_resumed(
    runtime: Runtime, paid: list[CheckoutAnswer], stripe: FlakyStripe
) -> None:
    def lose(_: int, request: Request) -> Trouble | None:
        return "lose_answer" if request.path == REFUNDS and len(stripe.asked(REFUNDS)) >= 1 else None

    stripe.plan = lose
    started = await start(runtime, BatchAct.REFUND, paid)
    with pytest.raises(StripeUnavailable):
        await run_to_end(runtime, started)
    view = await show_batch(runtime.database, started.number)
    assert await statuses(runtime, started.number) == ["done", "waiting", "waiting", "waiting"]
    assert (view.batch.status, "do not ask for it again" in (view.batch.why or "")) == ("stopped", True)
    stripe.plan = lambda number, request: None
    await ended(resume_batch(runtime, started.number))
    assert await statuses(runtime, started.number) == ["done"] * 4
    assert await refunds_of(runtime, paid) == [1, 1, 1, 1]
    assert (await verify(runtime.database)).faults == []


@pytest.mark.parametrize("trouble", ["refuse_429", "lose_request", "lose_answer"])
async def test_a_spell_of_trouble_at_stripe_does_not_stop_a_batch(
    runtime: Runtime, paid: list[CheckoutAnswer], stripe: FlakyStripe, trouble: Trouble
) -> None:
    """After one refund, Stripe refuses or loses more requests than the client repeats."""
    left = 4

    def plan(_: int, request: Request) -> Trouble | None:
        nonlocal left
        if request.path != REFUNDS or not left or not stripe.asked(REFUNDS):
            return None
        left -= 1
        return trouble

    stripe.plan = plan
    started = await start(runtime, BatchAct.REFUND, paid)
    done = await run_to_end(runtime, started)
    assert [one.item.status for one in done] == ["done"] * 4
    view = await show_batch(runtime.database, started.number)
    assert (view.batch.status, view.batch.why) == ("finished", None)
    stripe.plan = lambda number, request: None
    assert await refunds_of(runtime, paid) == [1, 1, 1, 1]
    assert (await verify(runtime.database)).faults == []


async def test_a_database_that_is_away_for_a_moment_does_not_stop_a_batch(
    runtime: Runtime, paid: list[CheckoutAnswer], connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    """End every connection to the database while Stripe answers, twice."""
    answers = 0

    async def cut(request: Request) -> None:
        nonlocal answers
        if request.path == REFUNDS and request.method == "POST" and (answers := answers + 1) in (2, 3):
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    stripe.before_answer = cut
    started = await start(runtime, BatchAct.REFUND, paid)
    running_batch = run_batch(runtime, started.number, started.holder, stop_when_cancelled=True)
    async with aclosing(running_batch):
        async for items in running_batch:
            async with runtime.database.connection() as first, runtime.database.connection() as second:
                held = (first, second)  # so that the act and the record of its end have connections to lose
                assert items
                del held
    assert await statuses(runtime, started.number) == ["done"] * 4
    assert (await show_batch(runtime.database, started.number)).batch.status == "finished"
    assert await refunds_of(runtime, paid) == [1, 1, 1, 1]
    assert (await verify(runtime.database)).faults == []


async def test_nothing_is_paced_after_the_last_item(
    runtime: Runtime, unpaid: list[CheckoutAnswer], monkeypatch: pytest.MonkeyPatch
) -> None:
    paces = 0

    def counting(_: float) -> Pace:
        async def pace() -> None:
            nonlocal paces
            paces += 1

        return pace

    monkeypatch.setattr(f"{running.__name__}.at_most", counting)
    await run_to_end(runtime, await start(runtime, BatchAct.SYNC, unpaid))
    assert paces == 3


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


async def test_every_other_act_is_done_with_every_order(
    runtime: Runtime, unpaid: list[CheckoutAnswer], connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    for act, outcome in ((BatchAct.SYNC, "agrees with Stripe"), (BatchAct.EXPIRE, "expired")):
        done = await run_to_end(runtime, await start(runtime, act, unpaid))
        assert [(one.item.status, outcome in (one.item.outcome or "")) for one in done] == [("done", True)] * 3
    assert len(stripe.asked(f"{SESSIONS}/{unpaid[0].session_id}/expire")) == 1
    plan = await planned(runtime, BatchAct.ACK, unpaid, BatchOptions(reason="paid_twice"))
    assert [item.refusal for item in plan.items] == [
        f"order {answer.number} does not ask for paid_twice" for answer in unpaid
    ]


async def test_expired_sessions_whose_end_was_not_recorded_count_as_done(
    runtime: Runtime, unpaid: list[CheckoutAnswer], connection: asyncpg.Connection
) -> None:
    started = await start(runtime, BatchAct.EXPIRE, unpaid)
    await run_to_end(runtime, started)
    await connection.execute("UPDATE batch_items SET status = 'waiting'")
    await connection.execute("UPDATE batches SET status = 'stopped', done = 0")
    again = await ended(resume_batch(runtime, started.number))
    assert [one.item.outcome for one in again] == ["expired before the interruption"] * 3


async def test_messages_are_queued_again_once(
    runtime: Runtime, paid: list[CheckoutAnswer], connection: asyncpg.Connection
) -> None:
    await connection.execute("UPDATE outbox SET status = 'dead', attempts = 9")
    ids = [str(row["id"]) for row in await connection.fetch("SELECT id FROM outbox ORDER BY created_at")]
    started = await start_batch(runtime, plan_ids(BatchAct.REPLAY_MESSAGES, [*ids, ids[0]]), operator=ADA)
    done = await run_to_end(runtime, started)
    assert [(one.item.subject, one.item.outcome) for one in done] == [(one, "will be sent again") for one in ids]
    assert await connection.fetchval("SELECT count(*) FROM outbox WHERE status = 'queued'") == len(ids)


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
