"""Shoppers and deliveries that come whatever the weather, and what they must be answered.

Some of the shoppers who were given a session pay it later, at Stripe itself, which then delivers the events of their
payment, and repeats what is refused.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Sequence

from tests.faults.weather.restore import noticed
from tests.faults.weather.world import Answer, World

PER_SECOND = 10
SHOPPER_SECONDS = 8.0  # what docs/ARCHITECTURE.md promises
MOST_MORE_MB = 60.0
MOST_THREADS = 24
_BREAKER = "checkout_stripe_breaker_open"
_HEAL_SECONDS = 60.0
_PAID_EVERY = 5  # shoppers


class Shoppers:
    """Everybody who asked for an order. `answers` has the last answer to each key."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.answers: dict[str, Answer] = {}
        self.deliveries: list[Answer] = []
        self.delivered: set[str] = set()
        self.paid: set[str] = set()  # orders
        self._unpaid: list[Answer] = []

    async def come(self, seconds: float) -> None:
        """Send shoppers and deliveries for a while, and wait until all have been answered."""
        end = time.monotonic() + seconds
        async with asyncio.TaskGroup() as group:
            while time.monotonic() < end:
                group.create_task(self._ask(uuid.uuid4().hex))
                if len(self.answers) % 2 == 0:
                    group.create_task(self._deliver())
                if len(self.answers) % _PAID_EVERY == 0 and self._unpaid:
                    group.create_task(self._pay(self._unpaid.pop()))
                self._world.usage()
                await asyncio.sleep(1 / PER_SECOND)

    async def come_back(self, keys: Sequence[str]) -> None:
        """Repeat requests until they are answered with a session, as a storefront does."""
        end = time.monotonic() + _HEAL_SECONDS
        while (left := [key for key in keys if self.answers[key].status not in (200, 201)]) and time.monotonic() < end:
            for begin in range(0, len(left), 10):
                await asyncio.gather(*(self._ask(key) for key in left[begin : begin + 10]))
            await asyncio.sleep(0.5)

    async def _ask(self, key: str) -> None:
        self.answers[key] = answer = await self._world.check_out(key)
        if answer.status in (200, 201):
            self._unpaid.append(answer)

    async def _pay(self, answer: Answer) -> None:
        await self._world.pay(answer.data["session_id"], answer.data["amount_total"])
        self.paid.add(answer.data["order_id"])

    async def _deliver(self) -> None:
        event, answer = await self._world.deliver()
        self.deliveries.append(answer)
        if answer.status == 200:
            self.delivered.add(event)


async def endure(
    world: World,
    shoppers: Shoppers,
    seconds: float,
    *,
    delivery_seconds: float,
    may_refuse: bool = False,
    must_refuse: bool = True,
) -> tuple[dict[str, object], list[str]]:
    """Let shoppers come for a while, and return what was counted and what was wrong.

    A delivery may take that long, and with `may_refuse` be answered 503. With `must_refuse` nobody being refused is
    wrong: the trouble had no effect.
    """
    world.most.clear()
    idle = world.usage()
    asked, paid = len(shoppers.answers), len(shoppers.paid)
    await shoppers.come(seconds)
    answers = list(shoppers.answers.values())[asked:]
    deliveries, shoppers.deliveries = shoppers.deliveries, []
    statuses = Counter(answer.status for answer in answers)
    slowest = max(answer.seconds for answer in answers)
    counts: dict[str, object] = {
        "shoppers": len(answers), "answers": dict(statuses), "slowest_s": round(slowest, 1),
        "refused_at_once": sum(answer.status == 503 and answer.seconds < 1 for answer in answers),
        "calls": world.network.requests, "calls_at_once": world.network.most_under_way,
        "paid": len(shoppers.paid) - paid, "deliveries": dict(Counter(one.status for one in deliveries)),
        "slowest_delivery_ms": round(1000 * max(one.seconds for one in deliveries)),
        "more_mb": round(world.most["mb"] - idle["mb"], 1), "descriptors": world.most["descriptors"],
        "threads": world.most["threads"],
    }  # fmt: skip
    wrong = [f"shoppers were answered {status}" for status in statuses if status not in (200, 201, 503)]
    if must_refuse and not any(one.status == 503 for one in (*answers, *deliveries)):
        wrong.append("nobody was refused")
    if any(answer.status == 503 and not int(answer.retry_after or 0) for answer in answers):
        wrong.append("a 503 without Retry-After")
    if slowest > SHOPPER_SECONDS:
        wrong.append(f"a shopper waited {slowest:.1f} s")
    allowed = (200, 503) if may_refuse else (200,)
    if bad := Counter(one.status for one in deliveries if one.status not in allowed):
        wrong.append(f"deliveries were answered {dict(bad)}")
    if (late := max(one.seconds for one in deliveries)) > delivery_seconds:
        wrong.append(f"a delivery took {late:.1f} s")
    if world.most["mb"] - idle["mb"] > MOST_MORE_MB:
        wrong.append(f"the daemon grew by {world.most['mb'] - idle['mb']:.0f} MB")
    if world.most["threads"] > MOST_THREADS:
        wrong.append(f"the daemon had {world.most['threads']:.0f} threads")
    return counts, wrong


async def heal(world: World, shoppers: Shoppers, since: int) -> tuple[dict[str, object], list[str]]:
    """Let half of the shoppers since then come back, and return how long it took and what is still wrong."""
    begun = time.monotonic()
    await shoppers.come_back(list(shoppers.answers)[since::2])
    healed = time.monotonic() - begun
    wrong = []
    if unserved := [key for key in list(shoppers.answers)[since::2] if shoppers.answers[key].status not in (200, 201)]:
        wrong.append(f"{len(unserved)} shoppers got no session within {_HEAL_SECONDS:.0f} s")
    if await world.metric(_BREAKER):
        wrong.append("the breaker is still open")
    return {"all_served_after_s": round(healed, 1)}, wrong


async def compare(world: World, shoppers: Shoppers) -> list[str]:
    """Return what differs between the shoppers, the orders and Stripe, once Stripe's deliveries have come."""
    unlike = await noticed(world, [])
    rows = await world.rows("SELECT id::text, customer_email, status FROM orders")
    orders = Counter(row["customer_email"] for row in rows)
    wrong = unlike + [f"{count} orders of {email}" for email, count in orders.items() if count > 1]
    at_stripe = await world.sessions()
    wrong += [f"{len(made)} sessions of order {order}" for order, made in at_stripe.items() if len(made) > 1]
    wrong += [f"a session of an unknown order {order}" for order in at_stripe.keys() - {row["id"] for row in rows}]
    served = {answer.data["order_id"]: answer for answer in shoppers.answers.values() if answer.data.get("order_id")}
    wrong += [
        f"order {order} was answered with a session that Stripe does not have"
        for order, answer in served.items()
        if answer.data["session_id"] not in [made["id"] for made in at_stripe.get(order, [])]
    ]
    wrong += [
        f"order {row['id']} is {row['status']}"
        for row in rows
        if row["status"] != ("completed" if row["id"] in shoppers.paid else "pending")
    ]
    known = {row["id"] for row in await world.rows("SELECT id FROM stripe_events")}
    return wrong + [f"event {event} was acknowledged and is not held" for event in shoppers.delivered - known]
