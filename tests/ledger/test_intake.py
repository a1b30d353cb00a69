"""Deliveries that arrive twice, out of order, contradicting, broken, or while the database is away."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from checkout_daemon.database.pool import Database
from checkout_daemon.errors import DatabaseUnavailable, InvalidSignature, MalformedJson, ServerBusy
from checkout_daemon.ledger.intake import LANES, LARGEST_BATCH, MOST_QUEUED, WAIT_SECONDS, Intake
from checkout_daemon.ledger.signature import sign
from tests.support.stripe_events import (
    CREATED,
    SECRET,
    deliver,
    event_body,
    insert_order,
    refund_object,
    session_object,
    signed,
)


async def read(connection: asyncpg.Connection, order_id: str) -> dict[str, Any]:
    row = await connection.fetchrow(
        "SELECT status, attention, amount_refunded, paid_at FROM orders WHERE id = $1", order_id
    )
    assert row is not None
    return dict(row)


async def count(connection: asyncpg.Connection, table: str) -> int:
    return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))


async def test_a_paid_session_completes_its_order(
    intake: Intake, database_url: str, connection: asyncpg.Connection
) -> None:
    order_id = await insert_order(database_url)
    await deliver(intake, event_body("checkout.session.completed", session_object(order_id, "cs_1", "pi_1")))
    order = await read(connection, order_id)
    assert order["status"] == "completed"
    assert int(order["paid_at"].timestamp()) == CREATED
    changes = await connection.fetch("SELECT from_status, to_status, cause, actor FROM order_changes")
    assert [tuple(row) for row in changes] == [("pending", "completed", "checkout.session.completed", "stripe")]
    assert await connection.fetchval("SELECT status FROM stripe_events") == "applied"


async def test_fifty_copies_at_once_apply_once(
    intake: Intake, database_url: str, connection: asyncpg.Connection
) -> None:
    order_id = await insert_order(database_url)
    body = event_body("checkout.session.completed", session_object(order_id, "cs_1", "pi_1"))
    await asyncio.gather(*(deliver(intake, body) for _ in range(50)))
    assert (await read(connection, order_id))["status"] == "completed"
    assert await count(connection, "stripe_events") == 1
    assert await count(connection, "stripe_event_payloads") == 1
    assert await count(connection, "order_changes") == 1
    owed = await connection.fetch("SELECT kind, channel FROM outbox ORDER BY channel")
    assert [tuple(message) for message in owed] == [("order.completed", "mail"), ("order.completed", "webhook")]


async def test_two_daemons_given_the_same_events_apply_them_once(
    database_url: str, connection: asyncpg.Connection
) -> None:
    orders = [await insert_order(database_url) for _ in range(20)]
    bodies = [
        event_body("checkout.session.completed", session_object(order_id, f"cs_{index}", f"pi_{index}"))
        for index, order_id in enumerate(orders)
    ]
    databases = [Database(database_url, max_size=2) for _ in range(2)]
    intakes = [Intake(database, lambda: (SECRET,)) for database in databases]
    for intake in intakes:
        await intake.start()
    await asyncio.gather(*(deliver(intake, body) for body in bodies for intake in intakes for _ in range(3)))
    for intake in intakes:
        await intake.close()
    for database in databases:
        await database.close()
    assert await count(connection, "stripe_events") == 20
    assert await count(connection, "order_changes") == 20
    assert {row["status"] for row in await connection.fetch("SELECT status FROM orders")} == {"completed"}


async def test_completed_but_unpaid_is_processing_until_the_money_comes(
    intake: Intake, database_url: str, connection: asyncpg.Connection
) -> None:
    order_id = await insert_order(database_url)
    unpaid = session_object(order_id, "cs_1", "pi_1", payment_status="unpaid")
    await deliver(intake, event_body("checkout.session.completed", unpaid))
    assert (await read(connection, order_id))["status"] == "processing"
    paid = session_object(order_id, "cs_1", "pi_1")
    await deliver(intake, event_body("checkout.session.async_payment_succeeded", paid))
    assert (await read(connection, order_id))["status"] == "completed"


async def test_a_delayed_payment_that_fails_fails_the_order(
    intake: Intake, database_url: str, connection: asyncpg.Connection
) -> None:
    order_id = await insert_order(database_url)
    unpaid = session_object(order_id, "cs_1", "pi_1", payment_status="unpaid")
    await deliver(intake, event_body("checkout.session.async_payment_failed", unpaid))
    await deliver(intake, event_body("checkout.session.completed", unpaid))
    assert (await read(connection, order_id))["status"] == "failed"


@pytest.mark.parametrize(
    ("fields", "livemode", "code"),
    [
        ({"amount_total": 4999}, False, "amount_mismatch"),
        ({"currency": "usd"}, False, "currency_mismatch"),
        ({"livemode": True}, True, "livemode_mismatch"),
        ({}, True, "livemode_mismatch"),
        ({"livemode": True}, False, "livemode_mismatch"),
    ],
)
async def test_a_payment_that_does_not_match_completes_nothing_and_raises_attention(
    intake: Intake,
    database_url: str,
    connection: asyncpg.Connection,
    fields: dict[str, Any],
    livemode: bool,
    code: str,
) -> None:
    order_id = await insert_order(database_url)
    payload = session_object(order_id, "cs_1", "pi_1", **fields)
    await deliver(intake, event_body("checkout.session.completed", payload, livemode=livemode))
    order = await read(connection, order_id)
    assert order["status"] == "pending"
    assert order["attention"] == [code]
    assert order["paid_at"] is None


async def test_the_failure_that_arrives_after_the_payment_changes_nothing(
    intake: Intake, database_url: str, connection: asyncpg.Connection
) -> None:
    order_id = await insert_order(database_url)
    await deliver(intake, event_body("checkout.session.completed", session_object(order_id, "cs_1", "pi_1")))
    late = session_object(order_id, "cs_1", "pi_1", payment_status="unpaid")
    await deliver(intake, event_body("checkout.session.async_payment_failed", late))
    assert (await read(connection, order_id))["status"] == "completed"
    assert await count(connection, "order_changes") == 1


async def test_a_refund_that_arrives_before_anything_else_is_not_lost(
    intake: Intake, database_url: str, connection: asyncpg.Connection
) -> None:
    order_id = await insert_order(database_url)
    await deliver(intake, event_body("refund.created", refund_object("re_1", "pi_1", 2000), event_id="evt_early"))
    early = await connection.fetchrow("SELECT status, reason, order_id FROM stripe_events WHERE id = 'evt_early'")
    assert early is not None
    assert (early["status"], early["reason"], early["order_id"]) == ("ignored", "no_order", None)

    await deliver(intake, event_body("checkout.session.completed", session_object(order_id, "cs_1", "pi_1")))
    order = await read(connection, order_id)
    assert (order["status"], order["amount_refunded"]) == ("partially_refunded", 2000)
    adopted = await connection.fetchrow("SELECT status, reason, order_id FROM stripe_events WHERE id = 'evt_early'")
    assert adopted is not None
    assert (adopted["status"], adopted["reason"], str(adopted["order_id"])) == ("applied", None, order_id)


async def test_a_link_and_a_refund_that_arrive_together_do_not_miss_each_other(
    intake: Intake, database_url: str, connection: asyncpg.Connection
) -> None:
    orders = [await insert_order(database_url) for _ in range(40)]
    bodies = []
    for index, order_id in enumerate(orders):
        bodies.append(event_body("refund.created", refund_object(f"re_{index}", f"pi_{index}", 5000)))
        paid = session_object(order_id, f"cs_{index}", f"pi_{index}")
        bodies.append(event_body("checkout.session.completed", paid))
    await asyncio.gather(*(deliver(intake, body) for body in bodies))
    assert {row["status"] for row in await connection.fetch("SELECT status FROM orders")} == {"refunded"}


async def test_a_broken_event_is_stored_and_does_not_affect_its_neighbours(
    intake: Intake, database_url: str, connection: asyncpg.Connection
) -> None:
    order_id = await insert_order(database_url)
    broken = session_object(order_id, "cs_2", "pi_2", amount_total="lots")
    await asyncio.gather(
        deliver(intake, event_body("checkout.session.completed", broken, event_id="evt_broken")),
        deliver(intake, event_body("checkout.session.completed", session_object(order_id, "cs_1", "pi_1"))),
    )
    assert (await read(connection, order_id))["status"] == "completed"
    event = await connection.fetchrow(
        "SELECT status, last_error, next_attempt_at FROM stripe_events WHERE id = 'evt_broken'"
    )
    assert event is not None
    assert event["status"] == "failed"
    assert "amount_total" in event["last_error"]
    assert event["next_attempt_at"] is not None


async def test_an_event_that_the_database_refuses_is_stored_as_failed_and_its_neighbours_apply(
    intake: Intake, database_url: str, connection: asyncpg.Connection
) -> None:
    await connection.execute("ALTER TABLE refunds ADD CONSTRAINT planted CHECK (amount <> 13)")
    order_id = await insert_order(database_url)
    await asyncio.gather(
        deliver(intake, event_body("refund.created", refund_object("re_1", "pi_1", 13), event_id="evt_refused")),
        deliver(intake, event_body("checkout.session.completed", session_object(order_id, "cs_1", "pi_1"))),
        deliver(intake, event_body("product.created", {"id": "prod_1", "object": "product"})),
    )
    assert (await read(connection, order_id))["status"] == "completed"
    assert await connection.fetchval("SELECT status FROM stripe_events WHERE id = 'evt_refused'") == "failed"
    assert await count(connection, "stripe_events") == 3


async def test_a_type_we_do_not_use_is_stored_and_ignored(intake: Intake, connection: asyncpg.Connection) -> None:
    await deliver(intake, event_body("customer.created", {"id": "cus_1", "object": "customer"}))
    row = await connection.fetchrow("SELECT status, reason FROM stripe_events")
    assert row is not None
    assert tuple(row) == ("ignored", "unhandled_type")


async def test_the_same_id_with_another_body_keeps_the_first(
    intake: Intake, database_url: str, connection: asyncpg.Connection
) -> None:
    order_id = await insert_order(database_url)
    unpaid = session_object(order_id, "cs_1", None, status="expired", payment_status="unpaid")
    first = event_body("checkout.session.expired", unpaid, event_id="evt_1")
    second = event_body("checkout.session.completed", session_object(order_id, "cs_1", "pi_1"), event_id="evt_1")
    await deliver(intake, first)
    await deliver(intake, second)
    assert await connection.fetchval("SELECT payload FROM stripe_event_payloads") == first.decode()
    assert (await read(connection, order_id))["status"] == "expired"


async def test_an_event_of_null_fields_is_stored(intake: Intake, connection: asyncpg.Connection) -> None:
    body = (
        b'{"id":"evt_1","type":"checkout.session.completed","created":null,"livemode":null,"request":null,'
        b'"data":{"object":{"id":"cs_1","payment_intent":null,"metadata":null,"client_reference_id":null}},"new":[1]}'
    )
    await deliver(intake, body)
    row = await connection.fetchrow("SELECT status, reason FROM stripe_events")
    assert row is not None
    assert tuple(row) == ("ignored", "no_order")


async def test_a_body_that_is_not_signed_or_not_json_is_refused_and_not_stored(
    intake: Intake, connection: asyncpg.Connection
) -> None:
    good = event_body("product.created", {"id": "prod_1"})
    for header in (None, "", "nonsense", "t=1", "v1=00", signed(good, "whsec_other"), signed(good) + "x"):
        with pytest.raises(InvalidSignature):
            await intake.receive(good, header)
    with pytest.raises(InvalidSignature, match="older"):
        await intake.receive(good, sign(good, SECRET, CREATED - 10_000_000))
    for body in (b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"id":"evt_1"'):
        with pytest.raises(MalformedJson):
            await intake.receive(body, signed(body))
    assert await count(connection, "stripe_events") == 0


async def test_either_secret_and_any_v1_is_enough_while_one_is_rotated(database: Database) -> None:
    matched: list[int] = []
    intake = Intake(database, lambda: ("whsec_new", "whsec_old"), matched=matched.append)
    await intake.start()
    body = event_body("product.created", {"id": "prod_1"})
    both = signed(body, "whsec_unknown") + "," + signed(body, "whsec_old").split(",")[1]
    await intake.receive(body, both)
    await intake.close()
    assert matched == [1]


async def test_without_the_database_a_delivery_is_refused_at_once() -> None:
    database = Database("postgresql://nobody@127.0.0.1:9/none")
    intake = Intake(database, lambda: (SECRET,))
    await intake.start()
    async with asyncio.timeout(2):
        with pytest.raises(DatabaseUnavailable):
            await deliver(intake, event_body("product.created", {"id": "prod_1"}))
    await intake.close()
    await database.close()


async def test_closing_answers_what_is_queued(database_url: str, connection: asyncpg.Connection) -> None:
    database = Database(database_url, max_size=2)
    intake = Intake(database, lambda: (SECRET,))
    await intake.start()
    bodies = [event_body("product.created", {"id": f"prod_{index}"}) for index in range(300)]
    waiting = [asyncio.create_task(deliver(intake, body)) for body in bodies]
    await asyncio.sleep(0)  # let them queue
    await intake.close()
    await asyncio.gather(*waiting)
    await database.close()
    assert await count(connection, "stripe_events") == 300


async def test_a_delivery_does_not_wait_forever_behind_others(
    intake: Intake, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checkout_daemon.ledger.intake.WAIT_SECONDS", 0.5)
    bodies = [event_body("customer.created", {"id": f"cus_{number}"}) for number in range(10)]
    async with connection.transaction():
        await connection.execute("LOCK TABLE stripe_events")
        waiting = [asyncio.create_task(deliver(intake, body)) for body in bodies]
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {DatabaseUnavailable}
    monkeypatch.setattr("checkout_daemon.ledger.intake.WAIT_SECONDS", WAIT_SECONDS)
    await asyncio.gather(*(deliver(intake, body) for body in bodies))
    assert await count(connection, "stripe_events") == len(bodies)


async def test_a_queue_that_is_too_long_refuses_at_once_and_takes_again_when_it_is_short(
    intake: Intake, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checkout_daemon.ledger.intake.LARGEST_BATCH", 1)
    monkeypatch.setattr("checkout_daemon.ledger.intake.CROWDED_SECONDS", 0.01)
    bodies = [event_body("customer.created", {"id": f"cus_{number}"}) for number in range(100)]
    async with connection.transaction():
        await connection.execute("LOCK TABLE stripe_events")
        # None is refused: how fast the database is has not been seen yet.
        waiting = [asyncio.create_task(deliver(intake, body)) for body in bodies]
        await asyncio.sleep(0.1)
    late = []
    while not all(task.done() for task in waiting):
        late.append(asyncio.create_task(deliver(intake, event_body("customer.created", {"id": "cus_late"}))))
        await asyncio.sleep(0.002)
    await asyncio.gather(*waiting)
    outcomes = await asyncio.gather(*late, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {ServerBusy, type(None)}
    taken = outcomes.count(None)
    await deliver(intake, event_body("customer.created", {"id": "cus_afterwards"}))
    assert await count(connection, "stripe_events") == len(bodies) + taken + 1


async def test_what_waited_for_a_stall_is_taken(
    intake: Intake, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checkout_daemon.ledger.intake.LARGEST_BATCH", 1)
    bodies = [event_body("customer.created", {"id": f"cus_{number}"}) for number in range(60)]
    for body in bodies[:20]:  # the speed of the database is known
        await deliver(intake, body)
    async with connection.transaction():
        await connection.execute("LOCK TABLE stripe_events")
        waiting = [asyncio.create_task(deliver(intake, body)) for body in bodies[20:40]]
        await asyncio.sleep(1.2)  # longer than what is queued may take to store
    await asyncio.gather(*waiting, *(deliver(intake, body) for body in bodies[40:]))
    assert await count(connection, "stripe_events") == len(bodies)


async def test_a_flood_is_refused_before_the_speed_of_the_database_is_known(
    intake: Intake, connection: asyncpg.Connection
) -> None:
    bodies = [event_body("customer.created", {"id": f"cus_{number}"}) for number in range(2 * MOST_QUEUED)]
    async with connection.transaction():
        await connection.execute("LOCK TABLE stripe_events")
        every = [asyncio.create_task(deliver(intake, body)) for body in bodies]
        refused = len(bodies) - MOST_QUEUED - LANES * LARGEST_BATCH
        async with asyncio.timeout(WAIT_SECONDS / 2):  # at once, not when their time is over
            for _, finished in zip(range(refused), asyncio.as_completed(every), strict=False):
                with pytest.raises(ServerBusy):
                    await finished
    outcomes = await asyncio.gather(*every, return_exceptions=True)
    taken = outcomes.count(None)
    assert taken >= MOST_QUEUED
    assert {type(outcome) for outcome in outcomes} == {ServerBusy, type(None)}
    assert await count(connection, "stripe_events") == taken


async def test_what_has_gathered_shares_the_largest_transactions(
    database: Database, connection: asyncpg.Connection
) -> None:
    sizes: list[int] = []
    intake = Intake(database, lambda: (SECRET,), observe=lambda committed, seconds: sizes.append(len(committed)))
    await intake.start()
    bodies = [event_body("customer.created", {"id": f"cus_{number}"}) for number in range(3 * LARGEST_BATCH)]
    async with connection.transaction():
        await connection.execute("LOCK TABLE stripe_events")
        waiting = [asyncio.create_task(deliver(intake, body)) for body in bodies]
        await asyncio.sleep(0)  # let them queue
    await asyncio.gather(*waiting)
    await intake.close()
    assert (max(sizes), sum(sizes)) == (LARGEST_BATCH, len(bodies))
    assert await count(connection, "stripe_events") == len(bodies)
