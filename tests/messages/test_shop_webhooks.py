"""Webhooks are signed, sent at least once by any number of daemons, and do not hold each other up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from checkout_daemon.backoff import MESSAGE_TRIES
from checkout_daemon.ledger.merge import merge
from checkout_daemon.messages import delivering
from checkout_daemon.messages.delivering import deliver_due, skip_unconfigured
from checkout_daemon.model.messages import Channel, MessageKind
from checkout_daemon.outbox import outbox_store
from checkout_daemon.outbox.outbox_store import claim_messages, owe
from checkout_daemon.runtime import Runtime, open_runtime
from checkout_daemon.settings import load_settings
from tests.support.payments import paid
from tests.support.receiver import OTHER_SECRET, SECRET, Receiver
from tests.support.stripe_events import insert_order
from tests.support.waiting import until

MAKE_DUE = "UPDATE outbox SET next_attempt_at = now() WHERE status = 'failed'"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    receiver.url = await receiver.start()
    yield receiver
    await receiver.stop()


@pytest.fixture
async def daemons(database_url: str, receiver: Receiver, tmp_path: Path) -> AsyncIterator[list[Runtime]]:
    """Yield the runtimes of two daemons."""
    environ = {
        "DATABASE_URL": database_url,
        "STRIPE_API_KEY": "sk_test_none",
        "CHECKOUT_SHOP_WEBHOOK_URL": receiver.url,
        "CHECKOUT_SHOP_WEBHOOK_SECRET": f"{OTHER_SECRET},{SECRET}",
    }
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(open_runtime(load_settings(environ, cwd=tmp_path))) for _ in range(2)]


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def pay_orders(database_url: str, runtime: Runtime, count: int) -> list[str]:
    order_ids = [await insert_order(database_url) for _ in range(count)]
    updates = [paid(order_id, f"pi_{order_id}") for order_id in order_ids]
    await runtime.database.run(merge, updates)
    return order_ids


async def statuses(connection: asyncpg.Connection) -> dict[str, int]:
    rows = await connection.fetch("SELECT status, count(*) FROM outbox WHERE channel = 'webhook' GROUP BY status")
    return dict(map(tuple, rows))


async def test_a_receiver_that_often_fails_gets_every_message_and_never_two_copies_at_once(
    daemons: list[Runtime], receiver: Receiver, database_url: str, connection: asyncpg.Connection
) -> None:
    order_ids = await pay_orders(database_url, daemons[0], 40)
    receiver.answer = lambda message_id, before: 500 if int(message_id[:2], 16) % 2 and before < 2 else 200
    async with asyncio.timeout(30):
        while await statuses(connection) != {"sent": 40}:
            await asyncio.gather(*(deliver_due(daemon, Channel.WEBHOOK) for daemon in daemons))
            await connection.execute(MAKE_DUE)
    assert {body["data"]["order"]["id"] for body in receiver.taken.values()} == set(order_ids)
    assert receiver.most_at_once == 1
    assert set(receiver.tries.values()) <= {1, 3}


async def test_a_message_names_its_order_and_no_person(
    daemons: list[Runtime], receiver: Receiver, database_url: str
) -> None:
    (order_id,) = await pay_orders(database_url, daemons[0], 1)
    await deliver_due(daemons[0], Channel.WEBHOOK)
    ((message_id, body),) = receiver.taken.items()
    order = body["data"]["order"]
    assert (body["type"], order["id"], order["status"], order["amount_total"]) == (
        "order.completed", order_id, "completed", 5000,
    )  # fmt: skip
    assert "n@example.com" not in json.dumps(body)
    assert receiver.headers["webhook-id"] == message_id


async def test_what_another_system_called_a_payment_is_in_no_message(
    daemons: list[Runtime], receiver: Receiver, database_url: str, connection: asyncpg.Connection
) -> None:
    order_id = await insert_order(database_url)
    await connection.execute("UPDATE orders SET imported_from = 'pi_old'")
    await connection.execute(
        "INSERT INTO order_items (order_id, position, sku, name, unit_amount, quantity, amount, amount_discount)"
        " VALUES ($1, 1, 'PAYMENT', 'Donation by Ada Lovelace', 5000, 1, 5000, 0)",
        order_id,
    )
    await daemons[0].database.run(merge, [paid(order_id, f"pi_{order_id}")])
    await deliver_due(daemons[0], Channel.WEBHOOK)
    (body,) = receiver.taken.values()
    assert [(item["sku"], item["name"]) for item in body["data"]["order"]["items"]] == [("PAYMENT", "Payment")]


async def test_the_old_and_the_new_secret_verify_during_a_rotation(
    daemons: list[Runtime], receiver: Receiver, database_url: str
) -> None:
    for secret in (SECRET, OTHER_SECRET):
        receiver.secret = secret
        await pay_orders(database_url, daemons[0], 1)
        await deliver_due(daemons[0], Channel.WEBHOOK)
    assert len(receiver.taken) == 2


async def test_a_message_that_hangs_holds_up_no_other(
    daemons: list[Runtime], receiver: Receiver, database_url: str, connection: asyncpg.Connection
) -> None:
    receiver.hold_first = True
    await pay_orders(database_url, daemons[0], 1)
    sending = asyncio.create_task(deliver_due(daemons[0], Channel.WEBHOOK))
    await until(lambda: bool(receiver.tries))
    await pay_orders(database_url, daemons[0], 3)
    await until(lambda: len(receiver.taken) == 3)
    assert not sending.done()
    receiver.release.set()
    assert await sending == 4
    assert await statuses(connection) == {"sent": 4}


async def test_a_daemon_that_stops_finishes_a_message_that_is_almost_sent(
    daemons: list[Runtime], receiver: Receiver, database_url: str, connection: asyncpg.Connection
) -> None:
    receiver.hold_first = True
    await pay_orders(database_url, daemons[0], 1)
    sending = asyncio.create_task(deliver_due(daemons[0], Channel.WEBHOOK))
    await until(lambda: bool(receiver.tries))
    sending.cancel()
    receiver.release.set()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert await statuses(connection) == {"sent": 1}


async def test_a_daemon_that_stops_while_it_claims_others_finishes_a_message_that_is_almost_sent(
    daemons: list[Runtime],
    receiver: Receiver,
    database_url: str,
    connection: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivering, "_LAST_SECONDS", 30.0)
    receiver.hold_first = True
    await pay_orders(database_url, daemons[0], 1)
    sending = asyncio.create_task(deliver_due(daemons[0], Channel.WEBHOOK))
    await until(lambda: bool(receiver.tries))

    async def is_claiming() -> bool:
        waiting = "SELECT count(*) FROM pg_locks WHERE relation = 'outbox'::regclass AND NOT granted"
        return bool(await connection.fetchval(waiting))

    async with connection.transaction():
        await connection.execute("LOCK TABLE outbox IN EXCLUSIVE MODE")
        await until(is_claiming)
        sending.cancel()
    receiver.release.set()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert await statuses(connection) == {"sent": 1}


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_a_refused_message_is_retried_and_dead_after_the_last_attempt(
    daemons: list[Runtime], receiver: Receiver, database_url: str, connection: asyncpg.Connection, status: int
) -> None:
    await pay_orders(database_url, daemons[0], 1)
    receiver.answer = lambda *_: status
    for _ in range(MESSAGE_TRIES + 1):
        await deliver_due(daemons[0], Channel.WEBHOOK)
        await connection.execute(MAKE_DUE)
    row = await connection.fetchrow("SELECT status, attempts, last_error FROM outbox WHERE channel = 'webhook'")
    assert row is not None
    assert tuple(row) == ("dead", MESSAGE_TRIES, f"the receiver answered {status}")
    assert set(receiver.paths) == {"/hooks"}  # no redirect is followed
    assert receiver.tries.total() == MESSAGE_TRIES


@pytest.mark.parametrize(
    "asked", ["86401", "9" * 5000, "Fri, 31 Dec 9999 23:59:59 GMT"], ids=["seconds", "many digits", "date"]
)
async def test_a_receiver_puts_a_message_off_for_a_day_at_most(
    daemons: list[Runtime], receiver: Receiver, database_url: str, connection: asyncpg.Connection, asked: str
) -> None:
    receiver.answer = lambda *_: 503
    receiver.more_headers = {"Retry-After": asked}
    await pay_orders(database_url, daemons[0], 1)
    await deliver_due(daemons[0], Channel.WEBHOOK)
    waits = await connection.fetchval("SELECT next_attempt_at - now() FROM outbox WHERE channel = 'webhook'")
    assert timedelta(hours=1) < waits <= timedelta(days=1)


async def test_a_message_of_a_dead_daemon_is_taken_over_when_the_lease_ends(
    daemons: list[Runtime], receiver: Receiver, database_url: str, connection: asyncpg.Connection
) -> None:
    await pay_orders(database_url, daemons[0], 1)
    claimed = await claim_messages(connection, Channel.WEBHOOK, 10, lease_seconds=0.5)
    assert len(claimed) == 1
    assert await deliver_due(daemons[1], Channel.WEBHOOK) == 0

    async def taken_over() -> bool:
        return bool(await deliver_due(daemons[1], Channel.WEBHOOK))

    await until(taken_over)
    assert list(receiver.taken) == [str(claimed[0].id)]
    assert not await outbox_store.record_delivery(connection, claimed[0], "failed", error="too late")
    assert await statuses(connection) == {"sent": 1}


async def test_without_a_receiver_messages_wait_and_old_ones_are_skipped(
    daemons: list[Runtime], receiver: Receiver, database_url: str, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    await pay_orders(database_url, daemons[0], 3)
    await connection.execute(
        "UPDATE outbox SET created_at = now() - interval '4 days' WHERE id IN"
        " (SELECT id FROM outbox WHERE channel = 'webhook' ORDER BY id LIMIT 1)"
    )
    async with open_runtime(load_settings({"DATABASE_URL": database_url}, cwd=tmp_path)) as bare:
        assert await deliver_due(bare, Channel.WEBHOOK) == 0
        await skip_unconfigured(bare)
    assert await statuses(connection) == {"queued": 2, "skipped": 1}
    await deliver_due(daemons[0], Channel.WEBHOOK)
    assert await statuses(connection) == {"sent": 2, "skipped": 1}
    assert len(receiver.taken) == 2


async def test_a_message_queued_twice_is_queued_once(connection: asyncpg.Connection) -> None:
    first = await owe(connection, MessageKind.EVENTS_SILENT, subject_id="since noon")
    assert len(first) == 2
    assert await owe(connection, MessageKind.EVENTS_SILENT, subject_id="since noon") == []
