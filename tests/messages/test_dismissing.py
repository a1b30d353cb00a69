"""Dead messages and events are dismissed in groups, of which each is a transaction."""

from __future__ import annotations

import asyncpg
import pytest

from checkout_daemon.audit.audit_log import verify
from checkout_daemon.audit.operators import Operator
from checkout_daemon.events import dismissing as of_events
from checkout_daemon.events.dismissing import NotDead, dismiss_events
from checkout_daemon.messages import dismissing as of_messages
from checkout_daemon.messages.dismissing import dismiss_messages
from checkout_daemon.model.messages import MessageKind
from checkout_daemon.outbox.outbox_store import owe
from checkout_daemon.runtime import Runtime
from tests.support.orders import add_expired_order

ANA = Operator("ana", "till")
_TRANSACTIONS = "SELECT count(DISTINCT xmin::text), count(*) FROM operator_log WHERE kind = $1"


async def dead_messages(connection: asyncpg.Connection, count: int) -> list[str]:
    """Add dead messages, each about an order of its own, and return their ids."""
    for number in range(count):
        order_id = await add_expired_order(connection)
        await owe(connection, MessageKind.SESSION_LINK, order_id=order_id, subject_id=str(number))
    await connection.execute("UPDATE outbox SET status = 'dead', last_error = 'gone'")
    return [str(row["id"]) for row in await connection.fetch("SELECT id FROM outbox ORDER BY id")]


async def dead_events(connection: asyncpg.Connection, count: int) -> list[str]:
    """Add dead events, all but the first about an order of their own, and return their ids."""
    ids = [f"evt_{number}" for number in range(count)]
    for place, event_id in enumerate(ids):
        await connection.execute(
            "INSERT INTO stripe_events (id, type, status, last_error, order_id, attempts, received_at, body_hash)"
            " VALUES ($1, 'charge.refunded', 'dead', 'odd', $2, 10, now(), '')",
            event_id,
            await add_expired_order(connection) if place else None,
        )
    return ids


async def test_messages_are_dismissed_in_groups_of_a_transaction_each(
    runtime: Runtime, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_messages, "_GROUP", 2)
    ids = await dead_messages(connection, 5)
    done = await dismiss_messages(runtime.database, ids, operator=ANA, note="phoned")
    assert [(line.id, line.status) for line in done] == [(message_id, "dismissed") for message_id in ids]
    assert tuple(await connection.fetchrow(_TRANSACTIONS, "message.dismissed") or ()) == (3, 5)
    assert (await verify(runtime.database)).faults == []


async def test_events_are_dismissed_in_groups_of_a_transaction_each(
    runtime: Runtime, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_events, "_GROUP", 2)
    ids = await dead_events(connection, 5)
    done = await dismiss_events(runtime.database, ids, operator=ANA, note="by hand")
    assert [(event.id, event.status) for event in done] == [(event_id, "dismissed") for event_id in ids]
    assert tuple(await connection.fetchrow(_TRANSACTIONS, "event.dismissed") or ()) == (3, 5)
    assert (await verify(runtime.database)).faults == []


async def test_none_is_dismissed_if_one_in_a_later_group_is_not_dead(
    runtime: Runtime, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_messages, "_GROUP", 1)
    monkeypatch.setattr(of_events, "_GROUP", 1)
    messages, events = await dead_messages(connection, 3), await dead_events(connection, 3)
    await connection.execute("UPDATE outbox SET status = 'queued' WHERE id = $1", messages[-1])
    await connection.execute("UPDATE stripe_events SET status = 'failed' WHERE id = $1", events[-1])
    with pytest.raises(NotDead, match="is queued, not dead: nothing was dismissed"):
        await dismiss_messages(runtime.database, messages, operator=ANA, note="phoned")
    with pytest.raises(NotDead, match="is failed, not dead: nothing was dismissed"):
        await dismiss_events(runtime.database, events, operator=ANA, note="by hand")
    assert await connection.fetchval("SELECT count(*) FROM outbox WHERE status = 'dismissed'") == 0
    assert await connection.fetchval("SELECT count(*) FROM stripe_events WHERE status = 'dismissed'") == 0


async def test_what_is_replayed_before_its_group_comes_is_left_and_not_reported_as_dismissed(
    runtime: Runtime, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_messages, "_GROUP", 1)
    first, last = await dead_messages(connection, 2)
    # As soon as the first is dismissed, somebody replays the last.
    await connection.execute(
        "CREATE FUNCTION replay() RETURNS trigger LANGUAGE plpgsql"
        f" AS $$ BEGIN UPDATE outbox SET status = 'queued' WHERE id = '{last}'; RETURN NEW; END $$;"
        "CREATE TRIGGER replays AFTER UPDATE ON outbox FOR EACH ROW"
        f" WHEN (NEW.id = '{first}' AND NEW.status = 'dismissed') EXECUTE FUNCTION replay();"
    )
    done = await dismiss_messages(runtime.database, [first, last], operator=ANA, note="phoned")
    assert [line.id for line in done] == [first]
    assert await connection.fetchval("SELECT status FROM outbox WHERE id = $1", last) == "queued"
