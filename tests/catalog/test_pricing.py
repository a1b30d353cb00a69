"""Prices add up to the unit, for every cart, discount and currency."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from checkout_daemon.catalog.cart import Cart, CartLine, Product
from checkout_daemon.catalog.pricing import (
    Discount,
    PriceChanged,
    Quote,
    discount_amount,
    normalize_discount_code,
    price_cart,
    share_discount,
)
from checkout_daemon.errors import InvalidRequest
from checkout_daemon.model.money import maximum_amount, minimum_amount, step

NOW = datetime(2025, 7, 1, 12, tzinfo=UTC)
# One of each kind: two, no and three decimals, steps of ten and of a hundred, with and without a minimum of its own.
CURRENCIES = ["eur", "jpy", "kwd", "isk", "ugx", "bam", "huf"]

currencies = st.sampled_from(CURRENCIES)
percentages = st.integers(1, 10_000).map(lambda hundredths: Decimal(hundredths).scaleb(-2))
# A few lines large, most small, and free ones among them.
line_amounts = st.lists(st.one_of(st.integers(0, 50), st.integers(0, 2_000_000)), min_size=1, max_size=12)


def product(sku: str, unit_amount: int, currency: str = "eur", *, available: bool = True) -> Product:
    return Product(sku, f"Product {sku}", "", None, unit_amount, currency, available)


def percent_off(percent: Decimal) -> Discount:
    return Discount("CODE", percent, None, None, 0, None, None, None)


def amount_off(amount: int, currency: str) -> Discount:
    return Discount("CODE", None, amount, currency, 0, None, None, None)


@st.composite
def carts(draw: st.DrawFn, currency: str) -> tuple[Cart, dict[str, Product]]:
    units = draw(st.lists(st.integers(0, 20_000), min_size=1, max_size=8))
    products = {f"SKU-{index}": product(f"SKU-{index}", unit, currency) for index, unit in enumerate(units)}
    quantities = [draw(st.integers(1, 20)) for _ in units]
    return Cart(tuple(CartLine(sku, quantity) for sku, quantity in zip(products, quantities, strict=True))), products


@st.composite
def priced(draw: st.DrawFn) -> Quote:
    currency = draw(currencies)
    cart, products = draw(carts(currency))
    discount = draw(
        st.one_of(
            st.none(),
            percentages.map(percent_off),
            st.integers(1, 1_000_000).map(lambda amount: amount_off(amount, currency)),
        )
    )
    try:
        return price_cart(cart, products, discount, currency=currency, now=NOW)
    except InvalidRequest as error:
        assume([fault.code for fault in error.errors] != ["amount_too_small"])
        raise


@given(priced())
def test_a_quote_adds_up_to_the_unit(quote: Quote) -> None:
    assert all(line.amount == line.unit_amount * line.quantity for line in quote.lines)
    assert quote.amount_subtotal == sum(line.amount for line in quote.lines)
    assert quote.amount_discount == sum(line.amount_discount for line in quote.lines)
    assert quote.amount_total == quote.amount_subtotal - quote.amount_discount


@given(priced())
def test_no_line_is_discounted_below_zero(quote: Quote) -> None:
    assert all(0 <= line.amount_discount <= line.amount for line in quote.lines)


@given(priced())
def test_every_amount_can_be_charged(quote: Quote) -> None:
    amounts = [quote.amount_subtotal, quote.amount_discount, quote.amount_total]
    amounts += [amount for line in quote.lines for amount in (line.unit_amount, line.amount, line.amount_discount)]
    assert [amount for amount in amounts if amount % step(quote.currency)] == []
    assert quote.amount_total == 0 or minimum_amount(quote.currency) <= quote.amount_total <= maximum_amount(
        quote.currency
    )


@given(priced())
def test_every_amount_is_a_whole_number(quote: Quote) -> None:
    assert {type(value) for value in numbers_of(dataclasses.asdict(dataclasses.replace(quote, discount=None)))} == {int}


def numbers_of(value: object) -> Iterator[object]:
    """Yield every leaf that is neither text, a flag nor None."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from numbers_of(item)
    elif value is not None and not isinstance(value, (str, bool)):
        yield value


