"""A search or a filter of orders reads few rows of a shop with many, and finds all that fit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from checkout_daemon.orders import order_search
from checkout_daemon.orders.order_filter import Condition, Extent, OrderCursor, OrderFilter, like
from checkout_daemon.orders.order_lists import list_orders
from checkout_daemon.orders.order_query import parse_query
from checkout_daemon.orders.query_keys import KEYS
from checkout_daemon.orders.query_values import word_of
from tests.database.large_shop import (
    FILTERS,
    NOW,
    ORDERS,
    PAGE,
    SEARCHED,
    Explaining,
    in_pairs,
    most_rows,
    of_words,
)

TEXTS: dict[str, dict[str, Any]] = {
    "common": of_words("example"),
    "name": of_words("hanna"),
    "short": of_words("zz"),
    "absent": of_words("nobody at all"),
    "absent with common parts": of_words("mail.example.com"),
    "words": of_words("wagner", "hanna"),
    "phone": of_words("066012345678"),
    "digits": of_words("7919"),
    "amount": of_words("49.99"),
    "sku": of_words("sku-17"),
    "ids": {"conditions": (Condition("ids", ("00000000-0000-4000-8000-000000000000",)),)},
}

SEARCHES = {name: OrderFilter(**fields) for name, fields in in_pairs(FILTERS, TEXTS).items() if "conditions" in fields}


@pytest.mark.parametrize("wanted", SEARCHES.values(), ids=SEARCHES)
async def test_a_search_reads_few_of_the_orders(shop: Explaining, wanted: OrderFilter) -> None:
    await list_orders(shop, wanted, limit=PAGE)
    assert most_rows(shop) <= SEARCHED


# Each key with a value that many orders have, and one that few or none have.
KEY_TEXTS = (
    ("status:completed", "-status:completed"),
    ("attention:any", "attention:amount_mismatch"),
    ("amount:>50", "amount:>909.99", "amount:500.03"),
    ("refunded:>0", "refunded:>450"),
    ("currency:eur", "currency:usd"),
    ("email:@example.com", "email:nora.wagener7", "email:*bach*7@*.org"),
    ("name:hanna", "name:nobody"),
    ("phone:0660", "phone:123456"),
    ("sku:sku-*", "sku:SKU-17", "sku:sku-17,sku-18", "sku:*17", "sku:sku-1?", "sku:none", "-sku:sku-17"),
    ("discount:WELCOME10", "discount:fri*", "discount:none"),
    ("since:30d",),
    ("until:400d",),
    ("is:test", "is:live"),
    ("imported:no", "imported:yes"),
    ("shipped:no", "shipped:yes"),
    ("last4:4242", "last4:7919", "last4:0001,0002"),
    ("brand:visa", "brand:amex"),
    ("decline:insufficient_funds", "decline:lost_card"),
    ("method:card", "method:paypal"),
    ("funding:credit", "funding:debit"),
    ("country:US", "country:AT"),
    ("wallet:apple_pay", "-wallet:apple_pay"),
    ("network:visa", "network:amex"),
    ("risk:normal", "risk:highest"),
)

MIXED = (
    "amount:>50 sku:sku-17 hanna",
    "status:disputed sku:sku-17",
    "status:expired decline:insufficient_funds",
    "discount:welcome10 sku:sku-17",
    "email:desk@example.com sku:sku-17",
    "last4:4242 decline:lost_card",
    "attention:any sku:sku-17",
    "name:nora email:desk",
)


def test_every_key_is_tried() -> None:
    assert {text.partition(":")[0].lstrip("-") for texts in KEY_TEXTS for text in texts} == set(KEYS)


@pytest.mark.parametrize("text", [*(text for texts in KEY_TEXTS for text in texts), *MIXED])
async def test_a_filter_reads_few_of_the_orders(shop: Explaining, text: str) -> None:
    query = parse_query(text, time_zone="UTC", now=NOW)
    words = tuple(Condition("word", word=word_of(word.text)) for word in query.words)
    wanted = replace(query.wanted, conditions=(*query.wanted.conditions, *words))
    await list_orders(shop, wanted, limit=PAGE)
    assert most_rows(shop) <= SEARCHED


@pytest.mark.parametrize("words", [("nora", "wagener"), ("sku-17", "zora")])
async def test_words_that_few_orders_have_all_of_are_looked_up_together(
    shop: Explaining, words: tuple[str, str]
) -> None:
    await list_orders(shop, OrderFilter(**of_words(*words)), limit=PAGE)
    assert most_rows(shop, shop.plans[-1:]) <= ORDERS / 12  # how few depends on the sample that ANALYZE took


@pytest.mark.parametrize("glob", ["sku-17", "sku-1?", "*9"])
async def test_orders_of_a_sku_are_found_from_the_newest_id_on(
    large_shop: str, glob: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, low in (("_TRIED", 20), ("_FIRST_LOOKED_UP", 30), ("_MOST_LOOKED_UP", 150)):
        monkeypatch.setattr(order_search, name, low)
    connection = await asyncpg.connect(large_shop)
    numbers = await connection.fetch(
        "SELECT number FROM orders WHERE EXISTS (SELECT FROM order_items WHERE order_id = orders.id"
        " AND lower(sku) LIKE $1)"
        " ORDER BY created_at DESC, number DESC LIMIT 200",
        like(glob),
    )
    found: list[int] = []
    wanted, cursor = OrderFilter(conditions=(Condition("sku", (glob,)),)), None
    while len(found) < len(numbers):
        page = await list_orders(connection, wanted, limit=20, cursor=cursor, extent=Extent(thorough=True))
        found += [order.number for order in page]
        cursor = OrderCursor.after(page[-1])
    await connection.close()
    assert found[: len(numbers)] == [row["number"] for row in numbers]
    assert len(numbers) >= PAGE


@pytest.mark.parametrize("text", ["hanna", "wagen", "zimmer", "schnei", "dorfs", "nsen", "@mail.example", "mnoo"])
async def test_a_search_span_by_span_finds_what_reading_all_orders_finds(
    large_shop: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_search, "_TRIED", 20)
    monkeypatch.setattr(order_search, "_MOST_TEXTS", 10**9)
    monkeypatch.setattr(order_search, "_MOST_ENTRIES", 10**9)
    connection = await asyncpg.connect(large_shop)
    numbers = await connection.fetch(
        "SELECT number FROM orders WHERE strpos(lower(customer_name || chr(10) || customer_email), $1) > 0"
        " ORDER BY created_at DESC, number DESC LIMIT 200",
        text,
    )
    found: list[int] = []
    cursor = None
    while len(found) < len(numbers):
        page = await list_orders(connection, OrderFilter(**of_words(text)), limit=40, cursor=cursor)
        found += [order.number for order in page]
        cursor = OrderCursor.after(page[-1])
    await connection.close()
    assert found == [row["number"] for row in numbers]
    assert numbers


async def test_a_rare_text_is_found_by_its_rarest_trigrams(shop: Explaining) -> None:
    oldest = await shop.fetchrow("SELECT customer_name, customer_email FROM orders WHERE number = 1017")
    name, email = oldest["customer_name"].split()[1], oldest["customer_email"]
    for text in (name, email):
        shop.plans.clear()
        assert [order.number for order in await list_orders(shop, OrderFilter(**of_words(text)), limit=PAGE)] == [1017]
        assert most_rows(shop, shop.plans[-1:]) <= PAGE
    rare = await shop.fetchval("SELECT rare_trigrams('zq@example.com')")
    assert "zq@" in rare
    assert not {"exa", "xam", "com"} & set(rare)
