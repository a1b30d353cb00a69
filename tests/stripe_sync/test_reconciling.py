"""Many orders change at Stripe while nothing is delivered: one reconcile, or the jobs, fix all of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import asyncpg
import msgspec
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.database.leases import leased
from checkout_daemon.errors import StripeUnavailable
from checkout_daemon.ledger.apply import retry_due_events
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_sync.catching_up import catch_up, follow_hints, last_comparison, sweep_expired
from checkout_daemon.stripe_sync.comparing import Synced
from checkout_daemon.stripe_sync.reconciling import (
    CURSOR,
    Outcome,
    ReconcileRun,
    ReconcileUnderWay,
    reconcile,
)
from tests.support.flaky_stripe import FlakyStripe
from tests.support.shopping import check_out, pay

ADA = Operator("ada", "shop1")
DAY = timedelta(days=1)
SUCCEEDS_LATER, FAILS_LATER = "AT611904300234573201", "IT60X0542811101000000123456"
Life = Callable[["Till", CheckoutAnswer], Awaitable[None]]


class Till:
    """Changes made through Stripe's API of which nothing is delivered."""

    def __init__(self, runtime: Runtime, base: str) -> None:
        self.runtime, self.base = runtime, base

    async def ask(self, method: str, path: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        async def call(client: Any) -> Any:
            return await client._requestor.request_async(method, path, params, base_address="api")

        return (await self.runtime.gateway.call("test", call)).object

    async def clock(self, advance: str) -> None:
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{self.base}/sandbox/clock", json={"advance": advance}) as answer,
        ):
            assert answer.status == 200, await answer.text()

    async def payment(self, order: CheckoutAnswer) -> dict[str, Any]:
        session = await self.ask("get", f"/v1/checkout/sessions/{order.session_id}", {"expand": ["payment_intent"]})
        payment: dict[str, Any] = session["payment_intent"]
        return payment

    async def pay(self, order: CheckoutAnswer, iban: str = "") -> None:
        method: dict[str, Any] = {}
        if iban:
            debit = {"iban": iban}
            method = {
                "type": "sepa_debit",
                "sepa_debit": debit,
                "billing_details": {"name": "Ada", "email": "ada@example.com"},
            }
        await pay(self.runtime, order.session_id, order.amount_total, **method)


async def untouched(till: Till, order: CheckoutAnswer) -> None: ...


async def paid(till: Till, order: CheckoutAnswer) -> None:
    await till.pay(order)


async def debited(till: Till, order: CheckoutAnswer) -> None:
    await till.pay(order, SUCCEEDS_LATER)


async def debit_failed(till: Till, order: CheckoutAnswer) -> None:
    await till.pay(order, FAILS_LATER)


async def expired(till: Till, order: CheckoutAnswer) -> None:
    await till.ask("post", f"/v1/checkout/sessions/{order.session_id}/expire")


async def refunded(till: Till, order: CheckoutAnswer) -> None:
    await till.pay(order)
    await till.ask("post", "/v1/refunds", {"payment_intent": (await till.payment(order))["id"]})


async def partly_refunded(till: Till, order: CheckoutAnswer) -> None:
    await till.pay(order)
    payment = (await till.payment(order))["id"]
    for amount in (100, 250):
        await till.ask("post", "/v1/refunds", {"payment_intent": payment, "amount": amount})


async def disputed(till: Till, order: CheckoutAnswer) -> None:
    await till.pay(order)
    charge = (await till.payment(order))["latest_charge"]
    await till.ask("post", f"/v1/test_helpers/charges/{charge}/dispute", {"reason": "fraudulent"})


async def dispute_lost(till: Till, order: CheckoutAnswer) -> None:
    await till.pay(order)
    charge = (await till.payment(order))["latest_charge"]
    dispute = await till.ask("post", f"/v1/test_helpers/charges/{charge}/dispute", {"reason": "fraudulent"})
    await till.ask("post", f"/v1/disputes/{dispute['id']}/close")


