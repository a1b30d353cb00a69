"""Two thousand orders with refunds, disputes, fees and payouts: report, payouts and books agree with Stripe's balance.

The books are checked by hledger itself, strictly. At the end a line of a payout is taken away, and must be named.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import asyncpg
from aiohttp.test_utils import TestServer

from checkout_daemon.bank.exporting import ExportForm, export_lines
from checkout_daemon.bank.payouts import PayoutFilter, compare_payouts
from checkout_daemon.bank.reading import read_balance
from checkout_daemon.bank.report_rows import By
from checkout_daemon.bank.reports import read_report
from checkout_daemon.database.migrations import migrate
from checkout_daemon.database.records import FAR_FUTURE, LONG_AGO
from checkout_daemon.model.money import exponent
from checkout_daemon.runtime import Runtime, open_runtime
from checkout_daemon.sandbox.app import create_app
from checkout_daemon.sandbox.main import SandboxSettings
from checkout_daemon.settings import load_settings
from tests.faults.deploying.part import needed, output_of
from tests.faults.report import Options, Part, Result
from tests.support.balance import advance, post, tell, whole_balance
from tests.support.cluster import Cluster
from tests.support.fixtures import KEY
from tests.support.flaky_stripe import FlakyStripe
from tests.support.shopping import paid_order

ORDERS = 2000
_DAYS = 8
_REFUNDED, _DISPUTED = 0.08, 0.02
_AT_ONCE = 10


async def run(options: Options) -> list[Result]:
    """Sell for eight days of the offline Stripe's clock, then compare. Raise MissingPackage without hledger."""
    hledger = needed("hledger", "hledger")
    cluster = Cluster(prepare=migrate)
    await asyncio.to_thread(cluster.start)
    server = TestServer(create_app(SandboxSettings(state_dir=options.directory / "stripe", port=0, settle_seconds=0.1)))
    await server.start_server()
    stripe = FlakyStripe(str(server.make_url("")).rstrip("/"))
    stripe.base = await stripe.start()
    url = cluster.take()
    connection = await asyncpg.connect(url)
    environ = {"DATABASE_URL": url, "STRIPE_API_KEY": KEY, "STRIPE_API_BASE": stripe.base}
    try:
        async with open_runtime(load_settings(environ, cwd=options.directory)) as runtime:
            return await _sell_and_compare(runtime, connection, stripe, hledger, options)
    finally:
        await connection.close()
        await stripe.stop()
        await server.close()
        await asyncio.to_thread(cluster.stop)


async def _sell_and_compare(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe, hledger: str, options: Options
) -> list[Result]:
    await connection.execute(
        "INSERT INTO products (sku, name, unit_amount, currency) VALUES"
        " ('NOTE', 'Notebook', 1200, 'eur'), ('PEN', 'Pen', 333, 'eur')"
    )
    await connection.execute("INSERT INTO discounts (code, percent_off) VALUES ('TEN', 10)")
    counts = await _sell(runtime, connection, stripe, random.Random(options.seed))
    await advance(stripe, "5d")
    await read_balance(runtime, at_once=True)
    await read_balance(runtime, at_once=True)  # the lines of payouts that the first turn had no time for
    balance = await whole_balance(stripe)
    counts |= {"lines": await connection.fetchval("SELECT count(*) FROM balance_transactions")}
    counts |= {"payouts": await connection.fetchval("SELECT count(*) FROM payouts")}
    return [
        await _report_agrees(runtime, balance, counts),
        await _payouts_agree(runtime),
        await _books_agree(runtime, balance, hledger, options.directory),
        await _missing_line_is_named(runtime, connection),
    ]


