"""Batches: an act on many orders, without losing or repeating any of it, also while Stripe or the database is away."""

from __future__ import annotations

from contextlib import aclosing

import asyncpg
import pytest

from checkout_daemon.audit.audit_log import verify
from checkout_daemon.batches import running
from checkout_daemon.batches.listing import show_batch
from checkout_daemon.batches.planning import plan_ids, start_batch
from checkout_daemon.batches.records import BatchAct, BatchOptions
from checkout_daemon.batches.running import (
    BatchOver,
    resume_batch,
    run_batch,
)
from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.errors import StripeUnavailable
from checkout_daemon.orders.history import read_history
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.throttle import Pace
from tests.batches.place import ADA, ended, planned, refunds_of, run_to_end, start, statuses
from tests.support.flaky_stripe import FlakyStripe, Request, Trouble
from tests.support.shopping import SESSIONS, paid_order

REFUNDS = "/v1/refunds"


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


async def test_messages_are_queued_again_once(
    runtime: Runtime, paid: list[CheckoutAnswer], connection: asyncpg.Connection
) -> None:
    await connection.execute("UPDATE outbox SET status = 'dead', attempts = 9")
    ids = [str(row["id"]) for row in await connection.fetch("SELECT id FROM outbox ORDER BY created_at")]
    started = await start_batch(runtime, plan_ids(BatchAct.REPLAY_MESSAGES, [*ids, ids[0]]), operator=ADA)
    done = await run_to_end(runtime, started)
    assert [(one.item.subject, one.item.outcome) for one in done] == [(one, "will be sent again") for one in ids]
    assert await connection.fetchval("SELECT count(*) FROM outbox WHERE status = 'queued'") == len(ids)


async def test_a_message_that_was_sent_before_its_turn_is_not_sent_again(
    runtime: Runtime, paid: list[CheckoutAnswer], connection: asyncpg.Connection
) -> None:
    await connection.execute("UPDATE outbox SET status = 'dead', attempts = 9")
    ids = [str(row["id"]) for row in await connection.fetch("SELECT id FROM outbox ORDER BY created_at")]
    plan = plan_ids(BatchAct.REPLAY_MESSAGES, ids, ("failed", "dead"))
    started = await start_batch(runtime, plan, operator=ADA)
    await connection.execute("UPDATE outbox SET status = 'sent' WHERE id::text = $1", ids[0])
    done = await run_to_end(runtime, started)
    outcomes = [(one.item.status, one.item.outcome) for one in done]
    assert outcomes == [("skipped", "is sent by now"), *[("done", "will be sent again")] * (len(ids) - 1)]
    assert await connection.fetchval("SELECT status FROM outbox WHERE id::text = $1", ids[0]) == "sent"
