"""What needs a person: by deadline, then by money, each with what happens and what fixes it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from checkout_daemon.audit.audit_log import verify
from checkout_daemon.audit.operators import Operator
from checkout_daemon.errors import NotFound
from checkout_daemon.ledger.facts import DisputeFact, DisputeStatus, RefundFact, RefundStatus
from checkout_daemon.ledger.merge import Update, merge
from checkout_daemon.model.orders import AttentionCode
from checkout_daemon.model.todo import Todo, TodoItem
from checkout_daemon.orders.caring import snooze
from checkout_daemon.orders.explaining.explain import explain_order
from checkout_daemon.orders.item_caring import assign_item, snooze_item, unsnooze_item
from checkout_daemon.orders.lookup import read_filter
from checkout_daemon.orders.notes import acknowledge, note_order
from checkout_daemon.orders.todo import narrow_todo, read_todo
from checkout_daemon.present.todo import remarks
from checkout_daemon.runtime import Runtime
from checkout_daemon.stock.counting import set_stock
from checkout_daemon.stripe_api.client import StripeDenied
from checkout_daemon.stripe_sync.comparing import recheck_drifts, sync_order
from tests.checkout.test_reserving import late, sync
from tests.support.flaky_stripe import FlakyStripe
from tests.support.orders import add_order
from tests.support.payments import paid
from tests.support.shopping import check_out, pay

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
ANA = Operator("ana", "till")


async def order_with(runtime: Runtime, connection: asyncpg.Connection, payment_id: str, *facts: object) -> str:
    """Add a paid order of 50.00 eur with more facts, and return its id."""
    order_id = await add_order(connection, amount_subtotal=5000, amount_total=5000)
    await runtime.database.run(merge, [paid(order_id, payment_id)])
    for fact in facts:
        await runtime.database.run(merge, [Update("test", "stripe", subject_id=payment_id, facts=[fact])])  # type: ignore[list-item]
    return order_id


def dispute(name: str, payment_id: str, due_in: timedelta | None, amount: int = 5000) -> DisputeFact:
    due_by = None if due_in is None else NOW + due_in
    status = DisputeStatus.NEEDS_RESPONSE
    return DisputeFact(name, False, payment_id, status, due_by, amount, "eur", "fraudulent", NOW, f"evt_{name}")


def failed_refund(name: str, payment_id: str) -> RefundFact:
    return RefundFact(name, False, payment_id, RefundStatus.FAILED, 1300, "eur")


async def todo(runtime: Runtime, *, later: timedelta = timedelta()) -> Todo:
    return await read_todo(runtime.database, runtime.settings, NOW + later)


def kinds(found: Todo) -> list[str]:
    return [item.kind for item in found.items]


def only(found: Todo, kind: str) -> TodoItem:
    (item,) = (item for item in found.items if item.kind == kind)
    return item


async def test_what_has_a_deadline_comes_first_and_the_rest_by_money(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    await order_with(runtime, connection, "pi_1", dispute("dp_far", "pi_1", 17 * DAY), failed_refund("re_1", "pi_1"))
    await order_with(runtime, connection, "pi_2", dispute("dp_near", "pi_2", 3 * DAY))
    await runtime.database.run(merge, [paid(await add_order(connection), "pi_3", amount=4000)])
    await runtime.database.run(merge, [paid(await add_order(connection), "pi_4", "pi_5", amount=1250)])
    found = await todo(runtime)
    assert [(item.kind, item.subject, item.amount) for item in found.items] == [
        ("dispute_needs_response", "dp_near", 5000),
        ("dispute_needs_response", "dp_far", 5000),
        ("amount_mismatch", "pi_3", 4000),
        ("refund_failed", "re_1", 1300),
        ("paid_twice", "pi_4,pi_5", 1250),
    ]
    assert found.cut == 0


async def test_a_dispute_has_its_deadline_reason_and_page_and_never_an_acknowledgement_as_its_fix(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order_id = await order_with(runtime, connection, "pi_1", dispute("dp_1", "pi_1", 17 * DAY))
    await note_order(runtime.database, order_id, "asked the carrier", operator=ANA)
    item = only(await todo(runtime), "dispute_needs_response")
    assert (item.due_by, item.number, item.currency) == (NOW + 17 * DAY, 1001, "eur")
    assert "reason fraudulent" in item.description
    assert "the money is lost" in item.next
    assert item.page is not None
    assert item.page.endswith(("pi_1", "dp_1"))
    assert "ack" not in str(item.command)
    assert (item.note, item.note_by) == ("asked the carrier", "ana@till")


@pytest.mark.parametrize(
    ("status", "due_in", "command", "expected"),
    [
        ("warning_needs_response", DAY, "checkout disputes evidence dp_1", "may open a dispute, which takes the money"),
        ("warning_needs_response", -DAY, "checkout orders refund 1001", "A refund still ends the inquiry."),
        ("needs_response", -DAY, "checkout orders explain 1001", "Stripe reports how the bank decides."),
        ("appeal_needs_response", DAY, "checkout orders explain 1001", "in Stripe's Dashboard"),
    ],
)
async def test_a_dispute_has_the_command_that_still_helps(
    runtime: Runtime, connection: asyncpg.Connection, status: str, due_in: timedelta, command: str, expected: str
) -> None:
    fact = replace_status(dispute("dp_1", "pi_1", due_in), DisputeStatus(status))
    await order_with(runtime, connection, "pi_1", fact)
    item = only(await todo(runtime), "dispute_needs_response")
    assert item.command == command
    assert expected in item.next
    assert ("the money is lost" in item.next) == (status == "appeal_needs_response")
    explained = await explain_order(runtime.database, "1001")
    (finding,) = (one for one in explained.findings if one.code == "dispute_needs_response")
    assert (finding.command or "checkout orders explain 1001") == item.command


async def test_an_acknowledged_dispute_is_shown_again_a_week_before_its_deadline(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order_id = await order_with(runtime, connection, "pi_1", dispute("dp_1", "pi_1", 17 * DAY))
    await acknowledge(runtime.database, order_id, AttentionCode.DISPUTE_NEEDS_RESPONSE, operator=ANA)
    assert kinds(await todo(runtime)) == []
    assert kinds(await todo(runtime, later=10 * DAY + timedelta(hours=1))) == ["dispute_needs_response"]
    assert kinds(await todo(runtime, later=18 * DAY)) == []
    answered = replace_status(dispute("dp_1", "pi_1", 17 * DAY), DisputeStatus.UNDER_REVIEW)
    await runtime.database.run(merge, [Update("test", "stripe", subject_id="pi_1", facts=[answered])])
    assert kinds(await todo(runtime, later=11 * DAY)) == []


def replace_status(fact: DisputeFact, status: DisputeStatus) -> DisputeFact:
    return DisputeFact(
        fact.id, fact.livemode, fact.payment_id, status, fact.due_by, fact.amount, fact.currency, fact.reason,
        fact.observed_at + timedelta(minutes=1), "evt_later",
    )  # fmt: skip


async def test_of_two_failed_refunds_the_one_that_was_acknowledged_is_done(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order_id = await order_with(runtime, connection, "pi_1", failed_refund("re_1", "pi_1"))
    await acknowledge(runtime.database, order_id, AttentionCode.REFUND_FAILED, operator=ANA)
    facts = [failed_refund("re_2", "pi_1")]
    await runtime.database.run(merge, [Update("test", "stripe", subject_id="pi_1", facts=facts)])
    item = only(await todo(runtime), "refund_failed")
    assert (item.subject, item.command) == ("re_2", "checkout orders refund 1001 --amount 1300 --payment pi_1")


async def test_what_is_dead_stuck_or_missing_is_listed_with_its_fix(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order_id = await add_order(connection, ago=timedelta(days=1))
    await connection.execute(
        "INSERT INTO checkout_sessions (id, livemode, order_id, attempt, status, outcome, expires_at)"
        " VALUES ('cs_1', false, $1, 1, 'open', 'unpaid', now() - interval '1 hour')",
        order_id,
    )
    await connection.execute(
        "INSERT INTO stripe_events (id, type, status, last_error, received_at, body_hash)"
        " VALUES ('evt_1', 'charge.refunded', 'dead', 'KeyError: amount', now(), '')"
    )
    message_id = await connection.fetchval(
        "INSERT INTO outbox (order_id, kind, channel, status, last_error)"
        " VALUES ($1, 'order.completed', 'webhook', 'dead', 'the receiver answered 500') RETURNING id::text",
        order_id,
    )
    await connection.execute(
        "INSERT INTO missing_orders (session_id, order_id, number, livemode, amount_total, currency)"
        " VALUES ('cs_lost', gen_random_uuid(), 999, false, 7000, 'eur')"
    )
    found = await todo(runtime)
    assert [(item.kind, item.number, item.command) for item in found.items] == [
        ("order_missing", 999, "checkout orders recover cs_lost"),
        ("order_stuck", 1001, "checkout sessions sync 1001"),
        ("event_dead", None, "checkout events replay evt_1"),
        ("message_dead", 1001, f"checkout outbox replay {message_id}"),
    ]
    assert "KeyError: amount" in only(found, "event_dead").description
    assert "the receiver answered 500" in only(found, "message_dead").description
    for statement in (
        "UPDATE stripe_events SET status = 'dismissed'",
        "UPDATE outbox SET status = 'dismissed'",
        "DELETE FROM missing_orders",
        "UPDATE checkout_sessions SET status = 'expired'",
    ):
        await connection.execute(statement)
    assert (await todo(runtime)).items == ()


async def test_dead_events_of_one_error_are_one_item(runtime: Runtime, connection: asyncpg.Connection) -> None:
    for place in range(3):
        await connection.execute(
            "INSERT INTO stripe_events (id, type, status, last_error, received_at, body_hash)"
            " VALUES ($1, 'charge.refunded', 'dead', 'KeyError: amount', now(), '')",
            f"evt_{place}",
        )
    item = only(await todo(runtime), "event_dead")
    assert (item.count, item.command) == (3, f"checkout events replay --fingerprint {item.subject}")


async def test_test_orders_do_not_count_under_a_live_key(runtime: Runtime, connection: asyncpg.Connection) -> None:
    await order_with(runtime, connection, "pi_1", dispute("dp_1", "pi_1", DAY))
    await connection.execute(
        "INSERT INTO stripe_events (id, type, status, livemode, last_error, received_at, body_hash)"
        " VALUES ('evt_1', 'charge.refunded', 'dead', false, 'KeyError: amount', now(), '')"
    )
    await connection.execute(
        "INSERT INTO outbox (order_id, kind, channel, status) SELECT id, 'order.completed', 'mail', 'dead' FROM orders"
        " ON CONFLICT (order_id, kind, subject_id, channel) DO UPDATE SET status = 'dead'"
    )
    assert len((await todo(runtime)).items) == 3
    live = replace(runtime.settings, stripe_api_key="sk_live_0123456789")
    assert (await read_todo(runtime.database, live, NOW)).items == ()


@pytest.mark.parametrize("code", [AttentionCode.UNKNOWN_STATUS, AttentionCode.APPEARED_LATE])
async def test_an_attention_is_never_left_out_though_its_object_is_not_found(
    runtime: Runtime, connection: asyncpg.Connection, code: AttentionCode
) -> None:
    await add_order(connection, attention=[code.value])
    assert kinds(await todo(runtime)) == [code.value]


async def charge(connection: asyncpg.Connection, payment_id: str, last4: str, **columns: object) -> None:
    """Add a charge of an order's payment to a card."""
    names = {"status": "succeeded", "method": "card", "brand": "visa", "last4": last4} | columns
    await connection.execute(
        f"INSERT INTO charges (payment_id, id, livemode, order_id, created_at, {', '.join(names)})"
        f" SELECT id, 'ch_' || id || $2, false, order_id, now(), {', '.join(f'${n}' for n in range(3, 3 + len(names)))}"
        " FROM payments WHERE id = $1",
        payment_id,
        last4,
        *names.values(),
    )