async def _sell(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe, chances: random.Random
) -> dict[str, int]:
    counts = {"orders": 0, "refunds": 0, "disputes": 0}
    for day in range(_DAYS):
        # On some days, payments settle in another currency.
        rates = {"currency": "usd", "rates": {"eur": 1.0837}} if day % 4 == 3 else {}
        await tell(stripe, "/sandbox/settlement", rates)
        for _ in range(ORDERS // _DAYS // _AT_ONCE):
            codes: Sequence[str | None] = [chances.choice((None, None, "TEN")) for _ in range(_AT_ONCE)]
            made = await asyncio.gather(*(paid_order(runtime, discount_code=code) for code in codes))
            counts["orders"] += len(made)
            for answer in made:
                await _afterwards(connection, stripe, str(answer.order_id), chances, counts)
        await read_balance(runtime, at_once=True)
        await advance(stripe, "1d")
    return counts


async def _afterwards(
    connection: asyncpg.Connection, stripe: FlakyStripe, order_id: str, chances: random.Random, counts: dict[str, int]
) -> None:
    chance = chances.random()
    if chance > _REFUNDED + _DISPUTED:
        return
    row = await connection.fetchrow(
        "SELECT payments.id AS payment, charges.id AS charge FROM payments"
        " JOIN charges ON charges.payment_id = payments.id WHERE payments.order_id = $1",
        order_id,
    )
    assert row is not None
    if chance < _REFUNDED:
        part = {"amount": str(chances.randrange(1, 1000))} if chances.random() < 0.5 else {}
        await post(stripe, "/v1/refunds", {"payment_intent": row["payment"], **part})
        counts["refunds"] += 1
        return
    made = await post(stripe, f"/v1/test_helpers/charges/{row['charge']}/dispute", {"reason": "fraudulent"})
    counts["disputes"] += 1
    if chances.random() < 0.5:
        evidence = chances.choice(("winning_evidence", "losing_evidence"))
        await post(stripe, f"/v1/disputes/{made['id']}", {"evidence[uncategorized_text]": evidence, "submit": "true"})


async def _report_agrees(runtime: Runtime, balance: dict[str, int], counts: dict[str, int]) -> Result:
    since, until = datetime.now(UTC) - timedelta(days=2), datetime.now(UTC) + timedelta(days=40)
    faults = []
    for by in (By.CURRENCY, By.DAY, By.MONTH, By.METHOD, By.COUNTRY, By.DISCOUNT):
        report = await read_report(runtime.database, by, since, until, "Europe/Berlin", livemode=False)
        found = {row.currency: row.net + row.payouts for row in report.totals}
        if {currency: left for currency, left in found.items() if left} != balance:
            faults.append(f"the report by {by} leaves {found}, Stripe's balance is {balance}")
        orders = sum(row.orders for row in report.totals)
        if orders != counts["orders"]:
            faults.append(f"the report by {by} has {orders} orders instead of {counts['orders']}")
    return Result("every report agrees with Stripe's balance to the unit", counts, tuple(faults))


async def _payouts_agree(runtime: Runtime) -> Result:
    found = [compared async for compared in compare_payouts(runtime, PayoutFilter())]
    faults = tuple(f"{one.payout.id} lacks {one.payout.difference}" for one in found if not one.agrees)
    if len(found) < _DAYS:
        faults += (f"there are only {len(found)} payouts",)
    async with runtime.database.connection() as connection:
        odd = await connection.fetch(
            "SELECT payouts.id FROM payouts JOIN balance_transactions AS own ON own.source_id = payouts.id"
            " WHERE (own.amount, own.currency) <> (-payouts.amount, payouts.currency)"
        )
    faults += tuple(f"{row['id']} took another amount from the balance" for row in odd)
    lines = sum(one.payout.lines for one in found)
    return Result("each payout equals the sum of its lines", {"payouts": len(found), "lines": lines}, faults)


async def _books_agree(runtime: Runtime, balance: dict[str, int], hledger: str, directory: Path) -> Result:
    pages = export_lines(runtime.database, ExportForm.HLEDGER, LONG_AGO, FAR_FUTURE, "Europe/Berlin", livemode=False)
    journal = directory / "stripe.journal"
    await asyncio.to_thread(journal.write_text, "".join([text async for _, text in pages]), "utf-8")
    faults = []
    code, printed = await output_of(hledger, "-f", journal, "check", "--strict", cwd=directory)
    if code:
        faults.append(f"hledger check: {printed}")
    code, printed = await output_of(
        hledger, "-f", journal, "balance", "Assets:Stripe", "-N", "-O", "csv", cwd=directory
    )
    lines = printed.strip().splitlines()[1:]  # none after the title if all of it is paid out
    words = lines[-1].partition(",")[2].strip('"') if lines else ""
    held = {part.split()[1].lower(): Decimal(part.split()[0]) for part in words.split(", ") if part and part != "0"}
    wanted = {currency: Decimal(amount).scaleb(-exponent(currency)) for currency, amount in balance.items() if amount}
    if {currency: amount for currency, amount in held.items() if amount} != wanted:
        faults.append(f"hledger finds {words}, Stripe's balance is {balance}")
    return Result("hledger finds no fault and Stripe's balance", {"balance": words}, tuple(faults))


async def _missing_line_is_named(runtime: Runtime, connection: asyncpg.Connection) -> Result:
    planted = await connection.fetchrow(
        "DELETE FROM balance_transactions WHERE id = (SELECT id FROM balance_transactions"
        " WHERE payout_id IS NOT NULL AND category = 'charge' ORDER BY id LIMIT 1) RETURNING id, payout_id"
    )
    assert planted is not None
    found = [one async for one in compare_payouts(runtime, PayoutFilter()) if not one.agrees]
    named = [(one.payout.id, one.missing) for one in found]
    right = named == [(planted["payout_id"], (planted["id"],))]
    return Result("a line that is missing is named", {}, () if right else (f"{planted} was planted, {named} found",))


PART = Part("books", "2,000 orders with refunds, disputes and payouts: report, payouts and hledger agree", run)
