"""The least that a durable webhook can cost: one event type, one statement per batch, two rows per event.

A bound to compare with, not a product: it has no routes, logs, metrics, error handling or second event type. Events
that arrive during a commit share the next one, and each is answered after the commit that holds it.

    group_commit.py PORT
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import sys
from collections.abc import AsyncIterator

import asyncpg
import uvloop
from aiohttp import web

SECRET = os.environ["STRIPE_WEBHOOK_SECRET"].encode()
LANES = 2
LARGEST_BATCH = 64
WRITE = """
WITH incoming AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::bigint[], $5::text[])
        AS t (event_id, type, payload, order_id, intent)
), fresh AS (
    INSERT INTO processed_events (event_id, type, payload)
    SELECT event_id, type, payload FROM incoming ORDER BY event_id
    ON CONFLICT DO NOTHING RETURNING event_id
)
UPDATE orders SET status = 'completed', payment_intent = incoming.intent, version = version + 1, updated_at = now()
FROM incoming JOIN fresh USING (event_id)
WHERE orders.id = incoming.order_id AND orders.status = 'pending'
"""

Row = tuple[str, str, str, int, str]


class Batches:
    """The events that wait for a commit."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Row, asyncio.Future[None]]] = []
        self._wake = asyncio.Event()

    async def commit(self, row: Row) -> None:
        """Return when the row is committed."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((row, done))
        self._wake.set()
        await done

    async def work(self, pool: asyncpg.Pool) -> None:
        """Commit batch after batch."""
        async with pool.acquire() as connection:
            statement = await connection.prepare(WRITE)
            while True:
                await self._wake.wait()
                batch, self._waiting = self._waiting[:LARGEST_BATCH], self._waiting[LARGEST_BATCH:]
                if not self._waiting:
                    self._wake.clear()
                if batch:
                    rows = {row[0]: row for row, _ in batch}.values()  # the same event twice is one event
                    await statement.fetch(*(list(column) for column in zip(*rows, strict=True)))
                    for _, done in batch:
                        if not done.done():
                            done.set_result(None)


BATCHES = web.AppKey("BATCHES", Batches)


async def webhook(request: web.Request) -> web.Response:
    """Verify, and answer after the commit."""
    body = await request.read()
    fields = dict(part.split("=", 1) for part in request.headers["Stripe-Signature"].split(","))
    digest = hmac.new(SECRET, fields["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(digest, fields["v1"]):
        return web.Response(status=400)
    event = json.loads(body)
    session = event["data"]["object"]
    order_id = int(session["metadata"]["order_id"])
    await request.app[BATCHES].commit((event["id"], event["type"], body.decode(), order_id, session["payment_intent"]))
    return web.Response(body=b'{"received": true}', content_type="application/json")


async def lanes(app: web.Application) -> AsyncIterator[None]:
    """Run the transactions while the server runs."""
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=LANES, max_size=LANES) as pool:
        tasks = [asyncio.create_task(app[BATCHES].work(pool)) for _ in range(LANES)]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    app = web.Application()
    app[BATCHES] = Batches()
    app.add_routes([web.post("/api/webhook", webhook)])
    app.cleanup_ctx.append(lanes)
    port, loop = int(sys.argv[1]), uvloop.new_event_loop()
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None, loop=loop)
