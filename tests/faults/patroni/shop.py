"""A shop in steady use: shoppers, Stripe's deliveries and an operator, who repeat what was not answered."""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import asyncpg

from checkout_daemon.audit.operators import Operator
from checkout_daemon.database.reading import WORTH_SHOWING_SECONDS, Reads
from checkout_daemon.dev.ports import free_port
from checkout_daemon.errors import CheckoutError, DatabaseUnavailable
from checkout_daemon.ledger.signature import sign
from checkout_daemon.orders.order_filter import OrderFilter
from checkout_daemon.orders.order_lists import list_orders, read_view
from checkout_daemon.orders.refund_rules import RefundOptions
from checkout_daemon.orders.refunding import refund
from checkout_daemon.runtime import Runtime, open_runtime, standby_of
from checkout_daemon.settings import load_settings
from tests.faults.patroni.nodes import Cluster
from tests.faults.stack import Programs, offline_stripe, prepare
from tests.support.stripe_events import event_body

CHECKOUTS_A_SECOND = 3.0
EVENTS_A_SECOND = 6.0
REFUND_EVERY_SECONDS = 1.5
LISTS_A_SECOND = 2.0
_PATIENCE = aiohttp.ClientTimeout(15)
_CARDS = ("tok_visa",) * 6 + ("tok_chargeDeclined", "tok_createDispute")
_OPERATOR = Operator("faults", "localhost")
T = TypeVar("T")


