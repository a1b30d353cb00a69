"""Charges that an older release did not keep are filled from payloads, whatever interrupts that."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from checkout_daemon.database.pool import Database
from checkout_daemon.events import charge_filling
from checkout_daemon.events.charge_filling import fill_charges
from checkout_daemon.ledger.apply import ReceivedEvent, apply_batch
from checkout_daemon.ledger.merge import Update
from checkout_daemon.ledger.translate.envelope import parse_event
from tests.ledger.stripe_history import ORDER_ID, OTHER_ORDER_ID, TOTAL, tell
from tests.ledger.test_single_orders import examples
from tests.support.stripe_events import event_body, insert_order

CHARGES = "SELECT * FROM charges ORDER BY payment_id, id"
CHANGES = "SELECT * FROM order_changes ORDER BY seq"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, max_size=2)
    yield database
    await database.close()


@pytest.fixture
async def shop(database: Database, database_url: str, connection: asyncpg.Connection) -> list[asyncpg.Record]:
    """Apply the events of some histories, forget their charges as an older release would, and return these."""
    chance = random.Random(1)
    received = []
    for plans in [plans for several in examples(1) for plans in several]:
        orders = {name: await insert_order(database_url, total=TOTAL) for name in (ORDER_ID, OTHER_ORDER_ID)}
        tag = uuid4().hex[:8]
        for event in tell(plans):
            text = json.dumps(event.object)
            for name, order_id in orders.items():
                text = text.replace(name, order_id)
            for prefix in ("cs_", "pi_", "ch_", "re_", "dp_", "pm_", "issfr_"):
                text = text.replace(f'"{prefix}', f'"{prefix}{tag}')
            fields: dict[str, Any] = {"event_id": event.id + tag, "created": event.created, "livemode": event.livemode}
            received.append(
                ReceivedEvent(parse_event(event_body(event.type, json.loads(text), **fields)), datetime.now(UTC))
            )
    chance.shuffle(received)
    for begin in range(0, len(received), 20):
        await apply_batch(database, received[begin : begin + 20])
    await receive(connection, "received_at - interval '10 minutes'", "IS NOT NULL")
    charges = await connection.fetch(CHARGES)
    assert len(charges) > 10
    await connection.execute("DELETE FROM charges")
    await upgrade(connection, "1 minute")
    return charges


async def receive(connection: asyncpg.Connection, at: str, of_ids: str) -> None:
    """Have events received at another time."""
    for table, name in (("stripe_events", "id"), ("stripe_event_payloads", "event_id")):
        await connection.execute(f"UPDATE {table} SET received_at = {at} WHERE {name} {of_ids}")


async def upgrade(connection: asyncpg.Connection, ago: str) -> None:
    """Have the database as if the table of charges had been added to an older one."""
    await connection.execute(
        "UPDATE schema_migrations"
        " SET applied_at = now() - CASE WHEN version < 39 THEN interval '1 year' ELSE $1::text::interval END",
        ago,
    )


async def test_charges_are_filled_as_if_they_had_been_kept(
    shop: list[asyncpg.Record], database: Database, connection: asyncpg.Connection
) -> None:
    changes = await connection.fetch(CHANGES)
    while await fill_charges(database):
        pass
    assert await connection.fetch(CHARGES) == shop
    assert await connection.fetch(CHANGES) == changes


async def test_a_job_that_is_killed_between_any_two_steps_goes_on_where_it_was(
    shop: list[asyncpg.Record], database: Database, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(charge_filling, "_BATCH", 10)
    merge, calls = charge_filling._merge, iter(range(1000))

    async def killed_every_third_time(connection: asyncpg.Connection, updates: list[Update]) -> None:
        if (call := next(calls)) % 3 == 1:
            raise KeyboardInterrupt
        await merge(connection, updates)
        if call % 3 == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(charge_filling, "_merge", killed_every_third_time)
    while True:
        try:
            if not await fill_charges(database):
                break
        except KeyboardInterrupt:
            await connection.execute("UPDATE cursors SET holder = 'dead', leased_until = now() - interval '1 second'")
    assert next(calls) > len(shop) // 10
    assert await connection.fetch(CHARGES) == shop


async def test_erased_orders_stay_without_cards(
    shop: list[asyncpg.Record], database: Database, connection: asyncpg.Connection
) -> None:
    await connection.execute("UPDATE orders SET erased_at = now()")
    while await fill_charges(database):
        pass
    owned = [row for row in await connection.fetch(CHARGES) if row["order_id"] is not None]
    assert len(owned) == sum(row["order_id"] is not None for row in shop)
    assert {(row["last4"], row["brand"], row["risk_level"], row["decline_message"]) for row in owned} == {(None,) * 4}


async def test_events_of_an_older_release_beside_the_new_one_are_followed_for_a_week(
    shop: list[asyncpg.Record], database: Database, connection: asyncpg.Connection
) -> None:
    await receive(connection, "received_at + interval '1 hour'", "< 'evt_0003'")
    while await fill_charges(database):
        pass
    assert 0 < len(await connection.fetch(CHARGES)) < len(shop)
    await receive(connection, "received_at - interval '1 hour' + interval '5 minutes'", "< 'evt_0003'")
    while await fill_charges(database):
        pass
    assert await connection.fetch(CHARGES) == shop
    await upgrade(connection, "8 days")
    assert await fill_charges(database) == 0
    assert '"done":true' in await connection.fetchval("SELECT value FROM cursors")
    await connection.execute("UPDATE cursors SET updated_at = '2001-01-01'")
    assert await fill_charges(database) == 0
    assert await connection.fetchval("SELECT extract(year FROM updated_at) FROM cursors") == 2001


async def test_a_database_that_always_had_charges_is_not_read(
    shop: list[asyncpg.Record], database: Database, connection: asyncpg.Connection
) -> None:
    await connection.execute("UPDATE schema_migrations SET applied_at = now()")
    assert await fill_charges(database) == 0
    assert await connection.fetch("SELECT FROM cursors") == []
    assert await connection.fetch(CHARGES) == []
