"""Double entry: each line of the balance as a transaction for hledger or Beancount. Pure.

Both read the same accounts. Amounts are exact decimals of minor units; no line names a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from checkout_daemon.bank.categories import Side, side_of
from checkout_daemon.bank.order_lines import OrderLine
from checkout_daemon.model.money import exponent


class Book(StrEnum):
    """The programs that double entry is written for."""

    HLEDGER = "hledger"
    BEANCOUNT = "beancount"


STRIPE = "Assets:Stripe"
BANK = "Assets:Bank"
FEES = "Expenses:Stripe:Fees"
DISPUTE_FEES = "Expenses:Stripe:DisputeFees"
_OTHER = "Equity:Stripe:Other"
_ACCOUNTS = {
    Side.GROSS: "Income:Sales",
    Side.REFUNDS: "Income:Refunds",
    Side.DISPUTES: "Expenses:Disputes",
    Side.FEES: FEES,
    Side.PAYOUTS: BANK,
    Side.OTHER: _OTHER,
}
OPENING = "Equity:Opening-Balances"
ACCOUNTS = (STRIPE, BANK, "Income:Sales", "Income:Refunds", "Expenses:Disputes", FEES, DISPUTE_FEES, _OTHER, OPENING)
"""Every account that is used."""


@dataclass(frozen=True, slots=True)
class Posting:
    """An amount in minor units that an account receives, or gives if it is negative."""

    account: str
    amount: int


def postings(line: OrderLine) -> list[Posting]:
    """Return the postings of a balance transaction, which add up to nothing.

    The balance receives the net; the fee is an expense; the rest comes from where the category belongs.
    """
    side = side_of(line.category)
    fee_account = DISPUTE_FEES if side is Side.DISPUTES else FEES
    parts = [Posting(STRIPE, line.net), Posting(fee_account, line.fee), Posting(_ACCOUNTS[side], -line.amount)]
    return [part for part in parts if part.amount] or [Posting(STRIPE, 0), Posting(_ACCOUNTS[side], 0)]


def beginning(book: Book, first: date, currencies: Iterable[str]) -> Iterator[str]:
    """Yield the lines that declare accounts and commodities, as strict checks demand, from the first day on."""
    yield "; Balance transactions of Stripe, exported by checkout payouts export"
    if book is Book.HLEDGER:
        yield "decimal-mark ."
        for currency in sorted(currencies):
            places = exponent(currency)
            yield f"commodity 1000.{'0' * places} {currency.upper()}"
        for account in ACCOUNTS:
            yield f"account {account}"
    else:
        for currency in sorted(currencies):
            yield f"{first} commodity {currency.upper()}"
        for account in ACCOUNTS:
            yield f"{first} open {account}"
    yield ""


def opening(book: Book, day: date, balances: Mapping[str, int]) -> Iterator[str]:
    """Yield the lines that state the balance at Stripe with which a day begins, in minor units by currency."""
    for currency, amount in sorted(balances.items()):
        if amount:
            yield f"{day} * opening balance" if book is Book.HLEDGER else f'{day} * "Stripe" "opening balance"'
            yield _posting(Posting(STRIPE, amount), currency)
            yield _posting(Posting(OPENING, -amount), currency)
            yield ""


def entry(book: Book, line: OrderLine, time_zone: str) -> Iterator[str]:
    """Yield the lines of one transaction. Its day is that of the time zone; its id and its order are tags."""
    day = line.created_at.astimezone(ZoneInfo(time_zone)).date()
    what = line.category.replace("_", " ")
    about = f"{what}, order {line.number}" if line.number is not None else what
    tags = {"stripe": line.id, "source": line.source_id, "payout": line.payout_id}
    if line.source_currency not in (None, line.currency) and line.source_amount is not None:
        tags["original"] = f"{_decimal(line.source_amount, str(line.source_currency))} {line.source_currency}".upper()
    if book is Book.HLEDGER:
        yield f"{day} * {about}  ; {', '.join(f'{name}:{_word(value)}' for name, value in tags.items() if value)}"
    else:
        yield f'{day} * "Stripe" "{about}"'
        yield from (f'  {name}: "{_word(value)}"' for name, value in tags.items() if value)
    for posting in postings(line):
        yield _posting(posting, line.currency)
    yield ""


def _posting(posting: Posting, currency: str) -> str:
    return f"  {posting.account:<28}  {_decimal(posting.amount, currency):>14} {currency.upper()}"


def _decimal(amount: int, currency: str) -> str:
    places = exponent(currency)
    return f"{Decimal(amount).scaleb(-places):.{places}f}"


def _word(text: str) -> str:
    """Return a value as tags of both programs take it: Stripe's ids and codes have only these characters."""
    return "".join(char for char in text if char.isalnum() or char in "_-. ")
