"""`checkout catalog`: what is sold, listed, imported and exported."""

from __future__ import annotations

from pathlib import Path

import click
from rich.table import Column

from checkout_daemon.commands.output import answer, plain, print_json, print_json_lines, print_table, say
from checkout_daemon.commands.running import with_database
from checkout_daemon.domain.cart import Product
from checkout_daemon.domain.money import format_money
from checkout_daemon.domain.pricing import Discount
from checkout_daemon.services import catalog
from checkout_daemon.services.catalog_files import discount_object, product_object
from checkout_daemon.settings import Settings
from checkout_daemon.store.database import Database


def list_products(*, as_json: bool) -> int:
    async def work(database: Database, _: Settings) -> list[Product]:
        return await catalog.list_products(database)

    products = with_database(work)
    if as_json:
        print_json_lines(product_object(each) for each in products)
    elif not products:
        say("The catalog is empty: `checkout catalog import FILE` fills it.")
    else:
        columns = [
            Column("sku", no_wrap=True),
            Column("name", no_wrap=True, overflow="ellipsis", ratio=1),
            Column("price", justify="right", no_wrap=True),
            Column("sold", no_wrap=True),
        ]
        print_table(
            columns,
            [
                [
                    each.sku,
                    plain(each.name),
                    format_money(each.unit_amount, each.currency),
                    "yes" if each.available else "no",
                ]
                for each in products
            ],
        )
    return 0


def list_discounts(*, as_json: bool) -> int:
    async def work(database: Database, _: Settings) -> list[Discount]:
        return await catalog.list_discounts(database)

    discounts = with_database(work)
    if as_json:
        print_json_lines(discount_object(each) for each in discounts)
    elif not discounts:
        say("There are no discounts: `checkout catalog import FILE --discounts` adds some.")
    else:
        columns = [
            Column("code", no_wrap=True),
            Column("off", justify="right", no_wrap=True),
            Column("from", justify="right", no_wrap=True),
            Column("ends", no_wrap=True),
            Column("limit", justify="right", no_wrap=True),
        ]
        print_table(columns, [_discount_row(each) for each in discounts])
    return 0


def _discount_row(discount: Discount) -> list[str]:
    currency = discount.currency or ""
    if discount.amount_off is not None:
        off = format_money(discount.amount_off, currency)
    else:
        off = f"{discount.percent_off:f}".rstrip("0").rstrip(".") + " %"
    minimum = discount.minimum_subtotal
    return [
        discount.code,
        off,
        "" if not minimum else format_money(minimum, currency) if currency else str(minimum),
        f"{discount.ends_at:%Y-%m-%d %H:%M} UTC" if discount.ends_at else "",
        "" if discount.redemption_limit is None else str(discount.redemption_limit),
    ]


def import_file(path: Path, *, discounts: bool, dry_run: bool, as_json: bool) -> int:
    told = catalog.read_catalog(path, discounts=discounts)

    async def work(database: Database, _: Settings) -> catalog.CatalogReport:
        return await catalog.import_catalog(database, told.products, told.discounts, dry_run=dry_run)

    report = with_database(work)
    if as_json:
        print_json(
            {"added": report.added, "changed": report.changed, "unchanged": report.unchanged, "dry_run": dry_run}
        )
        return 0
    for added in report.added:
        answer(f"+ {added.kind} {added.key}")
    for changed in report.changed:
        answer(f"~ {changed.kind} {changed.key}")
        for each in changed.differences:
            answer(f"    {each.field}: {plain(each.before) or 'nothing'} → {plain(each.after) or 'nothing'}")
    say(
        f"{len(report.added)} added, {len(report.changed)} changed, {report.unchanged} unchanged"
        + (": a dry run, nothing was written." if dry_run else ".")
    )
    return 0


def export(*, discounts: bool, as_json: bool) -> int:
    async def work(database: Database, _: Settings) -> str:
        return await catalog.export_catalog(database, format="json" if as_json else "csv", discounts=discounts)

    click.echo(with_database(work), nl=False)
    return 0
