"""What waits in the outbox is counted, also what there is none of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import asyncpg

from checkout_daemon.config import load_settings
from checkout_daemon.jobs.outbox import count_backlog, deliver_webhooks
from checkout_daemon.observability.metrics import Metrics
from checkout_daemon.runtime import open_runtime
from tests.support.orders import add_order
from tests.support.receiver import SECRET, Receiver


async def test_attempts_and_what_waits_are_metrics(database_url: str, tmp_path: Path) -> None:
    receiver = Receiver(lambda *_: 500)
    environ = {
        "DATABASE_URL": database_url,
        "CHECKOUT_SHOP_WEBHOOK_URL": await receiver.start(),
        "CHECKOUT_SHOP_WEBHOOK_SECRET": SECRET,
    }
    connection = await asyncpg.connect(database_url)
    order_id = await add_order(connection)
    await connection.execute(
        "INSERT INTO outbox (order_id, kind, channel, created_at) VALUES"
        " ($1, 'order.completed', 'webhook', now()), ($1, 'order.completed', 'mail', now() - interval '1 hour')",
        order_id,
    )
    await connection.close()
    async with open_runtime(load_settings(environ, cwd=tmp_path)) as opened:
        runtime = replace(opened, metrics=(metrics := Metrics()))
        await deliver_webhooks(runtime)
        await count_backlog(runtime)
    await receiver.stop()
    lines = metrics.render().decode().splitlines()
    assert 'checkout_outbox_attempts_total{channel="webhook",outcome="failed"} 1.0' in lines
    assert 'checkout_outbox_messages{channel="webhook",status="failed"} 1.0' in lines
    assert 'checkout_outbox_messages{channel="mail",status="queued"} 1.0' in lines
    assert 'checkout_outbox_messages{channel="alert",status="dead"} 0.0' in lines
    (age,) = [
        line for line in lines if line.startswith('checkout_outbox_oldest_seconds{channel="mail",status="queued"}')
    ]
    assert 3600 <= float(age.split()[1]) < 3700
