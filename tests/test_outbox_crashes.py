"""kill -9 while messages are being sent: the surviving daemon delivers all of them."""

from __future__ import annotations

from pathlib import Path

import asyncpg

from checkout_daemon.database.pool import Database
from checkout_daemon.ledger.merge import merge
from tests.support.daemon import Daemon
from tests.support.payments import paid
from tests.support.receiver import SECRET, Receiver
from tests.support.stripe_events import insert_order
from tests.support.waiting import until

ORDERS = 20


async def test_a_daemon_killed_while_it_sends_loses_nothing(database_url: str, tmp_path: Path) -> None:
    receiver = Receiver()
    receiver.hold_first = True
    url = await receiver.start()
    settings = {"CHECKOUT_SHOP_WEBHOOK_URL": url, "CHECKOUT_SHOP_WEBHOOK_SECRET": SECRET}
    killed, living = (Daemon(database_url, tmp_path, **settings) for _ in range(2))
    await killed.start()
    database = Database(database_url, max_size=1)
    order_ids = [await insert_order(database_url) for _ in range(ORDERS)]
    updates = [paid(order_id, f"pi_{order_id}") for order_id in order_ids]
    await database.run(merge, updates)
    await database.close()

    await until(lambda: bool(receiver.tries))
    await killed.kill()
    receiver.release.set()
    connection = await asyncpg.connect(database_url)
    left = await connection.fetchval("SELECT count(*) FROM outbox WHERE channel = 'webhook' AND status <> 'sent'")
    assert left > 0  # the one that was held, at least
    await connection.execute("UPDATE outbox SET next_attempt_at = now()")  # two minutes later: the leases have ended
    await living.start()

    async def all_sent() -> bool:
        query = "SELECT count(*) FROM outbox WHERE channel = 'webhook' AND status = 'sent'"
        return bool(await connection.fetchval(query) == ORDERS)

    await until(all_sent)
    await living.stop()
    assert {message["data"]["order"]["id"] for message in receiver.taken.values()} == set(order_ids)
    assert len(receiver.tries) == ORDERS  # the ids stayed the same
    assert await connection.fetchval("SELECT count(*) FROM outbox WHERE status IN ('failed', 'dead')") == 0
    await connection.close()
    await receiver.stop()
