"""Whatever Stripe signed is stored and answered with 200; one odd value affects nothing else."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import MalformedJson
from checkout_daemon.events.replaying import replay
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.ledger.own_account import remember_account
from tests.support.stripe_events import deliver, event_body, insert_order, refund_object, session_object

OURS, THEIRS = "acct_ours", "acct_theirs"


async def events(connection: asyncpg.Connection) -> list[tuple[Any, ...]]:
    rows = await connection.fetch("SELECT type, status, reason, last_error FROM stripe_events ORDER BY received_at, id")
    return [tuple(row) for row in rows]


async def order_status(connection: asyncpg.Connection, order_id: str) -> str:
    return str(await connection.fetchval("SELECT status FROM orders WHERE id = $1", order_id))


def paid(order_id: str, **envelope: Any) -> dict[str, Any]:
    session = session_object(order_id, "cs_1", "pi_1")
    event: dict[str, Any] = json.loads(event_body("checkout.session.completed", session))
    return event | envelope


THIN = {
    "id": "evt_test_1",
    "object": "v2.core.event",
    "type": "v2.core.event_destination.ping",
    "created": "2026-11-28",
}


@pytest.mark.parametrize(
    ("body", "event_type", "reason"),
    [
        (THIN | {"data": None, "related_object": {"id": "ed_1"}}, THIN["type"], "thin_event"),
        (THIN, THIN["type"], "thin_event"),
        (THIN | {"data": {"delta": 1}}, THIN["type"], "thin_event"),
        ({"id": "evt_1", "type": "t", "data": {"object": []}}, "t", "not_an_event"),
        ({"id": "evt_1", "type": "t", "data": {"object": None}}, "t", "not_an_event"),
        ({"id": "evt_1", "data": {"object": {}}}, "unknown", "not_an_event"),
        ({"type": "t", "data": {"object": {}}}, "t", "not_an_event"),
        ({"id": 7, "type": ["t"], "data": {"object": {}}}, "unknown", "not_an_event"),
        ({"id": "", "type": "\u00e9", "data": {"object": {}}}, "unknown", "not_an_event"),
        ({"id": "e" * 256, "type": "t", "data": {"object": {}}}, "t", "not_an_event"),
        ({"id": "\ud83d", "type": "t", "data": {"object": {}}}, "t", "not_an_event"),
        ([], "unknown", "not_an_event"),
        (None, "unknown", "not_an_event"),
        ("\ud83d", "unknown", "not_an_event"),
        (1e22, "unknown", "not_an_event"),
    ],
)
async def test_a_body_that_is_not_an_event_is_stored_once_and_ignored(
    intake: Intake, connection: asyncpg.Connection, body: Any, event_type: str, reason: str
) -> None:
    text = json.dumps(body).encode()
    await deliver(intake, text)
    await deliver(intake, text)
    assert await events(connection) == [(event_type, "ignored", reason, None)]
    assert await connection.fetchval("SELECT payload FROM stripe_event_payloads") == text.decode()


async def test_a_large_odd_body_does_not_delay_other_deliveries(
    intake: Intake, connection: asyncpg.Connection, database_url: str
) -> None:
    order_id = await insert_order(database_url)
    deep = b"[" * 500_000 + b"]" * 500_000
    slow = asyncio.create_task(deliver(intake, deep))
    await asyncio.sleep(0)
    await deliver(intake, json.dumps(paid(order_id)).encode())
    assert not slow.done()
    await slow
    assert {row[1] for row in await events(connection)} == {"applied", "ignored"}


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"id":"evt_1"', b"NaN", b'{"a":1,}', b"\0"])
async def test_what_is_not_json_is_refused(intake: Intake, connection: asyncpg.Connection, body: bytes) -> None:
    with pytest.raises(MalformedJson):
        await deliver(intake, body)
    assert await events(connection) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"paid"', b'"paid","customer_details":{"name":"Zo\\ud83d"}'),
        (b'"paid"', b'"paid","zo\\ude00":1'),
        (b'"paid"', b'"paid","deep":' + b"[" * 50_000 + b"]" * 50_000),
        (b'"paid"', b'"paid","big":1e400'),
        (b'"paid"', b'"paid","huge":' + b"9" * 5000),
        (b'"paid"', b'"unpaid","payment_status":"paid"'),
        (b'"request": {', b'"previous":"\\ud83d","request": {'),
        (b'"created": 1790000000', b'"created": 1e400'),
        (b'"created": 1790000000', b'"created": "2026-11-28T12:00:00Z"'),
        (b'"created": 1790000000', b'"created": -1'),
        (b'"created": 1790000000', b'"created": 1790000000.5'),
        (b'"api_version": "2026-10-28.endive"', b'"api_version": "\\ud83d"'),
        (b'"amount_total": 5000', b'"amount_total": 5000.0'),
        (b'"amount_total": 5000', b'"amount_total": 5e+03'),
        (b'"paid"', b'"paid","url":{}'),
        (b'"paid"', b'"paid","url":7'),
    ],
)
async def test_one_odd_value_does_not_affect_the_rest_of_an_event(
    intake: Intake, connection: asyncpg.Connection, database_url: str, old: bytes, new: bytes
) -> None:
    order_id = await insert_order(database_url)
    body = json.dumps(paid(order_id)).encode()
    assert old in body
    await deliver(intake, body.replace(old, new))
    assert await events(connection) == [("checkout.session.completed", "applied", None, None)]
    assert await order_status(connection, order_id) == "completed"


@pytest.mark.parametrize(
    "odd",
    [
        {"reason": 7},
        {"reason": ["fraudulent"]},
        {"amount": "5000"},
        {"amount": -1},
        {"currency": ""},
        {"currency": 5},
        {"charge": ""},
        {"charge": ["ch_1"]},
        {"payment_intent": 0, "charge": "ch_1"},
        {"evidence_details": [], "balance_transactions": 5},
    ],
)
async def test_an_odd_value_of_a_dispute_does_not_hide_the_dispute(
    intake: Intake, connection: asyncpg.Connection, database_url: str, odd: dict[str, Any]
) -> None:
    order_id = await insert_order(database_url)
    await deliver(intake, json.dumps(paid(order_id)).encode())
    intent = {"object": "payment_intent", "id": "pi_1", "latest_charge": "ch_1"}
    await deliver(intake, event_body("payment_intent.processing", intent))
    dispute = {"id": "dp_1", "object": "dispute", "payment_intent": "pi_1", "status": "needs_response"}
    await deliver(intake, event_body("charge.dispute.created", dispute | odd))
    assert await order_status(connection, order_id) == "disputed"


@pytest.mark.parametrize("odd", [{"charge": ""}, {"charge": 7}, {"payment_intent": "", "charge": "ch_1"}])
async def test_one_readable_id_places_a_refund(
    intake: Intake, connection: asyncpg.Connection, database_url: str, odd: dict[str, Any]
) -> None:
    order_id = await insert_order(database_url)
    await deliver(intake, json.dumps(paid(order_id)).encode())
    intent = {"object": "payment_intent", "id": "pi_1", "latest_charge": "ch_1"}
    await deliver(intake, event_body("payment_intent.processing", intent))
    await deliver(intake, event_body("refund.created", refund_object("re_1", "pi_1", 5000) | odd))
    assert await order_status(connection, order_id) == "refunded"


async def test_an_odd_charge_of_a_payment_does_not_hide_the_payment(
    intake: Intake, connection: asyncpg.Connection, database_url: str
) -> None:
    order_id = await insert_order(database_url)
    intent = {"object": "payment_intent", "id": "pi_1", "amount": 5000, "amount_received": 5000, "currency": "eur"}
    odd = {"latest_charge": 7, "metadata": {"order_id": order_id}}
    await deliver(intake, event_body("payment_intent.succeeded", intent | odd))
    assert await order_status(connection, order_id) == "completed"


async def test_an_odd_listed_refund_does_not_hide_the_others_and_the_total(
    intake: Intake, connection: asyncpg.Connection, database_url: str
) -> None:
    order_id = await insert_order(database_url)
    await deliver(intake, json.dumps(paid(order_id)).encode())
    listed = [refund_object("re_1", "pi_1", 2000) | {"amount": "2000"}, refund_object("re_2", "pi_1", 1000)]
    charge = {"id": "ch_1", "object": "charge", "payment_intent": "pi_1", "amount_refunded": 3000}
    await deliver(intake, event_body("charge.refunded", charge | {"refunds": {"data": listed}}))
    assert await order_status(connection, order_id) == "partially_refunded"
    assert await connection.fetchval("SELECT amount_refunded FROM refund_hints WHERE charge_id = 'ch_1'") == 3000


@pytest.mark.parametrize("amount", [b"5000.5", b"1e400", b"-1", b'"5000"', b"true"])
async def test_a_wrong_amount_is_reported_with_its_field(
    intake: Intake, connection: asyncpg.Connection, database_url: str, amount: bytes
) -> None:
    order_id = await insert_order(database_url)
    body = json.dumps(paid(order_id)).encode().replace(b'"amount_total": 5000', b'"amount_total": ' + amount)
    await deliver(intake, body)
    ((_, status, _, error),) = await events(connection)
    assert status == "failed"
    assert "checkout.session.amount_total is not an amount: a whole number" in error


@pytest.mark.parametrize("expires_at", [0, None, 0.0, "soon", 253402300799])
async def test_a_time_of_0_or_one_that_is_not_in_every_time_zone_is_absent(
    intake: Intake, connection: asyncpg.Connection, database_url: str, expires_at: object
) -> None:
    order_id = await insert_order(database_url)
    session = session_object(order_id, "cs_1", "pi_1", expires_at=expires_at)
    await deliver(intake, event_body("checkout.session.completed", session))
    assert await connection.fetchval("SELECT expires_at FROM checkout_sessions") is None


@pytest.mark.parametrize(
    ("envelope", "status"),
    [
        ({}, "completed"),
        ({"account": None, "context": None}, "completed"),
        ({"account": ""}, "completed"),
        ({"account": OURS}, "completed"),
        ({"context": OURS}, "completed"),
        ({"context": f"org_1/{OURS}"}, "completed"),
        ({"account": OURS, "context": OURS}, "completed"),
        ({"account": {"id": OURS}}, "completed"),
        ({"account": THEIRS}, "pending"),
        ({"user_id": THEIRS}, "pending"),
        ({"context": THEIRS}, "pending"),
        ({"context": f"{OURS}/{THEIRS}"}, "pending"),
        ({"account": OURS, "context": THEIRS}, "pending"),
        ({"account": {"id": THEIRS}}, "pending"),
        ({"account": 7}, "pending"),
        ({"account": False}, "pending"),
        ({"account": [OURS]}, "pending"),
        ({"account": OURS.upper()}, "pending"),
    ],
)
async def test_money_of_another_account_is_not_ours(
    intake: Intake,
    database: Database,
    connection: asyncpg.Connection,
    database_url: str,
    envelope: dict[str, Any],
    status: str,
) -> None:
    await remember_account(connection, OURS, livemode=False)
    order_id = await insert_order(database_url)
    body = paid(order_id, **envelope)
    await deliver(intake, json.dumps(body).encode())
    assert await order_status(connection, order_id) == status
    ((_, fate, reason, _),) = await events(connection)
    assert (fate, reason) == (("applied", None) if status == "completed" else ("ignored", "other_account"))
    again = await replay(database, body["id"], operator=Operator("ana", "vm"))
    assert (again.outcome.status, again.outcome.reason) == (fate, reason)
    assert await order_status(connection, order_id) == status


async def test_before_our_account_is_known_an_event_that_names_one_is_not_ours_and_waits(
    intake: Intake, database: Database, connection: asyncpg.Connection, database_url: str
) -> None:
    order_id = await insert_order(database_url)
    await asyncio.gather(
        deliver(intake, json.dumps(paid(order_id, context=OURS)).encode()),
        deliver(intake, json.dumps(paid(order_id, account=THEIRS)).encode()),
    )
    assert await order_status(connection, order_id) == "pending"
    assert await remember_account(connection, OURS, livemode=False) == 1
    assert await remember_account(connection, OURS, livemode=False) == 0
    event_id = await connection.fetchval("SELECT id FROM stripe_events WHERE status = 'failed'")
    await replay(database, event_id, operator=Operator("ana", "vm"))
    assert await order_status(connection, order_id) == "completed"


async def test_a_later_link_does_not_adopt_an_event_of_another_account(
    intake: Intake, connection: asyncpg.Connection, database_url: str
) -> None:
    order_id = await insert_order(database_url)
    intent = {"id": "pi_1", "object": "payment_intent", "amount": 5000, "amount_received": 5000, "currency": "eur"}
    theirs = json.loads(event_body("payment_intent.succeeded", intent)) | {"account": THEIRS}
    await deliver(intake, json.dumps(theirs).encode())
    open_session = session_object(order_id, "cs_1", "pi_1", status="expired", payment_status="unpaid")
    await deliver(intake, event_body("checkout.session.expired", open_session))
    assert await order_status(connection, order_id) == "expired"
