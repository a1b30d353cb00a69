"""The pulse: whether a daemon is at work, and whether Stripe answers it and its events arrive."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_sync import pulse
from checkout_daemon.stripe_sync.backfill import backfill
from checkout_daemon.stripe_sync.pulse import Pulse, ask_stripe, beat, read_pulse
from tests.support.flaky_stripe import FlakyStripe, Request
from tests.support.shopping import check_out, pay


async def felt(runtime: Runtime) -> Pulse:
    async with runtime.database.connection() as connection:
        return await read_pulse(connection)


async def test_a_daemon_that_beats_is_at_work_until_it_has_not_for_a_while(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    assert (await felt(runtime)).daemon_silent
    assert (await felt(runtime)).daemon_seconds is None
    await beat(runtime)
    await beat(runtime)
    assert not (await felt(runtime)).daemon_silent
    await connection.execute("UPDATE cursors SET updated_at = now() - interval '20 seconds' WHERE name = 'pulse'")
    found = await felt(runtime)
    assert found.daemon_silent
    assert found.daemon_seconds is not None
    assert 20 <= found.daemon_seconds < 60
    await beat(runtime)
    assert not (await felt(runtime)).daemon_silent


async def test_while_stripe_does_not_answer_the_time_since_the_first_call_counts(
    runtime: Runtime, stripe: FlakyStripe
) -> None:
    await beat(runtime)
    await ask_stripe(runtime)
    assert (await felt(runtime)).stripe_seconds == 0
    asked, answers = asyncio.Event(), asyncio.Event()

    async def wait(_: Request) -> None:
        asked.set()
        await answers.wait()

    stripe.before_answer = wait
    asking = asyncio.create_task(ask_stripe(runtime))
    await asyncio.wait_for(asked.wait(), 30)
    first = (await felt(runtime)).stripe_seconds
    assert 0 < first < (await felt(runtime)).stripe_seconds  # it grows while the call waits
    answers.set()
    await asking
    assert (await felt(runtime)).stripe_seconds == 0
    assert Pulse(1.0, 4.0).stripe_silent
    assert not Pulse(60.0, 4.0).stripe_silent  # nobody asks


async def test_events_that_stripe_has_made_and_not_delivered_are_counted(
    runtime: Runtime, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await connection.execute(
        "INSERT INTO products (sku, name, unit_amount, currency) VALUES"
        " ('NOTE', 'Notebook', 1200, 'eur'), ('PEN', 'Pen', 333, 'eur') ON CONFLICT DO NOTHING"
    )
    answer = await check_out(runtime)
    await pay(runtime, answer.session_id, answer.amount_total)
    await ask_stripe(runtime)
    assert (await felt(runtime)).undelivered == 0  # they may be under way
    monkeypatch.setattr(pulse, "_UNDER_WAY", timedelta(seconds=-5))
    await ask_stripe(runtime)
    assert (await felt(runtime)).undelivered > 0
    now = (await runtime.gateway.request("events.list", params={"limit": 1})).observed_at
    await backfill(runtime, now - timedelta(hours=1))
    await ask_stripe(runtime)
    assert (await felt(runtime)).undelivered == 0