LIVES: dict[Life, tuple[str, list[str], int]] = {
    untouched: ("pending", [], 0),
    paid: ("completed", [], 0),
    debited: ("completed", [], 0),
    debit_failed: ("failed", [], 0),
    expired: ("expired", [], 0),
    refunded: ("refunded", [], 3399),
    partly_refunded: ("partially_refunded", [], 350),
    disputed: ("disputed", ["dispute_needs_response"], 0),
    dispute_lost: ("disputed", ["dispute_lost"], 0),
}
"""What may happen at Stripe, and the order's status, attention and refunded amount afterwards."""


@asynccontextmanager
async def lived(runtime: Runtime, stripe: FlakyStripe, count: int) -> AsyncIterator[dict[int, Life]]:
    """Yield what happened to each order at Stripe, of which nothing was delivered."""
    till, lives = Till(runtime, stripe.base), list(LIVES)
    done: dict[int, Life] = {}
    limit = asyncio.Semaphore(4)

    async def live(place: int) -> None:
        async with limit:
            order = await check_out(runtime)
            await lives[place % len(lives)](till, order)
            done[order.number] = lives[place % len(lives)]

    await asyncio.gather(*(live(place) for place in range(count)))
    await till.clock("10m")  # debits settle
    yield done


async def states(connection: asyncpg.Connection) -> dict[int, tuple[str, list[str], int]]:
    rows = await connection.fetch("SELECT number, status, attention, amount_refunded FROM orders")
    return {row["number"]: (row["status"], row["attention"], row["amount_refunded"]) for row in rows}


async def everything(connection: asyncpg.Connection) -> dict[str, list[str]]:
    """Return every row. When a dispute was last read may change, because the latest report of a dispute counts."""
    await connection.execute("UPDATE disputes SET observed_at = '2026-01-01Z'")
    tables = ("orders", "checkout_sessions", "payment_observations", "refunds", "disputes", "order_changes", "outbox")
    return {
        table: sorted(row["t"] for row in await connection.fetch(f"SELECT t::text FROM {table} AS t"))
        for table in tables
    }


async def compare(runtime: Runtime, *, apply: bool, **options: Any) -> ReconcileRun:
    since = datetime.now(UTC) - DAY
    return await reconcile(runtime, since=since, apply=apply, operator=ADA, calls_per_second=5000, **options)


@pytest.fixture
def orders_lived() -> int:
    return 90


async def test_one_reconcile_makes_every_order_equal_stripe(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe, orders_lived: int
) -> None:
    async with lived(runtime, stripe, orders_lived) as lives:
        outcomes: list[Synced] = []
        dry = await compare(runtime, apply=False, on_outcome=outcomes.append)
        wrong = sum(life is not untouched for life in lives.values())
        assert (dry.tally.compared, dry.tally.differed, dry.tally.left) == (orders_lived, wrong, wrong)
        assert {done.number: (done.status, list(done.attention), done.amount_refunded) for done in outcomes} == {
            number: LIVES[life] for number, life in lives.items()
        }
        assert set(Counter(status for status, *_ in (await states(connection)).values())) == {"pending"}

        done = await compare(runtime, apply=True)
        assert (done.tally.compared, done.tally.fixed, done.tally.left, done.tally.failed) == (
            orders_lived, wrong, 0, 0,
        )  # fmt: skip
        assert await states(connection) == {number: LIVES[life] for number, life in lives.items()}
        causes = await connection.fetch("SELECT DISTINCT cause, actor FROM order_changes WHERE from_status IS NOT NULL")
        assert [tuple(row) for row in causes] == [("reconcile", "ada@shop1")]

        before = await everything(connection)
        again = await compare(runtime, apply=True)
        assert (again.tally.compared, again.tally.differed) == (orders_lived, 0)
        assert await everything(connection) == before


