"""Double entry: what is exported adds up in Beancount, and to Stripe's own balance."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import asyncpg
from beancount import loader
from beancount.core import inventory
from beancount.core.data import Transaction

from checkout_daemon.bank.books import ACCOUNTS, Book, beginning, entry, opening, postings
from checkout_daemon.bank.exporting import CSV_KEYS, ExportForm, export_lines
from checkout_daemon.bank.order_lines import OrderLine
from checkout_daemon.bank.reading import read_balance
from checkout_daemon.database.records import FAR_FUTURE, LONG_AGO
from checkout_daemon.model.money import exponent
from checkout_daemon.runtime import Runtime
from tests.support.balance import advance, post, tell, whole_balance
from tests.support.flaky_stripe import FlakyStripe
from tests.support.shopping import paid_order

AT = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
CHARGE = OrderLine(
    id="txn_1",
    type="charge",
    category="charge",
    amount=1000,
    fee=59,
    net=941,
    currency="eur",
    exchange_rate=None,
    source_id="ch_1",
    source_amount=1000,
    source_currency="eur",
    payment_id="pi_1",
    payout_id="po_1",
    created_at=AT,
    available_on=AT,
    order_id="0",
    number=1001,
)


def test_a_charge_in_hledger() -> None:
    assert list(entry(Book.HLEDGER, CHARGE, "Europe/Berlin")) == [
        "2026-03-02 * charge, order 1001  ; stripe:txn_1, source:ch_1, payout:po_1",
        "  Assets:Stripe                           9.41 EUR",
        "  Expenses:Stripe:Fees                    0.59 EUR",
        "  Income:Sales                          -10.00 EUR",
        "",
    ]


def test_a_charge_in_beancount() -> None:
    assert list(entry(Book.BEANCOUNT, CHARGE, "UTC")) == [
        '2026-03-01 * "Stripe" "charge, order 1001"',
        '  stripe: "txn_1"',
        '  source: "ch_1"',
        '  payout: "po_1"',
        "  Assets:Stripe                           9.41 EUR",
        "  Expenses:Stripe:Fees                    0.59 EUR",
        "  Income:Sales                          -10.00 EUR",
        "",
    ]


def test_every_category_adds_up_to_nothing() -> None:
    for category, amount, fee in (
        ("charge", 1000, 59),
        ("refund", -1000, 0),
        ("refund_failure", 1000, 0),
        ("dispute", -1000, 1500),
        ("dispute_reversal", 1000, 0),
        ("fee", -200, 0),
        ("payout", -741, 0),
        ("something_new", 5, 0),
        ("charge", 0, 0),
    ):
        found = postings(replace(CHARGE, category=category, amount=amount, fee=fee, net=amount - fee))
        assert sum(posting.amount for posting in found) == 0
        assert {posting.account for posting in found} <= set(ACCOUNTS)


def test_amounts_have_the_decimals_of_their_currency() -> None:
    shown = {
        currency: next(iter(list(entry(Book.HLEDGER, replace(CHARGE, currency=currency), "UTC"))[1:])).split()[1]
        for currency in ("jpy", "kwd", "eur")
    }
    assert shown == {"jpy": "941", "kwd": "0.941", "eur": "9.41"}
    assert "commodity 1000. JPY" in list(beginning(Book.HLEDGER, AT.date(), ["jpy"]))


def test_a_conversion_names_what_was_paid() -> None:
    converted = replace(CHARGE, source_amount=1200, source_currency="usd")
    assert "original:12.00 USD" in next(iter(entry(Book.HLEDGER, converted, "UTC")))


async def test_beancount_finds_no_fault_and_stripes_balance(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    await fill(runtime, connection, stripe)
    text = await exported(runtime, ExportForm.BEANCOUNT)
    assert held(text) == await stripes(stripe)


async def test_a_later_range_opens_with_what_stripe_held_then(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    await fill(runtime, connection, stripe)
    since = await connection.fetchval(
        "SELECT created_at FROM balance_transactions ORDER BY created_at OFFSET 2 LIMIT 1"
    )
    pages = export_lines(runtime.database, ExportForm.BEANCOUNT, since, FAR_FUTURE, "UTC", livemode=False)
    text = "".join([text async for _, text in pages])
    assert text.count('"opening balance"') == len(
        await connection.fetch(
            "SELECT currency FROM balance_transactions WHERE created_at < $1 GROUP BY currency", since
        )
    )
    assert held(text) == await stripes(stripe)


def test_an_opening_balance_in_hledger() -> None:
    assert list(opening(Book.HLEDGER, AT.date(), {"eur": 941, "usd": 0})) == [
        "2026-03-01 * opening balance",
        "  Assets:Stripe                           9.41 EUR",
        "  Equity:Opening-Balances                -9.41 EUR",
        "",
    ]


async def test_csv_has_a_line_for_each(runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe) -> None:
    await fill(runtime, connection, stripe)
    head, *lines = (await exported(runtime, ExportForm.CSV)).splitlines()
    assert head.split(",") == list(CSV_KEYS)
    assert len(lines) == await connection.fetchval("SELECT count(*) FROM balance_transactions")


async def test_an_export_of_nothing_is_a_book_without_transactions(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    entries, errors, _ = loader.load_string(await exported(runtime, ExportForm.BEANCOUNT))
    assert errors == []
    assert not [found for found in entries if isinstance(found, Transaction)]


async def fill(runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe) -> None:
    """Make payments in two settlement currencies, a refund, a dispute and a payout."""
    await paid_order(runtime)
    await read_balance(runtime)
    await tell(stripe, "/sandbox/settlement", {"currency": "jpy", "rates": {"eur": 161.7}})
    await paid_order(runtime)
    await tell(stripe, "/sandbox/settlement", {})
    await advance(stripe, "4d")
    payment = await connection.fetchval("SELECT id FROM payments ORDER BY created_at LIMIT 1")
    await post(stripe, "/v1/refunds", {"payment_intent": payment, "amount": "999"})
    await paid_order(runtime)
    charge = await connection.fetchval("SELECT id FROM charges ORDER BY created_at DESC LIMIT 1")
    await post(stripe, f"/v1/test_helpers/charges/{charge}/dispute", {"reason": "fraudulent"})
    await read_balance(runtime, at_once=True)


async def exported(runtime: Runtime, form: ExportForm) -> str:
    pages = export_lines(runtime.database, form, LONG_AGO, FAR_FUTURE, "UTC", livemode=False)
    return "".join([text async for _, text in pages])


def held(text: str) -> dict[str, Decimal]:
    """Return what the account of Stripe holds in the end, in a book without faults."""
    entries, errors, _ = loader.load_string(text)
    assert errors == []
    found = inventory.Inventory()
    for transaction in entries:
        if isinstance(transaction, Transaction):
            for posting in transaction.postings:
                if posting.account == "Assets:Stripe":
                    found.add_position(posting)
    return {position.units.currency.lower(): position.units.number for position in found}


async def stripes(stripe: FlakyStripe) -> dict[str, Decimal]:
    """Return the balance at Stripe."""
    return {
        currency: Decimal(amount).scaleb(-exponent(currency))
        for currency, amount in (await whole_balance(stripe)).items()
    }
