"""Write the results of the daemon's rules into tests/vectors: python -m tests.vectors.make.

The cases are drawn at random from one seed, more often at the limits than between them. Those above `generated` in
pricing.json are written by hand and are kept.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from random import Random
from typing import Any, TypeVar

from checkout_daemon.model.money import exponent, maximum_amount, minimum_amount, round_to_step, step
from tests.vectors.cases import CURRENCIES, PRICING, TAXES, Case, outcome, tax_outcome

T = TypeVar("T")

SEED = 4
COUNT = 400
TAX_COUNT = 150
NOW = "2025-07-01T12:00:00Z"
STARTED = (NOW, "2025-07-01T14:00:00+02:00")
NOT_ENDED = ("2025-07-01T12:00:01Z", "2026-01-01T00:00:00+09:30")
MARK = '  "generated": [\n'
# Two, no and three decimals, steps of ten and a hundred, with and without a minimum or maximum of their own.
PRICED_IN = ("eur", "usd", "huf", "bam", "jpy", "krw", "clp", "kwd", "bhd", "tnd", "isk", "ugx", "idr")
COUNTED_IN = (*PRICED_IN, "gbp", "chf", "jod", "omr", "vnd", "xpf", "sek", "cop", "inr")


class Draw:
    """Random choices from `random()` only, the one method that gives the same numbers in every Python."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def between(self, least: int, most: int) -> int:
        return least + int(self._random.random() * (most - least + 1))

    def one_of(self, choices: Sequence[T]) -> T:
        return choices[self.between(0, len(choices) - 1)]

    def chance(self, one_in: int) -> bool:
        return self.between(1, one_in) == 1


def render_pricing() -> str:
    """Return pricing.json with its generated cases drawn anew."""
    by_hand, mark, _ = PRICING.read_text(encoding="utf-8").partition(MARK)
    draw = Draw(SEED)
    cases = [_case(draw, number) for number in range(1, COUNT + 1)]
    return by_hand + mark + ",\n".join(_line(case | outcome(case)) for case in cases) + "\n  ]\n}\n"


def render_currencies() -> str:
    draw = Draw(SEED)
    about = "How each currency is counted, rounded and written; tests/vectors/make.py makes it."
    rows = ",\n".join(_line(_currency(draw, currency)) for currency in COUNTED_IN)
    return f'{{\n  "about": {json.dumps(about)},\n  "currencies": [\n{rows}\n  ]\n}}\n'


def render_taxes() -> str:
    """Return taxes.json with its generated cases drawn anew."""
    by_hand, mark, _ = TAXES.read_text(encoding="utf-8").partition(MARK)
    draw = Draw(SEED)
    cases = [_tax_case(draw, number) for number in range(1, TAX_COUNT + 1)]
    return by_hand + mark + ",\n".join(_line(case | {"taxes": tax_outcome(case)}) for case in cases) + "\n  ]\n}\n"


def _tax_case(draw: Draw, number: int) -> Case:
    currency = draw.one_of(PRICED_IN)
    parts = [
        {
            "tax_class": draw.one_of(("standard", "reduced", "books")),
            "percent": draw.one_of(("20", "10", "19", "7", "5.5", "0", "2.125", "25.5", "99.999", "0.001")),
            "amount": draw.between(0, draw.one_of((3, 99, 9_999, 2_000_000))) * step(currency),
        }
        for _ in range(draw.between(1, 6))
    ]
    return {"name": f"generated {number}", "currency": currency, "parts": parts}


def _case(draw: Draw, number: int) -> Case:
    currency = draw.one_of(PRICED_IN)
    products = [_product(draw, index, currency) for index in range(draw.one_of((1, 1, 2, 3, 4, 5)))]
    items = [
        {"sku": product["sku"], "quantity": _quantity(draw, product["unit_amount"], currency)} for product in products
    ]
    if draw.chance(8):
        items.append({"sku": products[0]["sku"], "quantity": draw.between(1, 4)})  # merged with the first
    if draw.chance(25):
        items.insert(draw.between(0, len(items)), {"sku": "GONE", "quantity": 1})
    subtotal = sum(_unit(product, currency) * item["quantity"] for product, item in zip(products, items, strict=False))
    return {
        "name": f"generated {number}",
        "currency": currency,
        "now": NOW,
        "products": products,
        "items": items,
        "discount": None if draw.chance(6) else _discount(draw, currency, subtotal),
    }


