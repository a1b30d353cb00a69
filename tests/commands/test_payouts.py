"""`checkout payouts` and `checkout report`, as people and programs read them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from checkout_daemon.bank.exporting import ExportForm
from checkout_daemon.bank.payouts import STATUSES
from checkout_daemon.bank.reading import read_balance
from checkout_daemon.bank.report_rows import By, ComparedRow, Row
from checkout_daemon.bank.reports import Against
from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.commands.payouts import _FORMS, _STATUSES
from checkout_daemon.commands.report import _AGAINST, _DIMENSIONS, _total
from checkout_daemon.runtime import Runtime
from tests.commands.conftest import Do, Run, go
from tests.support.background import BackgroundStripe
from tests.support.balance import advance
from tests.support.shopping import paid_order


@pytest.fixture
def offline_stripe(tmp_path: Path) -> Iterator[BackgroundStripe]:
    """Return one of this test alone: others would have their payments in its balance."""
    stripe = BackgroundStripe(tmp_path / "stripe")
    stripe.start()
    yield stripe
    stripe.stop()


@pytest.fixture
def payout(do: Do, run: Run, stripe: BackgroundStripe) -> str:
    """Return the payout of one order of this test's database."""

    async def work(runtime: Runtime) -> CheckoutAnswer:
        answer = await paid_order(runtime)
        await read_balance(runtime)
        await advance(stripe.network, "5d")
        await read_balance(runtime, at_once=True)
        return answer

    do(work)
    return str(run("payouts", "list", "--quiet").out.split()[0])


def test_a_payout_is_listed_shown_and_reconciled(run: Run, payout: str) -> None:
    listed = run("payouts", "list", "--json").lines[0]
    assert (listed["id"], listed["difference"], listed["currency"]) == (payout, 0, "eur")
    assert "yes" in run("payouts", "list").out
    shown = run("payouts", "show", payout)
    assert "order 1001" in shown.out
    assert "it agrees." in shown.out
    first, *lines = run("payouts", "show", payout, "--json").lines
    assert (first["object"], first["id"]) == ("payout", payout)
    assert {line["object"] for line in lines} == {"line"}
    done = run("payouts", "reconcile", payout)
    assert (done.code, done.out) == (0, "Compared 1 payout with Stripe: 1 agree, 0 differ.\n")


def test_a_line_that_is_missing_is_named_and_comes_back(run: Run, payout: str, database_url: str) -> None:
    line = run("payouts", "show", payout, "--json").lines[1]["id"]
    _execute(database_url, f"DELETE FROM balance_transactions WHERE id = '{line}'")
    assert "is missing. `checkout payouts reconcile" in run("payouts", "show", payout).out
    assert "no, by" in run("payouts", "list").out
    differing = run("payouts", "reconcile", payout)
    assert differing.code == 1
    assert f"{line} is missing here\n" in differing.out
    assert run("payouts", "reconcile", payout, "--json").lines[0]["missing"] == [line]
    applied = run("payouts", "reconcile", payout, "--apply")
    assert (applied.code, f"{line} is missing here, and is stored now" in applied.out) == (0, True)
    assert run("payouts", "reconcile", payout).code == 0


def test_an_order_shows_what_it_brought(run: Run, payout: str) -> None:
    shown = run("payouts", "order", "1001")
    assert [line.split() for line in shown.out.splitlines()[1:]] == [
        ["Gross", "€33.99"],
        ["Fees", "-€1.29"],
        ["Net", "€32.70"],
    ]
    found = run("payouts", "order", "1001", "--json").json
    assert (found["number"], found["sums"][0]["net"], len(found["lines"])) == (1001, 3270, 1)


def test_a_report_has_totals_for_people_and_rows_for_programs(run: Run, payout: str) -> None:
    shown = run("report", "--since", "1d").out.splitlines()
    assert shown[0].split()[:3] == ["day", "orders", "conversion"]
    assert "Total in EUR: 1 order, gross €33.99, fees €1.29, net €32.70." in run("report").err
    rows = run("report", "--by", "method", "--json").lines
    assert [(row["key"], row["gross"], row["fees"], row["net"], row["conversion"]) for row in rows] == [
        ("visa", 3399, 129, 3270, 1.0)
    ]
    assert run("report", "--by", "discount", "--quiet").out == "(none)\n"
    against = run("report", "--by", "currency", "--against", "previous", "--format", "csv")
    (row,) = csv.DictReader(io.StringIO(against.out))
    assert (row["key"], row["net"], row["net_before"], row["fees_before"]) == ("eur", "3270", "0", "0")
    chosen = run(
        "report", "--by", "currency", "--against", "week", "--columns", "fees,fees-before,fees-change", "--json"
    )
    assert chosen.lines == [{"fees": 129, "fees_before": 0, "fees_change": None}]
    compared = run("report", "--against", "previous").err.splitlines()
    assert [line.split() for line in compared if line.startswith(("Total", "  net", "  fees"))] == [
        ["Total", "in", "EUR", "now", "before", "change"],
        ["fees", "€1.29", "€0.00"],
        ["net", "€32.70", "€0.00"],
    ]
    assert "Balance as of 20" in run("report", "--until", "2099-01-01", "--since", "2026-01-01", "--by", "method").err


