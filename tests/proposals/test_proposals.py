"""What exceeds an operator's limit is proposed, approved by a second person, and done once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from checkout_daemon.audit import audit_store
from checkout_daemon.audit.audit_log import verify
from checkout_daemon.audit.operators import Operator
from checkout_daemon.audit.registering import NewOperator, add_operator, disable_operator
from checkout_daemon.audit.rights import AboveLimit, NotAnOperator, OperatorRole, RoleTooLow
from checkout_daemon.batches.listing import page_of_batches, show_batch
from checkout_daemon.batches.planning import Started, plan_orders
from checkout_daemon.batches.records import BatchAct, BatchOptions
from checkout_daemon.batches.running import NotApproved, claim_batch, run_left_batches
from checkout_daemon.checkout.canceling import NotCancelable, cancel_order
from checkout_daemon.checkout.expiring import expire_sessions
from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.checkout.resending import resend_session
from checkout_daemon.errors import CheckoutError, IdempotencyConflict, NotFound, StripeRejected, StripeUnavailable
from checkout_daemon.orders.notes import note_order
from checkout_daemon.orders.order_lists import OrderView
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.orders.refund_items import WantedItem
from checkout_daemon.orders.refund_rules import RefundOptions
from checkout_daemon.orders.refunding import Refunded, refund, resume_refunds
from checkout_daemon.orders.todo import read_todo
from checkout_daemon.proposals import deciding
from checkout_daemon.proposals.deciding import (
    Approved,
    NotOpen,
    OwnProposal,
    ProposalStale,
    approve,
    carry_out_approved,
    reject,
)
from checkout_daemon.proposals.listing import find_proposal
from checkout_daemon.proposals.proposing import propose_cancel, propose_refund, refund_or_propose, start_or_propose
from checkout_daemon.proposals.records import Proposal, ProposedItem
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.payments import list_refunds
from tests.support.flaky_stripe import FlakyStripe, Request
from tests.support.shopping import check_out, paid_order

ADA, BO, CY, DEE = (Operator(name, "shop1") for name in ("ada", "bo", "cy", "dee"))
REFUNDS = "/v1/refunds"


@pytest.fixture
async def order(runtime: Runtime, connection: asyncpg.Connection) -> CheckoutAnswer:
    """Return a paid order of 33.99 eur."""
    return await paid_order(runtime)


@pytest.fixture(autouse=True)
async def operators(runtime: Runtime, connection: asyncpg.Connection) -> None:
    """Add ada, an admin; bo, who refunds up to 10 eur; cy, who approves; and dee, who acts."""
    await add(runtime, "ada", OperatorRole.ADMIN, {})
    await add(runtime, "bo", OperatorRole.REFUND, {"eur": 1000})
    await add(runtime, "cy", OperatorRole.APPROVE, {"eur": 2000})
    await add(runtime, "dee", OperatorRole.ACT, {})


async def add(runtime: Runtime, name: str, role: OperatorRole, limits: dict[str, int]) -> None:
    await add_operator(runtime.database, NewOperator(name, role, limits, os_user=name), operator=ADA)


async def ask(runtime: Runtime, order: CheckoutAnswer, operator: Operator, amount: int | None) -> Refunded | Proposal:
    return await refund_or_propose(
        runtime, str(order.order_id), RefundOptions(amount), operator=operator, note="broken"
    )


async def proposed(runtime: Runtime, order: CheckoutAnswer, amount: int | None = 3000) -> Proposal:
    proposal = await ask(runtime, order, BO, amount)
    assert isinstance(proposal, Proposal)
    return proposal


async def at_stripe(runtime: Runtime, order: CheckoutAnswer) -> list[int]:
    payment = (await shown(runtime, order)).payments[0].id
    return [made.object["amount"] for made in await list_refunds(runtime.gateway, payment)]


async def shown(runtime: Runtime, order: CheckoutAnswer) -> OrderView:
    return await show_order(runtime.database, str(order.number))


async def logged(runtime: Runtime, order: CheckoutAnswer) -> list[tuple[str, str]]:
    async with runtime.database.connection() as connection:
        entries = await audit_store.read_entries(connection, str(order.order_id))
    return [(entry.kind, entry.operator) for entry in entries]


async def test_a_refund_above_the_limit_is_approved_by_a_second_person_and_both_are_in_the_log(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection
) -> None:
    proposal = await proposed(runtime, order)
    assert (proposal.status, proposal.amount, proposal.proposed_by, proposal.is_changed) == ("open", 3000, "bo", False)
    assert await at_stripe(runtime, order) == []
    alert = await connection.fetchrow("SELECT payload FROM outbox WHERE kind = 'proposal.open' AND channel = 'alert'")
    assert alert is not None
    assert "bo proposes to refund €30.00 of order 1001" in json.loads(alert["payload"])["text"]
    with pytest.raises(RoleTooLow):  # bo may not approve anything
        await approve(runtime, proposal.number, operator=BO)
    done = await approve(runtime, proposal.number, operator=CY, note="saw the photo")
    assert (done.proposal.status, done.proposal.decided_by) == ("done", "cy")
    assert done.refunded is not None
    assert await at_stripe(runtime, order) == [3000]
    assert await logged(runtime, order) == [
        ("proposal.created", "bo"),
        ("proposal.approved", "cy"),
        ("refund.requested", "cy"),
        ("refund.made", "cy"),
    ]
    async with runtime.database.connection() as reading:
        requested = (await audit_store.read_entries(reading, str(order.order_id)))[2]
    assert json.loads(requested.details)["proposed_by"] == "bo"
    assert (await verify(runtime.database)).faults == []


async def test_nobody_approves_their_own_proposal(runtime: Runtime, order: CheckoutAnswer) -> None:
    proposal = await ask(runtime, order, CY, 3000)
    assert isinstance(proposal, Proposal)
    with pytest.raises(OwnProposal, match="another operator must approve it"):
        await approve(runtime, proposal.number, operator=CY)
    rejected = await reject(runtime, proposal.number, operator=CY, note="a mistake")  # one may withdraw it
    assert (rejected.status, rejected.decided_by) == ("rejected", "cy")
    with pytest.raises(NotOpen, match="was rejected by cy already"):
        await approve(runtime, proposal.number, operator=ADA)
    assert await at_stripe(runtime, order) == []


async def test_a_limit_is_not_passed_in_parts(runtime: Runtime, order: CheckoutAnswer) -> None:
    assert isinstance(await ask(runtime, order, BO, 600), Refunded)
    with pytest.raises(AboveLimit, match=r"€5\.00, with €6\.00 before is above the limit: bo may refund €10\.00"):
        await refund(runtime, str(order.order_id), RefundOptions(500), operator=BO)
    assert isinstance(await ask(runtime, order, BO, 400), Refunded)
    assert isinstance(await ask(runtime, order, BO, 1), Proposal)
    assert await at_stripe(runtime, order) == [400, 600]


async def test_roles_allow_what_they_say(runtime: Runtime, order: CheckoutAnswer) -> None:
    assert isinstance(await ask(runtime, order, DEE, 100), Proposal)  # acts, and refunds nothing alone
    assert isinstance(await ask(runtime, order, ADA, None), Refunded)  # an admin without limits
    with pytest.raises(NotAnOperator, match="eve@shop1 is not an operator"):
        await note_order(runtime.database, str(order.order_id), "hello", operator=Operator("eve", "shop1"))
    await add(runtime, "fay", OperatorRole.VIEW, {})
    for act in (note_order(runtime.database, str(order.order_id), "hello", operator=Operator("fay", "shop1")),):
        with pytest.raises(RoleTooLow, match="fay has the role view"):
            await act
    await disable_operator(runtime.database, "dee", operator=ADA)
    with pytest.raises(NotAnOperator):
        await note_order(runtime.database, str(order.order_id), "hello", operator=DEE)


async def test_who_may_not_act_changes_nothing_at_stripe_either(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    waiting, eve = await check_out(runtime), Operator("eve", "shop1")
    before = len(stripe.requests)
    for attempt in (
        cancel_order(runtime, str(waiting.order_id), operator=eve),
        resend_session(runtime, str(waiting.order_id), operator=eve),
        expire_sessions(runtime, str(waiting.order_id), operator=eve),
    ):
        with pytest.raises(NotAnOperator):
            await attempt
    assert {request.method for request in stripe.requests[before:]} <= {"GET"}
    assert (await shown(runtime, waiting)).order.status == "pending"


async def test_an_order_that_changed_must_be_proposed_again(runtime: Runtime, order: CheckoutAnswer) -> None:
    proposal = await proposed(runtime, order, 1500)
    assert isinstance(await ask(runtime, order, ADA, 500), Refunded)
    assert (await find_proposal(runtime.database, proposal.number)).is_changed
    with pytest.raises(ProposalStale, match="order 1001 has changed since proposal"):
        await approve(runtime, proposal.number, operator=CY)
    assert await at_stripe(runtime, order) == [500]


async def test_a_proposal_expires(runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection) -> None:
    proposal = await proposed(runtime, order)
    await unguarded(connection, "UPDATE proposals SET expires_at = now()")
    assert (await find_proposal(runtime.database, proposal.number)).status == "expired"
    for decide in (approve, reject):
        with pytest.raises(NotOpen, match="expired at"):
            await decide(runtime, proposal.number, operator=CY)
    again = await proposed(runtime, order)
    assert (again.number, again.status) == (proposal.number + 1, "open")


async def unguarded(connection: asyncpg.Connection, statement: str) -> None:
    async with connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(statement)


async def test_of_two_who_decide_at_once_one_wins(runtime: Runtime, order: CheckoutAnswer) -> None:
    proposal = await proposed(runtime, order)
    both = (approve(runtime, proposal.number, operator=CY), approve(runtime, proposal.number, operator=ADA))
    outcomes = await asyncio.gather(*both, return_exceptions=True)
    (done,) = [outcome for outcome in outcomes if isinstance(outcome, Approved)]
    (lost,) = [outcome for outcome in outcomes if isinstance(outcome, CheckoutError)]
    assert isinstance(lost, NotOpen)
    assert await at_stripe(runtime, order) == [3000]
    assert [kind for kind, _ in await logged(runtime, order)].count("proposal.approved") == 1
    assert done.proposal.status == "done"


async def test_what_was_approved_is_done_once_whoever_dies(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    proposal = await proposed(runtime, order)
    stripe.plan = lambda number, request: "lose_answer" if request.path == REFUNDS else None
    with pytest.raises(StripeUnavailable):
        await approve(runtime, proposal.number, operator=CY)
    assert (await find_proposal(runtime.database, proposal.number)).status == "approved"
    stripe.plan = lambda number, request: None
    await connection.execute("UPDATE refund_requests SET next_attempt_at = now()")
    assert await resume_refunds(runtime) == 1
    assert (await find_proposal(runtime.database, proposal.number)).status == "done"
    assert await at_stripe(runtime, order) == [3000]


async def test_a_refund_that_the_key_may_not_make_is_closed_and_blocks_nobody(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    proposal = await proposed(runtime, order)
    stripe.plan = lambda number, request: "deny_401" if request.path == REFUNDS else None
    with pytest.raises(StripeRejected):
        await approve(runtime, proposal.number, operator=CY)
    assert await connection.fetchval("SELECT count(*) FROM refund_requests WHERE answered_at IS NULL") == 0
    assert (await find_proposal(runtime.database, proposal.number)).status == "failed"
    stripe.plan = lambda number, request: None
    again = await proposed(runtime, order)
    await approve(runtime, again.number, operator=CY)
    assert await at_stripe(runtime, order) == [3000]


async def test_who_dies_right_after_approving_leaves_the_refund_to_a_job(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection
) -> None:
    proposal = await proposed(runtime, order)
    await runtime.database.run(deciding._approve, proposal.number, CY, "", livemode=False)  # and then SIGKILL
    assert await at_stripe(runtime, order) == []
    with pytest.raises(NotOpen, match="was approved by cy already"):
        await approve(runtime, proposal.number, operator=ADA)
    await connection.execute("UPDATE refund_requests SET next_attempt_at = now()")
    assert sum(await asyncio.gather(resume_refunds(runtime), resume_refunds(runtime))) == 1
    assert await at_stripe(runtime, order) == [3000]
    assert (await find_proposal(runtime.database, proposal.number)).status == "done"
    assert (await verify(runtime.database)).faults == []


async def test_the_same_is_proposed_once(runtime: Runtime, order: CheckoutAnswer) -> None:
    first = await proposed(runtime, order)
    assert (await proposed(runtime, order)).number == first.number
    assert (await proposed(runtime, order, 2000)).number == first.number + 1
    with pytest.raises(NotFound):
        await approve(runtime, 999, operator=CY)


async def test_items_of_the_same_price_are_another_proposal(runtime: Runtime, order: CheckoutAnswer) -> None:
    lines = (await shown(runtime, order)).items
    assert lines
    sku = lines[0].sku
    by_items = RefundOptions(items=(WantedItem(sku, 1),))
    order_id = str(order.order_id)
    first = await propose_refund(runtime, order_id, by_items, operator=BO)
    assert first.items == (ProposedItem(sku, 1, first.amount or 0),)
    by_amount = await propose_refund(runtime, order_id, RefundOptions(first.amount), operator=BO)
    back = await propose_refund(runtime, order_id, replace(by_items, restock=True), operator=BO)
    again = await propose_refund(runtime, order_id, by_items, operator=BO)
    assert (by_amount.number, by_amount.items, back.number, back.restock, again) == (2, (), 3, True, first)


async def test_a_key_of_the_api_answers_with_the_proposal_and_then_with_its_refund(
    runtime: Runtime, order: CheckoutAnswer
) -> None:
    key = "11111111-2222-4333-8444-555555555555"

    async def post(amount: int) -> Refunded | Proposal:
        return await refund_or_propose(
            runtime, str(order.order_id), RefundOptions(amount), operator=BO, request_id=key, asked=b"hash"
        )

    first, second = await post(3000), await post(3000)
    assert isinstance(first, Proposal)
    assert second == first
    with pytest.raises(IdempotencyConflict):
        await post(2999)
    await approve(runtime, first.number, operator=CY)
    done = await post(3000)
    assert isinstance(done, Refunded)
    assert await at_stripe(runtime, order) == [3000]


@pytest.mark.parametrize(
    "other",
    [
        {"items": (WantedItem("NOTE", 1),)},
        {"reason": "duplicate"},
        {"restock": True},
        {"amount": 2999},
        {"payment_id": "pi_another"},
        {"note": "another"},
    ],
)
async def test_a_key_of_the_api_is_for_one_refund_in_every_detail(
    runtime: Runtime, order: CheckoutAnswer, other: dict[str, object]
) -> None:
    key, order_id = str(uuid4()), str(order.order_id)

    async def wanted(note: str = "broken", **options: Any) -> Refunded | Proposal:
        return await refund_or_propose(
            runtime, order_id, RefundOptions(**{"amount": 3000, **options}), operator=BO, note=note, request_id=key
        )

    first = await wanted()
    assert isinstance(first, Proposal)
    assert await wanted() == first
    with pytest.raises(IdempotencyConflict):
        await wanted(**other)  # type: ignore[arg-type]


async def test_an_open_proposal_is_to_do_until_it_expires(runtime: Runtime, order: CheckoutAnswer) -> None:
    proposal = await proposed(runtime, order)
    (item,) = [
        item for item in (await read_todo(runtime.database, runtime.settings)).items if item.kind == "proposal_open"
    ]
    assert (item.subject, item.amount, item.currency, item.number) == ("1", 3000, "eur", order.number)
    assert (item.command, item.due_by) == ("checkout proposals approve 1", proposal.expires_at)
    assert item.description == "bo proposes to refund an order (proposal 1)"
    assert (item.note, item.note_by) == ("broken", "bo")
    await refund(runtime, str(order.order_id), RefundOptions(100), operator=ADA)
    (stale,) = [
        item for item in (await read_todo(runtime.database, runtime.settings)).items if item.kind == "proposal_open"
    ]
    assert (stale.command, "has changed since" in stale.next) == ("checkout proposals reject 1", True)
    after = await read_todo(runtime.database, runtime.settings, proposal.expires_at)
    assert [item.kind for item in after.items if item.kind == "proposal_open"] == []


async def test_a_cancellation_is_carried_out_by_whoever_approves_it_or_by_a_job(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    waiting, paid = await check_out(runtime), await paid_order(runtime)
    proposal = await propose_cancel(runtime, str(waiting.order_id), operator=DEE)
    assert (await propose_cancel(runtime, str(waiting.order_id), operator=DEE)).number == proposal.number
    with pytest.raises(NotCancelable):
        await propose_cancel(runtime, str(paid.order_id), operator=DEE)
    stripe.plan = lambda number, request: "refuse_429"
    with pytest.raises(StripeUnavailable):
        await approve(runtime, proposal.number, operator=CY)
    stripe.plan = lambda number, request: None
    assert await carry_out_approved(runtime) == 0  # who approved it may still be at it
    await unguarded(connection, "UPDATE proposals SET decided_at = now() - interval '2 minutes'")
    assert await carry_out_approved(runtime) == 1
    assert (await find_proposal(runtime.database, proposal.number)).status == "done"
    assert ("order.canceled", "cy") in await logged(runtime, waiting)


async def test_a_cancellation_that_has_become_impossible_fails(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    waiting = await check_out(runtime)
    proposal = await propose_cancel(runtime, str(waiting.order_id), operator=DEE)
    await connection.execute(
        "UPDATE proposals SET status = 'approved', decided_by = 'cy', decided_at = now() - interval '2 minutes'"
    )
    await cancel_order(runtime, str(waiting.order_id), operator=ADA)
    assert await carry_out_approved(runtime) == 0
    assert (await find_proposal(runtime.database, proposal.number)).status == "done"


async def test_a_cancellation_of_the_other_mode_is_left_to_its_daemon(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    waiting = await check_out(runtime)
    await propose_cancel(runtime, str(waiting.order_id), operator=DEE)
    await connection.execute(
        "UPDATE proposals SET status = 'approved', decided_by = 'cy', decided_at = now() - interval '2 minutes'"
    )
    await unguarded(connection, "UPDATE orders SET livemode = true")
    assert await carry_out_approved(runtime) == 0
    assert (await find_proposal(runtime.database, 1)).status == "approved"


async def test_a_cancellation_of_the_other_mode_stays_open_for_those_who_have_its_key(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    waiting = await check_out(runtime)
    proposal = await propose_cancel(runtime, str(waiting.order_id), operator=DEE)
    await unguarded(connection, "UPDATE orders SET livemode = true")
    with pytest.raises(NotCancelable, match="was created with a key of the other mode"):
        await approve(runtime, proposal.number, operator=CY)
    assert (await find_proposal(runtime.database, proposal.number)).status == "open"
    await unguarded(connection, "UPDATE orders SET livemode = false")
    assert (await approve(runtime, proposal.number, operator=CY)).proposal.status == "done"


async def test_a_cancellation_that_somebody_else_carries_out_meanwhile_has_not_failed(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    waiting = await check_out(runtime)
    await propose_cancel(runtime, str(waiting.order_id), operator=DEE)
    await connection.execute(
        "UPDATE proposals SET status = 'approved', decided_by = 'cy', decided_at = now() - interval '2 minutes'"
    )
    turns: list[str] = []

    async def cancel_first(request: Request) -> None:
        if not turns:  # whoever approved it was slow, and is done now
            turns.append(request.path)
            await cancel_order(runtime, str(waiting.order_id), operator=CY)

    stripe.before_answer = cancel_first
    assert await carry_out_approved(runtime) == 1
    assert turns
    proposal = await find_proposal(runtime.database, 1)
    assert (proposal.status, proposal.outcome) == ("done", None)


async def test_a_batch_above_the_limit_in_sum_is_one_proposal(runtime: Runtime, connection: asyncpg.Connection) -> None:
    answers = [await paid_order(runtime) for _ in range(3)]
    orders = [((await shown(runtime, answer)).order, None) for answer in answers]
    plan = await plan_orders(runtime, BatchAct.REFUND, orders, BatchOptions(amount=400))
    assert isinstance(await start_or_propose(runtime, replace(plan, items=plan.items[:2]), operator=BO), Started)
    await connection.execute("UPDATE batches SET leased_until = now() - interval '1 second'")
    assert await run_left_batches(runtime) == 2
    proposal = await start_or_propose(runtime, plan, operator=BO, note="all broken")
    assert isinstance(proposal, Proposal)
    assert (proposal.act, proposal.amount, proposal.currency) == ("batch", 1200, "eur")
    assert proposal.batch is not None
    assert await run_left_batches(runtime) == 0
    with pytest.raises(NotApproved):
        await claim_batch(runtime, proposal.batch)
    approved = await approve(runtime, proposal.number, operator=CY)
    assert approved.proposal.status == "approved"
    released = (await show_batch(runtime.database, proposal.batch)).batch
    assert (released.status, released.why, released.approval) == ("running", None, "approved")
    assert await run_left_batches(runtime) == 3
    assert (await find_proposal(runtime.database, proposal.number)).status == "done"
    assert [await at_stripe(runtime, answer) for answer in answers] == [[400, 400], [400, 400], [400]]
    assert (await verify(runtime.database)).faults == []


async def proposed_batch(runtime: Runtime, order: CheckoutAnswer, options: BatchOptions) -> Proposal:
    plan = await plan_orders(runtime, BatchAct.REFUND, [((await shown(runtime, order)).order, None)], options)
    proposal = await start_or_propose(runtime, plan, operator=BO)
    assert isinstance(proposal, Proposal)
    return proposal


@pytest.mark.parametrize(("restock", "stated"), [(None, False), (False, False), (True, True)])
async def test_a_proposed_batch_states_whether_its_items_go_back_into_stock(
    runtime: Runtime, order: CheckoutAnswer, restock: bool | None, stated: bool
) -> None:
    assert (await proposed_batch(runtime, order, BatchOptions(restock=restock))).restock is stated


async def reject_it(runtime: Runtime, connection: asyncpg.Connection) -> None:
    await reject(runtime, 1, operator=CY)


async def let_it_expire(runtime: Runtime, connection: asyncpg.Connection) -> None:
    await unguarded(connection, "UPDATE proposals SET expires_at = now()")


@pytest.mark.parametrize(
    ("end", "approval", "why"),
    [
        (reject_it, "rejected", "was rejected"),
        (let_it_expire, "expired", "was not approved before its proposal expired"),
    ],
)
async def test_a_batch_that_nobody_approved_waits_no_more_and_cannot_run(
    runtime: Runtime,
    order: CheckoutAnswer,
    connection: asyncpg.Connection,
    end: Callable[[Runtime, asyncpg.Connection], Awaitable[None]],
    approval: str,
    why: str,
) -> None:
    number = (await proposed_batch(runtime, order, BatchOptions())).batch or 0
    waiting = (await show_batch(runtime.database, number)).batch
    assert (waiting.status, waiting.approval, waiting.proposal) == ("stopped", "open", 1)
    assert waiting.why == "waits for the approval of another operator"
    await end(runtime, connection)
    batch = (await show_batch(runtime.database, number)).batch
    assert batch == replace(waiting, approval=approval, why=why)
    assert await page_of_batches(runtime.database, limit=1) == [batch]
    with pytest.raises(NotApproved, match=f"batch {number} {why}: `checkout proposals show 1`"):
        await claim_batch(runtime, number)
    assert await at_stripe(runtime, order) == []


async def test_what_was_refunded_of_one_order_before_counts_for_a_batch_too(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    answers = [await paid_order(runtime) for _ in range(2)]
    assert isinstance(await ask(runtime, answers[0], BO, 800), Refunded)
    orders = [((await shown(runtime, answer)).order, None) for answer in answers]
    plan = await plan_orders(runtime, BatchAct.REFUND, orders, BatchOptions(amount=400))
    assert isinstance(await start_or_propose(runtime, replace(plan, items=plan.items[1:]), operator=BO), Started)
    proposal = await start_or_propose(runtime, plan, operator=BO)
    assert isinstance(proposal, Proposal)
    assert (proposal.act, proposal.amount, proposal.currency) == ("batch", 800, "eur")
    await approve(runtime, proposal.number, operator=CY)
    await connection.execute("UPDATE batches SET leased_until = now() - interval '1 second'")
    assert await run_left_batches(runtime) == 3
    assert [await at_stripe(runtime, answer) for answer in answers] == [[400, 800], [400, 400]]


async def test_an_item_that_is_above_the_limit_when_its_turn_comes_has_failed(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection
) -> None:
    plan = await plan_orders(
        runtime, BatchAct.REFUND, [((await shown(runtime, order)).order, None)], BatchOptions(amount=400)
    )
    started = await start_or_propose(runtime, plan, operator=BO)
    assert isinstance(started, Started)
    assert isinstance(await ask(runtime, order, BO, 800), Refunded)  # meanwhile, in another window
    await connection.execute("UPDATE batches SET leased_until = now() - interval '1 second'")
    assert await run_left_batches(runtime) == 1
    batch = (await show_batch(runtime.database, started.number)).batch
    assert (batch.status, batch.failed, batch.skipped) == ("finished", 1, 0)
    assert await at_stripe(runtime, order) == [800]


async def test_without_operators_a_proposal_still_needs_two_names(runtime: Runtime, order: CheckoutAnswer) -> None:
    for name in ("dee", "cy", "bo", "ada"):
        await disable_operator(runtime.database, name, operator=ADA)
    robot, eve = Operator("eve (mcp)", "desk"), Operator("eve", "desk")
    assert isinstance(await ask(runtime, order, eve, 100), Refunded)
    proposal = await propose_refund(runtime, str(order.order_id), RefundOptions(200), operator=robot)
    with pytest.raises(OwnProposal):
        await approve(runtime, proposal.number, operator=robot)
    assert (await approve(runtime, proposal.number, operator=eve)).proposal.status == "done"
