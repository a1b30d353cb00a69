"""`checkout catalog`: list, import and export what is sold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from checkout_daemon.commands.base import CommandGroup
from checkout_daemon.commands.lists import ListColumn, ListKind, Printer, list_options, printer_of
from checkout_daemon.commands.options import (
    READABLE_FILE,
    dry_run_option,
    json_option,
    quiet_option,
)
from checkout_daemon.commands.output import answer, for_stdout, print_json, say
from checkout_daemon.commands.running import with_database
from checkout_daemon.present.text import plain

if TYPE_CHECKING:
    from checkout_daemon.catalog.cart import Product
    from checkout_daemon.catalog.catalog import CatalogReport
    from checkout_daemon.catalog.pricing import Discount
    from checkout_daemon.database.pool import Database
    from checkout_daemon.settings import Settings

_discounts_option = click.option("--discounts", is_flag=True, help="Use the discounts instead of the products.")


@click.group(cls=CommandGroup)
def catalog() -> None:
    """List, import and export products and discounts.

    Example:
      checkout catalog list
    """


@catalog.command("list")
@_discounts_option
@list_options
def catalog_list(discounts: bool, **options: Any) -> int:
    """List the products, or the discounts.

    Example:
      checkout catalog list --json
    """
    if discounts:
        return _list_discounts(options)
    return _list_products(options)


def _list_products(options: dict[str, Any]) -> int:
    from checkout_daemon.catalog import catalog
    from checkout_daemon.catalog.cart import Product
    from checkout_daemon.catalog.rows import columns_of

    columns: list[ListColumn[Product]] = [
        ListColumn("sku", "sku", lambda product: product.sku),
        ListColumn("name", "name", lambda product: plain(product.name), ratio=1),
        ListColumn("price", "unit_amount", _price, right=True),
        ListColumn("sold", "available", lambda product: "yes" if product.available else "no"),
    ]
    printer = printer_of(ListKind(columns, columns_of(Product), "sku"), options)
    printer.print_all(with_database(lambda database, _: catalog.list_products(database)))
    if not printer.end() and not printer.silent:
        say("The catalog is empty: `checkout catalog import FILE` fills it.")
    return 0


def _list_discounts(options: dict[str, Any]) -> int:
    from checkout_daemon.catalog import catalog
    from checkout_daemon.catalog.pricing import Discount
    from checkout_daemon.catalog.rows import columns_of
    from checkout_daemon.present.times import local_time

    def ends(discount: Discount) -> str:
        return local_time(discount.ends_at, printer.zone) if discount.ends_at else ""

    columns: list[ListColumn[Discount]] = [
        ListColumn("code", "code", lambda discount: discount.code),
        ListColumn("off", "amount_off", _off, right=True),
        ListColumn("from", "minimum_subtotal", _from, right=True),
        ListColumn("ends", "ends_at", ends),
        ListColumn("limit", "redemption_limit", _limit, right=True),
    ]
    listing = ListKind(columns, columns_of(Discount), "code", _discount_record)
    printer: Printer[Discount] = printer_of(listing, options)

    async def work(database: Database, settings: Settings) -> list[Discount]:
        printer.zone = settings.time_zone
        return await catalog.list_discounts(database)

    printer.print_all(with_database(work))
    if not printer.end() and not printer.silent:
        say("There are no discounts: `checkout catalog import FILE --discounts` adds some.")
    return 0


def _discount_record(discount: Discount) -> dict[str, object]:
    """Return the JSON of a discount. Its times are no texts, so that a table has them in the shop's time zone."""
    from checkout_daemon.catalog.rows import discount_object

    times = {"starts_at": discount.starts_at, "ends_at": discount.ends_at}
    return discount_object(discount) | {name: time for name, time in times.items() if time is not None}


def _price(product: Product) -> str:
    from checkout_daemon.model.money import format_money

    return format_money(product.unit_amount, product.currency)


def _limit(discount: Discount) -> str:
    return "" if discount.redemption_limit is None else str(discount.redemption_limit)


def _off(discount: Discount) -> str:
    from checkout_daemon.model.money import format_money

    if discount.amount_off is not None:
        return format_money(discount.amount_off, discount.currency or "")
    return f"{discount.percent_off:f}".rstrip("0").rstrip(".") + " %"


def _from(discount: Discount) -> str:
    from checkout_daemon.model.money import format_money

    minimum, currency = discount.minimum_subtotal, discount.currency
    return "" if not minimum else format_money(minimum, currency) if currency else str(minimum)


@catalog.command("import")
@click.argument("file", type=READABLE_FILE)
@_discounts_option
@dry_run_option
@quiet_option
@json_option
def catalog_import(file: Path, discounts: bool, dry_run: bool, as_json: bool) -> int:
    """Add and update what FILE lists; keep the rest.

    FILE is JSON, or CSV with a header line; the semicolons and `sep=;` of spreadsheets work too. The columns are those
    of `checkout catalog export`; sku, name, unit_amount and currency are required. Amounts are in minor units. The
    whole file is checked before anything is written. The audit log has who imported it, and how much it changed.

    Example:
      checkout catalog import products.csv --dry-run
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.audit.rights import require_acting
    from checkout_daemon.catalog import catalog
    from checkout_daemon.stock.importing import import_as_operator

    read = catalog.read_catalog(file, discounts=discounts)

    async def work(database: Database, _: Settings) -> CatalogReport:
        if dry_run:
            return await catalog.import_catalog(database, read.products, read.discounts, dry_run=True)
        await require_acting(database)  # also where nothing changes
        return await import_as_operator(database, read, operator=this_operator())

    report = with_database(work)
    if as_json:
        print_json(
            {
                "added": report.added,
                "changed": report.changed,
                "unchanged": report.unchanged,
                "served": report.served,
                "dry_run": dry_run,
            }
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
    if report.served:
        say(f"Oversold orders that have their pieces now: {', '.join(map(str, report.served))}.")
    return 0


@catalog.command("export")
@_discounts_option
@json_option
def catalog_export(discounts: bool, as_json: bool) -> int:
    """Print the products, or the discounts, as CSV or JSON.

    In CSV, a text that a spreadsheet would take for a formula starts with an apostrophe. The import removes it.

    Example:
      checkout catalog export --discounts > discounts.csv
    """
    from checkout_daemon.catalog import catalog

    form: Literal["json", "csv"] = "json" if as_json else "csv"
    text = with_database(lambda database, _: catalog.export_catalog(database, format=form, discounts=discounts))
    click.echo(for_stdout(text), nl=False)
    return 0
