"""The catalog: what is sold and which discounts there are; listed, imported and exported whole."""

from __future__ import annotations

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import asyncpg

from checkout_daemon.catalog import discounts as stored_discounts
from checkout_daemon.catalog import products as stored_products
from checkout_daemon.catalog.cart import Product
from checkout_daemon.catalog.files import CatalogFile, CatalogRejected, csv_text, json_text, parse_catalog
from checkout_daemon.catalog.pricing import Discount
from checkout_daemon.catalog.rows import discount_cells, product_cells
from checkout_daemon.database.pool import Database

T = TypeVar("T")


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
    added: tuple[CatalogChange, ...]
    changed: tuple[CatalogChange, ...]
    unchanged: int


async def list_products(database: Database) -> list[Product]:
    """Available ones first, then in the order of display."""
    async with database.connection() as connection:
        return await stored_products.list_products(connection)


async def list_discounts(database: Database) -> list[Discount]:
    async with database.connection() as connection:
        return await stored_discounts.list_discounts(connection)


def read_catalog(path: Path, *, discounts: bool = False) -> CatalogFile:
    """Read a CSV or JSON file in UTF-8, or in UTF-16 with its mark; see parse_catalog.

    Raises CatalogRejected with every fault, each with its line.
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
    database: Database, products: Sequence[Product], discounts: Sequence[Discount], *, dry_run: bool = False
) -> CatalogReport:
    """Add and change what is told, all or nothing; what is not told stays. Told twice, the second time changes nothing.

    Products are displayed in the order told; new ones follow the product before them.
    """
    return await database.run(_import, products, discounts, dry_run=dry_run)


async def export_catalog(database: Database, *, format: Literal["csv", "json"], discounts: bool = False) -> str:  # noqa: A002
    """The products, or the discounts, as a text that read_catalog reads and import_catalog finds unchanged."""
    async with database.connection() as connection:
        catalog = CatalogFile(
            tuple(await stored_products.list_products_by_position(connection)),
            tuple(await stored_discounts.list_discounts(connection)),
        )
    return (csv_text if format == "csv" else json_text)(catalog, discounts=discounts)


async def seed_demo(database: Database, path_or_text: Path | str) -> bool:
    """Import it if there are no products at all; whether it did. Several may seed at once: one does."""
    catalog = read_catalog(path_or_text) if isinstance(path_or_text, Path) else parse_catalog(path_or_text)
    return await database.run(_seed, catalog)


async def _seed(connection: asyncpg.Connection, catalog: CatalogFile) -> bool:
    await stored_products.lock_catalog(connection)
    if await stored_products.list_products(connection):
        return False
    await _import(connection, catalog.products, catalog.discounts)
    return True


async def _import(
    connection: asyncpg.Connection,
    products: Sequence[Product],
    discounts: Sequence[Discount],
    *,
    dry_run: bool = False,
) -> CatalogReport:
    await stored_products.lock_catalog(connection)
    held = {each.sku: each for each in await stored_products.list_products_by_position(connection)}
    held_discounts = {each.code: each for each in await stored_discounts.list_discounts(connection)}
    told = {each.sku: each for each in products}
    order = display_order(list(held), list(told))
    moves = _moves(list(held), list(told), order)
    changes = [
        *_compare("product", held, told, product_cells, moves),
        *_compare("discount", held_discounts, {each.code: each for each in discounts}, discount_cells, {}),
    ]
    touched = {(change.kind, change.key) for change in changes}
    new_products = [each for each in products if ("product", each.sku) in touched]
    new_discounts = [each for each in discounts if ("discount", each.code) in touched]
    if not dry_run:
        if new_products:
            await stored_products.upsert_products(connection, new_products)
            await stored_products.place_products(connection, order)
        if new_discounts:
            await stored_discounts.upsert_discounts(connection, new_discounts)
    return CatalogReport(
        added=tuple(change for change in changes if not change.differences),
        changed=tuple(change for change in changes if change.differences),
        unchanged=len(products) + len(discounts) - len(changes),
    )


def _compare(
    kind: Literal["product", "discount"],
    held: Mapping[str, T],
    told: Mapping[str, T],
    cells: Callable[[T], dict[str, str]],
    moves: Mapping[str, tuple[FieldDifference, ...]],
) -> Iterator[CatalogChange]:
    for key, item in told.items():
        if key not in held:
            yield CatalogChange(kind, key)
            continue
        before, after = cells(held[key]), cells(item)
        differences = tuple(
            FieldDifference(name, before[name], after[name]) for name in after if before[name] != after[name]
        )
        if differences or key in moves:
            yield CatalogChange(kind, key, differences + moves.get(key, ()))


def display_order(held: Sequence[str], told: Sequence[str]) -> list[str]:
    """Those held and told stand in the order told, in the places they had together; the others keep their places.

    A new one follows the one told before it; at the head of those told it precedes the next one held, else comes last.
    """
    known = set(held)
    told_and_held = [sku for sku in told if sku in known]
    replacements = iter(told_and_held)
    among_told = set(told_and_held)
    followers: dict[str | None, list[str]] = {}
    last: str | None = None
    for sku in told:
        if sku in known:
            last = sku
        else:
            followers.setdefault(last, []).append(sku)
    order: list[str] = []
    for sku in (next(replacements) if sku in among_told else sku for sku in held):
        if told_and_held and sku == told_and_held[0]:
            order += followers.get(None, [])
        order += [sku, *followers.get(sku, [])]
    return order if told_and_held else order + followers.get(None, [])


def _moves(held: Sequence[str], told: Sequence[str], order: Sequence[str]) -> dict[str, tuple[FieldDifference, ...]]:
    """Those that changed places with others; not those that others were added before."""
    known, among_told = set(held), set(told)
    before = [sku for sku in held if sku in among_told]
    after = [sku for sku in told if sku in known]
    was = {sku: index for index, sku in enumerate(held, 1)}
    becomes = {sku: index for index, sku in enumerate(order, 1)}
    return {
        sku: (FieldDifference("position", str(was[sku]), str(becomes[sku])),)
        for old, sku in zip(before, after, strict=True)
        if old != sku
    }
