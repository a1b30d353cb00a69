"""The tax that prices include: it adds up, and each part is right to less than a step."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout_daemon.catalog.taxes import Taxed, included_taxes
from checkout_daemon.model.money import round_to_step, step
from tests.vectors.cases import TAXES, read_tax_cases, tax_outcome
from tests.vectors.make import render_taxes

CASES = read_tax_cases("cases")
PARTS = st.lists(
    st.tuples(
        st.sampled_from(["standard", "reduced", "books"]),
        st.integers(0, 99_999).map(lambda thousandths: Decimal(thousandths) / 1000),
        st.integers(0, 10**8),
    ),
    max_size=8,
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_outcome_is_the_one_written_down(case: dict[str, object]) -> None:
    assert tax_outcome(case) == case["taxes"]


def test_the_generated_cases_are_up_to_date() -> None:
    """If not, run python -m tests.vectors.make."""
    assert TAXES.read_text(encoding="utf-8") == render_taxes()


@given(PARTS, st.sampled_from(["eur", "jpy", "kwd", "isk"]))
def test_lines_add_up_to_the_rounded_tax(parts: list[Taxed], currency: str) -> None:
    size = step(currency)
    parts = [(tax_class, percent, gross // size * size) for tax_class, percent, gross in parts]
    lines = included_taxes(parts, currency)
    exact = [Fraction(line.amount_gross) * Fraction(line.percent) / (100 + Fraction(line.percent)) for line in lines]
    assert sum(line.amount for line in lines) == round_to_step(sum(exact, Fraction(0)), currency)
    assert all(abs(line.amount - part) < size for line, part in zip(lines, exact, strict=True))
    assert all(0 <= line.amount <= line.amount_gross and line.amount % size == 0 for line in lines)
    assert sum(line.amount_gross for line in lines) == sum(gross for _, percent, gross in parts if percent)
    keys = [(line.tax_class, line.percent) for line in lines]
    assert len(set(keys)) == len(keys)


@given(PARTS)
def test_the_sequence_of_the_parts_does_not_matter(parts: list[Taxed]) -> None:
    assert included_taxes(parts, "eur") == included_taxes(parts[::-1], "eur")
