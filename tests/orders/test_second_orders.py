"""A second order of the same goods: for any history, nobody gets another person's order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout_daemon.catalog.cart import Cart, CartLine
from checkout_daemon.errors import ProbablyPlaced
from checkout_daemon.model.customer import Customer
from checkout_daemon.model.orders import OrderStatus
from checkout_daemon.orders.second_orders import AlikeOrder, lines_of, lock_key, order_to_reuse

NAMES = ("Ada Berg", "ADA  berg", "Mallory")
PHONES = ("+4930901820", "+4930901821")
CODES = (None, "TEN")
TOTALS = (1000, 900)

histories = st.lists(
    st.builds(
        AlikeOrder,
        st.uuids().map(str),
        st.integers(1001, 9999),
        st.sampled_from([str(status) for status in OrderStatus if status not in ("canceled", "refunded")]),
        st.booleans(),
        st.sampled_from(NAMES),
        st.sampled_from(PHONES),
        st.sampled_from(CODES),
        st.sampled_from(TOTALS),
    ),
    max_size=5,
)


@given(
    history=histories,
    name=st.sampled_from(NAMES),
    phone=st.sampled_from(PHONES),
    code=st.sampled_from((*CODES, "ten ")),
    total=st.sampled_from((None, *TOTALS)),
)
def test_only_the_same_person_gets_a_link_or_a_reference_and_nothing_placed_is_sold_again(
    history: list[AlikeOrder], name: str, phone: str, code: str | None, total: int | None
) -> None:
    theirs = {
        order.id
        for order in history
        if (order.customer_name == "Mallory", order.customer_phone) == (name == "Mallory", phone)
    }
    if not all(order.payable for order in history):
        with pytest.raises(ProbablyPlaced) as refused:
            order_to_reuse(Customer(name, "ada@example.com", phone), code, total, history)
        assert refused.value.order_id is None or refused.value.order_id in theirs
        assert (refused.value.order_id is None) == (refused.value.number is None)
        return
    reused = order_to_reuse(Customer(name, "ada@example.com", phone), code, total, history)
    if reused is not None:
        assert reused.id in theirs
        assert reused.payable
        assert reused.discount_code == (code.strip().upper() if code else None)
        assert total in (None, reused.amount_total)


def test_lines_and_lock_are_the_same_for_every_order_of_lines_and_case_of_the_email() -> None:
    one = Cart((CartLine("b", 1), CartLine("B", 2), CartLine("A-1", 3)))
    other = Cart(tuple(reversed(one.lines)))
    assert lines_of(one) == lines_of(other) == ["A-1 3", "B 2", "b 1"]
    ada, again = Customer("Ada", "ada@example.com", "+43"), Customer("Bo", "ADA@example.com", "+44")
    assert lock_key(ada, one) == lock_key(again, other)
    assert lock_key(ada, one) != lock_key(ada, Cart((CartLine("b", 1),)))
    assert -(2**63) <= lock_key(ada, one) < 2**63
