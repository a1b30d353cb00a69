"""A value that this version does not know is stored in Stripe's words, raises attention, and affects nothing else."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import asyncpg
import pytest

from checkout_daemon.database.pool import Database
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.orders.order_pages import show_order
from tests.support.stripe_events import CREATED, deliver, event_body, insert_order, refund_object, session_object

NEXT_YEAR = "a_status_of_next_year"


def dispute_object(status: Any, **fields: Any) -> dict[str, Any]:
    return {
        "id": "dp_1",
        "object": "dispute",
        "payment_intent": "pi_1",
        "charge": "ch_1",
        "amount": 5000,
        "currency": "eur",
        "status": status,
    } | fields


async def pay(intake: Intake, url: str) -> str:
    order_id = await insert_order(url)
    await deliver(intake, event_body("checkout.session.completed", session_object(order_id, "cs_1", "pi_1")))
    return order_id


async def state(connection: asyncpg.Connection) -> tuple[str, list[str]]:
    row = await connection.fetchrow("SELECT status, attention FROM orders")
    assert row is not None
    return row["status"], row["attention"]


async def fates(connection: asyncpg.Connection) -> set[str]:
    return {row["status"] for row in await connection.fetch("SELECT status FROM stripe_events")}


@pytest.mark.parametrize("status", [NEXT_YEAR, "x" * 300, "two words\u202e\n", 7, None, ["lost"], {}, "\ud83d"])
async def test_a_dispute_of_unknown_status_is_a_dispute(
    intake: Intake, database: Database, connection: asyncpg.Connection, database_url: str, status: Any
) -> None:
    order_id = await pay(intake, database_url)
    await deliver(intake, event_body("charge.dispute.created", dispute_object(status)))
    assert await state(connection) == ("disputed", ["unknown_status"])
    assert await fates(connection) == {"applied"}
    (shown,) = (await show_order(database, order_id)).disputes
    assert shown.amount == 5000
    assert shown.unknown == f"status={shown.status}"
    if status == NEXT_YEAR:
        assert shown.status == NEXT_YEAR


async def test_a_refund_of_unknown_status_may_have_given_the_money_back(
    intake: Intake, database: Database, connection: asyncpg.Connection, database_url: str
) -> None:
    order_id = await pay(intake, database_url)
    await deliver(intake, event_body("refund.created", refund_object("re_1", "pi_1", 2000, NEXT_YEAR)))
    assert await state(connection) == ("partially_refunded", ["unknown_status"])
    (shown,) = (await show_order(database, order_id)).refunds
    assert (shown.status, shown.unknown, shown.amount) == (NEXT_YEAR, f"status={NEXT_YEAR}", 2000)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"payment_status": NEXT_YEAR}, "processing"),
        ({"payment_status": "paid", "status": NEXT_YEAR}, "completed"),
        ({"payment_status": NEXT_YEAR, "status": NEXT_YEAR}, "processing"),
    ],
)
async def test_a_session_with_an_unknown_value_gets_the_least_that_its_event_means(
    intake: Intake,
    database: Database,
    connection: asyncpg.Connection,
    database_url: str,
    fields: dict[str, str],
    expected: str,
) -> None:
    order_id = await insert_order(database_url)
    session = session_object(order_id, "cs_1", "pi_1", **fields)
    await deliver(intake, event_body("checkout.session.completed", session))
    assert await state(connection) == (expected, ["unknown_status"])
    (shown,) = (await show_order(database, order_id)).sessions
    held = {"status": "complete", "payment_status": "paid"} | fields
    assert (shown.status, shown.payment_status) == (held["status"], held["payment_status"])


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_a_later_known_status_resolves_it_whatever_the_order(
    intake: Intake, database: Database, connection: asyncpg.Connection, database_url: str, order: tuple[int, ...]
) -> None:
    order_id = await pay(intake, database_url)
    refunds = [refund_object("re_1", "pi_1", 2000, status) for status in ("pending", NEXT_YEAR, "pending")]
    disputes = [dispute_object(status) for status in ("under_review", NEXT_YEAR, "won")]
    for place in order:
        await deliver(intake, event_body("refund.updated", refunds[place], created=CREATED + place))
        await deliver(intake, event_body("charge.dispute.updated", disputes[place], created=CREATED + place))
    assert await state(connection) == ("partially_refunded", [])
    view = await show_order(database, order_id)
    assert [(refund.status, refund.unknown) for refund in view.refunds] == [("pending", None)]
    assert [(dispute.status, dispute.unknown) for dispute in view.disputes] == [("won", None)]


async def test_an_unknown_status_that_comes_last_stays(
    intake: Intake, connection: asyncpg.Connection, database_url: str
) -> None:
    await pay(intake, database_url)
    for place, status in ((1, NEXT_YEAR), (0, "succeeded")):
        refund = refund_object("re_1", "pi_1", 2000, status)
        await deliver(intake, event_body("refund.updated", refund, created=CREATED + place))
    assert await state(connection) == ("partially_refunded", ["unknown_status"])


@pytest.mark.parametrize(
    ("reports", "status", "attention", "funds"),
    [
        ([("funds_withdrawn", "needs_response")], "disputed", ["dispute_needs_response"], "withdrawn"),
        ([("funds_withdrawn", "under_review"), ("closed", "lost")], "disputed", ["dispute_lost"], "withdrawn"),
        ([("closed", "lost"), ("funds_reinstated", "lost")], "disputed", ["dispute_reinstated"], "reinstated"),
        ([("funds_withdrawn", "lost"), ("funds_reinstated", "won")], "completed", [], "reinstated"),
        ([("funds_withdrawn", "lost"), ("closed", "prevented")], "completed", ["dispute_withdrawn"], "withdrawn"),
        ([("created", "needs_response"), ("closed", "prevented")], "completed", [], None),
        ([("created", "warning_needs_response"), ("closed", "warning_closed")], "completed", [], None),
        ([("created", "needs_response"), ("closed", "charge_refunded")], "completed", [], None),
        ([("created", "response_disabled")], "disputed", [], None),
    ],
)
@pytest.mark.parametrize("backwards", [False, True])
async def test_a_dispute_shows_where_the_money_is(
    intake: Intake,
    database: Database,
    connection: asyncpg.Connection,
    database_url: str,
    reports: list[tuple[str, str]],
    status: str,
    attention: list[str],
    funds: str | None,
    backwards: bool,
) -> None:
    order_id = await pay(intake, database_url)
    bodies = [
        event_body(f"charge.dispute.{kind}", dispute_object(word), created=CREATED + place)
        for place, (kind, word) in enumerate(reports)
    ]
    for body in bodies[::-1] if backwards else bodies:
        await deliver(intake, body)
    assert await state(connection) == (status, attention)
    assert [dispute.funds for dispute in (await show_order(database, order_id)).disputes] == [funds]


async def test_balance_transactions_also_show_where_the_money_is(
    intake: Intake, connection: asyncpg.Connection, database_url: str
) -> None:
    await pay(intake, database_url)
    booked = [{"amount": -5000, "created": CREATED}, {"amount": 5000.0, "created": CREATED + 9}, None, {"amount": "x"}]
    await deliver(intake, event_body("charge.dispute.closed", dispute_object("lost", balance_transactions=booked[:1])))
    assert await state(connection) == ("disputed", ["dispute_lost"])
    await deliver(intake, event_body("charge.dispute.updated", dispute_object("lost", balance_transactions=booked)))
    assert await state(connection) == ("disputed", ["dispute_reinstated"])


@pytest.mark.parametrize("backwards", [False, True])
async def test_an_authorization_that_was_never_captured_raises_attention(
    intake: Intake, connection: asyncpg.Connection, database_url: str, backwards: bool
) -> None:
    order_id = await insert_order(database_url)
    intent = {"id": "pi_1", "object": "payment_intent", "amount": 5000, "currency": "eur", "status": "canceled"}
    session = session_object(order_id, "cs_1", "pi_1", payment_status="unpaid")
    bodies = [
        event_body("checkout.session.completed", session),
        event_body("payment_intent.canceled", intent),
    ]
    for body in bodies[::-1] if backwards else bodies:
        await deliver(intake, body)
    assert await state(connection) == ("processing", ["payment_canceled"])
    await deliver(intake, event_body("checkout.session.async_payment_failed", session))
    assert await state(connection) == ("failed", [])


async def test_an_expired_session_whose_intent_is_canceled_is_expired(
    intake: Intake, database: Database, connection: asyncpg.Connection, database_url: str
) -> None:
    order_id = await insert_order(database_url)
    expired = session_object(order_id, "cs_1", "pi_1", status="expired", payment_status="unpaid")
    await deliver(intake, event_body("checkout.session.expired", expired))
    intent = {"id": "pi_1", "object": "payment_intent", "amount": 5000, "currency": "eur", "status": "canceled"}
    await deliver(intake, event_body("payment_intent.canceled", intent))
    assert await state(connection) == ("expired", [])
    assert (await show_order(database, order_id)).payments == ()
