"""Amounts as people read them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from checkout_daemon.model.money import format_money
from checkout_daemon.present.text import NONE, counted

_ZEROS = re.compile(r"\.0+$")


@lru_cache(maxsize=8192)
def money(amount: int | None, currency: str | None) -> str:
    """Return an amount in minor units such as €12.34; a dash for None. Cached: formatting is slow, and lists repeat."""
    return NONE if amount is None or currency is None else format_money(amount, currency)


def short_money(text: str) -> str:
    """Return an amount in fewer letters, of the same value: without commas, and without decimals that are all zero."""
    return _ZEROS.sub("", text.replace(",", ""))


def sums(amounts: Iterable[tuple[int, str]]) -> str:
    """Return the sums of amounts by currency, the largest number of amounts first: €1,234.50 and $20.00."""
    amounts = list(amounts)
    totals: Counter[str] = Counter()
    for amount, currency in amounts:
        totals[currency] += amount
    often = Counter(currency for _, currency in amounts)
    *others, last = [money(totals[currency], currency) for currency, _ in often.most_common()] or ["nothing"]
    return f"{', '.join(others)} and {last}" if others else last


def extent(orders: Iterable[tuple[int, str]]) -> str:
    """Return how many orders with these amounts are concerned: 3 orders of €1,234.50 and $20.00."""
    amounts = list(orders)
    return f"{counted(len(amounts), 'order')} of {sums(amounts)}"
