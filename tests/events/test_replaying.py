"""Replaying many events in few transactions comes to the same as replaying one after the other."""

from __future__ import annotations

import json
import random
from contextlib import aclosing
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest

from checkout_daemon.audit.audit_log import verify
from checkout_daemon.audit.operators import Operator
from checkout_daemon.database.pool import Database
from checkout_daemon.events.replaying import NotReplayed, ReplayedEvent, replay, replay_many
from checkout_daemon.ledger.event_store import NewEvent, Verdict
from checkout_daemon.ledger.translate.envelope import parse_event
from checkout_daemon.ledger.writes import Writes, record
from tests.ledger.stripe_history import ORDER_ID, OTHER_ORDER_ID, TOTAL, SessionPlan, tell
from tests.ledger.test_single_orders import examples
from tests.support.stripe_events import event_body, insert_order, refund_object, session_object

ANA = Operator("ana", "till")
FAILED = Verdict("failed", next_attempt_at=datetime(2040, 1, 1, tzinfo=UTC), last_error="OSError while it was applied")
ORDERS = "SELECT id, status, attention, amount_refunded, paid_at FROM orders WHERE id = $1"
CHANGES = "SELECT from_status, to_status, cause, actor, note FROM order_changes WHERE order_id = $1 ORDER BY seq"
EVENTS = """
SELECT id, status, reason, order_id, subject_id, attempts, next_attempt_at, last_error, applied_at IS NULL AS never
FROM stripe_events WHERE id = ANY($1) ORDER BY id
"""
LOG = "SELECT details, before, after, personal FROM operator_log WHERE details::json->>'event' = $1"


class Copy:
    """A copy of a history in the database, under ids of its own, with events that all failed."""

    def __init__(self) -> None:
        self.tag = uuid4().hex[:8]
        self.orders: dict[str, str] = {}
        self.event_ids: list[str] = []

    async def store(self, database: Database, url: str, bodies: list[tuple[str, str, int, bool, str]]) -> None:
        self.orders = {name: await insert_order(url, total=TOTAL) for name in (ORDER_ID, OTHER_ORDER_ID)}
        new = []
        for event_id, kind, created, livemode, text in bodies:
            for name, order_id in self.orders.items():
                text = text.replace(name, order_id)
            for prefix in ("cs_", "pi_", "ch_", "re_", "dp_", "issfr_"):
                text = text.replace(f'"{prefix}', f'"{prefix}{self.tag}')
            body = event_body(kind, json.loads(text), event_id=event_id + self.tag, created=created, livemode=livemode)
            new.append(NewEvent(parse_event(body), datetime.now(UTC), FAILED))
        self.event_ids = [one.event.id for one in new]
        await database.run(record, Writes(), new)

    def plain(self, value: object) -> str:
        """Return the value as text, with the ids that all copies share."""
        text = str(value).replace(self.tag, "")
        for name, order_id in self.orders.items():
            text = text.replace(order_id, name)
        return text

    async def end(self, connection: asyncpg.Connection) -> str:
        """Return all that is stored about the copy, but the outcomes of its events."""
        rows = []
        for order_id in self.orders.values():
            rows += await connection.fetch(ORDERS, order_id)
            rows += await connection.fetch(CHANGES, order_id)
        return self.plain([tuple(row) for row in rows])


def outcome(copy: Copy, one: ReplayedEvent) -> str:
    found = one.outcome
    return copy.plain((found.id, found.type, found.status, found.reason, found.order_id, found.from_status,
                       found.to_status, found.last_error, one.before, one.ok))  # fmt: skip


@pytest.mark.parametrize("number", range(3))
async def test_histories_end_as_if_replayed_one_by_one(
    connection: asyncpg.Connection, database_url: str, number: int
) -> None:
    chance = random.Random(number)
    database = Database(database_url)
    exact = 0
    for plans in (plans for several in examples(number) for plans in several):
        bodies = history(plans, chance)
        batched, single = Copy(), Copy()
        await batched.store(database, database_url, bodies)
        await single.store(database, database_url, bodies)
        many = await replayed(database, batched.event_ids)
        each = [await replay(database, event_id, operator=ANA) for event_id in single.event_ids]
        assert await batched.end(connection) == await single.end(connection)
        stored = [await connection.fetch(EVENTS, copy.event_ids) for copy in (batched, single)]
        assert batched.plain([tuple(row) for row in stored[0]]) == single.plain([tuple(row) for row in stored[1]])
        for one, other in zip(many, each, strict=True):
            if other.outcome.reason == "no_order":
                continue  # within a transaction, an order that a later event names is known
            exact += 1
            assert outcome(batched, one) == outcome(single, other)
            logged = await connection.fetch(LOG, one.outcome.id), await connection.fetch(LOG, other.outcome.id)
            assert batched.plain([tuple(row) for row in logged[0]]) == single.plain([tuple(row) for row in logged[1]])
    assert exact > 50  # the rest are events whose order is not known
    assert not (await verify(database)).faults
    await database.close()