async def test_the_jobs_on_their_own_do_the_same(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe, orders_lived: int
) -> None:
    async with lived(runtime, stripe, orders_lived // 2) as lives:
        await Till(runtime, stripe.base).clock("1m")
        found = await asyncio.gather(catch_up(runtime), catch_up(runtime))  # two daemons: one of them does it
        assert min(found) == 0 < max(found)
        await retry_due_events(runtime.database)
        await follow_hints(runtime)
        assert await states(connection) == {number: LIVES[life] for number, life in lives.items()}
        compared, _ = await last_comparison(connection)
        assert compared is not None
        assert (compared.listed, compared.stored, compared.failed) == (max(found), max(found), 0)
        assert await catch_up(runtime) == 0
        # Orders that nobody paid expire with their sessions.
        await Till(runtime, stripe.base).clock("25h")
        await connection.execute("DELETE FROM stripe_events WHERE type = 'checkout.session.expired'")
        unpaid = sum(life is untouched for life in lives.values())
        assert await sweep_expired(runtime) == unpaid
        ended = await states(connection)
        assert [ended[number][0] for number, life in lives.items() if life is untouched] == ["expired"] * unpaid
        assert await sweep_expired(runtime) == 0


async def test_the_next_run_continues_one_that_was_interrupted(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checkout_daemon.stripe_sync.reconciling.BUSY_STRIPE_SECONDS", (0.01,))
    monkeypatch.setattr("checkout_daemon.stripe_sync.reconciling._MOST_AT_ONCE", 4)
    async with lived(runtime, stripe, 27) as lives:
        seen: list[Outcome] = []

        def cut_off(outcome: Outcome) -> None:
            seen.append(outcome)
            if len(seen) == 8:
                stripe.plan = lambda number, request: "lose_request"

        with pytest.raises(StripeUnavailable):
            await compare(runtime, apply=True, on_outcome=cut_off)
        stripe.plan = lambda number, request: None
        begun: list[tuple[int, int]] = []
        done = await compare(runtime, apply=True, on_start=lambda run, count: begun.append((run.after, count)))
        assert begun == [(sorted(lives)[7], 19)]
        assert done.tally.compared == 27
        assert await states(connection) == {number: LIVES[life] for number, life in lives.items()}


async def test_a_run_ends_at_once_if_stripe_does_not_answer_from_the_start(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checkout_daemon.stripe_sync.reconciling.BUSY_STRIPE_SECONDS", (3600.0,))
    async with lived(runtime, stripe, 3):
        stripe.plan = lambda number, request: "lose_request"
        with pytest.raises(StripeUnavailable):
            await asyncio.wait_for(compare(runtime, apply=True), 60)
        stripe.plan = lambda number, request: None
        assert (await compare(runtime, apply=True)).tally.compared == 3


async def test_a_second_run_at_the_same_time_is_refused(runtime: Runtime, connection: asyncpg.Connection) -> None:
    async with leased(runtime.database, CURSOR) as lease:
        assert lease is not None
        with pytest.raises(ReconcileUnderWay):
            await compare(runtime, apply=False)
    assert (await compare(runtime, apply=False)).tally.compared == 0


@pytest.mark.parametrize("livemode", [True, None])
async def test_a_run_that_was_interrupted_under_a_key_of_the_other_mode_is_not_continued(
    runtime: Runtime, connection: asyncpg.Connection, livemode: bool | None
) -> None:
    order = await check_out(runtime)
    now = datetime.now(UTC)
    async with leased(runtime.database, CURSOR) as lease:
        assert lease is not None
        interrupted = ReconcileRun(False, now - 2 * DAY, now, after=order.number, livemode=livemode)
        await lease.save(msgspec.json.encode(interrupted).decode())
    assert (await compare(runtime, apply=False)).tally.compared == 1


async def test_a_hint_is_followed_once(runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe) -> None:
    till = Till(runtime, stripe.base)
    order = await check_out(runtime)
    await refunded(till, order)
    # Everything was delivered except the events about the refund itself.
    await till.clock("1m")
    await catch_up(runtime)
    await connection.execute("DELETE FROM refunds")
    await connection.execute("UPDATE refund_hints SET checked_at = NULL")
    assert await follow_hints(runtime) == 1
    assert await states(connection) == {order.number: LIVES[refunded]}
    assert await follow_hints(runtime) == 0
