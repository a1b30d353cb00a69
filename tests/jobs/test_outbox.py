"""The outbox metrics count waiting messages, zero included, and an unavailable database is one warning."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from checkout_daemon.jobs.runner import Job, run_jobs
from checkout_daemon.messages.delivering import MOST_AT_ONCE, count_backlog, deliver_due
from checkout_daemon.model.messages import Channel
from checkout_daemon.observability.metrics import Metrics
from checkout_daemon.outbox import outbox_store
from checkout_daemon.runtime import open_runtime
from checkout_daemon.settings import load_settings
from tests.operations.test_gauges import values
from tests.support.orders import add_order
from tests.support.receiver import SECRET, Receiver
from tests.support.waiting import until


async def test_attempts_and_waiting_messages_are_metrics(database_url: str, tmp_path: Path) -> None:
    receiver = Receiver(lambda *_: 500)
    environ = {
        "DATABASE_URL": database_url,
        "CHECKOUT_SHOP_WEBHOOK_URL": await receiver.start(),
        "CHECKOUT_SHOP_WEBHOOK_SECRET": SECRET,
        "CHECKOUT_SMTP_URL": "smtp://127.0.0.1:9",
        "CHECKOUT_MAIL_FROM": "shop@example.com",
    }
    connection = await asyncpg.connect(database_url)
    order_id = await add_order(connection)
    await connection.execute(
        "INSERT INTO outbox (order_id, kind, channel, created_at) VALUES"
        " ($1, 'payment.failed', 'webhook', now()), ($1, 'order.completed', 'mail', now() - interval '1 hour')",
        order_id,
    )
    await connection.close()
    async with open_runtime(load_settings(environ, cwd=tmp_path)) as opened:
        runtime = replace(opened, metrics=(metrics := Metrics()))
        await deliver_due(runtime, Channel.WEBHOOK)
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


async def test_what_waits_for_a_setting_is_counted_and_is_never_late(database_url: str, tmp_path: Path) -> None:
    """A shop without a mail server and webhook, that sells."""
    connection = await asyncpg.connect(database_url)
    order_id = await add_order(connection)
    await connection.execute(
        "INSERT INTO outbox (order_id, kind, channel, created_at, endpoint) VALUES"
        " ($1, 'order.completed', 'mail', now() - interval '2 days', NULL),"
        " ($1, 'order.completed', 'webhook', now() - interval '2 days', NULL),"
        " ($1, 'order.refunded', 'webhook', now() - interval '1 hour', 'erp')",
        order_id,
    )
    await connection.close()
    async with open_runtime(load_settings({"DATABASE_URL": database_url}, cwd=tmp_path)) as opened:
        await count_backlog(replace(opened, metrics=(metrics := Metrics())))
    found = values(metrics)
    assert found['checkout_outbox_messages{channel="mail",status="queued"}'] == 1
    assert found['checkout_outbox_oldest_seconds{channel="mail",status="queued"}'] == 0
    assert found['checkout_outbox_messages{channel="webhook",status="queued"}'] == 2
    assert 3600 <= found['checkout_outbox_oldest_seconds{channel="webhook",status="queued"}'] < 3700


async def test_of_what_waits_for_a_setting_so_many_are_counted_at_most(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_store, "MOST_COUNTED", 2)
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "INSERT INTO outbox (order_id, kind, subject_id, channel, endpoint)"
        " SELECT $1::uuid, 'order.completed', concat(n, '@', endpoint), channel, endpoint"
        " FROM generate_series(1, 5) AS n,"
        " (VALUES ('mail', NULL), ('webhook', NULL), ('webhook', 'erp'), ('alert', NULL)) AS made (channel, endpoint)",
        await add_order(connection),
    )
    await connection.close()
    environ = {
        "DATABASE_URL": database_url,
        "CHECKOUT_SMTP_URL": "smtp://127.0.0.1:9",
        "CHECKOUT_MAIL_FROM": "shop@example.com",
    }
    async with open_runtime(load_settings(environ, cwd=tmp_path)) as opened:
        await count_backlog(replace(opened, metrics=(metrics := Metrics())))
    found = values(metrics)
    assert found['checkout_outbox_messages{channel="mail",status="queued"}'] == 5
    assert found['checkout_outbox_messages{channel="alert",status="queued"}'] == 2  # without CHECKOUT_ALERT_TO
    assert found['checkout_outbox_messages{channel="webhook",status="queued"}'] == 2 + 5


@pytest.mark.parametrize(("key", "dead"), [("sk_test_0123456789", 1), ("sk_live_0123456789", 0)])
async def test_a_dead_message_of_a_test_order_does_not_count_under_a_live_key(
    database_url: str, tmp_path: Path, key: str, dead: int
) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "INSERT INTO outbox (order_id, kind, channel, status) VALUES ($1, 'order.completed', 'mail', 'dead')",
        await add_order(connection),
    )
    await connection.close()
    environ = {"DATABASE_URL": database_url, "STRIPE_API_KEY": key}
    async with open_runtime(load_settings(environ, cwd=tmp_path)) as opened:
        await count_backlog(replace(opened, metrics=(metrics := Metrics())))
    assert values(metrics)['checkout_outbox_messages{channel="mail",status="dead"}'] == dead


async def test_a_database_that_becomes_unavailable_is_one_warning(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = Receiver()
    receiver.hold_first = True
    environ = {
        "DATABASE_URL": database_url,
        "CHECKOUT_SHOP_WEBHOOK_URL": await receiver.start(),
        "CHECKOUT_SHOP_WEBHOOK_SECRET": SECRET,
    }
    connection = await asyncpg.connect(database_url)
    for _ in range(MOST_AT_ONCE + 2):
        order_id = await add_order(connection)
        await connection.execute(
            "INSERT INTO outbox (order_id, kind, channel) VALUES ($1, 'payment.failed', 'webhook')", order_id
        )
    await connection.close()
    server, _, name = database_url.rpartition("/")
    job = Job("deliver", 0.05, lambda runtime: deliver_due(runtime, Channel.WEBHOOK))
    admin = await asyncpg.connect(f"{server}/postgres")
    async with open_runtime(load_settings(environ, cwd=tmp_path)) as runtime:
        working = asyncio.create_task(run_jobs(runtime, [job]))
        await until(lambda: len(receiver.taken) == MOST_AT_ONCE + 1)
        await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        receiver.release.set()
        await until(lambda: any(record.levelno == logging.WARNING for record in caplog.records))
        await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    await admin.close()
    await receiver.stop()
    ours = [record for record in caplog.records if record.name.startswith("checkout_daemon.")]
    assert not [record for record in ours if record.exc_info]
    (warning,) = [record for record in ours if record.levelno >= logging.WARNING]
    assert warning.getMessage().startswith("job deliver waits: the database does not answer")
