"""The check of the balance: nothing yet, read, refused, late, and a payout that differs."""

from __future__ import annotations

from dataclasses import replace

import asyncpg

from checkout_daemon.bank.reading import read_balance
from checkout_daemon.operations.doctor import Check, examine
from checkout_daemon.runtime import Runtime, open_runtime
from checkout_daemon.settings import Settings
from tests.support.balance import advance, tell
from tests.support.flaky_stripe import FlakyStripe
from tests.support.shopping import paid_order


async def check(settings: Settings) -> Check:
    (found,) = [check async for check in examine(settings, ["balance"])]
    return found


async def test_the_balance_is_checked_once_it_was_read(
    runtime: Runtime, settings: Settings, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    assert (await check(settings)).ok is None
    await paid_order(runtime)
    await read_balance(runtime)
    assert (await check(settings)).detail == "read; no payout is complete yet"
    await advance(stripe, "4d")
    await read_balance(runtime, at_once=True)
    assert (await check(settings)).detail == "read; 1 payout of 90 days, each the sum of its lines"
    await connection.execute("DELETE FROM balance_transactions WHERE category = 'charge'")
    differing = await check(settings)
    assert (differing.ok, differing.fix) == (False, "checkout payouts reconcile --apply")
    await connection.execute("UPDATE cursors SET updated_at = now() - interval '2 days' WHERE name = 'balance-test'")
    assert (await check(settings)).fix == "checkout serve"


async def test_a_key_that_may_not_read_it_is_named(
    runtime: Runtime, settings: Settings, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    await paid_order(runtime)
    await tell(stripe, "/sandbox/chaos", {"denied": "rak_payout_read"})
    async with open_runtime(replace(runtime.settings, stripe_api_key="rk_test_services0123456789")) as restricted:
        await read_balance(restricted)
    assert "may not read" in (await check(settings)).detail
