"""After erasing a customer nothing in the database names them, and the order derives and verifies as before."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from checkout_daemon.audit import audit_log
from checkout_daemon.audit.operators import Operator
from checkout_daemon.audit.registering import NewOperator, add_operator
from checkout_daemon.audit.rights import OperatorRole, RoleTooLow
from checkout_daemon.batches.planning import plan_ids, plan_orders, start_batch
from checkout_daemon.batches.records import BatchAct, BatchOptions
from checkout_daemon.batches.running import run_batch, run_left_batches
from checkout_daemon.checkout.resending import resend_session
from checkout_daemon.checkout.shopper_view import show_to_shopper
from checkout_daemon.database.queries import sql
from checkout_daemon.errors import DatabaseUnavailable, NotPayable
from checkout_daemon.events.dismissing import dismiss_events
from checkout_daemon.events.replaying import replay_many
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.ledger.merge import Update, merge
from checkout_daemon.model.customer import Customer
from checkout_daemon.model.messages import MessageKind
from checkout_daemon.operations.retention import drop_old_payloads
from checkout_daemon.orders import erasing
from checkout_daemon.orders.erasing import NotErasable, erase, forget_unpaid, plan_erasure
from checkout_daemon.orders.item_caring import assign_item, is_item
from checkout_daemon.orders.notes import note_order
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.orders.todo import read_todo
from checkout_daemon.outbox.outbox_store import owe
from checkout_daemon.proposals.deciding import approve, reject
from checkout_daemon.proposals.proposing import start_or_propose
from checkout_daemon.proposals.records import Proposal
from checkout_daemon.runtime import Runtime
from checkout_daemon.stock.counting import set_stock
from tests.batches.place import run_to_end, start
from tests.support.orders import add_expired_order, add_order
from tests.support.shopping import check_out, paid_order
from tests.support.stripe_events import SECRET, deliver, event_body, refund_object, session_object

BOSS, BO, CY = (Operator(name, "shop1") for name in ("boss", "bo", "cy"))
NOTE = "called her: ada@example.com"
NAMES = ("ada@example.com", "Ada", "+4930901820", "called her")


async def everything(connection: asyncpg.Connection) -> str:
    """Return the whole database as text."""
    tables = await connection.fetch(
        "SELECT oid::regclass::text AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    rows = [await connection.fetch(f"SELECT t::text AS row FROM {table['name']} AS t") for table in tables]
    return "\n".join(row["row"] for table in rows for row in table)


async def deliver_all(runtime: Runtime, *bodies: bytes) -> None:
    intake = Intake(runtime.database, lambda: (SECRET,))
    await intake.start()
    for body in bodies:
        await deliver(intake, body)
    await intake.close()


def person(order_id: str, **fields: Any) -> dict[str, Any]:
    details = {"email": "ada@example.com", "name": "Ada", "phone": "+4930901820"}
    return session_object(order_id, "cs_none", "pi_none", customer_details=details, **fields)


async def add_full_history(runtime: Runtime, connection: asyncpg.Connection) -> str:
    """Add a paid order with events of used and unused types, an operator's note, a waiting mail, and a refund."""
    order = await paid_order(runtime, discount_code="TEN")
    order_id = str(order.order_id)
    intent = await connection.fetchval("SELECT id FROM payments")
    unused = {"id": "cus_1", "object": "customer", "email": "Ada@example.com", "name": "Ada"}
    await deliver_all(
        runtime,
        event_body("checkout.session.completed", person(order_id) | {
            "id": order.session_id, "payment_intent": intent, "amount_total": order.amount_total}),
        event_body("customer.created", unused),
        event_body("payment_intent.created", {"id": intent, "object": "payment_intent", "shipping": "Ada"}),
        event_body("refund.created", refund_object("re_1", intent, 100) | {"note": "Ada"}),
    )  # fmt: skip
    await note_order(runtime.database, order_id, "called her: ada@example.com", operator=BOSS)
    await owe(connection, MessageKind.SESSION_LINK, order_id=order_id, subject_id="1", payload='{"to":"Ada"}')
    return order_id


