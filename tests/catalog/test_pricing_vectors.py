"""The cases that the storefront runs too: tests/vectors."""

from __future__ import annotations

from typing import Any

import pytest

from tests.vectors.cases import CURRENCIES, PRICING, Case, outcome, read_cases
from tests.vectors.make import render_currencies, render_pricing

CASES = read_cases("cases")


def told(case: Case) -> dict[str, Any]:
    return {name: case[name] for name in ("quote", "errors") if name in case}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_outcome_is_the_one_written_down(case: Case) -> None:
    assert outcome(case) == told(case)


def test_the_cases_have_different_names() -> None:
    names = [case["name"] for case in CASES]
    assert len(set(names)) == len(names) >= 40


def test_the_generated_cases_say_what_the_rules_say_now() -> None:
    """Otherwise: python -m tests.vectors.make."""
    assert PRICING.read_text(encoding="utf-8") == render_pricing()


def test_the_currencies_say_what_the_table_says_now() -> None:
    assert CURRENCIES.read_text(encoding="utf-8") == render_currencies()


def test_the_generated_cases_are_about_everything() -> None:
    generated = [each | told(each) for each in read_cases("generated")]
    codes = {error["code"] for each in generated for error in each.get("errors", ())}
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
    quotes = [each for each in generated if "quote" in each]
    assert len(quotes) > len(generated) / 2
    assert any(each["quote"]["amount_total"] == 0 < each["quote"]["amount_discount"] for each in quotes)
    shares = [{line["amount_discount"] for line in each["quote"]["lines"]} for each in quotes if each["discount"]]
    assert sum(len(each) > 1 for each in shares) > 30
