"""Refunds of items: what each unit cost after the discount, in any parts, and what is refused."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout_daemon.audit import audit_store
from checkout_daemon.audit.audit_log import verify
from checkout_daemon.audit.operators import Operator
from checkout_daemon.catalog.pricing import PricedLine, share_discount
from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.errors import InvalidRequest
from checkout_daemon.model.money import step
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.orders.refund_items import (
    ItemsNotRefundable,
    RefundedItem,
    WantedItem,
    price_items,
    read_wanted,
    read_wanted_of,
    units_left,
)
from checkout_daemon.orders.refund_rules import NotRefundable, RefundOptions
from checkout_daemon.orders.refunding import Refunded, plan_refund, refund
from checkout_daemon.runtime import Runtime
from tests.support.shopping import paid_order

ADA = Operator("ada", "shop1")


@st.composite
def discounted(draw: st.DrawFn) -> tuple[str, list[PricedLine]]:
    """Return the lines of an order as checkout prices them: with a discount, and free items among them."""
    currency = draw(st.sampled_from(["eur", "jpy", "kwd", "isk"]))
    size = step(currency)
    bought = draw(st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 9)), min_size=1, max_size=6))
    amounts = [unit * size * quantity for unit, quantity in bought]
    discount = draw(st.integers(0, sum(amounts) // size)) * size
    shares = share_discount(amounts, discount, currency)
    skus = [draw(st.sampled_from(["A", "B", f"C{place}"])) for place in range(len(bought))]  # a SKU may have two lines
    return currency, [
        PricedLine(sku, sku, "", unit * size, quantity, amount, share)
        for sku, (unit, quantity), amount, share in zip(skus, bought, amounts, shares, strict=True)
    ]


@given(discounted(), st.data())
def test_all_items_in_any_parts_and_sequence_are_the_total(
    order: tuple[str, list[PricedLine]], data: st.DataObject
) -> None:
    currency, lines = order
    total = sum(line.amount - line.amount_discount for line in lines)
    refunded: list[RefundedItem] = []
    while left := {sku: units for sku, units in units_left(lines, refunded).items() if units}:
        sku = data.draw(st.sampled_from(sorted(left)))
        wanted = WantedItem(sku, data.draw(st.one_of(st.none(), st.integers(1, left[sku]))))
        (item,) = price_items(lines, [wanted], refunded, currency)
        assert item.amount >= 0
        assert item.amount % step(currency) == 0
        refunded.append(item)
        assert sum(item.amount for item in refunded) <= total
    assert sum(item.amount for item in refunded) == total


def test_all_that_is_left_makes_up_for_a_refund_that_failed() -> None:
    lines = [PricedLine("A", "A", "", 34, 3, 100, 0)]
    once, twice = (RefundedItem("A", 1, amount) for amount in (34, 33))
    assert price_items(lines, [WantedItem("A", 1)], [once], "eur") == (twice,)
    assert price_items(lines, [WantedItem("A", None)], [twice], "eur") == (RefundedItem("A", 2, 67),)


@pytest.mark.parametrize("quantity", [0, -1, -(2**70)])
def test_no_less_than_one_unit_is_priced(quantity: int) -> None:
    lines = [PricedLine("A", "A", "", 34, 3, 102, 0)]
    with pytest.raises(InvalidRequest, match="the quantity of A is at least 1"):
        price_items(lines, [WantedItem("A", quantity)], [], "eur")


@pytest.mark.parametrize("quantities", [(None, None), (1, 1), (1, None)])
def test_an_item_that_is_named_twice_is_not_priced(quantities: tuple[int | None, ...]) -> None:
    lines = [PricedLine("A", "A", "", 34, 3, 102, 0)]
    with pytest.raises(InvalidRequest, match="A is named twice"):
        price_items(lines, [WantedItem("A", quantity) for quantity in quantities], [], "eur")


@pytest.fixture
async def order(runtime: Runtime, connection: asyncpg.Connection) -> CheckoutAnswer:
    """Return a paid order of 2 NOTE of 12.00 and 3 PEN of 3.33, less 10 %: 30.59 eur."""
    return await paid_order(runtime, discount_code="TEN")


async def ask(runtime: Runtime, order: CheckoutAnswer, *items: str, reason: str | None = None) -> Refunded:
    wanted = RefundOptions(reason=reason, items=read_wanted(items))
    return await refund(runtime, str(order.order_id), wanted, operator=ADA, note="broken")


async def test_items_are_refunded_at_their_share_and_recorded_with_reason_and_note(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection
) -> None:
    first = await ask(runtime, order, "NOTE:1", "PEN:2", reason="requested_by_customer")
    assert first.items == (RefundedItem("NOTE", 1, 1080), RefundedItem("PEN", 2, 600))
    assert (first.amount, first.order_status) == (1680, "partially_refunded")
    rest = await ask(runtime, order, "PEN", "NOTE")
    assert rest.items == (RefundedItem("PEN", 1, 299), RefundedItem("NOTE", 1, 1080))
    assert (rest.order_status, rest.amount_refunded) == ("refunded", order.amount_total)

    view = await show_order(runtime.database, str(order.number))
    assert [refund.items for refund in view.refunds] == [first.items, rest.items]
    (asked, *_) = await audit_store.read_entries(connection, str(order.order_id))
    details = json.loads(asked.details)
    assert (details["items"], details["reason"]) == (["NOTE:1", "PEN:2"], "requested_by_customer")
    assert (await verify(runtime.database)).faults == []


async def test_items_of_a_refund_that_failed_can_be_refunded_again(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection
) -> None:
    await ask(runtime, order, "NOTE")
    with pytest.raises(ItemsNotRefundable, match="every NOTE of the order is refunded already"):
        await ask(runtime, order, "NOTE:1")
    await connection.execute("UPDATE refunds SET status = 'failed'")
    planned = await plan_refund(runtime.database, str(order.order_id), RefundOptions(items=read_wanted(["NOTE:2"])))
    assert (planned.amount, planned.items) == (2160, (RefundedItem("NOTE", 2, 2160),))


async def test_never_more_than_is_left_and_nothing_but_what_was_confirmed(
    runtime: Runtime, order: CheckoutAnswer
) -> None:
    order_id = str(order.order_id)
    await refund(runtime, order_id, RefundOptions(2000), operator=ADA)
    with pytest.raises(NotRefundable, match=r"€21\.60 is more than the €10\.59"):
        await ask(runtime, order, "NOTE")
    planned = await plan_refund(runtime.database, order_id, RefundOptions(items=read_wanted(["PEN"])))
    confirmed = planned.confirmed("duplicate")
    assert confirmed == RefundOptions(899, planned.payment_id, "duplicate", (WantedItem("PEN", 3),))
    with pytest.raises(NotRefundable, match=r"cost €8\.99, not €9\.00"):
        await plan_refund(runtime.database, order_id, replace(confirmed, amount=900))


async def test_what_is_no_item_of_the_order_is_refused(runtime: Runtime, order: CheckoutAnswer) -> None:
    for texts, why in (
        (["NOTE:0"], "'NOTE:0' is not an item"),
        (["NOTE:x"], "give SKU or SKU:QTY"),
        (["NOTE:1", "NOTE"], "NOTE is named twice"),
    ):
        with pytest.raises(InvalidRequest, match=re.escape(why)):
            read_wanted(texts)
    with pytest.raises(ItemsNotRefundable, match="no item INK; it has NOTE, PEN"):
        await ask(runtime, order, "INK")
    with pytest.raises(ItemsNotRefundable, match="only 3 of PEN can still be refunded, not 4"):
        await ask(runtime, order, "PEN:4")


async def test_skus_of_imported_orders_may_have_blanks_and_colons(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection
) -> None:
    order_id = str(order.order_id)
    for before, after in (("NOTE", "Blue Mug"), ("PEN", "mug:2")):
        await connection.execute("UPDATE order_items SET sku = $2 WHERE sku = $1", before, after)
    for texts, wanted in (
        (["Blue Mug:1", "mug:2"], (WantedItem("Blue Mug", 1), WantedItem("mug:2"))),
        (["mug:2:3", "Blue Mug"], (WantedItem("mug:2", 3), WantedItem("Blue Mug"))),
    ):
        assert await read_wanted_of(runtime.database, order_id, texts) == wanted
    with pytest.raises(InvalidRequest, match="'mug:blue' is not an item"):
        await read_wanted_of(runtime.database, order_id, ["mug:blue"])
    planned = await plan_refund(
        runtime.database,
        order_id,
        RefundOptions(items=await read_wanted_of(runtime.database, order_id, ["mug:2:3"])),
    )
    assert (planned.amount, planned.items) == (899, (RefundedItem("mug:2", 3, 899),))