@dataclass
class Shop:
    """What was asked, what was answered, and when: `answers` has the times of successful answers by kind."""

    stack: Programs
    runtime: Runtime  # the operator's
    reads: Reads  # likewise: from a standby
    random: random.Random
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: list[tuple[str, int]] = field(default_factory=list)
    events: set[str] = field(default_factory=set)  # delivered by ourselves and answered with 200
    refunded: list[tuple[str, str]] = field(default_factory=list)  # (order, refund), as the operator was told
    answers: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    faults: list[str] = field(default_factory=list)
    _paid: list[str] = field(default_factory=list)
    refused: int = 0
    refusals: Counter[str] = field(default_factory=Counter)  # of refunds, by code
    lists: Counter[str] = field(default_factory=Counter)  # that an operator read, by where from

    def longest_gap(self, kind: str, since: float, until: float) -> float:
        """Return the longest time without a successful answer."""
        times = [since, *(at for at in sorted(self.answers[kind]) if since < at < until), until]
        return max(after - before for before, after in pairwise(times))

    def first_after(self, kind: str, moment: float) -> float | None:
        return min((at for at in self.answers[kind] if at >= moment), default=None)

    async def check_out(self) -> None:
        """Place an order, repeat the request until it is answered, and pay it in most cases."""
        customer = {"name": "Ada Lovelace", "email": f"{uuid.uuid4().hex}@example.com", "phone": "+442071838750"}
        body = {"items": [{"sku": "NOTEBOOK-A5", "quantity": self.random.randint(1, 5)}], "customer": customer}
        answer = await self._until_answered(
            "checkout", "/api/stripe-checkout", json.dumps(body).encode(),
            lambda: {"Idempotency-Key": customer["email"], "Content-Type": "application/json"},
        )  # fmt: skip
        self.orders[answer["order_id"]] = answer
        if self.random.random() < 0.7:
            await self._pay(answer)

    async def deliver(self) -> None:
        """Deliver an event, and again until it is answered with 200, as Stripe does."""
        event_id = f"evt_{uuid.uuid4().hex}"
        body = _event(event_id)
        await self._until_answered("webhook", "/api/webhook", body, lambda: self._signature(body))
        self.events.add(event_id)

    async def deliver_once(self, event_id: str) -> int | None:
        """Deliver an event, and return the status of the answer, or None if there was none."""
        body, url = _event(event_id), f"{self.stack.url}/api/webhook"
        with suppress(aiohttp.ClientError, TimeoutError):
            async with self.stack.http.post(url, data=body, headers=self._signature(body), timeout=_PATIENCE) as answer:
                return answer.status
        return None

    async def refund(self) -> None:
        """Refund an order, with an amount that no other refund has. It is asked for once, whatever the answer."""
        if not self._paid:
            return
        order, amount = self.random.choice(self._paid[-60:]), 100 + len(self.refunds)
        self.refunds.append((order, amount))
        try:
            made = await refund(self.runtime, order, RefundOptions(amount=amount), operator=_OPERATOR)
            self.refunded.append((order, made.refund_id))
            self.answers["refund"].append(time.monotonic())
        except CheckoutError as error:
            self.refusals[error.code] += 1
            return
        await self._look_for(order, made.refund_id)

    async def list(self) -> None:
        """Read the newest orders as `orders list` does."""
        await self._read(lambda connection: list_orders(connection, OrderFilter(), limit=50))

    async def _look_for(self, order: str, refund_id: str) -> None:
        """Read the order, as its page does after an act: it must show the refund."""
        await self.reads.await_changes()
        view = await self._read(lambda connection: read_view(connection, order))
        if view is not None and refund_id not in {line.id for line in view.refunds}:
            self.faults.append(f"the page of order {order} does not show refund {refund_id}, which was just made")

    async def _read(self, question: Callable[[asyncpg.Connection], Awaitable[T]]) -> T | None:
        """Return the answer, or None if no server gives one."""
        try:
            async with self.reads.connection() as connection:
                answer = await question(connection)
        except DatabaseUnavailable:
            self.lists["not answered"] += 1
            return None
        self.answers["list"].append(time.monotonic())
        self.lists["of a standby" if self.reads.behind_seconds is not None else "of the primary"] += 1
        self.lists["behind by more than a second"] += (self.reads.behind_seconds or 0) > WORTH_SHOWING_SECONDS
        return answer

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Do all of this steadily during the block, and wait for what is under way at its end."""
        under_way: set[asyncio.Task[None]] = set()
        paces = (
            (self.check_out, 1 / CHECKOUTS_A_SECOND),
            (self.deliver, 1 / EVENTS_A_SECOND),
            (self.refund, REFUND_EVERY_SECONDS),
            (self.list, 1 / LISTS_A_SECOND),
        )
        loops = [asyncio.create_task(self._repeat(work, pause, under_way)) for work, pause in paces]
        try:
            yield
        finally:
            for loop in loops:
                loop.cancel()
            async with asyncio.timeout(120):
                outcomes = await asyncio.gather(*under_way, *loops, return_exceptions=True)
            self.faults += [repr(outcome) for outcome in outcomes if isinstance(outcome, Exception)]

    async def _repeat(
        self, work: Callable[[], Awaitable[None]], pause: float, under_way: set[asyncio.Task[None]]
    ) -> None:
        """Start the work at a steady pace, whether or not earlier work was answered."""
        while True:
            task = asyncio.ensure_future(work())
            under_way.add(task)
            await asyncio.sleep(pause)
            for done in [one for one in under_way if one.done() and not one.exception()]:
                under_way.discard(done)

    async def _until_answered(
        self, kind: str, path: str, body: bytes, headers: Callable[[], dict[str, str]]
    ) -> dict[str, Any]:
        """Send a request until it is answered with 2xx, and return that answer."""
        pause = 0.25
        while True:
            with suppress(aiohttp.ClientError, TimeoutError):
                url = f"{self.stack.url}{path}"
                async with self.stack.http.post(url, data=body, headers=headers(), timeout=_PATIENCE) as answer:
                    if answer.status in (200, 201):
                        content: dict[str, Any] = await answer.json()
                        self.answers[kind].append(time.monotonic())
                        return content
                    self.refused += 1
                    assert answer.status in (409, 500, 502, 503), f"{kind}: {answer.status} {await answer.text()}"
                    if answer.status == 500:
                        self.faults.append(f"{kind}: {await answer.text()}")
            await asyncio.sleep(pause * self.random.uniform(0.5, 1))
            pause = min(pause * 1.5, 2.0)

    def _signature(self, body: bytes) -> dict[str, str]:
        return {"Stripe-Signature": sign(body, self.stack.environ["STRIPE_WEBHOOK_SECRET"], int(time.time()))}

    async def _pay(self, order: dict[str, Any]) -> None:
        form = {"type": "card", "card[token]": self.random.choice(_CARDS)}
        status, method = await self.stack.stripe("POST", "/v1/payment_methods", form)
        if status == 200:
            confirm = {"payment_method": method["id"], "expected_amount": str(order["amount_total"])}
            status, _ = await self.stack.stripe("POST", f"/v1/payment_pages/{order['session_id']}/confirm", confirm)
        if status == 200:
            self._paid.append(order["order_id"])


def _event(event_id: str) -> bytes:
    return event_body(
        "customer.created", {"id": event_id.replace("evt", "cus"), "object": "customer"}, event_id=event_id
    )


@asynccontextmanager
async def running_shop(directory: Path, cluster: Cluster, seed: int) -> AsyncIterator[Shop]:
    """Start the offline Stripe and a daemon of two workers on the cluster, and stop both at the end."""
    async with offline_stripe(directory, {}) as stripe_base:
        port = free_port()
        environ = await prepare(directory, cluster.direct_url, stripe_base, stripe_base, port)
        environ["DATABASE_URL"] = cluster.url
        environ["DATABASE_READ_URL"] = cluster.url.partition("?")[0]
        settings = load_settings(environ, cwd=directory)
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
            open_runtime(settings) as runtime,
            standby_of(settings, 2) as standby,
        ):
            stack = Programs(
                directory=directory, http=http, database_url=cluster.direct_url, stripe_base=stripe_base,
                environ=environ, port=port,
            )  # fmt: skip
            try:
                await stack.start_daemon()
                yield Shop(stack, runtime, Reads(runtime.database, standby), random.Random(seed))
            finally:
                await stack.stop_daemon()
