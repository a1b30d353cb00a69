"""After erasing a customer nothing in the database names them, and the order derives and verifies as before."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from checkout_daemon.audit import audit_log
from checkout_daemon.audit.operators import Operator
from checkout_daemon.checkout.resending import resend_session
from checkout_daemon.errors import DatabaseUnavailable, NotPayable
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.ledger.merge import Update, merge
from checkout_daemon.model.messages import MessageKind
from checkout_daemon.operations.retention import drop_old_payloads
from checkout_daemon.orders import erasing
from checkout_daemon.orders.erasing import NotErasable, erase, forget_unpaid, plan_erasure
from checkout_daemon.orders.notes import note_order
from checkout_daemon.outbox.outbox_store import owe
from checkout_daemon.runtime import Runtime
from tests.support.orders import add_expired_order, add_order
from tests.support.shopping import check_out, paid_order
from tests.support.stripe_events import SECRET, deliver, event_body, refund_object, session_object

BOSS = Operator("boss", "shop1")
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
    await erase(runtime.database, await plan_erasure(runtime.database, order_id, customer=False), operator=BOSS)
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


async def test_payloads_that_arrive_later_are_deleted(runtime: Runtime, connection: asyncpg.Connection) -> None:
    order_id = await add_full_history(runtime, connection)
    await erase(runtime.database, await plan_erasure(runtime.database, order_id, customer=False), operator=BOSS)
    intent = await connection.fetchval("SELECT id FROM payments")
    refund = refund_object("re_2", intent, 50) | {"note": "Ada"}
    await deliver_all(runtime, event_body("refund.created", refund), event_body("x", {"note": "somebody else"}))
    await drop_old_payloads(runtime)
    payloads = await connection.fetch("SELECT payload FROM stripe_event_payloads")
    assert ["somebody else" in row["payload"] for row in payloads] == [True]
    assert await connection.fetchval("SELECT amount_refunded FROM orders") == 150


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
