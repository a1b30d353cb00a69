"""What Stripe did not deliver is fetched: by one daemon at a time, and one odd order or event holds up no other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import asyncpg
import msgspec
import pytest

from checkout_daemon.database import leases
from checkout_daemon.database.leases import Lease, LeaseLost, leased
from checkout_daemon.errors import NotPayable
from checkout_daemon.observability.metrics import Metrics
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.client import StripeDenied
from checkout_daemon.stripe_sync import backfill, catching_up
from checkout_daemon.stripe_sync.catching_up import CaughtUp, catch_up, follow_hints, last_comparison
from tests.operations.test_gauges import values
from tests.stripe_sync.test_backfill import LOSE, pay
from tests.support.balance import advance
from tests.support.flaky_stripe import FlakyStripe
from tests.support.orders import add_order
from tests.support.shopping import paid_order

PAGES = 6


async def test_a_long_pass_is_not_taken_over(
    runtime: Runtime, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, two daemons took it from one another for ever, and no comparison ended."""
    monkeypatch.setattr(leases, "LEASE", timedelta(hours=1))
    await catch_up(runtime)
    before = await last_comparison(connection)
    others: list[int] = []

    async def pages(*_wanted: object) -> AsyncIterator[list[object]]:
        for _ in range(PAGES):
            # Nearly the whole lease has passed.
            await connection.execute("UPDATE cursors SET leased_until = leased_until - interval '50 minutes'")
            assert await last_comparison(connection) == before  # it has not ended: its time is that of the one before
            yield []
            others.append(await catch_up(runtime))

    monkeypatch.setattr(backfill, "every_event", pages)
    await catch_up(runtime)
    assert len(others) == PAGES
    (_, ended_at), (_, ended_before) = await last_comparison(connection), before
    assert ended_before is not None
    assert ended_at is not None
    assert ended_at > ended_before


async def test_a_lease_that_another_process_took_cannot_be_renewed(runtime: Runtime) -> None:
    async with leased(runtime.database, "a task") as lease:
        assert lease is not None
        await lease.save("{}")
        await lease.renew()
        async with leased(runtime.database, "a task") as another:
            assert another is None
        with pytest.raises(LeaseLost, match="a task was taken over"):
            await Lease(runtime.database, "a task", "another", None).renew()
    async with leased(runtime.database, "a task") as next_one:
        assert next_one is not None
        assert next_one.value == "{}"


async def test_events_that_the_database_has_lost_are_reported_and_fetched_again(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    await catch_up(runtime)
    before, _ = await last_comparison(connection)
    await pay(stripe.base)
    await advance(stripe, "1m")
    await connection.execute(LOSE)
    metrics = Metrics()
    assert await catch_up(replace(runtime, metrics=metrics)) == 1
    assert values(metrics)["checkout_stripe_events_made"] - values(metrics)["checkout_stripe_events_held"] == 1
    after, _ = await last_comparison(connection)
    assert before is not None
    assert after is not None
    assert (after.listed, after.stored, after.until) == (2, 1, before.until)

    await connection.execute("DROP TRIGGER loses ON stripe_events")
    assert await catch_up(replace(runtime, metrics=metrics)) == 1
    assert values(metrics)["checkout_stripe_events_made"] == values(metrics)["checkout_stripe_events_held"] == 2
    last, _ = await last_comparison(connection)
    assert last is not None
    assert last.until > before.until


@pytest.mark.parametrize(
    ("livemode", "is_known"),
    [(True, True), (True, False), (None, False)],
    ids=["a live key was used in between", "only a live key was used", "saved by an older release"],
)
async def test_what_a_key_of_the_other_mode_compared_is_no_progress_of_ours(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe, livemode: bool | None, is_known: bool
) -> None:
    await catch_up(runtime)
    ours, _ = await last_comparison(connection)
    assert ours is not None
    await pay(stripe.base)
    await advance(stripe, "2h")
    theirs = CaughtUp(ours.until + timedelta(hours=2), livemode=livemode, other_until=ours.until if is_known else None)
    await connection.execute(
        "UPDATE cursors SET value = $1 WHERE name = 'backfill'", msgspec.json.encode(theirs).decode()
    )
    assert await catch_up(runtime) > 0
    after, _ = await last_comparison(connection)
    assert after is not None
    assert (after.livemode, after.other_until) == (False, theirs.until if livemode else None)


async def hint(connection: asyncpg.Connection, order_id: str, payment_id: str, age: timedelta) -> None:
    """Add a hint at a refund of a payment, as an event about its charge gave it."""
    await connection.execute(
        "INSERT INTO payments (id, order_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", payment_id, order_id
    )
    await connection.execute(
        "INSERT INTO refund_hints (charge_id, livemode, payment_id, amount_refunded, observed_at, event_id)"
        " VALUES ($1, false, $2, 100, now() - $3::interval, 'evt_1')",
        f"ch_{payment_id}",
        payment_id,
        age,
    )


async def unchecked(connection: asyncpg.Connection) -> set[str]:
    rows = await connection.fetch("SELECT payment_id FROM refund_hints WHERE checked_at IS NULL")
    return {row["payment_id"] for row in rows}


async def test_a_hint_about_an_order_of_the_other_mode_holds_up_no_other(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order = await paid_order(runtime)
    payment_id = await connection.fetchval("SELECT id FROM payments")
    await hint(connection, str(order.order_id), payment_id, timedelta())
    await hint(connection, await add_order(connection, livemode=True), "pi_other", timedelta(hours=1))
    assert await follow_hints(runtime) == 1
    assert await unchecked(connection) == {"pi_other"}


async def test_an_order_that_cannot_be_compared_holds_up_no_other(
    runtime: Runtime, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd, ours = [await add_order(connection) for _ in range(2)]
    await hint(connection, odd, "pi_odd", timedelta(hours=1))
    await hint(connection, ours, "pi_ours", timedelta())
    compared: list[str] = []

    async def sync(_: Runtime, order_id: str, **__: object) -> None:
        compared.append(order_id)
        if order_id == odd:
            raise NotPayable("this order is odd")

    monkeypatch.setattr(catching_up, "sync_order", sync)
    assert await follow_hints(runtime) == 2
    assert compared == [odd, ours]
    assert await unchecked(connection) == set()


async def test_a_key_that_stripe_does_not_accept_leaves_the_hints_open(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    order = await paid_order(runtime)
    payment_id = await connection.fetchval("SELECT id FROM payments")
    await hint(connection, str(order.order_id), payment_id, timedelta())
    stripe.plan = lambda number, request: "deny_401"
    with pytest.raises(StripeDenied):
        await follow_hints(runtime)
    assert await unchecked(connection) == {payment_id}
