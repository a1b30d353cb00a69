"""The catalog of products and discounts: list, import and export it."""

from __future__ import annotations

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import asyncpg

from checkout_daemon.catalog import discount_store as stored_discounts
from checkout_daemon.catalog import product_store as stored_products
from checkout_daemon.catalog.cart import Product
from checkout_daemon.catalog.files import CatalogFile, CatalogRejected, csv_text, json_text, parse_catalog
from checkout_daemon.catalog.pricing import Discount
from checkout_daemon.catalog.rows import as_cells
from checkout_daemon.catalog.stock_levels import StockChange, change_stock
from checkout_daemon.database.pool import Database


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """What an import changes in one field, as text."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class CatalogChange:
    """A product or discount that an import adds (no differences) or changes. `key`: its sku or code."""

    kind: Literal["product", "discount"]
    key: str
    differences: tuple[FieldDifference, ...] = ()


@dataclass(frozen=True, slots=True)
class CatalogReport:
    """What an import changed, or would change in a dry run. `unchanged` counts what was listed and is the same.

    `served`: the numbers of the oversold orders that have their pieces now.
    """

    added: tuple[CatalogChange, ...]
    changed: tuple[CatalogChange, ...]
    unchanged: int
    served: tuple[int, ...] = ()


async def list_products(database: Database) -> list[Product]:
    """Return all products, available ones first, in display order."""
    async with database.connection() as connection:
        products = await stored_products.list_products(connection)
    return sorted(products, key=lambda product: not product.available)


async def list_discounts(database: Database) -> list[Discount]:
    """Return all discounts by code."""
    async with database.connection() as connection:
        return await stored_discounts.list_discounts(connection)


def read_catalog(path: Path, *, discounts: bool = False) -> CatalogFile:
    """Read a CSV or JSON file in UTF-8, or in UTF-16 with a byte order mark; see parse_catalog.

    Raise CatalogRejected with every fault and its line.
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-16" if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8")
    except OSError as error:
        raise CatalogRejected(str(path), [f"it cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise CatalogRejected(str(path), [f"line {line}: this is not UTF-8 text: save the file as UTF-8"]) from error
    return parse_catalog(text, discounts=discounts, source=str(path))


async def import_catalog(
    database: Database,
    products: Sequence[Product],
    discounts: Sequence[Discount],
    *,
    dry_run: bool = False,
) -> CatalogReport:
    """Add and change what is listed as write_catalog does, without an audit entry."""
    return await database.run(write_catalog, products, discounts, dry_run=dry_run)


async def write_catalog(
    connection: asyncpg.Connection,
    products: Sequence[Product],
    discounts: Sequence[Discount],
    *,
    dry_run: bool = False,
    actor: str = "checkout-daemon",
) -> CatalogReport:
    """Add and change what is listed, all or nothing, and keep the rest. A second import of the same changes nothing.

    Products are displayed in the order listed; a new one follows the product listed before it. The stock of a product
    that is listed without one stays as it is. `actor` is who changes the others.
    """
    await stored_products.lock_catalog(connection)
    stored = {product.sku: product for product in await stored_products.list_products(connection)}
    listed = {product.sku: product for product in products}
    order = display_order(list(stored), list(listed))
    changes = [
        *_compare("product", stored, listed, _moves(list(stored), list(listed), order)),
        *_compare(
            "discount",
            {discount.code: discount for discount in await stored_discounts.list_discounts(connection)},
            {discount.code: discount for discount in discounts},
            {},
        ),
    ]
    touched = {(change.kind, change.key) for change in changes}
    touched_products = [product for product in products if ("product", product.sku) in touched]
    touched_discounts = [discount for discount in discounts if ("discount", discount.code) in touched]
    if not dry_run:
        if touched_discounts:  # before the products: an order locks its discount, then the products that it reserves
            await stored_discounts.upsert_discounts(connection, touched_discounts)
        if touched_products:
            await stored_products.lock_products(connection)
            await stored_products.upsert_products(connection, touched_products)
            await stored_products.place_products(connection, order)
            stock = {product.sku: product.stock for product in touched_products if product.stock is not None}
            await change_stock(connection, stock, StockChange("imported", actor))
    return CatalogReport(
        added=tuple(change for change in changes if not change.differences),
        changed=tuple(change for change in changes if change.differences),
        unchanged=len(products) + len(discounts) - len(changes),
    )


async def export_catalog(database: Database, *, format: Literal["csv", "json"], discounts: bool = False) -> str:  # noqa: A002
    """Return the products, or the discounts, as text that import_catalog would find unchanged."""
    async with database.connection() as connection:
        catalog = CatalogFile(
            tuple(await stored_products.list_products(connection)),
            tuple(await stored_discounts.list_discounts(connection)),
        )
    return (csv_text if format == "csv" else json_text)(catalog, discounts=discounts)


async def seed_demo(database: Database, text: str) -> bool:
    """Import the catalog if there are no products, and return whether it did. Of several processes, one imports."""
    return await database.run(_seed, parse_catalog(text))


async def _seed(connection: asyncpg.Connection, catalog: CatalogFile) -> bool:
    await stored_products.lock_catalog(connection)
    if await stored_products.list_products(connection):
        return False
    await write_catalog(connection, catalog.products, catalog.discounts)
    return True


def _compare(
    kind: Literal["product", "discount"],
    stored: Mapping[str, Product | Discount],
    listed: Mapping[str, Product | Discount],
    moves: Mapping[str, tuple[FieldDifference, ...]],
) -> Iterator[CatalogChange]:
    for key, item in listed.items():
        if key not in stored:
            yield CatalogChange(kind, key)
            continue
        before, after = as_cells(stored[key]), as_cells(item)
        if isinstance(item, Product) and item.stock is None:
            del after["stock"]  # not given, so it stays as it is
        differences = tuple(
            FieldDifference(name, before[name], after[name]) for name in after if before[name] != after[name]
        )
        if differences or key in moves:
            yield CatalogChange(kind, key, differences + moves.get(key, ()))


def display_order(stored: Sequence[str], listed: Sequence[str]) -> list[str]:
    """Return the skus of both in display order.

    Stored skus that are listed take the places they had together, in the order listed; the others keep their places.
    A new sku follows the one listed before it. New ones at the head precede the first stored one, or else come last.
    """
    known = set(stored)
    head: list[str] = []
    groups: list[list[str]] = []  # of a stored sku and the new ones that follow it
    for sku in listed:
        if sku in known:
            groups.append([sku] if groups else [*head, sku])
        else:
            (groups[-1] if groups else head).append(sku)
    if not groups:
        return [*stored, *head]
    places, replacements = set(listed), iter(groups)
    return [sku for place in stored for sku in (next(replacements) if place in places else [place])]


def _moves(
    stored: Sequence[str], listed: Sequence[str], order: Sequence[str]
) -> dict[str, tuple[FieldDifference, ...]]:
    """Return the position of every sku that changed places with others; insertions before it do not count."""
    old = {sku: position for position, sku in enumerate(stored, 1)}
    new = {sku: position for position, sku in enumerate(order, 1)}
    after = [sku for sku in listed if sku in old]
    before = sorted(after, key=lambda sku: old[sku])
    return {
        sku: (FieldDifference("position", str(old[sku]), str(new[sku])),)
        for previous, sku in zip(before, after, strict=True)
        if previous != sku
    }
