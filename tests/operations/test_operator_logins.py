"""An operator with a login at the database is bound by it, whatever program they use: psql is enough to try."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from checkout_daemon.audit.audit_log import verify
from checkout_daemon.audit.operators import Operator, act_as, this_operator
from checkout_daemon.audit.registering import disable_operator, recognize
from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.database.pool import Database
from checkout_daemon.disputes.answering import submit_evidence
from checkout_daemon.disputes.drafts import save_draft
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.orders.refund_rules import RefundOptions
from checkout_daemon.orders.refunding import refund
from checkout_daemon.proposals.deciding import approve
from checkout_daemon.proposals.proposing import refund_or_propose
from checkout_daemon.proposals.records import Proposal
from checkout_daemon.runtime import Runtime
from tests.operations.conftest import ADA, Logins, refused
from tests.support.disputes import case_of, dispute
from tests.support.shopping import paid_order


@pytest.fixture
async def order(runtime: Runtime, connection: asyncpg.Connection) -> CheckoutAnswer:
    """Return a paid order of 33.99 eur."""
    return await paid_order(runtime)


REQUEST = (
    "INSERT INTO refund_requests (id, order_id, payment_id, amount, currency, parameters, started_at, next_attempt_at,"
    " operator, proposal) VALUES ($1, $2, $3, $4, 'eur', $5, now(), now(), $6, $7)"
)


def request(order: CheckoutAnswer, payment: str, amount: int, **changes: object) -> tuple[object, ...]:
    parameters = {"payment_intent": payment, "amount": changes.get("asked", amount), "metadata": {}}
    who, proposal = changes.get("operator"), changes.get("proposal")
    given = changes.get("id", str(uuid4()))
    return (given, str(order.order_id), payment, amount, json.dumps(parameters), who, proposal)


async def payment_of(runtime: Runtime, order: CheckoutAnswer) -> str:
    return (await show_order(runtime.database, str(order.number))).payments[0].id


async def test_sql_refunds_no_more_than_the_limit_and_in_no_other_name(
    runtime: Runtime, order: CheckoutAnswer, logins: Logins, connection: asyncpg.Connection
) -> None:
    payment, bo = await payment_of(runtime, order), logins["bo"]
    await refused(bo, REQUEST, "propose it", *request(order, payment, 1001))
    await refused(bo, REQUEST, "cannot request a refund as ada", *request(order, payment, 900, operator="ada"))
    await refused(bo, REQUEST, "parameters of refund request", *request(order, payment, 900, asked=3399))
    await refused(bo, REQUEST, "does not allow this refund", *request(order, payment, 3000, proposal=1))
    await refused(logins["eve"], REQUEST, "is not the login of an operator", *request(order, payment, 1))
    user = await asyncpg.connect(bo)
    await user.execute(REQUEST, *request(order, payment, 900))
    await user.close()
    change = "UPDATE refund_requests SET amount = 3399"
    await refused(bo, change, "cannot be changed")
    await refused(bo, "UPDATE refund_requests SET parameters = '{}'", "cannot be changed")
    await refused(bo, "DELETE FROM refund_requests", "permission denied")
    await connection.execute("UPDATE refund_requests SET answered_at = now(), refund_id = 're_1'")
    await refused(bo, REQUEST, "may refund 1000 eur of an order, and this would be 1001", *request(order, payment, 101))


async def test_sql_approves_nothing_of_ones_own_and_nothing_as_another(
    runtime: Runtime, order: CheckoutAnswer, logins: Logins
) -> None:
    by_cy = await proposed(runtime, order, "cy", 3000)
    by_bo = await proposed(runtime, order, "bo", 2000)

    def decide(number: int, name: str, status: str = "approved") -> str:
        decision = f"status = '{status}', decided_by = '{name}', decided_at = now()"
        return f"UPDATE proposals SET {decision} WHERE number = {number}"

    await refused(logins["cy"], decide(by_cy, "cy"), "another operator must approve it")
    await refused(logins["cy"], decide(by_cy, "ada"), "cy cannot decide as ada")
    await refused(logins["bo"], decide(by_cy, "bo"), "bo may not decide about proposals")
    await refused(logins["bo"], decide(by_bo, "cy"), "bo cannot decide as cy")
    await refused(logins["cy"], f"UPDATE proposals SET amount = 1 WHERE number = {by_cy}", "only decided")
    await refused(logins["cy"], f"UPDATE proposals SET proposed_by = 'bo' WHERE number = {by_cy}", "only decided")
    await refused(logins["cy"], "UPDATE proposals SET status = 'open', expires_at = 'infinity'", "only decided")
    insert = (
        "INSERT INTO proposals"
        " (id, act, order_id, state, proposed_by, host, expires_at, status, decided_by, decided_at)"
        f" VALUES (gen_random_uuid(), 'cancel', '{order.order_id}', '', $1, 'x', now() + interval '1 day', $2, $3, $4)"
    )
    await refused(logins["cy"], insert, "cy cannot propose as bo", "bo", "open", None, None)
    await refused(logins["cy"], f"SET SESSION AUTHORIZATION {urlsplit(logins['bo']).username}", "permission denied")


async def proposed(runtime: Runtime, order: CheckoutAnswer, name: str, amount: int) -> int:
    options = RefundOptions(amount)
    proposal = await refund_or_propose(runtime, str(order.order_id), options, operator=Operator(name, "desk"))
    assert isinstance(proposal, Proposal)
    return proposal.number


async def test_sql_writes_no_other_name_into_the_log_and_makes_nobody_more_than_they_are(
    runtime: Runtime, order: CheckoutAnswer, logins: Logins
) -> None:
    entry = (
        "INSERT INTO operator_log (order_id, number, at, kind, operator, host, details, before, after, personal_hash,"
        " prev_hash, hash) VALUES (gen_random_uuid(), 1, now(), 'order.noted', $1, 'x', '', '', '', '', '', '')"
    )
    await refused(logins["bo"], entry, "bo cannot write to the audit log as ada", "ada")
    await refused(logins["bo"], entry, "as checkout-daemon", "checkout-daemon")
    await refused(logins["eve"], entry, "is not the login of an operator", "eve")
    user = await asyncpg.connect(logins["bo"])
    await user.execute(entry, "bo")
    await user.close()
    for change in ("role = 'admin'", "limits = '{\"eur\": 999999}'", "database_role = 'x'"):
        await refused(logins["bo"], f"UPDATE operators SET {change}", "an admin does")
    token = (
        "INSERT INTO api_tokens (id, name, scopes, secret_hash, created_by)"
        " VALUES ('x', 'ada', '{orders:write}', '', '')"
    )
    await refused(logins["bo"], token, "an admin does")
    batch = "INSERT INTO batches (act, options, note, operator, host, total) VALUES ('refund', '{}', '', 'ada', 'x', 0)"
    await refused(logins["bo"], batch, "bo cannot start a batch as ada")
    # A table of one's own does not take the place of ours.
    columns = "name text, database_role text, disabled_at timestamptz, role text, limits jsonb"
    forger = await asyncpg.connect(logins["bo"])
    await forger.execute(f"CREATE TEMPORARY TABLE operators ({columns})")
    await forger.execute("INSERT INTO pg_temp.operators VALUES ('ada', session_user, NULL, 'admin', '{}')")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="as ada"):
        await forger.execute(entry, "ada")
    await forger.close()


async def test_sql_changes_of_a_token_only_when_it_was_used(logins: Logins, connection: asyncpg.Connection) -> None:
    await connection.execute(
        "INSERT INTO api_tokens (id, name, scopes, secret_hash, created_by, revoked_at, revoked_by)"
        " VALUES ('x', 'shop', '{orders:read}', '', 'ada', now(), 'ada')"
    )
    token = await connection.fetchrow("SELECT * FROM api_tokens")
    assert token is not None
    for column in {*token.keys()} - {"last_used_at"}:
        await refused(logins["bo"], f"UPDATE api_tokens SET {column} = {column}", "an admin does")
    user = await asyncpg.connect(logins["bo"])
    await user.execute("UPDATE api_tokens SET last_used_at = now()")
    await user.close()


async def test_the_program_works_with_these_logins_and_names_who_acted(
    runtime: Runtime, order: CheckoutAnswer, logins: Logins
) -> None:
    bo, cy = Database(logins["bo"], max_size=2), Database(logins["cy"], max_size=2)
    try:
        assert await recognize(bo) is not None
        who = this_operator()
        assert who.user == "bo"
        small = await refund(replace(runtime, database=bo), str(order.order_id), RefundOptions(500), operator=who)
        assert small.amount == 500
        large = await refund_or_propose(
            replace(runtime, database=bo), str(order.order_id), RefundOptions(2000), operator=who
        )
        assert isinstance(large, Proposal)
        assert await recognize(cy) is not None
        done = await approve(replace(runtime, database=cy), large.number, operator=this_operator())
        assert (done.proposal.status, done.proposal.decided_by) == ("done", "cy")
        assert (await verify(runtime.database)).faults == []
        await disable_operator(runtime.database, "bo", operator=ADA)
        await refused(logins["bo"], REQUEST, "permission denied", *request(order, "pi_1", 1))
    finally:
        await bo.close()
        await cy.close()


BATCH = (
    "WITH made AS (INSERT INTO batches (act, options, note, operator, host, livemode, total, status)"
    " VALUES ('refund', '{}', '', 'bo', 'x', false, 2, $1) RETURNING number)"
    " INSERT INTO batch_items (batch, position, subject, order_id, object_id, amount, currency, status)"
    " SELECT number, position, position::text, $2, position::text, amount, 'eur', 'waiting'"
    " FROM made, unnest($3::bigint[]) WITH ORDINALITY AS item (amount, position) RETURNING batch"
)


async def test_sql_marks_no_refund_that_was_answered_as_refused(
    runtime: Runtime, order: CheckoutAnswer, logins: Logins, connection: asyncpg.Connection
) -> None:
    payment, bo = await payment_of(runtime, order), logins["bo"]
    user = await asyncpg.connect(bo)
    await user.execute(REQUEST, *request(order, payment, 900))
    await user.execute("UPDATE refund_requests SET answered_at = now(), refund_id = 're_1'")  # as the program does
    await user.close()
    for change in ("refund_id = NULL, error = 'refused'", "error = 'refused'", "refund_id = NULL, answered_at = NULL"):
        await refused(bo, f"UPDATE refund_requests SET {change}", "its answer cannot be changed")
    # One that counts as refused, and was made all the same, counts towards the limit.
    await connection.execute("UPDATE refund_requests SET refund_id = NULL, error = 'refused'")
    await connection.execute(
        "INSERT INTO refunds (id, livemode, payment_id, status, amount, currency, request_id)"
        " SELECT 're_1', false, $1, 'succeeded', 900, 'eur', id::text FROM refund_requests",
        payment,
    )
    await refused(bo, REQUEST, "may refund 1000 eur of an order, and this would be 1001", *request(order, payment, 101))


async def test_sql_runs_no_batch_above_the_limit(
    order: CheckoutAnswer, logins: Logins, connection: asyncpg.Connection
) -> None:
    bo, order_id = logins["bo"], order.order_id
    await refused(bo, BATCH, "come to 1001 eur, which is above the limit of bo", "running", order_id, [501, 500])
    await refused(bo, BATCH, "items of batch", "running", order_id, [500, None])
    user = await asyncpg.connect(bo)
    within = await user.fetchval(BATCH, "running", order_id, [500, 500])
    stopped = await user.fetchval(BATCH, "stopped", order_id, [900, 900])
    await user.close()
    more = (
        "INSERT INTO batch_items (batch, position, subject, order_id, object_id, amount, currency)"
        " VALUES ($1, 9, '9', $2, '9', 1, 'eur')"
    )
    await refused(bo, more, "cannot be changed", within, order_id)
    await refused(bo, "UPDATE batches SET status = 'running' WHERE number = $1", "above the limit of bo", stopped)
    await refused(bo, "UPDATE batches SET created_at = now()", "cannot be changed")
    await connection.execute("UPDATE batch_items SET status = 'skipped' WHERE batch = $1 AND position = 1", stopped)
    await refused(bo, "UPDATE batch_items SET status = 'waiting' WHERE batch = $1", "cannot be changed", stopped)


async def test_sql_proposes_no_batch_with_another_sum(
    order: CheckoutAnswer, logins: Logins, connection: asyncpg.Connection
) -> None:
    propose = (
        "INSERT INTO proposals (id, act, batch, amount, currency, state, proposed_by, host, expires_at)"
        " VALUES (gen_random_uuid(), 'batch', $1, 1, 'eur', '', 'bo', 'x', now() + interval '1 day')"
        " RETURNING number, amount, currency"
    )
    user = await asyncpg.connect(logins["bo"])
    batch = await user.fetchval(BATCH, "stopped", order.order_id, [900, 2000])
    made = await user.fetchrow(propose, batch)
    await user.close()
    assert made is not None
    number, amount, currency = made
    assert (amount, currency) == (2900, "eur")
    approve_it = (
        f"UPDATE proposals SET status = 'approved', decided_by = 'cy', decided_at = now() WHERE number = {number}"
    )
    await connection.execute("UPDATE batch_items SET amount = 3000 WHERE batch = $1 AND position = 1", batch)
    await refused(logins["cy"], approve_it, "come to another sum")
    await connection.execute("UPDATE batch_items SET amount = 900 WHERE batch = $1 AND position = 1", batch)
    user = await asyncpg.connect(logins["cy"])
    await user.execute(approve_it)
    await user.execute("UPDATE batches SET status = 'running' WHERE number = $1", batch)
    await user.close()


async def test_sql_rewords_no_proposal(runtime: Runtime, order: CheckoutAnswer, logins: Logins) -> None:
    number = await proposed(runtime, order, "bo", 2000)
    for name in ("bo", "cy"):
        await refused(logins[name], "UPDATE proposals SET note = 'agreed with ada'", "note of proposal")
        await refused(logins[name], "UPDATE proposals SET outcome = 're_1'", "is decided")
    user = await asyncpg.connect(logins["cy"])
    await user.execute(f"UPDATE proposals SET note = '' WHERE number = {number}")  # as erasing a customer does
    await user.execute(
        f"UPDATE proposals SET status = 'approved', decided_by = 'cy', decided_at = now() WHERE number = {number}"
    )
    await user.close()
    await refused(logins["bo"], "UPDATE proposals SET status = 'failed', outcome = 'no'", "is approved already")


ANSWER = (
    "INSERT INTO dispute_requests (id, dispute_id, livemode, order_id, act, started_at, next_attempt_at, operator)"
    " VALUES (gen_random_uuid(), 'du_1', false, $1, 'accept', now(), now(), $2)"
)


async def test_disputes_are_answered_in_the_own_name_only_and_answers_stay(
    runtime: Runtime, connection: asyncpg.Connection, order: CheckoutAnswer, logins: Logins
) -> None:
    await dispute(runtime, order)
    order_id = str(order.order_id)
    await refused(logins["bo"], ANSWER, "cannot answer a dispute as cy", order_id, "cy")
    await refused(logins["eve"], ANSWER, "is not the login of an operator", order_id, "bo")
    database = Database(logins["bo"], max_size=2)
    act_as("bo")
    own = replace(runtime, database=database)
    case = await case_of(own, order)
    await save_draft(database, case, case.evidence.texts, operator=this_operator())
    await submit_evidence(own, await case_of(own, order), None, operator=this_operator())
    await database.close()
    why = "cannot be changed"
    for change in ("texts = '{}'", "act = 'accept'", "operator = 'cy'", "answered_at = NULL, status = NULL"):
        await refused(logins["bo"], f"UPDATE dispute_requests SET {change}", why)
    await refused(
        logins["cy"], 'UPDATE dispute_drafts SET texts = \'{"customer_name": "x"}\'', "cannot save evidence as bo"
    )
    await connection.execute("UPDATE operators SET role = 'view' WHERE name = 'bo'")
    await refused(logins["bo"], ANSWER, "may not answer disputes", order_id, "bo")
    assert await connection.fetchval("SELECT status FROM dispute_requests") == "under_review"


async def test_sql_neither_empties_nor_closes_nor_delays_an_answer(
    runtime: Runtime, connection: asyncpg.Connection, order: CheckoutAnswer, logins: Logins
) -> None:
    await dispute(runtime, order)
    await connection.execute(
        "INSERT INTO dispute_requests (id, dispute_id, livemode, order_id, act, texts, receipt, started_at,"
        " next_attempt_at, operator) VALUES (gen_random_uuid(), 'du_1', false, $1, 'submit', '{}', 'pdf', now(), now(),"
        " 'bo')",
        str(order.order_id),
    )
    own = "UPDATE dispute_requests SET {}"
    user = await asyncpg.connect(logins["bo"])
    await user.execute(own.format("attempts = attempts + 1, next_attempt_at = now() + interval '3 minutes'"))
    await user.execute(own.format("receipt_file = 'file_1'"))
    await user.close()
    frozen = (
        *("texts = NULL", "receipt = NULL", "texts = NULL, receipt = NULL, answered_at = now(), error = 'no'"),
        *("receipt_file = 'file_2'", "receipt_file = NULL", "started_at = now() - interval '2 days'"),
        *("next_attempt_at = 'infinity'", "attempts = attempts + 2", "tries = 99", "shown_status = 'lost'"),
    )
    for change in frozen:
        await refused(logins["bo"], own.format(change), "cannot be changed")
    await connection.execute("UPDATE operators SET role = 'view' WHERE name = 'bo'")
    harmless = ("attempts = attempts + 1", "next_attempt_at = now()", "answered_at = now(), status = 'under_review'")
    for change in (*frozen, *harmless):
        await refused(logins["bo"], own.format(change), "may not answer disputes")
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute(own.format("texts = NULL"))
