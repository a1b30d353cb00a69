"""Events of a type that an older release ignored are applied once, after the upgrade and for a week beside it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest

from checkout_daemon.database.pool import Database
from checkout_daemon.events.new_types import apply_new_types
from checkout_daemon.ledger.event_store import NewEvent, Verdict
from checkout_daemon.ledger.event_types import EVENT_TYPES
from checkout_daemon.ledger.merge import merge
from checkout_daemon.ledger.translate.envelope import parse_event
from checkout_daemon.ledger.writes import Writes, record
from tests.support.payments import paid
from tests.support.stripe_events import event_body, insert_order

UNHANDLED = Verdict("ignored", reason="unhandled_type")
EVENTS = "SELECT type, status, reason FROM stripe_events ORDER BY type, id"
CREATED = "radar.early_fraud_warning.created"


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, max_size=2)
    yield database
    await database.close()


@pytest.fixture
async def order_id(database: Database, database_url: str) -> str:
    order_id = await insert_order(database_url)
    await database.run(merge, [paid(order_id, "pi_1")])
    return order_id


def warning(warning_id: str, payment: str = "pi_1") -> dict[str, object]:
    return {
        "id": warning_id,
        "object": "radar.early_fraud_warning",
        "actionable": True,
        "charge": "ch_1",
        "payment_intent": payment,
        "fraud_type": "misc",
        "created": 1_790_000_000,
        "livemode": False,
    }


async def ignore(database: Database, *bodies: tuple[str, dict[str, object]]) -> None:
    """Store events as a release does that handles none of their types."""
    new = [NewEvent(parse_event(event_body(*body)), datetime.now(UTC), UNHANDLED) for body in bodies]
    await database.run(record, Writes(), new)


async def state(connection: asyncpg.Connection) -> tuple[list[tuple[str, str, str | None]], list[str]]:
    events = [tuple(row) for row in await connection.fetch(EVENTS)]
    return events, await connection.fetchval("SELECT attention FROM orders")


async def test_warnings_that_an_older_release_ignored_are_applied(
    database: Database, connection: asyncpg.Connection, order_id: str
) -> None:
    other: dict[str, object] = {"id": "cus_1", "object": "customer"}
    await ignore(
        database, (CREATED, warning("issfr_1")), (CREATED, warning("issfr_2", "pi_other")), ("customer.updated", other)
    )
    assert [await apply_new_types(database) for _ in range(2)] == [2, 0]
    events, attention = await state(connection)
    assert sorted(events, key=str) == [
        ("customer.updated", "ignored", "unhandled_type"),
        (CREATED, "applied", None),
        (CREATED, "ignored", "no_order"),
    ]
    assert attention == ["fraud_warning"]


async def test_an_event_whose_payload_is_gone_stays_ignored(
    database: Database, connection: asyncpg.Connection, order_id: str
) -> None:
    await ignore(database, (CREATED, warning("issfr_1")))
    await connection.execute("DELETE FROM stripe_event_payloads")
    assert await apply_new_types(database) == 0
    assert await state(connection) == ([(CREATED, "ignored", "unhandled_type")], [])


async def test_one_that_cannot_be_read_is_retried_and_holds_up_no_other(
    database: Database, connection: asyncpg.Connection, order_id: str
) -> None:
    await ignore(database, (CREATED, warning("issfr_1") | {"id": 7}), (CREATED, warning("issfr_2")))
    assert await apply_new_types(database) == 2
    events, attention = await state(connection)
    assert sorted(status for _, status, _ in events) == ["applied", "failed"]
    assert attention == ["fraud_warning"]


async def test_an_older_release_beside_the_new_one_is_followed_for_a_week_and_then_nothing_is_read(
    database: Database, connection: asyncpg.Connection, order_id: str
) -> None:
    assert await apply_new_types(database) == 0
    await ignore(database, (CREATED, warning("issfr_1")))
    assert await apply_new_types(database) == 1
    saved = json.loads(await connection.fetchval("SELECT value FROM cursors"))
    old = json.dumps(saved | {"since": "2020-01-01T00:00:00Z"})
    await connection.execute("UPDATE cursors SET value = $1", old)
    assert await apply_new_types(database) == 0
    done = json.loads(await connection.fetchval("SELECT value FROM cursors"))
    assert set(done["types"]) == set(EVENT_TYPES)
    await ignore(database, (CREATED, warning("issfr_2")))
    await connection.execute("UPDATE cursors SET updated_at = '2001-01-01'")
    assert await apply_new_types(database) == 0
    assert await connection.fetchval("SELECT extract(year FROM updated_at) FROM cursors") == 2001


async def test_what_a_later_release_adds_is_followed_for_a_week_of_its_own(
    database: Database, connection: asyncpg.Connection, order_id: str
) -> None:
    known = {"types": sorted(EVENT_TYPES.keys() - {CREATED}), "new": [], "since": "2020-01-01T00:00:00Z"}
    await connection.execute(
        "INSERT INTO cursors (name, value, updated_at) VALUES ('known-types', $1, now())", json.dumps(known)
    )
    assert await apply_new_types(database) == 0
    await ignore(database, (CREATED, warning("issfr_1")))
    assert await apply_new_types(database) == 1
    assert (await state(connection))[1] == ["fraud_warning"]