def _product(draw: Draw, index: int, currency: str) -> dict[str, Any]:
    least = minimum_amount(currency)
    unit_amount = draw.one_of(
        (
            draw.between(1, 60) * step(currency),
            draw.between(100, 9_999),
            draw.between(least, 40 * least),
            draw.between(10_000, 2_000_000),
            draw.one_of((0, 1, step(currency), least, least - 1, maximum_amount(currency))),
        )
    )
    product: dict[str, Any] = {"sku": f"P{index}", "unit_amount": unit_amount}
    if draw.chance(50):
        product["available"] = False
    if draw.chance(50):
        product["currency"] = "usd" if currency == "eur" else "eur"
    return product


def _quantity(draw: Draw, unit_amount: int, currency: str) -> int:
    if draw.chance(40):
        return draw.one_of((0, 1000))
    if 99 * unit_amount > maximum_amount(currency) // 10 and not draw.chance(20):
        return draw.between(1, 3)
    return draw.one_of((1, 1, 2, 3, draw.between(1, 12), draw.between(1, 99), 999))


def _discount(draw: Draw, currency: str, subtotal: int) -> dict[str, Any]:
    discount: dict[str, Any] = {"code": "OFF"}
    if draw.chance(2):
        hundredths = draw.one_of((1, 5_000, 9_999, 10_000, draw.between(1, 10_000), 500 * draw.between(1, 19), 3_333))
        discount["percent_off"] = _decimal(hundredths, 2)
        limited = draw.chance(8)
    else:
        near = draw.one_of((1, step(currency) // 2, subtotal - 1, subtotal, subtotal + 1, subtotal // 3, 500))
        discount["amount_off"] = min(max(near, 1), maximum_amount(currency))
        limited = True
    if limited:
        discount["currency"] = draw.one_of((currency,) * 7 + ("usd",))
    if draw.chance(3):
        discount["minimum_subtotal"] = max(draw.one_of((subtotal - 1, subtotal, subtotal + 1, 2_000)), 0)
    if draw.chance(5):
        discount["starts_at"] = draw.one_of((*STARTED, *STARTED, "2025-07-01T12:00:01Z"))
    if draw.chance(5):
        discount["ends_at"] = draw.one_of((*NOT_ENDED, *NOT_ENDED, NOW))
    return discount


def _currency(draw: Draw, currency: str) -> dict[str, Any]:
    size = step(currency)
    fractions = [(size, 2), (size - 1, 2), (size + 1, 2), (3 * size, 2), (0, 1), (maximum_amount(currency), 1)]
    fractions += [(draw.between(0, 10 ** draw.between(1, 14)), 10 ** draw.between(0, 6)) for _ in range(12)]
    amounts = [0, 1, 9, 10, 99, 100, 999, 1_000, 1_234_567, maximum_amount(currency)]
    return {
        "currency": currency,
        "exponent": exponent(currency),
        "step": size,
        "minimum": minimum_amount(currency),
        "maximum": maximum_amount(currency),
        "rounded": [
            [str(top), str(bottom), str(round_to_step(Fraction(top, bottom), currency))] for top, bottom in fractions
        ],
        "decimals": [[amount, _decimal(amount, exponent(currency))] for amount in amounts],
    }


def _unit(product: dict[str, Any], currency: str) -> int:
    return round_to_step(product["unit_amount"], currency)


def _decimal(amount: int, digits: int) -> str:
    whole, rest = divmod(amount, 10**digits)
    return f"{whole}.{rest:0{digits}}" if digits else str(whole)


def _line(value: object) -> str:
    return f"    {json.dumps(value, separators=(', ', ': '))}"


if __name__ == "__main__":
    PRICING.write_text(render_pricing(), encoding="utf-8")
    CURRENCIES.write_text(render_currencies(), encoding="utf-8")
    TAXES.write_text(render_taxes(), encoding="utf-8")
