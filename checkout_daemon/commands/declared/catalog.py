"""`checkout catalog`."""

from __future__ import annotations

from pathlib import Path

import click

from checkout_daemon.commands.declared.options import READABLE_FILE, discounts_option, json_option


@click.group()
def catalog() -> None:
    """List, import and export products and discounts.

    \b
    Example:
      checkout catalog list
    """


@catalog.command("list")
@discounts_option
@json_option
def catalog_list(discounts: bool, as_json: bool) -> int:
    """List what is sold, or the discounts.

    \b
    Example:
      checkout catalog list --json
    """
    from checkout_daemon.commands import catalog

    return catalog.list_discounts(as_json=as_json) if discounts else catalog.list_products(as_json=as_json)


@catalog.command("import")
@click.argument("file", type=READABLE_FILE)
@discounts_option
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@json_option
def catalog_import(file: Path, discounts: bool, dry_run: bool, as_json: bool) -> int:
    """Add and change what FILE tells; the rest stays.

    JSON, or CSV with a header line, also with the semicolons and `sep=;` of a spreadsheet. The columns are those of
    `checkout catalog export`: sku, name, unit_amount and currency are needed. Amounts are in minor units. The whole
    file is checked before anything is written.

    \b
    Example:
      checkout catalog import products.csv --dry-run
    """
    from checkout_daemon.commands import catalog

    return catalog.import_file(file, discounts=discounts, dry_run=dry_run, as_json=as_json)


@catalog.command("export")
@discounts_option
@json_option
def catalog_export(discounts: bool, as_json: bool) -> int:
    """Print the products, or the discounts, as CSV or JSON.

    \b
    Example:
      checkout catalog export --discounts > discounts.csv
    """
    from checkout_daemon.commands import catalog

    return catalog.export(discounts=discounts, as_json=as_json)
