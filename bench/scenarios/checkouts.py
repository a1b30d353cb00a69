"""POST /api/stripe-checkout with carts of three lines; the stand-in for Stripe answers at once and after 50 ms."""

from __future__ import annotations

import json
import random

from bench.support.events import Delivery
from bench.support.load import request
from bench.support.processes import fetch
from bench.support.rows import Row
from bench.support.targets import FLASK, Target
from bench.support.visits import Phase, Run, interleave, visiting

SCENARIO = "checkouts"
DELAYS = {"Stripe at 0 ms": 0, "Stripe at 50 ms": 50}
CONNECTIONS = 32
WARM_UP = 150
_MOST_PER_SECOND = 2000


async def measure(run: Run) -> list[Row]:
    """Measure the daemons and the Flask design."""
    count = int(_MOST_PER_SECOND * run.seconds)

    async def visit(number: int, target: Target) -> list[Row]:
        async with visiting(run, SCENARIO, number, target, stub=True) as visit:
            assert visit.stub is not None
            await visit.send(carts(WARM_UP, seed=0))
            visit.checkouts = WARM_UP
            for place, (name, delay) in enumerate(DELAYS.items()):
                await fetch(visit.stub.port, f"/delay/{delay}", b"{}")
                row = await visit.measure(Phase(name, CONNECTIONS, run.seconds), carts(count, seed=place + 1))
                visit.checkouts += row.requests
        return visit.rows

    return await interleave(run.rounds, (FLASK, *run.daemons), visit)


def carts(count: int, *, seed: int) -> list[Delivery]:
    """Return requests of customers who each place one order."""
    generator = random.Random(seed)
    requests = []
    for number in range(count):
        customer = {"name": "Ada Lovelace", "email": f"buyer{seed}.{number}@example.com", "phone": "+442071838750"}
        body = json.dumps({"items": cart(generator), "customer": customer}).encode()
        headers = {"User-Agent": "Mozilla/5.0", "Accept": "application/json", "Content-Type": "application/json"}
        requests.append(Delivery(request("/api/stripe-checkout", body, headers)))
    return requests


def cart(generator: random.Random) -> list[dict[str, object]]:
    """Return three lines of the catalog."""
    chosen = generator.sample(range(1, 201), 3)
    return [{"sku": f"SKU-{number:04d}", "quantity": generator.randint(1, 4)} for number in chosen]