def history(plans: list[SessionPlan], chance: random.Random) -> list[tuple[str, str, int, bool, str]]:
    events = [(event.id, event.type, event.created, event.livemode, json.dumps(event.object)) for event in tell(plans)]
    if chance.random() < 0.5:
        chance.shuffle(events)
    return events


async def replayed(
    database: Database, event_ids: list[str], found: list[ReplayedEvent] | None = None
) -> list[ReplayedEvent]:
    found = [] if found is None else found
    async with aclosing(replay_many(database, event_ids, operator=ANA)) as outcomes:
        async for batch in outcomes:
            found += batch
    return found


async def paid_orders(database: Database, url: str, count: int) -> list[str]:
    """Store failed events that pay as many orders, and return their ids."""
    new = []
    for place in range(count):
        session = session_object(await insert_order(url), f"cs_{place}", f"pi_{place}")
        body = event_body("checkout.session.completed", session, event_id=f"evt_{place:03d}")
        new.append(NewEvent(parse_event(body), datetime.now(UTC), FAILED))
    await database.run(record, Writes(), new)
    return [one.event.id for one in new]


async def test_transactions_grow_once_in_a_run(connection: asyncpg.Connection, database_url: str) -> None:
    database = Database(database_url)
    event_ids = await paid_orders(database, database_url, 12)
    for after, sizes in ((0, [1, 1, 2, 4, 4]), (3, [3, 6, 3]), (1000, [12])):
        async with aclosing(replay_many(database, event_ids, operator=ANA, after=after)) as outcomes:
            assert [len(batch) async for batch in outcomes] == sizes
    await database.close()


async def test_one_that_fails_again_stops_the_replay_after_those_before_it(
    connection: asyncpg.Connection, database_url: str
) -> None:
    database = Database(database_url)
    event_ids = await paid_orders(database, database_url, 12)
    body = event_body("refund.created", refund_object("re_1", "pi_0", 1300), event_id="evt_refund")
    await database.run(record, Writes(), [NewEvent(parse_event(body), datetime.now(UTC), FAILED)])
    await connection.execute("ALTER TABLE refunds ADD CONSTRAINT planted CHECK (amount <> 1300)")
    found = await replayed(database, [*event_ids[:6], "evt_refund", *event_ids[6:]])
    statuses = [tuple(row) for row in await connection.fetch("SELECT status, attempts FROM stripe_events ORDER BY id")]
    await database.close()
    assert [one.outcome.id for one in found] == [*event_ids[:6], "evt_refund"]
    assert [one.ok for one in found] == [True] * 6 + [False]
    assert statuses == [("applied", 2)] * 6 + [("failed", 1)] * 6 + [("failed", 2)]


async def test_one_that_must_be_refused_leaves_those_before_it_replayed(
    connection: asyncpg.Connection, database_url: str
) -> None:
    database = Database(database_url)
    event_ids = await paid_orders(database, database_url, 12)
    await connection.execute("DELETE FROM stripe_event_payloads WHERE event_id = $1", event_ids[6])
    found: list[ReplayedEvent] = []
    with pytest.raises(NotReplayed, match=f"payload of {event_ids[6]} was deleted"):
        await replayed(database, event_ids, found)
    statuses = [row["status"] for row in await connection.fetch("SELECT status FROM stripe_events ORDER BY id")]
    await database.close()
    assert [one.outcome.id for one in found] == event_ids[:6]
    assert statuses == ["applied"] * 6 + ["failed"] * 6


async def test_an_event_named_twice_is_replayed_twice(connection: asyncpg.Connection, database_url: str) -> None:
    database = Database(database_url)
    event_ids = await paid_orders(database, database_url, 3)
    found = await replayed(database, [*event_ids, event_ids[2], event_ids[2]])
    attempts = await connection.fetchval("SELECT attempts FROM stripe_events WHERE id = $1", event_ids[2])
    await database.close()
    assert [one.before for one in found] == ["failed", "failed", "failed", "applied", "applied"]
    assert attempts == 4
