"""A backup is taken while the shop sells, the database is lost later, and what it lacks comes from Stripe.

Orders are paid and refunded before, during and after the backup. The daemon is killed, the backup is restored, and the
daemon started again: its own comparison with Stripe must find everything. The orders that the backup lacks and that
were paid are then brought back with `checkout orders recover`, as the doctor advises.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections import Counter
from typing import Any

from tests.faults.report import Options, Part, Result
from tests.faults.weather.world import World, running_world

PER_SECOND = 5
LEAST_SECONDS = 8.0
CATCH_UP_SECONDS = 240.0  # the daemon compares once a minute, and takes no event younger than 30 s
_PAID = ("completed", "refunded", "partially_refunded")


class Sales:
    """Shoppers who pay in most cases, and some of whom get a part back."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._random = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.numbers: Counter[int] = Counter()
        self.slowest = 0.0

    async def go_on(self, seconds: float, per_second: float = PER_SECOND) -> None:
        """Sell for a while, and wait until all are done."""
        end = time.monotonic() + seconds
        async with asyncio.TaskGroup() as group:
            while time.monotonic() < end:
                group.create_task(self.sell())
                await asyncio.sleep(1 / per_second)

    async def sell(self) -> bool:
        """Let one shopper come. Return whether they were given an order."""
        answer = await self._world.check_out(uuid.uuid4().hex)
        self.slowest = max(self.slowest, answer.seconds)
        if answer.status not in (200, 201):
            self.counts[f"answered {answer.status}"] += 1
            return False
        self.counts["orders"] += 1
        self.numbers[answer.data["number"]] += 1
        if self._random.random() < 0.2:
            return True
        await self._world.pay(answer.data["session_id"], answer.data["amount_total"])
        self.counts["paid"] += 1
        if self._random.random() < 0.3:
            session = await self._world.stripe("GET", f"/v1/checkout/sessions/{answer.data['session_id']}")
            await self._world.stripe(
                "POST", "/v1/refunds", {"payment_intent": session["payment_intent"], "amount": "5"}
            )
            self.counts["refunded"] += 1
        return True


async def differences(world: World) -> tuple[list[str], list[str]]:
    """Return what differs from Stripe, and the paid sessions whose orders are not here."""
    refunds: Counter[str] = Counter()
    for refund in await world.every("/v1/refunds"):
        refunds[refund["payment_intent"]] += refund["amount"]
    rows: dict[str, Any] = {
        row["id"]: row for row in await world.rows("SELECT id::text, number, status, amount_refunded FROM orders")
    }
    wrong, missing = [], []
    for order, sessions in (await world.sessions()).items():
        paid = [session for session in sessions if session["payment_status"] == "paid"]
        row = rows.get(order)
        if row is None:
            missing += [session["id"] for session in paid]
        elif bool(paid) != (row["status"] in _PAID):
            wrong.append(f"order {row['number']} is {row['status']}, with {len(paid)} payments at Stripe")
        elif paid and row["amount_refunded"] != refunds[paid[0]["payment_intent"]]:
            wrong.append(f"order {row['number']} has {row['amount_refunded']} refunded, not as at Stripe")
    return wrong, missing


async def noticed(world: World, missing: list[str]) -> list[str]:
    """Wait until the daemon has found all that is missing and differs, and return what it has not found."""
    end = time.monotonic() + CATCH_UP_SECONDS
    while True:
        wrong, _ = await differences(world)
        known = {row[0] for row in await world.rows("SELECT session_id FROM missing_orders")}
        wrong += [
            f"session {session} is paid, and nobody misses its order" for session in missing if session not in known
        ]
        if not wrong or time.monotonic() > end:
            return wrong
        await asyncio.sleep(2)


async def fill_the_gap(world: World, sales: Sales) -> tuple[dict[str, object], list[str]]:
    """Start the daemon on a database that lacks what was last, and recover the orders whose payments it misses.

    Return the figures, and what is not as at Stripe in the end.
    """
    (restored,) = await world.rows("SELECT count(*) AS orders FROM orders")
    _, missing = await differences(world)
    begun = time.monotonic()
    await world.start_daemon()
    found = await noticed(world, missing)
    caught_up = round(time.monotonic() - begun)
    for session in missing:
        status, printed = await world.command("orders", "recover", session, "--yes")
        if status:
            found.append(f"`orders recover {session}` ended with {status}: {printed.strip()[-200:]}")
    await sales.go_on(2)  # new orders must not get numbers that a customer has already
    wrong = found + await noticed(world, [])
    _, still = await differences(world)
    wrong += [f"the order of session {session} is lost" for session in still]
    wrong += [f"number {number} was given {count} times" for number, count in sales.numbers.items() if count > 1]
    wrong += [f"checkouts were {answer}" for answer in sales.counts if answer.startswith("answered")]
    counts = dict(sales.counts) | {
        "restored": restored["orders"], "recovered": len(missing), "all_found_after_s": caught_up,
    }  # fmt: skip
    return counts, wrong


async def run(options: Options) -> list[Result]:
    """Sell, back up, sell, lose everything since, restore, and compare."""
    seconds = max(options.seconds / 20, LEAST_SECONDS)
    async with running_world(options.directory) as world:
        sales = Sales(world, options.seed)
        await sales.go_on(seconds)
        selling = asyncio.create_task(sales.go_on(seconds))
        await asyncio.sleep(seconds / 2)
        status, printed = await world.command("db", "backup", "shop.dump")
        assert status == 0, printed
        await selling
        await sales.go_on(seconds)
        (before,) = await world.rows("SELECT count(*) AS orders, max(number) AS number FROM orders")
        assert world.daemon is not None
        world.daemon.kill()
        await world.daemon.wait()
        status, printed = await world.command("db", "restore", "shop.dump", "--yes")
        assert status == 0, printed
        counts, wrong = await fill_the_gap(world, sales)
        counts |= {"orders_before": before["orders"]}
        return [Result("what a restored backup lacks comes from Stripe", counts, tuple(wrong))]


PART = Part("restore", "a backup under load, a loss, a restore, and the gap filled from Stripe", run)
