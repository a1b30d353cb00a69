"""Answers to disputes: Stripe gets each once, whatever is lost or killed; impossible ones are refused."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from checkout_daemon.audit import audit_store
from checkout_daemon.audit.audit_log import verify
from checkout_daemon.audit.operators import Operator
from checkout_daemon.audit.registering import NewOperator, add_operator
from checkout_daemon.audit.rights import NotAnOperator, OperatorRole, RoleTooLow
from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.disputes.answering import (
    Answered,
    accept_dispute,
    resume_answers,
    stage_at_stripe,
    submit_evidence,
)
from checkout_daemon.disputes.beginning import AnswerUnderWay
from checkout_daemon.disputes.drafts import (
    DisputeCase,
    DraftChanged,
    NotAnswerable,
    check_editable,
    discard_draft,
    find_dispute,
    read_case,
    save_draft,
)
from checkout_daemon.disputes.evidence_fields import TEXTS
from checkout_daemon.disputes.receipt_pdf import receipt_file
from checkout_daemon.errors import CheckoutError, StripeRejected, StripeUnavailable
from checkout_daemon.orders.erasing import NotErasable, erase, plan_erasure
from checkout_daemon.runtime import Runtime
from tests.support.balance import ask as ask_stripe
from tests.support.balance import post
from tests.support.disputes import case_of, dispute, disputed_order
from tests.support.flaky_stripe import FlakyStripe, Request, Trouble
from tests.support.shopping import paid_order

ADA = Operator("ada", "shop1")


@pytest.fixture
async def order(runtime: Runtime, stripe: FlakyStripe, connection: asyncpg.Connection) -> CheckoutAnswer:
    """Return a disputed order of 33.99 eur."""
    return await disputed_order(runtime)


def with_text(case: DisputeCase, text: str) -> dict[str, str]:
    return {**case.evidence.texts, "uncategorized_text": text}


async def submit(runtime: Runtime, case: DisputeCase) -> Answered:
    receipt = receipt_file(case.receipt)
    assert receipt is not None
    return await submit_evidence(runtime, case, receipt.content, operator=ADA, note="we sent it")


async def kinds(runtime: Runtime, order: CheckoutAnswer) -> list[str]:
    async with runtime.database.connection() as connection:
        return [entry.kind for entry in await audit_store.read_entries(connection, str(order.order_id))]


async def at_stripe(stripe: FlakyStripe, case: DisputeCase) -> dict[str, Any]:
    return await ask_stripe(stripe, f"/v1/disputes/{case.dispute.id}")


async def resume_now(connection: asyncpg.Connection, runtime: Runtime) -> int:
    await connection.execute("UPDATE dispute_requests SET next_attempt_at = now()")
    return await resume_answers(runtime)


def trouble_with(trouble: Trouble, ending: str) -> Any:
    """Return a plan of trouble with POSTs to paths with this ending."""

    def plan(_: int, request: Request) -> Trouble | None:
        return trouble if request.method == "POST" and request.path.endswith(ending) else None

    return plan


async def test_evidence_is_submitted_with_its_receipt_and_is_in_the_audit_log(
    runtime: Runtime, stripe: FlakyStripe, order: CheckoutAnswer
) -> None:
    case = await case_of(runtime, order)
    answered = await submit(runtime, case)
    assert (answered.status, answered.order_status, answered.number) == ("under_review", "disputed", order.number)
    found = await at_stripe(stripe, case)
    assert found["evidence_details"]["submission_count"] == 1
    assert {name: found["evidence"][name] for name in case.evidence.texts} == dict(case.evidence.texts)
    receipt = await ask_stripe(stripe, f"/v1/files/{found['evidence']['receipt']}")
    assert (receipt["filename"], receipt["type"]) == ("receipt.pdf", "pdf")
    assert await kinds(runtime, order) == ["dispute.asked", "dispute.submitted"]
    async with runtime.database.connection() as connection:
        (asked, done) = await audit_store.read_entries(connection, str(order.order_id))
    assert json.loads(asked.personal or "") == {"note": "we sent it"}
    assert json.loads(done.details)["status"] == "under_review"
    assert "ada@example.com" not in asked.details + done.details
    assert (await verify(runtime.database)).faults == []
    with pytest.raises(NotAnswerable, match="is under review: there is nothing to answer"):
        await submit(runtime, await case_of(runtime, order))


async def test_two_who_submit_at_once_submit_once(runtime: Runtime, stripe: FlakyStripe, order: CheckoutAnswer) -> None:
    case = await case_of(runtime, order)
    outcomes = await asyncio.gather(*(submit(runtime, case) for _ in range(2)), return_exceptions=True)
    assert any(isinstance(outcome, Answered) for outcome in outcomes)
    assert all(isinstance(outcome, Answered | CheckoutError) for outcome in outcomes)
    # Stripe itself would refuse a second submission: what counts is that it was asked once.
    assert len({request.idempotency_key for request in stripe.asked(f"/v1/disputes/{case.dispute.id}")}) == 1
    assert (await kinds(runtime, order)).count("dispute.submitted") == 1


@pytest.mark.parametrize("ending", ["/files", "/disputes/"])
@pytest.mark.parametrize("trouble", ["lose_request", "lose_answer", "refuse_429", "fail_500", "fail_500_done"])
async def test_an_answer_that_was_lost_is_finished_by_the_job_once(
    runtime: Runtime,
    stripe: FlakyStripe,
    order: CheckoutAnswer,
    connection: asyncpg.Connection,
    ending: str,
    trouble: Any,
) -> None:
    case = await case_of(runtime, order)
    ending = "/files" if ending == "/files" else case.dispute.id
    stripe.plan = trouble_with(trouble, ending)
    done_before = (trouble, ending) == ("fail_500_done", case.dispute.id)
    if done_before:  # it was done all the same, as the dispute shows
        assert (await submit(runtime, case)).status == "under_review"
    else:
        with pytest.raises(StripeUnavailable, match="do not ask for it again"):
            await submit(runtime, case)
        assert await resume_answers(runtime) == 0  # its command may still be waiting
        with pytest.raises(NotErasable, match="answer to a dispute"):
            await plan_erasure(runtime.database, str(order.order_id), customer=False)
    stripe.plan = lambda number, request: None
    assert await resume_now(connection, runtime) == (0 if done_before else 1)
    found = await at_stripe(stripe, case)
    assert (found["status"], found["evidence_details"]["submission_count"]) == ("under_review", 1)
    assert found["evidence"]["receipt"]
    assert (await kinds(runtime, order)).count("dispute.submitted") == 1
    assert await resume_now(connection, runtime) == 0
    files = await ask_stripe(stripe, "/v1/files")
    assert len(files["data"]) == (2 if (trouble, ending) == ("fail_500_done", "/files") else 1)


async def test_the_next_call_continues_the_same_request_and_no_other(
    runtime: Runtime, stripe: FlakyStripe, order: CheckoutAnswer, connection: asyncpg.Connection
) -> None:
    case = await case_of(runtime, order)
    stripe.plan = trouble_with("lose_answer", case.dispute.id)
    with pytest.raises(StripeUnavailable):
        await submit(runtime, case)
    stripe.plan = lambda number, request: None
    with pytest.raises(AnswerUnderWay, match="ada has asked Stripe to submit the evidence"):
        await accept_dispute(runtime, case, operator=ADA)
    await save_draft(runtime.database, case, with_text(case, "another text"), operator=ADA)
    with pytest.raises(AnswerUnderWay):
        await submit(runtime, await case_of(runtime, order))
    assert (await submit(runtime, case)).status == "under_review"
    assert await connection.fetchval("SELECT count(*) FROM dispute_requests") == 1
    assert (await at_stripe(stripe, case))["evidence_details"]["submission_count"] == 1


async def test_a_refusal_closes_the_request_and_says_why(
    runtime: Runtime, stripe: FlakyStripe, order: CheckoutAnswer, connection: asyncpg.Connection
) -> None:
    case = await case_of(runtime, order)
    await post(stripe, f"/v1/disputes/{case.dispute.id}", {"evidence[customer_name]": "by hand", "submit": "true"})
    with pytest.raises(StripeRejected, match="already been submitted"):
        await submit(runtime, case)
    assert await connection.fetchval("SELECT error FROM dispute_requests") is not None
    assert (await kinds(runtime, order))[-1] == "dispute.refused"
    assert await resume_now(connection, runtime) == 0


async def test_evidence_is_stored_at_stripe_and_then_submitted(
    runtime: Runtime, stripe: FlakyStripe, order: CheckoutAnswer
) -> None:
    case = await case_of(runtime, order)
    staged = await stage_at_stripe(runtime, case, None, operator=ADA)
    assert staged.status == "needs_response"
    found = await at_stripe(stripe, case)
    assert (found["evidence"]["customer_name"], found["evidence_details"]["submission_count"]) == ("Ada", 0)
    assert (await case_of(runtime, order)).dispute.has_evidence
    assert (await submit(runtime, await case_of(runtime, order))).status == "under_review"
    assert await kinds(runtime, order) == ["dispute.asked", "dispute.staged", "dispute.asked", "dispute.submitted"]


async def test_what_was_removed_after_it_was_stored_at_stripe_is_not_submitted(
    runtime: Runtime, stripe: FlakyStripe, order: CheckoutAnswer
) -> None:
    case = await case_of(runtime, order)
    more = {"customer_purchase_ip": "203.0.113.7", "refund_refusal_explanation": "it was sent"}
    await save_draft(runtime.database, case, {**case.evidence.texts, **more}, operator=ADA)
    receipt = receipt_file(case.receipt)
    assert receipt is not None
    await stage_at_stripe(runtime, await case_of(runtime, order), receipt.content, operator=ADA)
    before = (await at_stripe(stripe, case))["evidence"]
    assert before["receipt"]
    assert {name: before[name] for name in more} == more
    await post(stripe, f"/v1/disputes/{case.dispute.id}", {"evidence[service_date]": "by hand", "submit": "false"})
    await save_draft(runtime.database, await case_of(runtime, order), case.evidence.texts, operator=ADA)
    await submit_evidence(runtime, await case_of(runtime, order), None, operator=ADA)
    after = (await at_stripe(stripe, case))["evidence"]
    assert {name: after[name] for name in TEXTS if after[name]} == dict(case.evidence.texts)
    assert after["receipt"] is None


async def test_a_submission_that_stripe_only_stored_is_not_recorded_as_submitted(
    runtime: Runtime, stripe: FlakyStripe, order: CheckoutAnswer, connection: asyncpg.Connection
) -> None:
    case = await case_of(runtime, order)

    def stored_only(request: Request, content: bytes) -> bytes:
        if not request.path.startswith("/v1/disputes/"):
            return content
        dispute = json.loads(content)
        dispute["evidence_details"]["submission_count"] = 0
        return json.dumps(dispute | {"status": "needs_response"}).encode()

    stripe.rewrite = stored_only
    with pytest.raises(StripeRejected, match="did not submit it"):
        await submit(runtime, case)
    assert await kinds(runtime, order) == ["dispute.asked", "dispute.refused"]
    assert await connection.fetchval("SELECT status FROM dispute_requests") is None


async def test_a_draft_is_submitted_instead_and_another_one_is_not_submitted_unseen(
    runtime: Runtime, stripe: FlakyStripe, order: CheckoutAnswer
) -> None:
    before = await case_of(runtime, order)
    await save_draft(runtime.database, before, with_text(before, "losing_evidence"), operator=ADA)
    with pytest.raises(DraftChanged, match="was changed meanwhile"):
        await submit(runtime, before)
    case = await case_of(runtime, order)
    assert case.draft is not None
    assert (case.draft.saved_by, case.evidence.texts["uncategorized_text"]) == ("ada", "losing_evidence")
    await submit(runtime, case)
    assert (await at_stripe(stripe, case))["evidence"]["uncategorized_text"] == "losing_evidence"
    assert await kinds(runtime, order) == ["dispute.drafted", "dispute.asked", "dispute.submitted"]
    await discard_draft(runtime.database, await case_of(runtime, order), operator=ADA)
    shown = await case_of(runtime, order)
    assert shown.evidence.texts == case.evidence.texts  # as it was submitted


@pytest.mark.parametrize("trouble", [None, "lose_request", "lose_answer", "fail_500", "fail_500_done"])
async def test_a_dispute_is_accepted_once(
    runtime: Runtime, stripe: FlakyStripe, order: CheckoutAnswer, connection: asyncpg.Connection, trouble: Any
) -> None:
    case = await case_of(runtime, order)
    stripe.plan = trouble_with(trouble, "/close")
    if trouble in (None, "fail_500_done"):
        assert (await accept_dispute(runtime, case, operator=ADA)).status == "lost"
    else:
        with pytest.raises(StripeUnavailable):
            await accept_dispute(runtime, case, operator=ADA)
        stripe.plan = lambda number, request: None
        assert await resume_now(connection, runtime) == 1
    assert (await at_stripe(stripe, case))["status"] == "lost"
    assert (await case_of(runtime, order)).dispute.status == "lost"
    assert (await kinds(runtime, order)).count("dispute.accepted") == 1
    with pytest.raises(NotAnswerable, match="is lost"):
        await accept_dispute(runtime, await case_of(runtime, order), operator=ADA)


async def test_an_inquiry_that_is_accepted_is_closed(
    runtime: Runtime, stripe: FlakyStripe, connection: asyncpg.Connection
) -> None:
    order = await disputed_order(runtime, "inquiry")
    answered = await accept_dispute(runtime, await case_of(runtime, order), operator=ADA)
    assert (answered.status, answered.order_status) == ("warning_closed", "completed")


async def escalate(stripe: FlakyStripe, case: DisputeCase) -> None:
    """Have the bank turn an inquiry into a chargeback, which we do not hear of."""
    evidence = {"evidence[uncategorized_text]": "escalate_inquiry_evidence", "submit": "true"}
    await post(stripe, f"/v1/disputes/{case.dispute.id}", evidence)
    async with asyncio.timeout(20):
        while (await at_stripe(stripe, case))["status"] != "needs_response":  # noqa: ASYNC110 - on its clock
            await asyncio.sleep(0.05)


async def test_an_inquiry_that_was_escalated_meanwhile_is_not_given_up(
    runtime: Runtime, stripe: FlakyStripe, connection: asyncpg.Connection
) -> None:
    order = await disputed_order(runtime, "inquiry")
    case = await case_of(runtime, order)
    await escalate(stripe, case)
    with pytest.raises(StripeRejected, match="was warning needs response when this was confirmed, and is needs resp"):
        await accept_dispute(runtime, case, operator=ADA)
    assert stripe.asked(f"/v1/disputes/{case.dispute.id}/close") == []
    assert (await kinds(runtime, order))[-1] == "dispute.refused"
    assert (await case_of(runtime, order)).dispute.status == "needs_response"  # as Stripe showed it
    for ask in (accept_dispute(runtime, case, operator=ADA), submit(runtime, case)):
        with pytest.raises(NotAnswerable, match="was warning needs response when it was shown, and is needs response"):
            await ask
    assert (await accept_dispute(runtime, await case_of(runtime, order), operator=ADA)).status == "lost"


@pytest.mark.parametrize("accepting", [True, False])
async def test_the_job_sends_nothing_once_the_inquiry_was_escalated(
    runtime: Runtime, stripe: FlakyStripe, connection: asyncpg.Connection, accepting: bool
) -> None:
    order = await disputed_order(runtime, "inquiry")
    case = await case_of(runtime, order)
    stripe.plan = trouble_with("lose_request", "/close" if accepting else case.dispute.id)
    with pytest.raises(StripeUnavailable):
        await (accept_dispute(runtime, case, operator=ADA) if accepting else submit(runtime, case))
    stripe.plan = lambda number, request: None
    await escalate(stripe, case)
    assert await resume_now(connection, runtime) == 1
    assert (await at_stripe(stripe, case))["status"] == "needs_response"
    assert "nothing was sent" in await connection.fetchval("SELECT error FROM dispute_requests")


async def test_an_answer_that_is_found_late_does_not_hide_what_happened_since(
    runtime: Runtime, stripe: FlakyStripe, connection: asyncpg.Connection
) -> None:
    """Stripe repeats its stored answer for the same key: it must not be asked again about what it did."""
    order = await disputed_order(runtime, "inquiry")
    before = await case_of(runtime, order)
    await save_draft(runtime.database, before, with_text(before, "escalate_inquiry_evidence"), operator=ADA)
    case = await case_of(runtime, order)
    stripe.plan = trouble_with("lose_answer", case.dispute.id)
    with pytest.raises(StripeUnavailable):
        await submit(runtime, case)
    stripe.plan = lambda number, request: None
    async with asyncio.timeout(20):
        while (await at_stripe(stripe, case))["status"] != "needs_response":  # noqa: ASYNC110 - on its clock
            await asyncio.sleep(0.05)
    assert await resume_now(connection, runtime) == 1
    assert await connection.fetchval("SELECT status FROM dispute_requests") == "needs_response"
    assert (await case_of(runtime, order)).dispute.status == "needs_response"
    assert (await submit(runtime, await case_of(runtime, order))).status == "under_review"


async def test_a_request_that_stripe_forgot_is_given_up(
    runtime: Runtime, stripe: FlakyStripe, order: CheckoutAnswer, connection: asyncpg.Connection
) -> None:
    case = await case_of(runtime, order)
    stripe.plan = trouble_with("lose_request", case.dispute.id)
    with pytest.raises(StripeUnavailable):
        await submit(runtime, case)
    stripe.plan = lambda number, request: None
    await connection.execute("UPDATE dispute_requests SET started_at = now() - interval '2 days'")
    assert await resume_now(connection, runtime) == 1
    assert "within a day" in await connection.fetchval("SELECT error FROM dispute_requests")
    assert (await submit(runtime, case)).status == "under_review"


async def test_a_request_whose_dispute_stripe_does_not_show_is_given_up_after_a_day(
    runtime: Runtime, stripe: FlakyStripe, order: CheckoutAnswer, connection: asyncpg.Connection
) -> None:
    case = await case_of(runtime, order)
    stripe.plan = trouble_with("lose_request", case.dispute.id)
    with pytest.raises(StripeUnavailable):
        await submit(runtime, case)
    stripe.plan = lambda number, request: "deny_401" if request.path.startswith("/v1/disputes/") else None
    assert await resume_now(connection, runtime) == 1
    assert await connection.fetchval("SELECT answered_at FROM dispute_requests") is None
    await connection.execute("UPDATE dispute_requests SET started_at = now() - interval '2 days'")
    assert await resume_now(connection, runtime) == 1
    assert "also a day later: look there" in await connection.fetchval("SELECT error FROM dispute_requests")
    assert await resume_now(connection, runtime) == 0


async def test_a_dispute_that_stripe_does_not_show_is_not_accepted(
    runtime: Runtime, stripe: FlakyStripe, order: CheckoutAnswer, connection: asyncpg.Connection
) -> None:
    case = await case_of(runtime, order)
    stripe.plan = lambda number, request: "reject_400" if request.path.startswith("/v1/disputes/") else None
    with pytest.raises(StripeRejected):
        await accept_dispute(runtime, case, operator=ADA)
    assert await connection.fetchval("SELECT answered_at FROM dispute_requests") is not None
    assert stripe.asked(f"/v1/disputes/{case.dispute.id}/close") == []


async def test_erasing_the_customer_erases_draft_and_evidence(
    runtime: Runtime, stripe: FlakyStripe, order: CheckoutAnswer, connection: asyncpg.Connection
) -> None:
    case = await case_of(runtime, order)
    await save_draft(runtime.database, case, case.evidence.texts, operator=ADA)
    with pytest.raises(NotErasable, match="waits for an answer, and its evidence would be erased"):
        await plan_erasure(runtime.database, str(order.order_id), customer=False)
    stripe.plan = trouble_with("reject_400", case.dispute.id)
    with pytest.raises(StripeRejected) as refusal:
        await submit(runtime, await case_of(runtime, order))
    stripe.plan = lambda number, request: None
    words = refusal.value.detail
    assert await connection.fetchval("SELECT error FROM dispute_requests") == words
    await submit(runtime, await case_of(runtime, order))
    plan = await plan_erasure(runtime.database, str(order.order_id), customer=False)
    await erase(runtime.database, plan, operator=ADA)
    rows = await connection.fetch("SELECT texts, receipt, error FROM dispute_requests ORDER BY started_at")
    assert [tuple(row) for row in rows] == [(None, None, "erased"), (None, None, None)]
    async with runtime.database.connection() as other:
        entries = await audit_store.read_entries(other, str(order.order_id))
    assert [entry for entry in entries if words in f"{entry.details}{entry.personal}"] == []
    assert (await verify(runtime.database)).faults == []
    assert await connection.fetchval("SELECT texts FROM dispute_drafts") is None
    after = await case_of(runtime, order)
    assert after.draft is None
    assert "Ada" not in "".join(after.evidence.texts.values())


async def test_no_draft_is_saved_that_could_not_be_submitted_or_names_the_erased(
    runtime: Runtime, stripe: FlakyStripe, order: CheckoutAnswer, connection: asyncpg.Connection
) -> None:
    before = await case_of(runtime, order)
    await connection.execute("UPDATE orders SET erased_at = now()")  # before its payment was disputed
    with pytest.raises(NotAnswerable, match="was erased, and a draft could name them again"):
        await save_draft(runtime.database, before, before.evidence.texts, operator=ADA)
    with pytest.raises(NotAnswerable, match="was erased, and a draft could name them again"):
        await check_editable(runtime.database, before)
    await connection.execute("UPDATE orders SET erased_at = NULL")
    await check_editable(runtime.database, before)
    await submit(runtime, before)
    case = await case_of(runtime, order)
    with pytest.raises(NotAnswerable, match="is under review: there is nothing to answer"):
        await save_draft(runtime.database, case, before.evidence.texts, operator=ADA)
    with pytest.raises(NotAnswerable, match="is under review: there is nothing to answer"):
        await check_editable(runtime.database, case)
    assert await connection.fetchval("SELECT count(*) FROM dispute_drafts") == 0


async def test_a_dispute_of_an_unknown_order_is_left_to_the_dashboard(
    runtime: Runtime, stripe: FlakyStripe, connection: asyncpg.Connection
) -> None:
    order = await paid_order(runtime)
    await dispute(runtime, order)
    await connection.execute("UPDATE payments SET order_id = NULL")
    await connection.execute("UPDATE disputes SET due_by = $1", datetime.now(UTC))
    dispute_id = await connection.fetchval("SELECT id FROM disputes")
    found = await find_dispute(runtime.database, dispute_id, livemode=False)
    with pytest.raises(NotAnswerable, match="in Stripe's Dashboard"):
        await read_case(runtime.database, runtime.settings, found)


async def test_drafts_and_answers_need_the_role_act(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection
) -> None:
    case = await case_of(runtime, order)
    for name, role in (("ada", OperatorRole.ADMIN), ("vi", OperatorRole.VIEW), ("al", OperatorRole.ACT)):
        await add_operator(runtime.database, NewOperator(name, role, {}, os_user=name), operator=ADA)
    viewer, nobody = Operator("vi", "shop1"), Operator("eve", "shop1")
    for operator, error in ((viewer, RoleTooLow), (nobody, NotAnOperator)):
        with pytest.raises(error):
            await save_draft(runtime.database, case, case.evidence.texts, operator=operator)
        with pytest.raises(error):
            await submit_evidence(runtime, case, None, operator=operator)
        with pytest.raises(error):
            await accept_dispute(runtime, case, operator=operator)
    assert await connection.fetchval("SELECT count(*) FROM dispute_requests") == 0
    assert (await submit_evidence(runtime, case, None, operator=Operator("al", "shop1"))).status == "under_review"
