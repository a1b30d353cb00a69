"""A kill or a lost database at any moment loses nothing and doubles nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from checkout_daemon.database.migrations import migrate
from checkout_daemon.dev.postgres import EmbeddedPostgres
from tests.support.daemon import Daemon, deliver_until_taken
from tests.support.stripe_events import event_body, refund_object, session_object

ORDERS = """
INSERT INTO orders (id, currency, amount_subtotal, amount_discount, amount_total, customer_name, customer_email,
                    customer_phone, livemode)
SELECT gen_random_uuid(), 'eur', 5000, 0, 5000, 'N', 'n@example.com', '+1', false FROM generate_series(1, $1)
RETURNING id
"""


async def make_bodies(url: str, orders: int) -> list[bytes]:
    """Return four events per order: processing, completed, a refund of 20.00, and one that is not ours."""
    connection = await asyncpg.connect(url)
    ids = [str(row["id"]) for row in await connection.fetch(ORDERS, orders)]
    await connection.close()
    bodies = []
    for index, order_id in enumerate(ids):
        paid = session_object(order_id, f"cs_{index}", f"pi_{index}")
        bodies += [
            event_body("checkout.session.completed", paid | {"payment_status": "unpaid"}, event_id=f"evt_a{index}"),
            event_body("checkout.session.async_payment_succeeded", paid, event_id=f"evt_b{index}"),
            event_body("refund.created", refund_object(f"re_{index}", f"pi_{index}", 2000), event_id=f"evt_c{index}"),
            event_body("customer.created", {"id": f"cus_{index}"}, event_id=f"evt_d{index}"),
        ]
    return bodies


async def assert_every_order_right(url: str, orders: int) -> None:
    connection = await asyncpg.connect(url)
    states = await connection.fetch("SELECT status, amount_refunded, count(*) FROM orders GROUP BY 1, 2")
    events = await connection.fetch("SELECT status, count(*) FROM stripe_events GROUP BY 1 ORDER BY 1")
    payloads = await connection.fetchval("SELECT count(*) FROM stripe_event_payloads")
    await connection.close()
    assert [tuple(row) for row in states] == [("partially_refunded", 2000, orders)]
    assert [tuple(row) for row in events] == [("applied", 3 * orders), ("ignored", orders)]
    assert payloads == 4 * orders


async def deliver_all(client: aiohttp.ClientSession, daemon: Daemon, bodies: list[bytes]) -> Counter[int]:
    """Send over 32 connections, and return the answers that were not 200."""
    waiting = iter(bodies)
    answers: Counter[int] = Counter()

    async def work() -> None:
        for body in waiting:
            answers.update(await deliver_until_taken(client, daemon, body))

    await asyncio.gather(*(work() for _ in range(32)))
    return answers


async def reached(url: str, events: int) -> None:
    """Wait until so many events are stored."""
    connection = await asyncpg.connect(url)
    async with asyncio.timeout(60):
        while await connection.fetchval("SELECT count(*) FROM stripe_events") < events:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)
    await connection.close()


@pytest.mark.parametrize("options", [[], ["--workers", "2"]], ids=["one process", "two workers"])
async def test_a_daemon_killed_three_times_in_2000_webhooks_ends_with_every_order_right(
    database_url: str, tmp_path: Path, options: list[str]
) -> None:
    bodies = await make_bodies(database_url, 500)
    daemon = Daemon(database_url, tmp_path, *options)
    await daemon.start()
    async with aiohttp.ClientSession() as client:
        delivering = asyncio.create_task(deliver_all(client, daemon, bodies))
        for share in (0.2, 0.5, 0.8):
            await reached(database_url, int(share * len(bodies)))
            await daemon.kill()
            await daemon.start()
        answers = await delivering
    assert await daemon.stop() == 0
    assert answers[0] > 0  # it was killed under deliveries, not between them
    await assert_every_order_right(database_url, 500)


async def test_postgres_stopped_and_started_under_traffic_is_503_meanwhile_and_recovers(
    state_dir: Path, tmp_path: Path
) -> None:
    server = EmbeddedPostgres(state_dir)
    await server.start()
    await migrate(server.url())
    bodies = await make_bodies(server.url(), 250)
    daemon = Daemon(server.url(), tmp_path)
    await daemon.start()
    async with aiohttp.ClientSession() as client:
        delivering = asyncio.create_task(deliver_all(client, daemon, bodies))
        await reached(server.url(), 300)
        await server.stop()
        async with client.get(f"{daemon.url}/readyz") as answer:
            assert answer.status == 503
        async with client.get(f"{daemon.url}/healthz") as answer:
            assert answer.status == 200
        await server.start()
        answers = await delivering
        async with client.get(f"{daemon.url}/readyz") as answer:
            assert answer.status == 200
    assert await daemon.stop() == 0
    assert answers[503] > 0
    assert set(answers) == {503}
    await assert_every_order_right(server.url(), 250)
    await server.stop()
