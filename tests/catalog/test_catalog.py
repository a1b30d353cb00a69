"""The catalog in the database is imported whole or not at all, and exported so that it reads back unchanged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from importlib.resources import files
from typing import Literal

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout_daemon.catalog.cart import Product
from checkout_daemon.catalog.catalog import (
    CatalogChange,
    CatalogReport,
    FieldDifference,
    display_order,
    export_catalog,
    import_catalog,
    list_discounts,
    list_products,
    seed_demo,
)
from checkout_daemon.catalog.files import parse_catalog
from checkout_daemon.catalog.pricing import Discount
from checkout_daemon.database.pool import Database

PEN = Product("PEN", "Pen", "It writes.", "/products/PEN.svg", 250, "eur", True)
LAMP = Product("LAMP", "Lamp", "", None, 8900, "eur", False)
INK = Product("INK", "Ink", "", None, 1650, "eur", True)
TEN = Discount("TEN", Decimal(10), None, None, 0, None, None, None)
FIVE_OFF = Discount("FIVE-OFF", None, 500, "eur", 2000, None, None, 100)
DEMO = files("checkout_daemon.dev").joinpath("demo_catalog.json").read_text(encoding="utf-8")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, max_size=10)
    yield database
    await database.close()


async def skus(database: Database) -> list[str]:
    """Return the skus in display order."""
    exported = parse_catalog(await export_catalog(database, format="json"))
    return [product.sku for product in exported.products]


async def test_only_new_items_are_added(database: Database) -> None:
    report = await import_catalog(database, [PEN, LAMP], [TEN])
    assert report == CatalogReport(
        (CatalogChange("product", "PEN"), CatalogChange("product", "LAMP"), CatalogChange("discount", "TEN")), (), 0
    )
    assert await import_catalog(database, [PEN, LAMP], [TEN]) == CatalogReport((), (), 3)
    assert (await list_products(database), await list_discounts(database)) == ([PEN, LAMP], [TEN])


async def test_a_change_is_reported_field_by_field(database: Database) -> None:
    await import_catalog(database, [PEN, LAMP], [TEN])
    dearer, half = replace(PEN, unit_amount=300, name="Better pen"), replace(TEN, percent_off=Decimal("12.50"))
    report = await import_catalog(database, [dearer, LAMP], [half])
    assert report.changed == (
        CatalogChange(
            "product",
            "PEN",
            (FieldDifference("name", "Pen", "Better pen"), FieldDifference("unit_amount", "250", "300")),
        ),
        CatalogChange("discount", "TEN", (FieldDifference("percent_off", "10", "12.5"),)),
    )
    assert (report.added, report.unchanged) == ((), 1)
    assert (await list_products(database), await list_discounts(database)) == ([dearer, LAMP], [half])


async def test_available_products_are_listed_first_in_display_order(database: Database) -> None:
    await import_catalog(database, [LAMP, PEN, INK], [])
    assert await list_products(database) == [PEN, INK, LAMP]


async def test_what_is_not_listed_stays(database: Database) -> None:
    await import_catalog(database, [PEN, LAMP], [TEN])
    await import_catalog(database, [INK], [FIVE_OFF])
    assert await skus(database) == ["PEN", "LAMP", "INK"]
    assert await list_discounts(database) == [FIVE_OFF, TEN]


async def test_a_dry_run_reports_the_same_and_writes_nothing(database: Database) -> None:
    await import_catalog(database, [PEN], [TEN])
    listed = [INK, replace(PEN, name="Better pen")], [FIVE_OFF]
    dry = await import_catalog(database, *listed, dry_run=True)
    assert (await list_products(database), await list_discounts(database)) == ([PEN], [TEN])
    assert await import_catalog(database, *listed) == dry


async def test_nothing_is_written_when_the_database_refuses_a_part(database: Database) -> None:
    await import_catalog(database, [PEN], [])
    with pytest.raises(asyncpg.CheckViolationError, match="discounts_percent_range"):
        await import_catalog(database, [INK, replace(PEN, unit_amount=1)], [replace(TEN, percent_off=Decimal(200))])
    assert (await list_products(database), await list_discounts(database)) == ([PEN], [])


async def test_products_are_displayed_in_the_order_of_the_file(database: Database) -> None:
    await import_catalog(database, [PEN, INK], [])
    report = await import_catalog(database, [INK, PEN], [])
    assert report.changed == (
        CatalogChange("product", "INK", (FieldDifference("position", "2", "1"),)),
        CatalogChange("product", "PEN", (FieldDifference("position", "1", "2"),)),
    )
    assert await skus(database) == ["INK", "PEN"]


@pytest.mark.parametrize("text_format", ["csv", "json"])
async def test_an_export_imported_again_changes_nothing(
    database: Database, text_format: Literal["csv", "json"]
) -> None:
    demo = parse_catalog(DEMO)
    await import_catalog(database, [LAMP, *demo.products], demo.discounts)
    await import_catalog(database, [INK, LAMP], [FIVE_OFF])
    products = parse_catalog(await export_catalog(database, format=text_format))
    discounts = parse_catalog(await export_catalog(database, format=text_format, discounts=True), discounts=True)
    report = await import_catalog(database, products.products, discounts.discounts)
    assert (report.added, report.changed) == ((), ())
    assert report.unchanged == len(demo.products) + len(demo.discounts) + 3


async def test_an_export_rebuilds_the_catalog_elsewhere(database: Database) -> None:
    await seed_demo(database, DEMO)
    before = await list_products(database), await list_discounts(database)
    products = await export_catalog(database, format="csv")
    discounts = await export_catalog(database, format="csv", discounts=True)
    async with database.connection() as connection:
        await connection.execute("TRUNCATE products, discounts")
    await import_catalog(database, parse_catalog(products).products, parse_catalog(discounts, discounts=True).discounts)
    assert (await list_products(database), await list_discounts(database)) == before


async def test_the_demo_catalog_is_seeded_once(database: Database) -> None:
    assert await seed_demo(database, DEMO)
    listed = await list_products(database)
    assert (len(listed), len(await list_discounts(database))) == (12, 4)
    assert {product.currency for product in listed} == {"eur"}
    assert not await seed_demo(database, DEMO)


async def test_a_shop_with_one_product_is_not_seeded(database: Database) -> None:
    await import_catalog(database, [PEN], [])
    assert not await seed_demo(database, DEMO)
    assert await list_products(database) == [PEN]


async def test_of_several_processes_that_seed_at_once_one_does(database: Database) -> None:
    answers = await asyncio.gather(*(seed_demo(database, DEMO) for _ in range(5)))
    assert sorted(answers) == [False] * 4 + [True]


@pytest.mark.parametrize(
    ("stored", "listed", "order"),
    [
        ("", "ABC", "ABC"),
        ("ABC", "", "ABC"),
        ("ABC", "ABC", "ABC"),
        ("ABC", "X", "ABCX"),
        ("ABC", "XY", "ABCXY"),
        ("ABC", "AXB", "AXBC"),
        ("ABC", "XB", "AXBC"),
        ("ABC", "CA", "CBA"),
        ("ABCD", "DXB", "ADXCB"),
        ("ABC", "CBA", "CBA"),
    ],
)
def test_the_listed_order_is_the_display_order(stored: str, listed: str, order: str) -> None:
    assert "".join(display_order(stored, listed)) == order


letters = st.lists(st.sampled_from("ABCDEFGHIJ"), unique=True)


@given(letters, letters)
def test_every_display_order_has_all_skus_and_follows_the_file(stored: list[str], listed: list[str]) -> None:
    order = display_order(stored, listed)
    assert sorted(order) == sorted({*stored, *listed})
    assert [sku for sku in order if sku in listed] == listed
    assert [sku for sku in order if sku not in listed] == [sku for sku in stored if sku not in listed]
    assert display_order(order, listed) == order