async def test_an_item_has_the_card_of_its_payment_and_why_it_was_declined(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order_id = await order_with(runtime, connection, "pi_1", dispute("dp_1", "pi_1", 17 * DAY))
    await runtime.database.run(merge, [paid(order_id, "pi_2", amount=5000)])
    await charge(connection, "pi_1", "4242")
    await charge(connection, "pi_2", "1881")
    assert only(await todo(runtime), "dispute_needs_response").last4 == "4242"
    await connection.execute("DELETE FROM charges WHERE payment_id = 'pi_1'")
    declined = {"status": "failed", "decline_code": "insufficient_funds", "decline_message": "No funds."}
    await charge(connection, "pi_1", "9995", **declined)
    item = only(await todo(runtime), "dispute_needs_response")
    assert (item.payment_method, item.card_brand, item.last4) == ("card", "visa", "9995")
    assert (item.decline_code, item.decline_message) == ("insufficient_funds", "No funds.")
    assert {"Card: Visa 9995", "Declined: No funds (insufficient_funds)"} <= set(remarks(item, NOW, "UTC"))


async def test_orders_beyond_the_limit_are_counted_snoozed_and_do_not_use_it_up(
    runtime: Runtime, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checkout_daemon.orders.todo._MOST", 2)
    ids = {await order_with(runtime, connection, f"pi_{n}", failed_refund(f"re_{n}", f"pi_{n}")) for n in range(5)}
    found = await todo(runtime)
    listed = [item.order_id for item in found.items]
    assert (len(listed), ids.issuperset(listed), found.cut) == (2, True, 3)
    beyond = sorted(ids - {*listed})[0]
    for order_id in (listed[0], beyond):
        until = NOW + DAY
        await snooze(runtime.database, runtime.settings, str(order_id), until, operator=ANA, note="later")
    found = await todo(runtime)
    assert ({item.order_id for item in found.snoozed}, found.cut) == ({listed[0], beyond}, 1)
    assert len(found.items) == 2
    assert listed[1] in {item.order_id for item in found.items}


async def test_an_order_that_stripe_refuses_holds_up_no_other_that_was_different(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    answers = [await check_out(runtime) for _ in range(2)]
    for answer in answers:
        await pay(runtime, answer.session_id, answer.amount_total)
        await sync_order(runtime, str(answer.order_id), cause="reconcile", actor=ANA, apply=False, store_drift=True)
    await connection.execute("UPDATE orders SET updated_at = now() + interval '1 second'")
    stripe.plan = lambda _, request: "reject_400" if answers[0].session_id in request.path else None
    await connection.execute("UPDATE drifts SET compared_at = now() - interval '1 hour'")
    assert await recheck_drifts(runtime) == 2
    fresh = "SELECT count(*) FROM drifts WHERE compared_at > now() - interval '1 minute'"
    assert await connection.fetchval(fresh) == 2
    stripe.plan = lambda _, __: "deny_401"
    with pytest.raises(StripeDenied):
        await recheck_drifts(runtime)


async def test_what_reconcile_found_is_kept_until_it_agrees_or_is_applied(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    answer = await check_out(runtime)
    await pay(runtime, answer.session_id, answer.amount_total)
    order_id = str(answer.order_id)
    await sync_order(runtime, order_id, cause="reconcile", actor=ANA, apply=False)
    assert kinds(await todo(runtime)) == []
    for _ in range(2):
        await sync_order(runtime, order_id, cause="reconcile", actor=ANA, apply=False, store_drift=True)
    item = only(await todo(runtime), "order_drifted")
    assert (item.number, item.command) == (answer.number, f"checkout sessions sync {answer.number}")
    assert f"status of {answer.session_id} is open here, and complete at Stripe" in item.description
    assert await recheck_drifts(runtime) == 0
    await connection.execute("UPDATE orders SET updated_at = now() + interval '1 second'")
    assert await recheck_drifts(runtime) == 1
    assert kinds(await todo(runtime)) == ["order_drifted"]
    await snooze(runtime.database, runtime.settings, order_id, NOW + DAY, operator=ANA, note="waits for Bo")
    assert [item.kind for item in (await todo(runtime)).snoozed] == ["order_drifted"]
    await sync_order(runtime, order_id, cause="session.sync", actor=ANA)
    assert await connection.fetchval("SELECT count(*) FROM drifts") == 0


async def test_what_is_about_no_order_is_assigned_and_snoozed(runtime: Runtime, connection: asyncpg.Connection) -> None:
    await connection.execute(
        "INSERT INTO stripe_events (id, type, status, last_error, received_at, body_hash)"
        " VALUES ('evt_1', 'charge.refunded', 'dead', 'KeyError: amount', now(), '')"
    )
    await connection.execute(
        "INSERT INTO missing_orders (session_id, order_id, number, livemode, amount_total, currency)"
        " VALUES ('cs_lost', gen_random_uuid(), 999, false, 7000, 'eur')"
    )
    where = (runtime.database, runtime.settings)
    await assign_item(*where, "order_missing:cs_lost", "bo", operator=ANA, note="has the backup")
    item = only(await todo(runtime), "order_missing")
    assert (item.owner, item.note, item.note_by) == ("bo", "has the backup", "ana@till")
    await snooze_item(*where, "event_dead:evt_1", NOW + DAY, operator=ANA, note="fixed tomorrow")
    assert kinds(await todo(runtime)) == ["order_missing"]
    assert kinds(await todo(runtime, later=2 * DAY)) == ["order_missing", "event_dead"]
    await unsnooze_item(*where, "event_dead:evt_1", operator=ANA)
    assert kinds(await todo(runtime)) == ["order_missing", "event_dead"]
    for name in ("event_dead:evt_2", "paid_twice:pi_1"):
        with pytest.raises(NotFound):
            await assign_item(*where, name, "bo", operator=ANA)
    assert (await verify(runtime.database)).faults == []


async def test_more_reserved_than_there_is_needs_a_person(runtime: Runtime, connection: asyncpg.Connection) -> None:
    await set_stock(runtime.database, "NOTE", 10, operator=ANA)
    await check_out(runtime)
    assert kinds(await todo(runtime)) == []
    await set_stock(runtime.database, "NOTE", 1, operator=ANA)
    item = only(await todo(runtime), "stock_short")
    assert (item.subject, item.count, item.command) == ("NOTE", 1, "checkout stock history NOTE")
    assert item.description == "1 piece of NOTE is missing: 2 are reserved, and the stock was set to 1"
    await snooze_item(
        runtime.database, runtime.settings, "stock_short:NOTE", NOW + DAY, operator=ANA, note="on its way"
    )
    assert kinds(await todo(runtime)) == []
    await set_stock(runtime.database, "NOTE", 2, operator=ANA)
    assert [item.kind for item in (await todo(runtime)).snoozed] == []


async def test_what_is_oversold_is_named(runtime: Runtime, connection: asyncpg.Connection) -> None:
    await set_stock(runtime.database, "NOTE", 10, operator=ANA)
    answer = await late(runtime, connection, "ask")
    await sync(runtime, answer)
    assert "are not there for it: pi_" in only(await todo(runtime), "oversold").description
    assert only(await todo(runtime), "oversold").description.endswith(" (2 × NOTE)")
    (found,) = [
        line
        for line in (await explain_order(runtime.database, str(answer.order_id))).findings
        if line.code == "oversold"
    ]
    assert found.description.endswith(" (2 × NOTE).")


async def test_what_is_left_out_is_counted_by_kind_and_a_filter_looks_at_it_too(
    runtime: Runtime, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checkout_daemon.orders.todo._MOST", 2)
    ids = {await order_with(runtime, connection, f"pi_{n}", failed_refund(f"re_{n}", f"pi_{n}")) for n in range(5)}
    await connection.execute(
        "INSERT INTO missing_orders (session_id, order_id, number, livemode, amount_total, currency)"
        " SELECT 'cs_' || n, gen_random_uuid(), 900 + n, false, 7000, 'eur' FROM generate_series(1, 3) AS n"
    )
    found = await todo(runtime)
    assert found.left_out == {"attention": 3, "order_missing": 1}
    beyond = sorted(ids - {str(item.order_id) for item in found.items})[0]
    await connection.execute("UPDATE orders SET customer_email = 'last@example.com' WHERE id = $1", beyond)
    wanted = await read_filter(runtime.database, "email:last@example.com", time_zone="UTC", now=NOW)
    narrowed = await narrow_todo(
        runtime.database, await read_todo(runtime.database, runtime.settings, NOW, filtered=True), wanted
    )
    assert ([item.order_id for item in narrowed.items], narrowed.left_out) == ([beyond], {})


async def test_those_with_the_most_money_are_listed_whatever_the_decimals_of_their_currency(
    runtime: Runtime, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checkout_daemon.orders.todo._MOST", 1)
    old: dict[str, Any] = {"status": "processing", "ago": 90 * DAY}
    await add_order(connection, amount_subtotal=9000, amount_total=9000, **old)
    yen = await add_order(connection, amount_subtotal=5000, amount_total=5000, currency="jpy", **old)
    found = await todo(runtime)
    assert ([item.order_id for item in found.items], found.left_out) == ([yen], {"order_stuck": 1})
