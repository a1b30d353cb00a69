"""GET /api/products of 200 products and POST /api/quotes, compared with aiohttp answering as many bytes made before."""

from __future__ import annotations

import json
import random

from bench.scenarios.checkouts import cart
from bench.support.events import Delivery
from bench.support.load import request
from bench.support.processes import fetch
from bench.support.rows import Row
from bench.support.targets import BARE, Target
from bench.support.visits import Phase, Run, interleave, visiting

SCENARIO = "routes"
PRODUCTS, QUOTES = "GET products", "POST quotes"
CONNECTIONS = 32
_HEADERS = {"User-Agent": "Mozilla/5.0", "Accept": "application/json"}
_MOST_PER_SECOND = 30_000
_CARTS = 1000


async def measure(run: Run) -> list[Row]:
    """Measure the daemons and bare aiohttp."""
    generator = random.Random(3)
    bodies = [json.dumps({"items": cart(generator)}).encode() for _ in range(_CARTS)]
    sizes = await _sizes(run, bodies[0])
    repeats = int(_MOST_PER_SECOND * run.seconds)

    async def visit(number: int, target: Target) -> list[Row]:
        products, quotes = (f"/json/{size}" for size in sizes) if target is BARE else ("/api/products", "/api/quotes")
        get = Delivery(request(products, b"", _HEADERS, "GET"))
        posts = [Delivery(request(quotes, body, _HEADERS | {"Content-Type": "application/json"})) for body in bodies]
        async with visiting(run, SCENARIO, number, target) as visit:
            await visit.send([get] * 500 + posts)
            await visit.measure(Phase(PRODUCTS, CONNECTIONS, run.seconds), [get] * repeats)
            await visit.measure(Phase(QUOTES, CONNECTIONS, run.seconds), posts * (repeats // _CARTS))
        return visit.rows

    return await interleave(run.rounds, (BARE, *run.daemons), visit)


async def _sizes(run: Run, body: bytes) -> tuple[int, int]:
    """Return how many bytes this daemon answers to each of the two."""
    async with visiting(run, SCENARIO, 0, run.daemons[0]) as visit:
        products, quote = (
            await fetch(visit.server.port, "/api/products"),
            await fetch(visit.server.port, "/api/quotes", body),
        )
    return len(products.partition(b"\r\n\r\n")[2]), len(quote.partition(b"\r\n\r\n")[2])
