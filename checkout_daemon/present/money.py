"""Amounts as people read them."""

from __future__ import annotations

from functools import lru_cache

from checkout_daemon.model.money import format_money
from checkout_daemon.present.text import NONE


@lru_cache(maxsize=8192)
def money(amount: int | None, currency: str | None) -> str:
    """Return an amount in minor units such as €12.34; a dash for None. Cached: formatting is slow, and lists repeat."""
    return NONE if amount is None or currency is None else format_money(amount, currency)
