"""Doctor's checks of the database, its schema, its rows and the events that it lacks."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.database.pool import Database
from checkout_daemon.ledger.own_account import remember_account
from checkout_daemon.orders.notes import note_order
from checkout_daemon.runtime import open_runtime
from checkout_daemon.settings import Settings
from checkout_daemon.stripe_sync.backfill import backfill
from tests.support.doctor import PUBLIC_URL, Account, results
from tests.support.orders import add_order


async def test_an_old_schema_is_fixed_by_migrating(settings: Settings, connection: asyncpg.Connection) -> None:
    await connection.execute("DELETE FROM schema_migrations WHERE version > 1")
    old = (await results(settings))["schema"]
    await connection.execute("DROP TABLE schema_migrations")
    none = (await results(settings))["schema"]
    assert (old.ok, none.ok, none.fix) == (False, False, "checkout db init")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:S3CR3T@[bad/db",
        "postgresql://u:x@127.0.0.1:S3CR3T/db",
        "://S3CR3T",
        "postgres://u:S3CR3T/PW@h/db",
    ],
)
async def test_a_malformed_database_url_is_a_fault_that_does_not_repeat_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    found = await results(replace(settings, database_url=url))
    assert not found["database"].ok
    assert "S3CR3T" not in repr(found)


async def test_an_audit_log_that_was_changed_is_a_fault(
    settings: Settings, connection: asyncpg.Connection, database_url: str
) -> None:
    order_id = await add_order(connection)
    database = Database(database_url)
    await note_order(database, order_id, "called", operator=Operator("ada", "shop1"))
    await database.close()
    whole = (await results(settings))["schema"]
    await connection.execute("SET session_replication_role = replica")  # past the triggers
    await connection.execute("UPDATE operator_log SET operator = 'bob'")
    changed = (await results(settings))["schema"]
    assert (whole.ok, "log is intact: 1 entry" in whole.detail) == (True, True)
    assert (changed.ok, f"entry 1 of order {order_id} was changed" in changed.detail) == (False, True)


async def test_orders_of_the_other_mode_are_a_fault(settings: Settings, connection: asyncpg.Connection) -> None:
    await add_order(connection, livemode=True)
    key_mode = (await results(settings))["key_mode"]
    assert (key_mode.ok, "1001" in key_mode.detail, "sk_live_" in (key_mode.fix or "")) == (False, True, True)


async def test_rows_whose_order_is_gone_are_a_fault(settings: Settings, connection: asyncpg.Connection) -> None:
    gone = await add_order(connection)
    await connection.execute(
        "INSERT INTO order_changes (order_id, to_status, cause, actor) VALUES ($1, '', '', '')", gone
    )
    whole = (await results(settings))["orders"]
    await connection.execute("SET session_replication_role = replica")  # past the trigger that deletes them
    await connection.execute("DELETE FROM orders")
    torn = (await results(settings))["orders"]
    assert (whole.ok, torn.ok) == (True, False)
    assert "1 row names an order" in torn.detail


async def test_events_that_name_an_account_are_a_fault_while_our_account_is_unknown(
    settings: Settings, connection: asyncpg.Connection
) -> None:
    await connection.execute(
        "INSERT INTO stripe_events (id, type, status, reason, received_at, body_hash)"
        " VALUES ('evt_1', 'charge.succeeded', 'ignored', 'other_account', now(), '')"
    )
    unknown = (await results(settings))["key_mode"]
    await remember_account(connection, "acct_ours", livemode=False)
    known = (await results(settings))["key_mode"]
    assert (unknown.ok, known.ok) == (False, True)
    assert unknown.detail.startswith("1 event names an account and is ignored")


async def test_dead_events_are_a_fault_and_so_are_failed_ones(
    settings: Settings, connection: asyncpg.Connection
) -> None:
    insert = (
        "INSERT INTO stripe_events (id, type, status, received_at, body_hash)"
        " VALUES ($1, 'charge.succeeded', $2, now(), '')"
    )
    await connection.execute(insert, "evt_1", "failed")
    failed = (await results(settings))["dead_letters"]
    await connection.execute(insert, "evt_2", "dead")
    dead = (await results(settings))["dead_letters"]
    assert (failed.ok, dead.ok) == (False, False)
    assert failed.fix == "checkout events list --status failed"
    assert dead.detail == "1 event dead, 1 failed and being retried; 0 messages dead"
    assert dead.fix == "checkout events replay --status dead"


async def test_dead_messages_are_a_fault(settings: Settings, connection: asyncpg.Connection) -> None:
    order_id = await add_order(connection)
    insert = "INSERT INTO outbox (order_id, kind, channel, status) VALUES ($1, 'order.completed', 'webhook', 'dead')"
    await connection.execute(insert, order_id)
    letters = (await results(settings))["dead_letters"]
    assert (letters.ok, letters.fix) == (False, "checkout outbox replay --status dead")
    assert letters.detail == "0 events dead, 0 failed and being retried; 1 message dead"
    await connection.execute("UPDATE outbox SET status = 'dismissed'")
    assert (await results(settings))["dead_letters"].ok


async def test_an_event_that_stripe_has_and_we_do_not_is_a_fault_once_it_is_late(
    settings: Settings, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    await account.register()
    await account.post(
        "/v1/payment_intents",
        ("amount", "1000"),
        ("currency", "eur"),
        ("payment_method", "pm_card_visa"),
        ("confirm", "true"),
        ("return_url", PUBLIC_URL),
    )
    on_its_way = (await results(settings))["backfill"]
    monkeypatch.setattr("checkout_daemon.operations.doctor.database.DELIVERY_SECONDS", -1)
    missing = (await results(settings))["backfill"]
    async with open_runtime(settings) as runtime:
        done = await backfill(runtime, datetime.now(UTC))  # as the command does
    held = (await results(settings))["backfill"]
    assert (on_its_way.ok, missing.ok, held.ok) == (True, False, True)
    assert "on their way" in on_its_way.detail
    assert f"{done.new} of the last {done.scanned} events" in missing.detail
    assert missing.fix == "checkout events backfill --since 1h"


async def test_a_comparison_that_no_daemon_does_any_more_is_a_fault(
    settings: Settings, account: Account, connection: asyncpg.Connection
) -> None:
    insert = "INSERT INTO cursors (name, value) VALUES ('backfill', $1)"
    until = datetime.now(UTC) - timedelta(hours=2)
    await connection.execute(insert, json.dumps({"until": until.isoformat()}))
    behind = (await results(settings))["backfill"]
    await connection.execute(
        "UPDATE cursors SET value = $1", json.dumps({"until": (until + timedelta(hours=2)).isoformat()})
    )
    assert (behind.ok, behind.fix) == (False, "checkout serve")
    assert (await results(settings))["backfill"].ok