async def store_taxes(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE orders SET amount_tax = 567")
    await connection.execute(
        "INSERT INTO order_taxes (order_id, position, tax_class, percent, amount_gross, amount)"
        " SELECT id, 1, 'standard', 20, 3399, 567 FROM orders"
    )
    await connection.close()


def test_a_report_has_tax_by_rate_and_next_to_the_money(run: Run, payout: str, database_url: str) -> None:
    go(store_taxes(database_url))
    shown = run("report", "--by", "tax")
    assert [line.split() for line in shown.out.splitlines()] == [
        ["tax", "orders", "conversion", "gross", "tax"],
        ["20%", "standard", "1", "100%", "€33.99", "€5.67"],
    ]
    (row,) = run("report", "--by", "tax", "--json").lines
    assert (row["key"], row["gross"], row["amount_tax"], row["amount_shipping"]) == ("20% standard", 3399, 567, None)
    months = csv.DictReader(io.StringIO(run("report", "--by", "month", "--since", "1d", "--format", "csv").out))
    (row,) = (month for month in months if month["orders"] != "0")  # on the first of a month, there are two
    assert (row["amount_tax"], row["amount_shipping"]) == ("567", "")
    assert "net €32.70, tax €5.67." in run("report").err


def test_a_report_without_anything_says_when_there_will_be_something(run: Run) -> None:
    assert "The daemon reads the balance" in run("report", "--by", "sku").err
    assert run("report", "--by", "sku", "--json").out == ""
    assert run("report", "--until", "2020-01-01", "--since", "2020-02-01").code == 2
    ahead = run("report", "--since", "2038-01-01")
    assert (ahead.code, "--since 2038-01-01 is not in the past" in ahead.err, "None" in ahead.err) == (2, True, False)


def test_the_total_has_every_part_of_the_net_amount() -> None:
    row = Row(None, "eur", orders=2, gross=2000, refunds=-500, disputes=-300, other=-10, fees=90, net=1100)
    words = (
        "Total in EUR: 2 orders, gross €20.00, refunds -€5.00, disputes -€3.00, other -€0.10, fees €0.90, net €11.00."
    )
    assert _total(By.DAY, ComparedRow(row, None)) == words


def test_books_are_written_to_a_file_once(run: Run, payout: str, tmp_path: Path) -> None:
    path = tmp_path / "stripe.journal"
    assert run("payouts", "export", "--format", "hledger", "--output", path, "--json").json["lines"] >= 1
    text = path.read_text("utf-8")
    assert "Income:Sales" in text
    assert "commodity 1000.00 EUR" in text
    assert run("payouts", "export", "--output", path).code == 2
    assert run("payouts", "export", "--json").code == 2
    lines = list(csv.DictReader(io.StringIO(run("payouts", "export", "--since", "1d").out)))
    assert lines[0]["amount"] == "3399"
    printed = run("payouts", "export", "--since", "1d", "--output", "-")
    assert (printed.code, printed.out) == (0, run("payouts", "export", "--since", "1d").out)
    assert not Path("-").exists()
    assert run("payouts", "export", "--output", "-", "--json").code == 2
    assert "open Assets:Stripe" in run("payouts", "export", "--format", "beancount").out


def test_what_cannot_be_found_or_chosen_is_refused(run: Run, stripe: BackgroundStripe) -> None:
    assert run("payouts", "show", "po_none").code == 3
    assert run("payouts", "list", "--after", "po_none").code == 3
    assert run("payouts", "reconcile", "po_none", "--since", "1d").code == 2
    assert "No payouts yet" in run("payouts", "list").err
    assert "No payout matches" in run("payouts", "list", "--status", "failed").err


def test_the_choices_are_those_of_the_use_cases() -> None:
    assert (STATUSES, tuple(ExportForm)) == (_STATUSES, _FORMS)
    assert (tuple(By), tuple(Against)) == (_DIMENSIONS, _AGAINST)


def _execute(database_url: str, statement: str) -> None:
    import asyncio

    import asyncpg

    async def execute() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(execute())
