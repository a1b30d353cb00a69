"""Deliver the events of 10,000 orders, doubled and shuffled, to daemons that are killed while PostgreSQL restarts."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import NamedTuple
from uuid import UUID

import aiohttp
import asyncpg

from checkout_daemon.database.migrations import migrate
from checkout_daemon.database.pool import Database
from checkout_daemon.dev.postgres import EmbeddedPostgres
from checkout_daemon.ledger.event_store import adopt_events
from checkout_daemon.ledger.merge import Update, merge
from tests.faults.delivered import compare
from tests.faults.lives import Life
from tests.faults.playing import body_of, id_of, play
from tests.faults.report import Options, Part, Result
from tests.support.daemon import Daemon
from tests.support.mail_server import MailServer
from tests.support.receiver import SECRET, Receiver
from tests.support.stripe_events import signed

DUPLICATES = 0.2
_CONNECTIONS = 64
_LATE_ORDERS = 0.02
_OTHERS = -1
_TIMEOUT = aiohttp.ClientTimeout(20)  # Stripe's
_DRAINED_SECONDS = 900.0
_QUIET_SECONDS = 2.0
_RESTARTS: tuple[tuple[float, signal.Signals | None], ...] = (
    (0.25, None),
    (0.5, signal.SIGQUIT),
    (0.75, signal.SIGKILL),
)


class Delivery(NamedTuple):
    """When an event is delivered, relative to the others, and which: of a life or of none, in one of its copies."""

    at: float
    life: int
    copy: int
    event: int


@dataclass(frozen=True)
class Plan:
    """How much is delivered. Each life is played `variants` times at Stripe and delivered `copies` times."""

    variants: int
    copies: int
    kills: int
    """Each after the same number of deliveries."""


LONG = Plan(variants=6, copies=76, kills=70)


@dataclass
class Shop:
    """Two daemons of two workers, their server, and the shop's own systems; `lives` is what happened at Stripe."""

    plan: Plan
    chance: random.Random
    lives: Sequence[Life]
    others: Sequence[bytes]
    server: EmbeddedPostgres
    daemons: Sequence[Daemon]
    receiver: Receiver
    mails: MailServer
    order_ids: dict[tuple[int, int], str] = field(default_factory=dict)
    late: list[str] = field(default_factory=list)
    delivered: Counter[str] = field(default_factory=Counter)
    """How often each event was answered 200."""
    refusals: Counter[int] = field(default_factory=Counter)
    """The other answers; 0 stands for no answer."""
    faults: Counter[str] = field(default_factory=lambda: Counter({"workers killed": 0, "daemons killed": 0}))

    def __post_init__(self) -> None:
        """Name the orders."""
        for life in range(len(self.lives)):
            for copy in range(self.plan.copies):
                self.order_ids[life, copy] = str(UUID(int=self.chance.getrandbits(128), version=4))

    def deliveries(self) -> list[Delivery]:
        """Return all deliveries in their sequence, a fifth of them duplicates.

        Half of the orders have their events in Stripe's sequence and at once, so that they meet in transactions; those
        of the others come at any time, a refund before its payment. A duplicate comes together with the first or at
        any time.
        """
        chance = self.chance
        planned: list[Delivery] = []
        groups = [(_OTHERS, self.others), *((index, life.events) for index, life in enumerate(self.lives))]
        for life, events in groups:
            for copy in range(self.plan.copies):
                begin, at_once = chance.random(), chance.random() < 0.5
                for event in range(len(events)):
                    at = begin if at_once else chance.random()
                    planned.append(Delivery(at, life, copy, event))
        copied = chance.choices(planned, k=round(len(planned) * DUPLICATES / (1 - DUPLICATES)))
        planned += [first._replace(at=first.at if chance.random() < 0.5 else chance.random()) for first in copied]
        return sorted(planned)

    def body(self, delivery: Delivery) -> tuple[str, bytes]:
        """Return the event's id and body."""
        _, life, copy, event = delivery
        template = self.others[event] if life == _OTHERS else self.lives[life].events[event]
        return id_of(template, copy), body_of(template, copy, self.order_ids.get((life, copy), ""))

    async def deliver(self, deliveries: Sequence[Delivery]) -> None:
        """Deliver all, each until it is answered 200, over as many connections as Stripe opens."""
        waiting = iter(deliveries)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(timeout=_TIMEOUT, connector=connector) as http, asyncio.TaskGroup() as group:
            for _ in range(_CONNECTIONS):
                group.create_task(self._work(http, waiting))

    async def _work(self, http: aiohttp.ClientSession, waiting: Iterator[Delivery]) -> None:
        for delivery in waiting:
            event_id, body = self.body(delivery)
            while not await self._taken(http, body):  # noqa: ASYNC110 - another process
                await asyncio.sleep(self.chance.uniform(0.02, 0.2))
            self.delivered[event_id] += 1

    async def _taken(self, http: aiohttp.ClientSession, body: bytes) -> bool:
        url = f"{self.chance.choice(self.daemons).url}/api/webhook"
        try:
            async with http.post(url, data=body, headers={"Stripe-Signature": signed(body)}) as answer:
                if answer.status == 200:
                    return True
                self.refusals[answer.status] += 1
        except (aiohttp.ClientError, TimeoutError):
            self.refusals[0] += 1
        return False

    async def kill(self, deliveries: int) -> None:
        """Kill a worker or a whole daemon, again and again while the deliveries go on."""
        for number in range(1, self.plan.kills + 1):
            await self._delivered(number / (self.plan.kills + 1) * deliveries)
            daemon = self.chance.choice(self.daemons)
            if self.chance.random() < 0.6 and (workers := daemon.workers):
                with suppress(ProcessLookupError):
                    os.kill(self.chance.choice(workers), signal.SIGKILL)
                self.faults["workers killed"] += 1
            else:
                await daemon.kill(workers=self.chance.random() < 0.5)
                self.faults["daemons killed"] += 1
                await asyncio.sleep(self.chance.uniform(0, 0.5))
                await daemon.start_until_it_stays()

    async def _delivered(self, count: float) -> None:
        while self.delivered.total() < count:  # noqa: ASYNC110 - counted by many tasks
            await asyncio.sleep(0.05)

    async def disturb(self, deliveries: int) -> None:
        """Restart PostgreSQL after a quarter, half and three quarters: cleanly, at once, and after a kill -9.

        In between, the orders that were missing are inserted.
        """
        for share, how in _RESTARTS:
            await self._delivered(share * deliveries)
            if how is not None:
                assert self.server.pid is not None
                os.kill(self.server.pid, how)
                await self.server.wait()
            await self.server.stop()
            await self.server.start()
            self.faults["PostgreSQL restarts"] += 1
            if share == 0.5:
                await self._find_missing_orders()

    async def insert_orders(self) -> None:
        """Insert all orders except a few, which come later: as if a backup without them had been restored."""
        self.late = [order_id for order_id in self.order_ids.values() if self.chance.random() < _LATE_ORDERS]
        late = set(self.late)
        await self._insert(row for row in self._rows() if row[0] not in late)

    async def _find_missing_orders(self) -> None:
        late = set(self.late)
        await self._insert(row for row in self._rows() if row[0] in late)
        database = Database(self.server.url(), max_size=1)
        for order_id in self.late:
            await database.run(_take_up, order_id)
        await database.close()

    def _rows(self) -> Iterator[tuple[object, ...]]:
        for (life, _), order_id in self.order_ids.items():
            total, currency = self.lives[life].total, self.lives[life].currency
            yield order_id, currency, total, 0, total, "Ada", f"{order_id}@example.com", "+44", False

    async def _insert(self, rows: Iterator[tuple[object, ...]]) -> None:
        columns = ("id", "currency", "amount_subtotal", "amount_discount", "amount_total", "customer_name",
                   "customer_email", "customer_phone", "livemode")  # fmt: skip
        connection = await asyncpg.connect(self.server.url())
        await connection.copy_records_to_table("orders", records=list(rows), columns=columns)
        await connection.close()

    async def drained(self) -> None:
        """Wait until no message is owed any more.

        When nothing moves, time passes: the leases of killed senders end, and messages that were refused are due.
        """
        connection = await asyncpg.connect(self.server.url())
        owed = "WHERE status IN ('queued', 'failed')"
        before, since = -1, monotonic()
        async with asyncio.timeout(_DRAINED_SECONDS):
            while left := await connection.fetchval(f"SELECT count(*) FROM outbox {owed}"):
                if left != before:
                    before, since = left, monotonic()
                elif monotonic() - since > _QUIET_SECONDS:
                    await connection.execute(f"UPDATE outbox SET next_attempt_at = now() {owed}")
                    since = monotonic()
                await asyncio.sleep(0.2)
        await connection.close()


