"""Orders that a restore lost are reported, listed and recovered, and their numbers are never used again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from checkout_daemon.audit.audit_log import verify
from checkout_daemon.audit.operators import Operator
from checkout_daemon.audit.registering import NewOperator, add_operator
from checkout_daemon.audit.rights import OperatorRole, RoleTooLow
from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.checkout.sessions import fresh_session
from checkout_daemon.errors import NotFound
from checkout_daemon.ledger.missing_order_store import MissingOrder
from checkout_daemon.ledger.missing_orders import alert_missing, look_after_restore, missing
from checkout_daemon.ledger.translate.named_orders import named_order
from checkout_daemon.model.messages import Alert
from checkout_daemon.operations.doctor import Check, examine
from checkout_daemon.orders.order_lists import OrderView
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.orders.refund_rules import RefundOptions
from checkout_daemon.orders.refunding import refund
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.sessions import retrieve_session
from checkout_daemon.stripe_sync.backfill import backfill
from checkout_daemon.stripe_sync.catching_up import catch_up
from checkout_daemon.stripe_sync.comparing import Synced
from checkout_daemon.stripe_sync.reconciling import Uncompared, reconcile
from checkout_daemon.stripe_sync.recovering import NotRecoverable, Recovered, plan_recovery, recover_order
from tests.support.flaky_stripe import FlakyStripe, Request
from tests.support.shopping import SESSIONS, check_out, paid_order, pay, sessions_at_stripe

ADA = Operator("ada", "shop1")
DAY = timedelta(days=1)


async def lose(connection: asyncpg.Connection, *orders: CheckoutAnswer) -> None:
    """Delete orders as restoring an older backup does: nothing of them is left, and their numbers are free again."""
    ids = [order.order_id for order in orders]
    async with connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        for table in ("operator_log", "operator_log_heads"):
            await connection.execute(f"DELETE FROM {table} WHERE order_id = ANY($1::uuid[])", ids)
    await connection.execute("DELETE FROM orders WHERE id = ANY($1::uuid[])", ids)
    for table in ("links", "payments", "checkout_sessions", "stripe_events", "stripe_event_payloads", "outbox"):
        await connection.execute(f"DELETE FROM {table}")
    await connection.execute("SELECT setval('orders_number_seq', $1, false)", min(order.number for order in orders))


async def set_back(connection: asyncpg.Connection) -> None:
    """Set the progress of the backfill back by two hours."""
    hours_ago = "jsonb_set(value::jsonb, '{until}', to_jsonb(now() - interval '2 hours'))::text"
    await connection.execute(f"UPDATE cursors SET value = {hours_ago} WHERE name = 'backfill'")


async def fetch(runtime: Runtime) -> None:
    await backfill(runtime, runtime.gateway.now() - DAY)


async def recover(runtime: Runtime, session_id: str) -> Recovered:
    return await recover_order(runtime, await plan_recovery(runtime, session_id), operator=ADA, note="restored")


async def orders_check(runtime: Runtime) -> Check:
    return {result.check: result async for result in examine(runtime.settings)}["orders"]


async def shown(runtime: Runtime, number: int) -> OrderView:
    return await show_order(runtime.database, str(number))


async def test_a_session_names_everything_that_recovers_its_order_and_no_person(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    made = await check_out(runtime, discount_code="TEN", locale="de-AT")
    await connection.execute("UPDATE checkout_sessions SET expires_at = now() + interval '1 minute'")
    again = await fresh_session(runtime, str(made.order_id), least_time_left=timedelta(hours=1), actor="shopper")
    shop = str(await connection.fetchval("SELECT id FROM shop_identity"))
    marks = [session["metadata"] for session in await sessions_at_stripe(runtime)]
    expected = {"order_id": str(made.order_id), "number": "1001", "shop": shop}
    expected |= {"discount_code": "TEN", "locale": "de-AT"}
    assert marks == [expected | {"attempt": "2"}, expected | {"attempt": "1"}]
    session = (await retrieve_session(runtime.gateway, again.id)).object
    named = named_order(session)
    assert named is not None
    assert (named.order_id, named.number, named.attempt, named.shop) == (str(made.order_id), 1001, 2, shop)


async def test_a_missing_paid_order_is_reported_everywhere_and_its_number_is_not_used_again(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    kept, lost, unpaid = await paid_order(runtime), await paid_order(runtime), await check_out(runtime)
    await lose(connection, lost, unpaid)
    assert await alert_missing(runtime) == 0
    await fetch(runtime)
    (found,) = await missing(runtime)
    assert (found.session_id, found.order_id, found.number) == (lost.session_id, str(lost.order_id), 1002)
    assert (found.amount_total, found.currency) == (3399, "eur")
    for _ in range(2):
        assert await alert_missing(runtime) == 1
    (row,) = await connection.fetch("SELECT payload FROM outbox WHERE kind = 'orders.missing' AND channel = 'alert'")
    alert = msgspec.json.decode(row["payload"], type=Alert)
    assert (alert.count, alert.command) == (1, f"checkout orders recover {lost.session_id}")
    check = await orders_check(runtime)
    assert (check.ok, check.fix) == (False, f"checkout orders recover {lost.session_id}")
    outcomes: list[Synced | Uncompared | MissingOrder] = []
    done = await reconcile(
        runtime, since=datetime.now(UTC) - DAY, apply=False, operator=ADA, on_outcome=outcomes.append
    )
    assert [outcome.session_id for outcome in outcomes if isinstance(outcome, MissingOrder)] == [lost.session_id]
    assert (done.tally.missing, done.tally.left >= 1, done.tally.differed >= 1) == (1, True, True)
    assert (await check_out(runtime)).number > unpaid.number  # reconcile has seen its session
    assert kept.number == 1001


@pytest.mark.parametrize("way", ["restore", "catch_up", "event"])
async def test_no_recovery_gives_a_number_twice(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe, way: str
) -> None:
    await check_out(runtime)
    await catch_up(runtime)
    lost = [await paid_order(runtime) for _ in range(2)]
    if way != "event":
        lost.append(await check_out(runtime))
    await lose(connection, *lost)
    match way:
        case "restore":
            assert len(await look_after_restore(runtime)) == 2
        case "catch_up":
            await set_back(connection)
            await catch_up(runtime)
        case _:
            await fetch(runtime)
    assert (await check_out(runtime)).number == lost[-1].number + 1


async def test_events_are_fetched_although_not_all_sessions_can_be_seen(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    await catch_up(runtime)
    await paid_order(runtime)
    await connection.execute("DELETE FROM stripe_events")
    await set_back(connection)

    def cut_off(request: Request, content: bytes) -> bytes:
        if (request.method, request.path) == ("GET", SESSIONS):
            return msgspec.json.encode(msgspec.json.decode(content) | {"data": [], "has_more": True})
        return content

    stripe.rewrite = cut_off
    stripe.clock_ahead = timedelta(minutes=1)  # a session younger than half a minute may still be in progress
    assert await catch_up(runtime) > 0


async def test_an_order_is_recovered_once_with_its_refund_and_number(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    await check_out(runtime)
    lost = await paid_order(runtime, discount_code="TEN", locale="de-AT")
    before = await shown(runtime, lost.number)
    await refund(runtime, str(lost.order_id), RefundOptions(amount=500), operator=ADA)
    await lose(connection, lost)
    await fetch(runtime)
    first, second = await asyncio.gather(*(recover(runtime, lost.session_id) for _ in range(2)))
    assert sorted([first.recovered, second.recovered]) == [False, True]
    assert (await recover(runtime, lost.session_id)).recovered is False
    view = await shown(runtime, lost.number)
    order = view.order
    assert (order.id, order.number, order.status, order.attention) == (
        str(lost.order_id), 1002, "partially_refunded", ())  # fmt: skip
    assert (order.amount_subtotal, order.amount_discount, order.amount_total) == (3399, 340, 3059)
    assert (order.discount_code, order.customer_email, order.amount_refunded) == ("TEN", "ada@example.com", 500)
    assert sorted((item.sku, item.quantity, item.unit_amount) for item in view.items) == sorted(
        (item.sku, item.quantity, item.unit_amount) for item in before.items
    )
    assert abs(order.created_at - before.order.created_at) < timedelta(minutes=1)
    assert [(session.id, session.attempt) for session in view.sessions] == [(lost.session_id, 1)]
    events = await connection.fetch("SELECT status FROM stripe_events WHERE type = 'checkout.session.completed'")
    assert [row["status"] for row in events] == ["applied"]
    kinds = await connection.fetch(
        "SELECT kind, details FROM operator_log WHERE order_id = $1 AND kind <> 'session.sync'", lost.order_id
    )
    assert [row["kind"] for row in kinds] == ["order.recovered"]
    assert lost.session_id in kinds[0]["details"]
    assert (await verify(runtime.database)).faults == []
    assert await missing(runtime) == []
    assert (await orders_check(runtime)).ok
    assert (await check_out(runtime)).number > 1002


async def test_an_order_that_exists_is_updated_by_operators_only_with_an_audit_entry(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    made = await check_out(runtime)
    await pay(runtime, made.session_id, made.amount_total)  # and no event arrives
    await add_operator(runtime.database, NewOperator("ada", OperatorRole.ADMIN, {}, os_user="ada"), operator=ADA)
    await add_operator(runtime.database, NewOperator("vi", OperatorRole.VIEW, {}, os_user="vi"), operator=ADA)
    plan = await plan_recovery(runtime, made.session_id)
    with pytest.raises(RoleTooLow) as caught:
        await recover_order(runtime, plan, operator=Operator("vi", "shop1"))
    assert caught.value.exit_code == 4
    assert (await shown(runtime, made.number)).order.status == "pending"
    done = await recover_order(runtime, plan, operator=ADA, note="restored")
    assert (done.recovered, done.order.status) == (False, "completed")
    entries = await connection.fetch("SELECT kind, operator FROM operator_log WHERE order_id = $1", made.order_id)
    assert {tuple(row) for row in entries} == {("session.sync", "ada")}
    assert (await verify(runtime.database)).faults == []


async def test_a_recovered_order_gets_another_number_if_its_own_is_taken(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    lost = await paid_order(runtime)
    await lose(connection, lost)
    taken = await check_out(runtime)
    assert taken.number == lost.number
    check = await orders_check(runtime)
    recovered = await recover(runtime, lost.session_id)
    assert (recovered.recovered, recovered.order.number, recovered.order.status) == (True, 1002, "completed")
    assert check.ok  # its number is not above ours, and no event has named it


async def test_the_numbers_of_another_shop_at_the_same_account_are_not_ours(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    theirs = [await paid_order(runtime) for _ in range(2)]
    await lose(connection, *theirs)
    await connection.execute("UPDATE shop_identity SET id = gen_random_uuid()")
    await fetch(runtime)
    assert await look_after_restore(runtime) == []
    assert (await orders_check(runtime)).ok
    assert (await check_out(runtime)).number == 1001


async def test_a_session_that_is_not_a_paid_one_of_ours_is_refused(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    async def make(**params: Any) -> str:
        line = {"quantity": 1, "price_data": {"currency": "eur", "unit_amount": 900, "product_data": {"name": "x"}}}
        wanted = {"mode": "payment", "line_items": [line], "success_url": "https://shop.example/"} | params
        made = await runtime.gateway.call("x", lambda client: client.v1.checkout.sessions.create_async(params=wanted))
        return str(made.object["id"])

    unpaid = await check_out(runtime)
    await lose(connection, unpaid)
    foreign = await make(client_reference_id=str(unpaid.order_id))
    await pay(
        runtime, foreign, 900, type="card", card={"token": "tok_visa"}, billing_details={"email": "a@example.com"}
    )
    with pytest.raises(NotRecoverable, match="nobody has paid it") as caught:
        await plan_recovery(runtime, unpaid.session_id)
    assert caught.value.exit_code == 4
    with pytest.raises(NotRecoverable, match="was not made by this program"):
        await plan_recovery(runtime, foreign)
    with pytest.raises(NotFound, match="cs_test_none"):
        await plan_recovery(runtime, "cs_test_none")
    await fetch(runtime)
    assert await missing(runtime) == []


async def test_an_absurdly_high_number_is_ignored(runtime: Runtime, connection: asyncpg.Connection) -> None:
    from checkout_daemon.ledger.missing_order_store import last_number, raise_numbers

    assert await last_number(connection) == 1000
    assert await raise_numbers(connection, 10**14) is False
    assert await raise_numbers(connection, 900) is False
    assert await raise_numbers(connection, 1003) is True
    assert await last_number(connection) == 1003
    assert await raise_numbers(connection, 50_000) is True
    assert (await check_out(runtime)).number == 50_001