@given(line_amounts, st.fractions(0, 1), currencies)
def test_shares_are_whole_steps_within_a_step_of_the_exact_share(
    amounts: list[int], portion: Fraction, currency: str
) -> None:
    size = step(currency)
    lines = [amount * size for amount in amounts]
    off = int(sum(amounts) * portion) * size
    shares = share_discount(lines, off, currency)
    assert sum(shares) == off
    assert all(share % size == 0 and 0 <= share <= line for share, line in zip(shares, lines, strict=True))
    exact = [Fraction(off * line, max(sum(lines), 1)) for line in lines]
    assert all(abs(share - wanted) < size for share, wanted in zip(shares, exact, strict=True))


@given(line_amounts, st.fractions(0, 1))
def test_the_lines_rounded_up_are_those_with_the_largest_remainders(amounts: list[int], portion: Fraction) -> None:
    off = int(sum(amounts) * portion)
    shares = share_discount(amounts, off, "eur")
    exact = [Fraction(off * amount, max(sum(amounts), 1)) for amount in amounts]
    # By remainder, then by place: what was rounded up comes before what was rounded down.
    ranked = sorted(range(len(amounts)), key=lambda index: (-(exact[index] % 1), index))
    raised = [shares[index] > exact[index] // 1 for index in ranked]
    assert raised == sorted(raised, reverse=True)


@given(currencies.flatmap(lambda currency: st.tuples(carts(currency), st.just(currency))), percentages, percentages)
def test_a_larger_percentage_never_takes_less(
    given_cart: tuple[tuple[Cart, dict[str, Product]], str], one: Decimal, other: Decimal
) -> None:
    (cart, products), currency = given_cart
    subtotal = sum(line.quantity * products[line.sku].unit_amount for line in cart.lines) * step(currency)
    less, more = (discount_amount(percent_off(percent), subtotal, currency) for percent in sorted((one, other)))
    assert less <= more <= subtotal


@given(st.integers(0, maximum_amount("idr")), st.integers(0, 100_000), percentages, currencies)
def test_buying_more_never_costs_less(subtotal: int, more: int, percent: Decimal, currency: str) -> None:
    size = step(currency)
    small, large = subtotal // size * size, (subtotal + more) // size * size
    discount = percent_off(percent)
    total, larger = (amount - discount_amount(discount, amount, currency) for amount in (small, large))
    assert total <= larger


@given(st.integers(0, maximum_amount("idr")), percentages)
def test_a_percentage_is_the_nearest_unit(subtotal: int, percent: Decimal) -> None:
    exact = Fraction(subtotal) * Fraction(percent) / 100
    off = discount_amount(percent_off(percent), subtotal, "eur")
    assert Fraction(-1, 2) < off - exact <= Fraction(1, 2)


def test_every_product_must_have_the_currency_of_the_order() -> None:
    products = {"A": product("A", 1000, "usd")}
    with pytest.raises(InvalidRequest) as caught:
        price_cart(Cart((CartLine("A", 1),)), products, None, currency="eur", now=NOW)
    assert [(fault.pointer, fault.code) for fault in caught.value.errors] == [("/items/0/sku", "unavailable_sku")]


def test_faults_are_stated_in_words() -> None:
    discount = Discount("CODE", Decimal(10), None, None, 5000, None, NOW, None)
    with pytest.raises(InvalidRequest) as caught:
        price_cart(Cart((CartLine("A", 1),)), {"A": product("A", 49)}, discount, currency="eur", now=NOW)
    assert [fault.detail for fault in caught.value.errors] == [
        "The discount code CODE has expired.",
        "The discount code CODE is only valid for orders of €50.00 or more.",
        "The total must be at least €0.50 to be paid.",
    ]


@pytest.mark.parametrize(
    ("text", "code"), [(None, None), ("", None), (" \t", None), (" welcome10 ", "WELCOME10"), ("A", "A")]
)
def test_discount_codes_are_compared_without_case_and_surrounding_blanks(text: str | None, code: str | None) -> None:
    assert normalize_discount_code(text) == code


def test_a_changed_price_carries_the_new_quote() -> None:
    quote = price_cart(Cart((CartLine("A", 2),)), {"A": product("A", 1450)}, None, currency="eur", now=NOW)
    error = PriceChanged(quote)
    assert (error.quote, error.code, error.status, error.exit_code) == (quote, "price_changed", 409, 4)
    assert "€29.00" in error.detail
