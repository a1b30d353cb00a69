"""Lists of orders by any column: in sequence over all pages, and with a word where only some were sorted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from checkout_daemon.database.pool import Database
from checkout_daemon.model.order_rows import SORTS, OrderRow, Sort, first_sort, read_sort
from checkout_daemon.orders import sorted_orders
from checkout_daemon.orders.order_filter import OrderFilter
from checkout_daemon.orders.sorted_orders import Cut, OrderList
from tests.support.orders import NOW, add_change, add_charge, add_order

HOUR = timedelta(hours=1)
NAMES = ("Ödön", "ada", "Bo", "Zoë", "Ada")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, max_size=2)
    yield database
    await database.close()


@pytest.fixture
async def shop(database: Database, connection: asyncpg.Connection) -> Database:
    """Twelve orders that differ in every column, created in another sequence than their numbers."""
    for index in range(12):
        fields: dict[str, Any] = {
            "status": ("failed", "completed", "pending")[index % 3],
            "attention": ["paid_twice"] if index % 4 == 1 else [],
            "amount_total": 100 * (index * 7 % 5),
            "amount_subtotal": 100 * (index * 7 % 5),
            "amount_refunded": 50 * (index % 3),
            "currency": ("eur", "usd")[index % 2],
            "customer_name": NAMES[index % 5],
            "customer_email": f"{'zyx'[index % 3]}@example.com",
            "customer_phone": f"+43{index * 5 % 12:02}",
            "updated_at": NOW - HOUR * (index * 5 % 12),
            "paid_at": NOW - HOUR * index if index % 3 == 1 else None,
        }
        order_id = await add_order(connection, ago=HOUR * (index * 7 % 12), **fields)
        if index % 2:
            await add_charge(
                connection,
                order_id,
                last4=f"424{index % 7}",
                country=("AT", "DE", None)[index % 3],
                decline_code="lost_card" if index == 3 else None,
            )
        for place in range(index % 3):
            await connection.execute(
                "INSERT INTO order_items (order_id, position, sku, name, unit_amount, quantity, amount,"
                " amount_discount) VALUES ($1, $2, 'NOTE', 'N', 1, $3::int, $3::int, 0)",
                order_id,
                place,
                index,
            )
        if index % 5 == 0:
            await connection.execute("INSERT INTO order_care (order_id, owner) VALUES ($1, $2)", order_id, f"o{index}")
            await connection.execute("INSERT INTO payments (id, order_id) VALUES ($1, $2)", f"pi_d{index}", order_id)
            await connection.execute(
                "INSERT INTO disputes (id, livemode, payment_id, status, due_by, observed_at, event_id)"
                " VALUES ($1, false, $2, 'needs_response', $3, now(), 'evt_1')",
                f"dp_{index}",
                f"pi_d{index}",
                NOW + HOUR * (index * 7 % 11),
            )
            await connection.execute(
                "INSERT INTO stripe_events (id, type, status, order_id, received_at, body_hash)"
                " VALUES ($1, 'charge.succeeded', 'applied', $2, $3, '')",
                f"evt_{index}",
                order_id,
                NOW - HOUR * (index * 7 % 11),
            )
    return database


async def numbers_by(listed: OrderList, size: int) -> list[int]:
    """Return the numbers of all orders in the list, read in pages of so many."""
    found: list[OrderRow] = []
    while True:
        page = await listed.page(listed.sort.place(found[-1]) if found else None, size)
        found += page
        if len(page) < size:
            return [row.order.number for row in found]


FILTERS = {"all": OrderFilter(), "status": OrderFilter(statuses=("failed", "completed"))}


@pytest.mark.parametrize("wanted", FILTERS.values(), ids=FILTERS)
@pytest.mark.parametrize("name", SORTS)
async def test_pages_of_any_size_are_in_sequence_and_the_other_way_round(
    shop: Database, name: str, wanted: OrderFilter
) -> None:
    sort = first_sort(name)
    newest = await OrderList(shop, wanted, parts={sort.part} if sort.part else ()).page(None, 50)
    numbers = [row.order.number for row in sorted(newest, key=sort.place, reverse=True)]
    assert len(numbers) >= 4
    for size in (3, 50):
        assert await numbers_by(OrderList(shop, wanted, sort), size) == numbers
    with_value = [row.order.number for row in newest if sort.place(row)[0]]
    turned = await numbers_by(OrderList(shop, wanted, sort.turned()), 5)
    assert [number for number in turned if number in with_value] == [
        number for number in reversed(numbers) if number in with_value
    ]
    assert set(turned[len(with_value) :]) == set(numbers) - set(with_value)


@pytest.mark.parametrize(
    ("text", "first"),
    [("customer", ["ada", "Ada"]), ("-amount", [400, 400]), ("deadline", [NOW]), ("-refunded", [100, 100])],
)
async def test_what_comes_first(shop: Database, text: str, first: list[Any]) -> None:
    sort = read_sort(text)
    assert sort is not None
    page = await OrderList(shop, OrderFilter(), sort).page(None, len(first))
    shown = {"customer": "customer_name", "amount": "amount_total", "refunded": "amount_refunded"}
    name = shown.get(sort.name)
    assert sorted(map(str, first)) == sorted(
        str(row.due_by if name is None else getattr(row.order, name)) for row in page
    )


@pytest.mark.parametrize("text", ["-created", "created", "number", "-number", "-amount", "customer", "deadline"])
async def test_far_jumps_come_to_the_same_place_from_both_ends(shop: Database, text: str) -> None:
    sort = read_sort(text)
    assert sort is not None
    listed = OrderList(shop, OrderFilter(), sort)
    places = [sort.place(row) for row in await listed.page(None, 50)]
    length = await listed.count()
    assert length is not None
    assert length.rows == len(places) == 12
    for count in (1, 5, 11):
        assert await listed.skip(None, count) == places[count - 1]
        assert await listed.skip_from_end(count) == places[-count - 1]
        assert listed.rank_of(places[count]) in (count, None)
    assert await listed.skip(places[4], 3) == places[7]
    assert await listed.skip(places[4], 8) is None
    assert await listed.skip_from_end(12) is None


async def test_a_long_list_is_cut_with_a_word_and_its_newest_are_right(
    shop: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = OrderList(shop, OrderFilter(), Sort("amount"))
    await whole.page(None, 50)
    assert whole.cut is None
    monkeypatch.setattr(sorted_orders, "MOST_SORTED", 4)
    monkeypatch.setattr(sorted_orders, "_AT_ONCE", 2)
    newest = [row.order.number for row in await OrderList(shop).page(None, 4)]
    listed = OrderList(shop, OrderFilter(), Sort("amount"))
    assert set(await numbers_by(listed, 3)) == set(newest)
    assert listed.cut == Cut(4, changed_last=False)
    assert str(listed.cut) == "the 4 newest only"


async def test_of_many_orders_those_that_changed_last_are_sorted_by_their_change(
    shop: Database, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sorted_orders, "MOST_SORTED", 3)
    changed = await connection.fetch("SELECT id::text, number FROM orders ORDER BY created_at LIMIT 4")
    for row in (*changed, changed[2]):
        await add_change(connection, row["id"], "changed", notify=False)
        await connection.execute("UPDATE orders SET updated_at = clock_timestamp() WHERE id = $1", row["id"])
    listed = OrderList(shop, OrderFilter(), Sort("updated"))
    assert await numbers_by(listed, 50) == [changed[place]["number"] for place in (2, 3, 1)]
    assert listed.cut == Cut(3, changed_last=True)


async def test_what_changes_later_is_noted_at_its_place(shop: Database, connection: asyncpg.Connection) -> None:
    listed = OrderList(shop, OrderFilter(), Sort("amount"))
    numbers = await numbers_by(listed, 50)
    order_id = await add_order(connection, amount_total=250, amount_subtotal=250)
    (row,) = await listed.rows([order_id])
    listed.note([row], [])
    place = listed.sort.place(row)
    assert listed.rank_of(place) == len([one for one in await listed.page(None, 50) if listed.sort.place(one) > place])
    gone = (await listed.page(None, 1))[0].order
    listed.note([], [gone.id])
    await connection.execute("DELETE FROM orders WHERE id = $1", gone.id)
    left = await listed.page(listed.sort.place(OrderRow(gone)), 50)
    assert {one.order.number for one in left} == {*numbers, row.order.number} - {gone.number}
    assert [listed.sort.place(one) for one in left] == sorted(map(listed.sort.place, left), reverse=True)