async def test_nothing_in_the_database_names_the_customer_and_the_books_are_unchanged(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order_id = await add_full_history(runtime, connection)
    before = await connection.fetchrow("SELECT status, amount_total, amount_refunded, paid_at FROM orders")
    stored = await everything(connection)
    assert [name for name in NAMES if name not in stored] == []

    plan = await plan_erasure(runtime.database, order_id, customer=False)
    erased = await erase(runtime.database, plan, operator=BOSS)
    assert erased.payloads == 4
    left = await everything(connection)
    assert [name for name in NAMES if re.search(rf"(?i:(?<!\w){re.escape(name)}(?!\w))", left)] == []

    checked = Update("order.checked", "test", order_ids=[order_id])
    merged = await runtime.database.run(merge, [checked])
    assert before is not None
    assert (merged.derived(order_id).status, merged.derived(order_id).amount_refunded) == (before["status"], 100)
    assert await connection.fetchrow("SELECT status, amount_total, amount_refunded, paid_at FROM orders") == before
    report = await audit_log.verify(runtime.database)
    assert (report.faults, report.entries) == ([], 2)
    mails = await connection.fetch("SELECT DISTINCT status FROM outbox WHERE channel = 'mail'")
    assert [row["status"] for row in mails] == ["skipped"]
    assert (await erase(runtime.database, plan, operator=BOSS)).payloads == 0  # repeated: nothing is left to erase


async def test_other_orders_of_the_same_email_are_kept_unless_the_whole_customer_is_erased(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    first, second = [await add_expired_order(connection, customer_email=email) for email in ("A@b.at", "a@b.at")]
    other = await add_expired_order(connection)
    plan = await plan_erasure(runtime.database, first, customer=False)
    assert len(plan.others) == 1
    await erase(runtime.database, plan, operator=BOSS)
    emails = "SELECT id::text, customer_email FROM orders"
    assert dict(map(tuple, await connection.fetch(emails))) == {
        first: "", second: "a@b.at", other: "ada@example.com",
    }  # fmt: skip
    third = await add_expired_order(connection, customer_email="a@B.at")
    plan = await plan_erasure(runtime.database, third, customer=True)
    assert plan.others == ()
    await erase(runtime.database, plan, operator=BOSS)
    assert dict(map(tuple, await connection.fetch(emails))) == {
        first: "", second: "", third: "", other: "ada@example.com",
    }  # fmt: skip


async def test_what_was_interrupted_is_finished_when_it_is_repeated(
    runtime: Runtime, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order that is named finds the others by its email, so it keeps that until they are erased."""
    orders = [await add_expired_order(connection, customer_email="a@b.at") for _ in range(4)]
    erase_one, left = erasing._erase, 0

    async def interrupted(*arguments: Any) -> int:
        nonlocal left
        left -= 1
        if left < 0:
            raise DatabaseUnavailable("the database does not answer")
        return await erase_one(*arguments)

    monkeypatch.setattr(erasing, "_erase", interrupted)
    for erased in (0, 1, 1):
        left = erased
        with pytest.raises(DatabaseUnavailable):
            await erase(runtime.database, await plan_erasure(runtime.database, orders[1], customer=True), operator=BOSS)
    left = len(orders)
    await erase(runtime.database, await plan_erasure(runtime.database, orders[1], customer=True), operator=BOSS)
    assert await connection.fetch("SELECT number FROM orders WHERE customer_email <> ''") == []


async def test_a_payable_order_is_not_erased_and_an_erased_one_cannot_be_paid(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order = await check_out(runtime)
    order_id = str(order.order_id)
    with pytest.raises(NotErasable, match=f"checkout orders cancel {order.number}"):
        await plan_erasure(runtime.database, order_id, customer=False)
    await runtime.gateway.call("x", lambda client: client.v1.checkout.sessions.expire_async(order.session_id))
    with pytest.raises(NotErasable):
        await plan_erasure(runtime.database, order_id, customer=False)
    expired = person(order_id) | {"id": order.session_id, "status": "expired", "payment_status": "unpaid"}
    await deliver_all(runtime, event_body("checkout.session.expired", expired))
    assert (await show_to_shopper(runtime, order_id)).retry_url is not None
    await erase(runtime.database, await plan_erasure(runtime.database, order_id, customer=False), operator=BOSS)
    assert (await show_to_shopper(runtime, order_id)).retry_url is None
    with pytest.raises(NotPayable, match="erased"):
        await resend_session(runtime, order_id, operator=BOSS)
    assert "ada@example.com" not in await everything(connection)


async def test_cards_are_erased_and_later_events_bring_none_back(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order_id = await add_full_history(runtime, connection)
    before = await connection.fetchrow("SELECT * FROM charges")
    assert before is not None
    assert (before["last4"], before["brand"], before["risk_level"]) == ("4242", "visa", "normal")
    await erase(runtime.database, await plan_erasure(runtime.database, order_id, customer=False), operator=BOSS)
    card = {"brand": "visa", "last4": "4242", "country": "US", "funding": "credit", "wallet": {"type": "link"}}
    charge = {
        "id": before["id"],
        "object": "charge",
        "payment_intent": before["payment_id"],
        "amount_refunded": 100,
        "status": "succeeded",
        "payment_method_details": {"type": "card", "card": card},
        "outcome": {"type": "authorized", "risk_level": "elevated"},
        "failure_message": "Ada",
    }
    declined = charge | {"id": "ch_other", "status": "failed", "failure_code": "card_declined"}
    await deliver_all(runtime, event_body("charge.refunded", charge), event_body("charge.failed", declined))
    kept = "payment_id, livemode, order_id, ordered_at, order_number, method, decline_source, declined_at, decline_code"
    rows = await connection.fetch("SELECT * FROM charges ORDER BY id <> $1", before["id"])
    assert [(row["id"], row["status"], row["decline_code"]) for row in rows] == [
        (before["id"], "succeeded", None), ("ch_other", "failed", "card_declined"),
    ]  # fmt: skip
    for row in rows:
        names = {name for name, value in row.items() if value is not None}
        assert names <= {"id", "status", "created_at", *kept.split(", ")}


@pytest.mark.parametrize("looked_at", [1, 2, 5000], ids=["one by one", "in pages", "at once"])
async def test_payloads_that_arrive_later_are_deleted(
    runtime: Runtime, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch, looked_at: int
) -> None:
    monkeypatch.setattr(erasing, "_LOOKED_AT", looked_at)
    order_id = await add_full_history(runtime, connection)
    await erase(runtime.database, await plan_erasure(runtime.database, order_id, customer=False), operator=BOSS)
    intent = await connection.fetchval("SELECT id FROM payments")
    refund = refund_object("re_2", intent, 50) | {"note": "Ada"}
    await deliver_all(runtime, event_body("refund.created", refund), event_body("x", {"note": "somebody else"}))
    # Events of one moment are told apart by their ids.
    for table in ("stripe_events", "stripe_event_payloads"):
        await connection.execute(f"UPDATE {table} SET received_at = (SELECT max(received_at) FROM stripe_events)")
    await drop_old_payloads(runtime)
    payloads = await connection.fetch("SELECT payload FROM stripe_event_payloads")
    assert ["somebody else" in row["payload"] for row in payloads] == [True]
    assert await connection.fetchval("SELECT amount_refunded FROM orders") == 150


@pytest.mark.parametrize("before", [0, 2], ids=["one by one", "together"])
async def test_payloads_that_are_applied_long_after_they_arrived_are_deleted(
    runtime: Runtime, connection: asyncpg.Connection, before: int
) -> None:
    order_id = await add_full_history(runtime, connection)
    await erase(runtime.database, await plan_erasure(runtime.database, order_id, customer=False), operator=BOSS)
    intent = await connection.fetchval("SELECT id FROM payments")
    names = ["evt_2", "evt_3"]
    await deliver_all(
        runtime,
        *(
            event_body("refund.created", refund_object(f"re_{name}", intent, 50) | {"note": "Ada"}, event_id=name)
            for name in names
        ),
    )
    await connection.execute(
        "UPDATE stripe_events SET status = 'dead', last_error = 'x', order_id = NULL,"
        " received_at = received_at - interval '9 days' WHERE id = ANY($1)",
        names,
    )
    await connection.execute(
        "UPDATE stripe_event_payloads SET received_at = received_at - interval '9 days' WHERE event_id = ANY($1)", names
    )
    await drop_old_payloads(runtime)
    assert await connection.fetchval("SELECT count(*) FROM stripe_event_payloads") == 2
    replayed = [
        one.outcome.status
        async for batch in replay_many(runtime.database, names, operator=BOSS, after=before)
        for one in batch
    ]
    assert replayed == ["applied", "applied"]
    assert await connection.fetchval("SELECT count(*) FROM stripe_event_payloads") == 0


async def test_an_unapplied_event_prevents_the_erasure(runtime: Runtime, connection: asyncpg.Connection) -> None:
    order_id = await add_full_history(runtime, connection)
    await connection.execute("UPDATE stripe_events SET status = 'dead', order_id = NULL WHERE type = 'refund.created'")
    plan = await plan_erasure(runtime.database, order_id, customer=False)
    with pytest.raises(NotErasable, match="evt_"):
        await erase(runtime.database, plan, operator=BOSS)
    assert await connection.fetchval("SELECT customer_name FROM orders") == "Ada"
    await connection.execute("UPDATE stripe_events SET order_id = $1 WHERE status = 'dead'", order_id)
    with pytest.raises(NotErasable, match="is not applied"):
        await plan_erasure(runtime.database, order_id, customer=False)


async def test_unpaid_orders_are_erased_after_ninety_days_and_no_others(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    long_ago = timedelta(days=91)
    unpaid = ("expired", "canceled", "pending")
    forgotten = [await add_order(connection, status=status, ago=long_ago) for status in unpaid]
    kept = [
        await add_order(connection, status="expired", ago=timedelta(days=89)),
        await add_order(connection, status="completed", ago=long_ago, paid_at=datetime.now(UTC)),
        await add_order(connection, status="processing", ago=long_ago),
    ]
    with_money = await add_order(connection, status="expired", ago=long_ago)
    await connection.execute("INSERT INTO payments (id, order_id) VALUES ('pi_odd', $1)", with_money)
    await connection.executemany(
        "INSERT INTO session_attempts (order_id, attempt, parameters, started_at) VALUES ($1, 1, $2, now())",
        [(order_id, json.dumps({"session": {"customer_email": "ada@example.com"}})) for order_id in forgotten],
    )
    assert await forget_unpaid(runtime.database) == 3
    assert await forget_unpaid(runtime.database) == 0
    rows = await connection.fetch("SELECT id::text FROM orders WHERE customer_email <> ''")
    assert {row["id"] for row in rows} == {*kept, with_money}
    parameters = await connection.fetch("SELECT parameters FROM session_attempts")
    assert all("ada" not in row["parameters"] for row in parameters)


async def test_notes_about_a_batch_and_its_proposals_are_erased_from_every_chain(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    answers = [await paid_order(runtime) for _ in range(2)]
    operators: list[tuple[str, OperatorRole, dict[str, int]]] = [
        ("boss", OperatorRole.ADMIN, {}),
        ("bo", OperatorRole.REFUND, {"eur": 500}),
        ("cy", OperatorRole.APPROVE, {}),
    ]
    for name, role, limits in operators:
        await add_operator(runtime.database, NewOperator(name, role, limits, os_user=name), operator=BOSS)
    orders = [((await show_order(runtime.database, str(answer.order_id))).order, None) for answer in answers]
    batch = await plan_orders(runtime, BatchAct.REFUND, orders, BatchOptions(amount=400))
    first, second = [await start_or_propose(runtime, batch, operator=BO, note=NOTE) for _ in range(2)]
    assert isinstance(first, Proposal)
    assert isinstance(second, Proposal)
    await assign_item(
        runtime.database, runtime.settings, f"proposal_open:{first.number}", "cy", operator=BOSS, note=NOTE
    )
    await reject(runtime, first.number, operator=CY, note=NOTE)
    await approve(runtime, second.number, operator=CY, note=NOTE)
    assert await run_left_batches(runtime) == 2
    assert len(await notes_without_order(connection)) == 8

    plan = await plan_erasure(runtime.database, str(answers[0].order_id), customer=True)
    await erase(runtime.database, plan, operator=BOSS)
    assert "called her" not in await everything(connection)
    assert await notes_without_order(connection) == ["", "", ""]  # of the operators that were added
    assert (await audit_log.verify(runtime.database)).faults == []


async def test_what_a_batch_wrote_to_its_other_orders_is_erased_with_one_customer(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    bob = Customer("Bob", "bob@example.com", "")
    answers = [await paid_order(runtime), await paid_order(runtime, customer=bob)]
    for act, options in ((BatchAct.NOTE, BatchOptions()), (BatchAct.REFUND, BatchOptions(amount=400))):
        ended = await run_to_end(runtime, await start(runtime, act, answers, options, NOTE))
        assert [item.error for item in ended] == [None, None]
    await note_order(runtime.database, str(answers[1].order_id), "about Bob", operator=BOSS)
    plan = await plan_erasure(runtime.database, str(answers[0].order_id), customer=False)
    await erase(runtime.database, plan, operator=BOSS)
    left = await everything(connection)
    assert "called her" not in left
    assert ("about Bob" in left, "bob@example.com" in left) == (True, True)
    assert (await audit_log.verify(runtime.database)).faults == []


@pytest.mark.parametrize(("act", "status"), [(BatchAct.NOTE, "skipped"), (BatchAct.REFUND, "done")])
async def test_a_batch_that_runs_continues_without_its_note_once_that_is_erased(
    runtime: Runtime, connection: asyncpg.Connection, act: BatchAct, status: str
) -> None:
    answers = [await paid_order(runtime), await paid_order(runtime, customer=Customer("Bob", "bob@example.com", ""))]
    started = await start(runtime, act, answers, note=NOTE)
    running = run_batch(runtime, started.number, started.holder, stop_when_cancelled=True)
    assert [one.item.status for one in await anext(running)] == ["done"]
    plan = await plan_erasure(runtime.database, str(answers[0].order_id), customer=False)
    await erase(runtime.database, plan, operator=BOSS)
    assert [one.item.status for ended in [items async for items in running] for one in ended] == [status]
    assert "called her" not in await everything(connection)
    assert (await audit_log.verify(runtime.database)).faults == []


async def test_a_batch_that_replays_events_continues_without_its_note_once_that_is_erased(
    runtime: Runtime, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checkout_daemon.batches.running._GROUP", 1)
    answers = [await paid_order(runtime), await paid_order(runtime, customer=Customer("Bob", "bob@example.com", ""))]
    paid = "SELECT id FROM payments WHERE order_id = $1"
    intents = [await connection.fetchval(paid, answer.order_id) for answer in answers]
    events = {f"evt_{intent}": refund_object(f"re_{intent}", intent, 100) for intent in intents}
    await deliver_all(runtime, *(event_body("refund.created", events[name], event_id=name) for name in events))
    started = await start_batch(runtime, plan_ids(BatchAct.REPLAY_EVENTS, events), operator=BOSS, note=NOTE)
    running = run_batch(runtime, started.number, started.holder, stop_when_cancelled=True)
    assert [one.item.status for one in await anext(running)] == ["done"]
    plan = await plan_erasure(runtime.database, str(answers[0].order_id), customer=False)
    await erase(runtime.database, plan, operator=BOSS)
    assert [one.item.status for ended in [items async for items in running] for one in ended] == ["done"]
    assert "called her" not in await everything(connection)


async def test_a_viewer_erases_nothing_and_deletes_no_payloads_either(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order_id = await add_full_history(runtime, connection)
    wanted = NewOperator("boss", OperatorRole.ADMIN, {}, os_user="boss")
    await add_operator(runtime.database, wanted, operator=BOSS)
    await add_operator(runtime.database, NewOperator("bo", OperatorRole.VIEW, {}, os_user="bo"), operator=BOSS)
    plan = await plan_erasure(runtime.database, order_id, customer=False)
    with pytest.raises(RoleTooLow):
        await erase(runtime.database, plan, operator=BO)
    assert await connection.fetchval("SELECT count(*) FROM stripe_event_payloads") == 4


async def test_a_note_that_looks_like_an_id_is_erased_and_ids_of_stripe_stay(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order_id = await add_full_history(runtime, connection)
    await note_order(runtime.database, order_id, "ada_lovelace", operator=BOSS)
    ids = ["evt_1Nv0FGQ9RKHgCVdK", "cs_test_a1b2c3d4e5f6g7h8", "pi_3MtwBwLkdIwHu7ix"]
    await connection.executemany(
        "INSERT INTO order_changes (order_id, to_status, cause, actor, note) VALUES ($1, 'completed', 'x', 'x', $2)",
        [(order_id, text) for text in ids],
    )
    await erase(runtime.database, await plan_erasure(runtime.database, order_id, customer=False), operator=BOSS)
    assert "ada_lovelace" not in await everything(connection)
    notes = {row["note"] for row in await connection.fetch("SELECT note FROM order_changes")}
    assert notes >= set(ids)


async def test_notes_about_what_was_to_do_are_erased_with_the_order_and_others_are_kept(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order_id = str((await paid_order(runtime)).order_id)
    await set_stock(runtime.database, "NOTE", 10, operator=BOSS, note="counted again")
    for subject, error in (("1", "no such mailbox"), ("2", "mailbox full"), ("3", "mailbox full")):
        ids = await owe(connection, MessageKind.SESSION_LINK, order_id=order_id, subject_id=subject)
        await connection.execute(
            "UPDATE outbox SET status = 'dead', last_error = $2 WHERE id = ANY($1::uuid[])", ids, error
        )
    await connection.executemany(
        "INSERT INTO stripe_events (id, type, status, last_error, attempts, received_at, body_hash)"
        " VALUES ($1, 'charge.refunded', 'dead', $2, 10, now(), '')",
        [("evt_1", "amount"), ("evt_2", "id"), ("evt_3", "id"), ("evt_other", "status")],
    )
    await connection.execute(
        "INSERT INTO missing_orders (session_id, order_id, number, livemode, amount_total, currency)"
        " VALUES ('cs_lost', gen_random_uuid(), 999, false, 7000, 'eur')"
    )
    where = (runtime.database, runtime.settings)
    items = [item.key for item in (await read_todo(*where)).items if is_item(item.key)]
    kinds = sorted(item.partition(":")[0] for item in items)
    assert kinds == ["event_dead", "event_dead", "event_dead", "message_dead", "message_dead", "order_missing"]
    for item in items:
        note = "somebody else" if item == "event_dead:evt_other" else NOTE
        await assign_item(*where, item, "bo", operator=BOSS, note=note)
    await dismiss_events(runtime.database, ["evt_2", "evt_3"], operator=BOSS, note=NOTE)
    await become_of_order(connection, order_id)

    await erase(runtime.database, await plan_erasure(runtime.database, order_id, customer=False), operator=BOSS)
    assert "called her" not in await everything(connection)
    assert await notes_without_order(connection) == ["counted again", "somebody else"]
    notes = await connection.fetch("SELECT note FROM item_care WHERE note IS NOT NULL")
    assert [row["note"] for row in notes] == ["somebody else"]
    assert await connection.fetchval("SELECT count(*) FROM item_care WHERE owner = 'bo'") == 6
    assert (await audit_log.verify(runtime.database)).faults == []


async def become_of_order(connection: asyncpg.Connection, order_id: str) -> None:
    """Have the order own the events, of which one could be applied, and the session of the missing order."""
    await connection.execute("UPDATE stripe_events SET order_id = $1 WHERE id IN ('evt_1', 'evt_2', 'evt_3')", order_id)
    await connection.execute("UPDATE stripe_events SET status = 'applied', last_error = NULL WHERE id = 'evt_1'")
    await connection.execute("INSERT INTO links VALUES ('cs_lost', $1, 0)", order_id)
    await connection.execute(
        "INSERT INTO checkout_sessions (id, livemode, order_id, attempt, status, outcome)"
        " VALUES ('cs_lost', false, $1, 2, 'expired', 'unpaid')",
        order_id,
    )


async def notes_without_order(connection: asyncpg.Connection) -> list[str]:
    """Return the notes that the chain of what is about no order still has."""
    rows = await connection.fetch(
        "SELECT personal FROM operator_log WHERE order_id = $1 AND personal IS NOT NULL ORDER BY number",
        audit_log.NO_ORDER,
    )
    return [json.loads(row["personal"])["note"] for row in rows]


async def test_one_run_forgets_all_that_are_due_with_the_payloads_that_name_them(
    runtime: Runtime, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "_BATCH", 3)
    due = [await add_expired_order(connection, ago=timedelta(days=91)) for _ in range(7)]
    named = [event_body("customer.created", {"id": "cus_1", "note": order_id.upper()}) for order_id in due]
    await deliver_all(runtime, *named, event_body("customer.created", {"id": "cus_2", "note": "somebody else"}))
    assert await forget_unpaid(runtime.database) == 7
    assert await connection.fetchval("SELECT count(*) FROM orders WHERE erased_at IS NULL") == 0
    payloads = await connection.fetch("SELECT payload FROM stripe_event_payloads")
    assert ["somebody else" in row["payload"] for row in payloads] == [True]


async def test_a_run_ends_and_the_next_one_continues(
    runtime: Runtime, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "_BATCH", 2)
    monkeypatch.setattr(erasing, "_MOST_BATCHES", 2)
    for _ in range(5):
        await add_expired_order(connection, ago=timedelta(days=91))
    assert [await forget_unpaid(runtime.database) for _ in range(3)] == [4, 1, 0]


async def test_of_several_processes_one_forgets_and_each_order_is_erased_once(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    for _ in range(3):
        await add_expired_order(connection, ago=timedelta(days=91))
    assert sum(await asyncio.gather(*(forget_unpaid(runtime.database) for _ in range(4)))) == 3
    erased = "SELECT count(*) FROM order_changes WHERE cause = 'order.erased' GROUP BY order_id"
    assert [row["count"] for row in await connection.fetch(erased)] == [1, 1, 1]


async def test_an_order_that_was_erased_since_it_was_found_is_left_alone(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order_id = await add_expired_order(connection, ago=timedelta(days=91))
    now = datetime.now(UTC)
    assert [await runtime.database.run(erasing._forget, order_id, now) for _ in range(2)] == [1, 0]
    assert await connection.fetchval("SELECT count(*) FROM order_changes WHERE cause = 'order.erased'") == 1


@pytest.mark.parametrize(("stuck", "forgotten"), [(1, 3), (2, 0)])
async def test_what_cannot_be_forgotten_yet_does_not_keep_a_run_busy(
    runtime: Runtime, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch, stuck: int, forgotten: int
) -> None:
    monkeypatch.setattr(erasing, "_BATCH", 2)
    for number in range(stuck):
        order_id = await add_expired_order(connection, ago=timedelta(days=92))
        await connection.execute(
            "INSERT INTO stripe_events (id, type, status, order_id, received_at, body_hash)"
            " VALUES ($1, 'charge.refunded', 'dead', $2, now(), '')",
            f"evt_{number}",
            order_id,
        )
    for _ in range(3):
        await add_expired_order(connection, ago=timedelta(days=91))
    assert await forget_unpaid(runtime.database) == forgotten


async def test_payloads_are_searched_for_thousands_of_ids_at_once(connection: asyncpg.Connection) -> None:
    ids = [f"pi_{number:024}" for number in range(20_000)]
    named = {
        "evt_field": f'{{"id": "{ids[7].upper()}"}}',
        "evt_secret": f'{{"client_secret": "{ids[8]}_secret_abc"}}',
        "evt_text": f'{{"text": "about\\n{ids[9]}, which"}}',
        "evt_email": '{"email": "Ada@example.com"}',
        "evt_longer": f'{{"id": "{ids[7]}0"}}',
    }
    fillers = {f"evt_{number}": f'{{"note": "{"some words " * 300}{uuid4()}"}}' for number in range(1000)}
    for event_id, payload in (named | fillers).items():
        await connection.execute(
            "WITH event AS (INSERT INTO stripe_events (id, type, status, received_at, body_hash)"
            " VALUES ($1, 'customer.created', 'dead', now(), '') RETURNING id, received_at)"
            " INSERT INTO stripe_event_payloads (event_id, received_at, payload) SELECT id, received_at, $2 FROM event",
            event_id,
            payload,
        )
    times = (datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(hours=1))
    found = await connection.fetch(sql("unapplied_events_about"), *times, ids, ["ada@example.com"], timeout=4)
    assert [row["id"] for row in found] == ["evt_email", "evt_field", "evt_secret", "evt_text"]
