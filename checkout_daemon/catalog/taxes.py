"""Compute the tax that prices include, exact to the unit. It never changes what a shopper pays.

Its cases are in tests/vectors/taxes.json, for other implementations too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction

from checkout_daemon.catalog.pricing import TaxLine
from checkout_daemon.model.money import round_to_step, step

Taxed = tuple[str, Decimal, int]
"""A class, its rate in percent, and a gross amount in minor units."""


def included_taxes(parts: Iterable[Taxed], currency: str) -> tuple[TaxLine, ...]:
    """Return one line for each class and rate, the highest rate first; what is not taxed has none.

    The tax of all parts is rounded once, half up to the currency's step, then shared over the lines by largest
    remainder. So the lines add up to the tax, and each differs from its exact tax by less than a step.
    """
    bases: dict[tuple[Decimal, str], int] = {}
    for tax_class, percent, gross in parts:
        if percent and gross:
            key = (percent.normalize(), tax_class)
            bases[key] = bases.get(key, 0) + gross
    groups = sorted(bases, key=lambda key: (-key[0], key[1]))
    exact = [_included(bases[group], group[0]) for group in groups]
    amounts = _rounded(exact, currency)
    return tuple(
        TaxLine(tax_class, percent, bases[percent, tax_class], amount)
        for (percent, tax_class), amount in zip(groups, amounts, strict=True)
    )


def _included(gross: int, percent: Decimal) -> Fraction:
    rate = Fraction(percent)
    return gross * rate / (100 + rate)


def _rounded(exact: Sequence[Fraction], currency: str) -> list[int]:
    """Round amounts to steps so that they add up to their rounded sum, each by less than a step.

    The largest remainders are rounded up; of equal ones, the first.
    """
    size = step(currency)
    parts = [amount // size for amount in exact]
    missing = round_to_step(sum(exact, Fraction(0)), currency) // size - sum(parts)
    for index in sorted(range(len(exact)), key=lambda index: parts[index] * size - exact[index])[:missing]:
        parts[index] += 1
    return [part * size for part in parts]
