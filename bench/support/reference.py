"""Run what most shops run: the SDK's construct_event, then one transaction per event.

reference.py PORT
"""

from __future__ import annotations

import os
import sys

import asyncpg
import stripe
from aiohttp import web

SECRET = os.environ["STRIPE_WEBHOOK_SECRET"]
POOL = web.AppKey("pool", asyncpg.Pool)


async def webhook(request: web.Request) -> web.Response:
    """Store the event and complete its order."""
    payload = await request.read()
    event = stripe.Webhook.construct_event(payload, request.headers["Stripe-Signature"], SECRET)
    session = event.data.object
    async with request.app[POOL].acquire() as connection, connection.transaction():
        fresh = await connection.fetchval(
            "INSERT INTO reference_events (id, type, payload) VALUES ($1, $2, $3::jsonb)"
            " ON CONFLICT DO NOTHING RETURNING id",
            event.id,
            event.type,
            payload.decode(),
        )
        if fresh is not None:
            await connection.execute(
                "UPDATE orders SET status = 'completed', paid_at = now(), updated_at = now()"
                " WHERE id = $1 AND status = 'pending'",
                session.client_reference_id,
            )
    return web.json_response({"received": True})


async def open_pool(app: web.Application):  # type: ignore[no-untyped-def]
    """Open the pool, and create the table of events."""
    app[POOL] = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=8, max_size=8)
    async with app[POOL].acquire() as connection:
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS reference_events (id text PRIMARY KEY, type text, payload jsonb)"
        )
    yield
    await app[POOL].close()


if __name__ == "__main__":
    app = web.Application()
    app.add_routes([web.post("/api/webhook", webhook)])
    app.cleanup_ctx.append(open_pool)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
