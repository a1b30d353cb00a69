"""`checkout catalog`: list, import and export what is sold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from checkout_daemon.commands.base import CommandGroup
from checkout_daemon.commands.options import READABLE_FILE, dry_run_option, json_option
from checkout_daemon.commands.output import answer, print_json, print_json_lines, print_table, say
from checkout_daemon.commands.running import with_database
from checkout_daemon.present.text import plain

if TYPE_CHECKING:
    from checkout_daemon.catalog.pricing import Discount

_discounts_option = click.option("--discounts", is_flag=True, help="Use the discounts instead of the products.")


@click.group(cls=CommandGroup)
def catalog() -> None:
    """List, import and export products and discounts.

    Example:
      checkout catalog list
    """


@catalog.command("list")
@_discounts_option
@json_option
def catalog_list(discounts: bool, as_json: bool) -> int:
    """List the products, or the discounts.

    Example:
      checkout catalog list --json
    """
    return _list_discounts(as_json=as_json) if discounts else _list_products(as_json=as_json)


def _list_products(*, as_json: bool) -> int:
    from checkout_daemon.catalog import catalog
    from checkout_daemon.model.money import format_money

    products = with_database(lambda database, _: catalog.list_products(database))
    if as_json:
        print_json_lines(products)
    elif not products:
        say("The catalog is empty: `checkout catalog import FILE` fills it.")
    else:
        rows = [
            [
                product.sku,
                plain(product.name),
                format_money(product.unit_amount, product.currency),
                "yes" if product.available else "no",
            ]
            for product in products
        ]
        print_table(["sku", "name", "price", "sold"], rows, right={"price"}, flexible={"name": 1})
    return 0


def _list_discounts(*, as_json: bool) -> int:
    from checkout_daemon.catalog import catalog
    from checkout_daemon.catalog.rows import discount_object

    discounts = with_database(lambda database, _: catalog.list_discounts(database))
    if as_json:
        print_json_lines(map(discount_object, discounts))
    elif not discounts:
        say("There are no discounts: `checkout catalog import FILE --discounts` adds some.")
    else:
        headings = ["code", "off", "from", "ends", "limit"]
        print_table(headings, list(map(_discount_row, discounts)), right={"off", "from", "limit"})
    return 0


def _discount_row(discount: Discount) -> list[str]:
    from checkout_daemon.model.money import format_money

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


@catalog.command("import")
@click.argument("file", type=READABLE_FILE)
@_discounts_option
@dry_run_option
@json_option
def catalog_import(file: Path, discounts: bool, dry_run: bool, as_json: bool) -> int:
    """Add and update what FILE lists; keep the rest.

    FILE is JSON, or CSV with a header line; the semicolons and `sep=;` of spreadsheets work too. The columns are those
    of `checkout catalog export`; sku, name, unit_amount and currency are required. Amounts are in minor units. The
    whole file is checked before anything is written.

    Example:
      checkout catalog import products.csv --dry-run
    """
    from checkout_daemon.catalog import catalog

    read = catalog.read_catalog(file, discounts=discounts)

    report = with_database(
        lambda database, _: catalog.import_catalog(database, read.products, read.discounts, dry_run=dry_run)
    )
    if as_json:
        print_json(
            {"added": report.added, "changed": report.changed, "unchanged": report.unchanged, "dry_run": dry_run}
        )
        return 0
    for added in report.added:
        answer(f"+ {added.kind} {added.key}")
    for changed in report.changed:
        answer(f"~ {changed.kind} {changed.key}")
        for field in changed.differences:
            answer(f"    {field.field}: {plain(field.before) or 'nothing'} → {plain(field.after) or 'nothing'}")
    say(
        f"{len(report.added)} added, {len(report.changed)} changed, {report.unchanged} unchanged"
        + (": a dry run, nothing was written." if dry_run else ".")
    )
    return 0


@catalog.command("export")
@_discounts_option
@json_option
def catalog_export(discounts: bool, as_json: bool) -> int:
    """Print the products, or the discounts, as CSV or JSON.

    Example:
      checkout catalog export --discounts > discounts.csv
    """
    from checkout_daemon.catalog import catalog

    form: Literal["json", "csv"] = "json" if as_json else "csv"
    text = with_database(lambda database, _: catalog.export_catalog(database, format=form, discounts=discounts))
    click.echo(text, nl=False)
    return 0