async def _take_up(connection: asyncpg.Connection, order_id: str) -> None:
    """Merge what arrived for an order before it was inserted, as `checkout orders recover` does."""
    merged = await merge(connection, [Update("order.recovered", "faults", order_ids=[order_id])])
    await adopt_events(connection, dict.fromkeys(merged.base.links.nodes_of(order_id), order_id))


async def attack(directory: Path, plan: Plan, seed: int) -> list[Result]:
    """Play, deliver, kill, restart and compare."""
    chance = random.Random(seed)
    (directory / "stripe").mkdir()
    lives, others = await play(directory / "stripe", plan.variants, seed)
    server, mails = EmbeddedPostgres(directory), MailServer()
    refused: defaultdict[str, bool] = defaultdict(lambda: chance.random() < 0.02)
    receiver = Receiver(lambda message, tries: 503 if not tries and refused[message] else 204)
    environ = {
        "CHECKOUT_SHOP_WEBHOOK_URL": await receiver.start(), "CHECKOUT_SHOP_WEBHOOK_SECRET": SECRET,
        "CHECKOUT_SMTP_URL": mails.start(), "CHECKOUT_MAIL_FROM": "shop@example.com",
        "CHECKOUT_ALERT_TO": "operator@example.com",
    }  # fmt: skip
    await server.start()
    daemons: list[Daemon] = []
    try:
        await migrate(server.url())
        daemons = [Daemon(server.url(), directory, "--workers", "2", **environ) for _ in range(2)]
        shop = Shop(plan, chance, lives, others, server, daemons, receiver, mails)
        await shop.insert_orders()
        await asyncio.gather(*(daemon.start() for daemon in daemons))
        deliveries = shop.deliveries()
        await asyncio.gather(shop.deliver(deliveries), shop.disturb(len(deliveries)), shop.kill(len(deliveries)))
        await shop.drained()
        return await compare(shop)
    finally:
        for daemon in daemons:
            await daemon.kill(workers=True)
        await server.stop()
        mails.stop()
        await receiver.stop()


async def run(options: Options) -> list[Result]:
    """Deliver at least 100,000 times."""
    return await attack(options.directory, LONG, options.seed)


PART = Part("deliveries", "100,000 deliveries, doubled and shuffled, to daemons killed while PostgreSQL restarts", run)
