"""A list of orders reads few rows of a shop with many, whichever filters operators choose."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.model.order_rows import read_sort
from checkout_daemon.orders.order_filter import OrderCursor, OrderFilter
from checkout_daemon.orders.order_lists import list_orders, read_view
from checkout_daemon.orders.sorted_orders import OrderList
from tests.database.large_shop import (
    FILTERS,
    NOW,
    ORDERS,
    PAGE,
    SEARCHED,
    Explaining,
    in_pairs,
    most_rows,
)

LISTS = {name: OrderFilter(**fields) for name, fields in in_pairs(FILTERS).items()}


@pytest.mark.parametrize("wanted", LISTS.values(), ids=LISTS)
async def test_a_page_of_orders_reads_little_more_than_the_page(shop: Explaining, wanted: OrderFilter) -> None:
    found = await list_orders(shop, wanted, limit=PAGE)
    assert most_rows(shop) <= 6 * PAGE
    if len(found) == PAGE:
        shop.plans.clear()
        assert await list_orders(shop, wanted, limit=PAGE, cursor=OrderCursor.after(found[-1])) != found
        assert most_rows(shop) <= 6 * PAGE


CHARGED: dict[str, dict[str, Any]] = {
    "last4": {"last4": "4242"},
    "rare last4": {"last4": "7919"},
    "decline": {"decline": "insufficient_funds"},
    "rare decline": {"decline": "lost_card"},
    "then": {"since": NOW - timedelta(days=400), "until": NOW - timedelta(days=390)},
    "until": {"until": NOW - timedelta(days=400)},
}

CHARGES = {
    name: OrderFilter(**fields) for name, fields in in_pairs(CHARGED).items() if fields.keys() & {"last4", "decline"}
}


@pytest.mark.parametrize("wanted", CHARGES.values(), ids=CHARGES)
async def test_a_page_by_card_or_decline_reads_little_more_than_the_page(shop: Explaining, wanted: OrderFilter) -> None:
    found = await list_orders(shop, wanted, limit=PAGE)
    both = wanted.last4 is not None and wanted.decline is not None
    assert most_rows(shop) <= (6 * PAGE if not both else SEARCHED)
    if len(found) == PAGE:
        shop.plans.clear()
        again = await list_orders(shop, wanted, limit=PAGE, cursor=OrderCursor.after(found[-1]))
        assert {order.id for order in found}.isdisjoint(order.id for order in again)
        assert most_rows(shop) <= (6 * PAGE if not both else SEARCHED)


async def test_a_page_about_one_order_reads_its_own_rows(shop: Explaining) -> None:
    view = await read_view(shop, await shop.fetchval("SELECT id::text FROM orders WHERE number = 7000"))
    assert view is not None
    assert len(view.events) == 3
    assert most_rows(shop) <= PAGE


@pytest.mark.parametrize("text", [sign + name for name in ("created", "number") for sign in ("", "-")])
async def test_a_page_of_all_orders_in_another_sequence_reads_the_page(
    shop: Explaining, large_shop: str, text: str
) -> None:
    sort = read_sort(text)
    assert sort is not None
    database = Database(large_shop, max_size=1)
    listed = OrderList(database, OrderFilter(), sort)
    page = await listed.page(None, PAGE)
    middle = await listed.skip(None, ORDERS // 2)
    await database.close()
    assert middle is not None
    for after in (None, sort.place(page[-1]), middle):
        key, number = (None, None) if after is None else (getattr(value, "value", value) for value in after[1:])
        await shop.fetch(sql(f"sort_orders_by_{sort.name}{'_down' if sort.descending else ''}"), key, number, PAGE, 0)
    assert most_rows(shop) <= 6 * PAGE


async def test_what_lists_show_of_orders_is_read_by_index(shop: Explaining) -> None:
    ids = [row["id"] for row in await shop.fetch("SELECT id FROM orders ORDER BY created_at DESC LIMIT 50")]
    for name in ("read_row_items", "read_owners", "read_deadlines", "read_paid_with"):
        await shop.fetch(sql(name), ids)
    await shop.fetch(sql("list_orders_changed_last"), 2 * PAGE, PAGE)
    assert most_rows(shop) <= 6 * PAGE
