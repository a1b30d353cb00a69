"""Batches of who may not act: refused at the start, and no hindrance for others if the right is lost on the way."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from uuid import uuid4

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.audit.registering import NewOperator, add_operator
from checkout_daemon.audit.rights import NotAnOperator, OperatorRole, RoleTooLow
from checkout_daemon.batches import running
from checkout_daemon.batches.listing import all_items, show_batch
from checkout_daemon.batches.planning import plan_ids, start_batch
from checkout_daemon.batches.records import BatchAct
from checkout_daemon.batches.running import run_left_batches
from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.sessions import retrieve_session
from tests.batches.place import ADA, run_to_end, start, statuses
from tests.support.stripe_events import SECRET, deliver, event_body

CAROL = Operator("carol", "desk")


async def events_of(runtime: Runtime, orders: list[CheckoutAnswer]) -> list[str]:
    """Have an event of each order, and return their ids."""
    intake = Intake(runtime.database, lambda: (SECRET,))
    await intake.start()
    ids = [f"evt_{answer.number}" for answer in orders]
    for event_id, answer in zip(ids, orders, strict=True):
        session = (await retrieve_session(runtime.gateway, answer.session_id)).object
        await deliver(intake, event_body("checkout.session.completed", dict(session), event_id=event_id))
    await intake.close()
    return ids


async def registered(runtime: Runtime) -> None:
    ada = NewOperator("ada", OperatorRole.ADMIN, {}, os_user="ada")
    await add_operator(runtime.database, ada, operator=ADA)
    await add_operator(runtime.database, NewOperator("carol", OperatorRole.VIEW, {}, os_user="carol"), operator=ADA)


async def test_who_may_not_act_starts_no_batch(
    runtime: Runtime, paid: list[CheckoutAnswer], connection: asyncpg.Connection
) -> None:
    await registered(runtime)
    events = await events_of(runtime, paid)
    for act, ids in ((BatchAct.REPLAY_EVENTS, events), (BatchAct.REPLAY_MESSAGES, [str(uuid4())])):
        for operator, refusal in ((CAROL, RoleTooLow), (Operator("mallory", "desk"), NotAnOperator)):
            with pytest.raises(refusal):
                await start_batch(runtime, plan_ids(act, ids), operator=operator)
    assert await connection.fetchval("SELECT count(*) FROM batches") == 0


async def test_a_batch_whose_operator_may_not_act_any_more_holds_up_no_other(
    runtime: Runtime, paid: list[CheckoutAnswer], connection: asyncpg.Connection
) -> None:
    events = await events_of(runtime, paid)
    first = await start_batch(runtime, plan_ids(BatchAct.REPLAY_EVENTS, events), operator=CAROL)
    second = await start(runtime, BatchAct.REFUND, paid)
    await registered(runtime)
    await connection.execute("UPDATE batches SET leased_until = now() - interval '1 second'")
    while await run_left_batches(runtime):
        pass
    items = [item async for page in all_items(runtime.database, first.number) for item in page]
    assert {(item.status, item.outcome) for item in items} == {
        ("skipped", "carol has the role view, and this needs act")
    }
    assert await statuses(runtime, second.number) == ["done"] * len(paid)


async def test_an_error_that_nobody_foresaw_stops_its_batch_alone(
    runtime: Runtime, paid: list[CheckoutAnswer], connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = await events_of(runtime, paid)
    first = await start_batch(runtime, plan_ids(BatchAct.REPLAY_EVENTS, events), operator=ADA)
    second = await start(runtime, BatchAct.REFUND, paid)
    await connection.execute("UPDATE batches SET leased_until = now() - interval '1 second'")

    async def broken(*_: object, **__: object) -> AsyncGenerator[list[object], None]:
        if started:
            raise ValueError("secret detail")
        yield []

    started = [first, second]
    monkeypatch.setattr(running, "replay_many", broken)
    with pytest.raises(ValueError, match="secret detail"):
        await run_left_batches(runtime)
    batch = (await show_batch(runtime.database, first.number)).batch
    assert batch.status == "stopped"
    assert batch.why is not None
    assert "secret" not in batch.why
    assert await run_left_batches(runtime) == len(paid)
    assert await statuses(runtime, second.number) == ["done"] * len(paid)


async def test_messages_are_not_sent_again_for_who_may_not_act_any_more(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    message = await connection.fetchval(
        "INSERT INTO outbox (channel, kind, subject_id, payload, status, due_at)"
        " VALUES ('webhook', 'order.completed', 'x', '{}', 'dead', NULL) RETURNING id::text"
    )
    started = await start_batch(runtime, plan_ids(BatchAct.REPLAY_MESSAGES, [message]), operator=CAROL)
    await registered(runtime)
    with pytest.raises(RoleTooLow):
        await run_to_end(runtime, started)
    batch = (await show_batch(runtime.database, started.number)).batch
    assert (batch.status, batch.why) == ("stopped", "carol has the role view, and this needs act")
    assert await connection.fetchval("SELECT status FROM outbox") == "dead"
