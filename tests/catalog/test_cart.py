"""Carts: merged, and every fault named with its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout_daemon.catalog.cart import MAXIMUM_QUANTITY, SKU, Cart, CartLine, check_cart
from checkout_daemon.errors import FieldError


def codes(errors: list[FieldError]) -> list[tuple[str, str]]:
    return [(error.pointer, error.code) for error in errors]


def test_lines_of_one_sku_are_merged_where_the_first_stands() -> None:
    cart, errors = check_cart([CartLine("B", 1), CartLine("A", 2), CartLine("B", 3)])
    assert (cart, errors) == (Cart((CartLine("B", 4), CartLine("A", 2)), (0, 1)), [])


def test_a_line_points_to_where_its_sku_first_stood() -> None:
    cart, _ = check_cart([CartLine("A", 1), CartLine("A", 1), CartLine("B", 1)])
    assert cart is not None
    assert (cart.pointer(0), cart.pointer(1)) == ("/items/0", "/items/2")


def test_an_empty_cart_is_refused() -> None:
    cart, errors = check_cart([])
    assert (cart, codes(errors)) == (None, [("/items", "empty_cart")])


def test_a_hundred_lines_are_allowed_and_one_more_is_not() -> None:
    lines = [CartLine(f"SKU-{number}", 1) for number in range(101)]
    assert check_cart(lines[:100])[1] == []
    assert codes(check_cart(lines)[1]) == [("/items", "too_many_lines")]


@pytest.mark.parametrize("quantity", [0, -1, 1000, 10**40])
def test_a_quantity_out_of_range_is_refused(quantity: int) -> None:
    _, errors = check_cart([CartLine("A", 1), CartLine("B", quantity)])
    assert codes(errors) == [("/items/1/quantity", "invalid_quantity")]


def test_quantities_that_are_too_many_together_are_refused_where_they_become_so() -> None:
    _, errors = check_cart([CartLine("A", 999), CartLine("B", 1), CartLine("A", 1), CartLine("A", 1)])
    assert codes(errors) == [("/items/2/quantity", "invalid_quantity")]


@pytest.mark.parametrize(
    "sku", ["\u200bNOTE-A5", "NOTE\u2011A5 ", "\u202aNOTE-A5\u202c", "ＮＯＴＥ－Ａ５", "NOTE-A5\u00a0\n"]
)
def test_a_sku_is_known_without_what_pasting_adds(sku: str) -> None:
    cart, _ = check_cart([CartLine("NOTE-A5", 1), CartLine(sku, 2)])
    assert cart is not None
    assert cart.lines == (CartLine("NOTE-A5", 3),)


@pytest.mark.parametrize("sku", ["", "A B", "Ü", "A\x00", "\ud800", "A\nB", "a" * 65, "'; DROP TABLE products; --"])
def test_what_cannot_be_a_sku_is_unknown(sku: str) -> None:
    cart, errors = check_cart([CartLine(sku, 1)])
    assert (cart, codes(errors)) == (None, [("/items/0/sku", "unknown_sku")])
    assert sku == "" or sku not in errors[0].detail


def test_every_fault_is_named() -> None:
    _, errors = check_cart([CartLine("A B", 1), CartLine("A", 0), CartLine("B", 1), CartLine("C", 1000)])
    assert [pointer for pointer, _ in codes(errors)] == ["/items/0/sku", "/items/1/quantity", "/items/3/quantity"]


lines = st.builds(CartLine, st.sampled_from(["A", "B", "a-b_c.9", "\x00", ""]), st.integers(-2, 1100))


@given(st.lists(lines, max_size=110))
def test_a_cart_is_either_whole_and_in_bounds_or_refused(items: list[CartLine]) -> None:
    cart, errors = check_cart(items)
    assert (cart is None) == bool(errors)
    if cart is not None:
        assert sum(line.quantity for line in cart.lines) == sum(line.quantity for line in items)
        assert len(set(cart.skus)) == len(cart.lines)
        assert all(1 <= line.quantity <= MAXIMUM_QUANTITY and SKU.fullmatch(line.sku) for line in cart.lines)
        assert [items[position].sku for position in cart.positions] == list(cart.skus)
