"""The shared cases of tests/vectors, which the storefront runs too."""

from __future__ import annotations

from typing import Any

import pytest

from tests.vectors.cases import CURRENCIES, PRICING, Case, outcome, read_cases
from tests.vectors.make import render_currencies, render_pricing

CASES = read_cases("cases")


def expected(case: Case) -> dict[str, Any]:
    return {name: case[name] for name in ("quote", "errors") if name in case}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_outcome_is_the_one_written_down(case: Case) -> None:
    assert outcome(case) == expected(case)


def test_the_cases_have_different_names() -> None:
    names = [case["name"] for case in CASES]
    assert len(set(names)) == len(names) >= 40


def test_the_generated_cases_are_up_to_date() -> None:
    """If not, run python -m tests.vectors.make."""
    assert PRICING.read_text(encoding="utf-8") == render_pricing()


def test_the_currencies_are_up_to_date() -> None:
    assert CURRENCIES.read_text(encoding="utf-8") == render_currencies()


def test_the_generated_cases_cover_every_outcome() -> None:
    generated = [case | expected(case) for case in read_cases("generated")]
    codes = {error["code"] for case in generated for error in case.get("errors", ())}
    assert codes >= {
        "unknown_sku",
        "unavailable_sku",
        "invalid_quantity",
        "discount_not_started",
        "discount_expired",
        "discount_currency",
        "discount_minimum",
        "amount_too_small",
        "amount_too_large",
    }
    quotes = [case for case in generated if "quote" in case]
    assert len(quotes) > len(generated) / 2
    assert any(case["quote"]["amount_total"] == 0 < case["quote"]["amount_discount"] for case in quotes)
    shares = [{line["amount_discount"] for line in case["quote"]["lines"]} for case in quotes if case["discount"]]
    assert sum(len(parts) > 1 for parts in shares) > 30
