"""A server that answers 200 to everything, and is careless with the peers' database in a chosen way.

careless.py MODE PORT: `lose` keeps nothing; `double` applies every delivery, repeated ones too.
"""

from __future__ import annotations

import json
import os
import sys

import asyncpg
from aiohttp import web

APPLY = """
WITH noted AS (INSERT INTO processed_events (event_id, type) VALUES ($1, 'any') ON CONFLICT DO NOTHING)
UPDATE orders SET status = 'completed', version = version + 1 WHERE stripe_session_id = $2
"""


async def lose(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(text="{}")


async def double(request: web.Request) -> web.Response:
    event = json.loads(await request.read())
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    await connection.execute(APPLY, event["id"], event["data"]["object"]["id"])
    await connection.close()
    return web.Response(text="{}")


if __name__ == "__main__":
    app = web.Application()
    app.add_routes([web.post("/api/webhook", {"lose": lose, "double": double}[sys.argv[1]])])
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[2]), print=None)
