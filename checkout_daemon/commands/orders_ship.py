"""`checkout orders ship`: state that orders were sent, one by its options or many from a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from checkout_daemon.commands.asking import confirm
from checkout_daemon.commands.base import Command
from checkout_daemon.commands.completers import complete_numbers
from checkout_daemon.commands.files import read_input
from checkout_daemon.commands.options import (
    READABLE_OR_STDIN,
    dry_run_option,
    json_option,
    note_option,
    quiet_option,
    yes_option,
)
from checkout_daemon.commands.output import print_json, say, say_dry_run
from checkout_daemon.commands.running import with_database
from checkout_daemon.commands.typed import TERM
from checkout_daemon.present.text import counted, plain

if TYPE_CHECKING:
    from checkout_daemon.database.pool import Database
    from checkout_daemon.orders.shipping import Parcel, ParcelOf, ShippedOrder
    from checkout_daemon.settings import Settings

_REFUSED = 4


@click.command("ship", cls=Command)
@click.argument("order", type=TERM, metavar="[ORDER]", required=False, shell_complete=complete_numbers)
@click.option("--carrier", type=TERM, metavar="NAME", default="", help="Name who delivers it, such as DHL.")
@click.option("--tracking", type=TERM, metavar="NUMBER", default="", help="Give the number of the parcel.")
@click.option("--url", type=TERM, metavar="URL", default="", help="Give the page on which to follow it.")
@click.option(
    "--from-csv", type=READABLE_OR_STDIN, metavar="FILE", help="Ship the orders of a CSV file, or of stdin if it is -."
)
@dry_run_option
@note_option
@yes_option
@quiet_option
@json_option
def orders_ship(
    order: str | None,
    carrier: str,
    tracking: str,
    url: str,
    from_csv: Path | None,
    *,
    dry_run: bool,
    note: str,
    yes: bool,
    as_json: bool,
) -> int:
    """State that an order was sent, and mail its customer.

    Only paid orders of a shop that sends goods can be shipped. Shipping an order again with other values replaces
    them, and sends a new mail; with the same values it does nothing. FILE has the columns order, carrier, tracking and
    url, named in its first line; all but the first may be absent. Exit code 4 if an order was refused.

    Example:
      checkout orders ship 1001 --carrier DHL --tracking 00340434161094042557
      checkout orders ship --from-csv shipped.csv --dry-run
    """
    from checkout_daemon.orders.shipping import ParcelOf, read_parcel, read_parcels

    if (order is None) == (from_csv is None):
        raise click.UsageError("name an ORDER, or a file with --from-csv")
    if from_csv is not None:
        if carrier or tracking or url:
            raise click.UsageError("--carrier, --tracking and --url go with one ORDER")
        parcels = read_parcels(read_input(from_csv))
    else:
        parcels = [ParcelOf(0, str(order), read_parcel(carrier, tracking, url))]
    if from_csv is not None and not dry_run:
        confirm(f"Ship {counted(len(parcels), 'order')}? Their customers get a mail.", yes=yes)
    alone = from_csv is None

    async def work(database: Database, _: Settings) -> bool:
        done = [
            await _ship(database, parcel, note, alone=alone, dry_run=dry_run, as_json=as_json) for parcel in parcels
        ]
        return all(done)

    return 0 if with_database(work) else _REFUSED


async def _ship(database: Database, wanted: ParcelOf, note: str, *, alone: bool, dry_run: bool, as_json: bool) -> bool:
    """Ship one order, or check whether it could be, and print the result. Return whether it was not refused.

    Of several, a refusal is printed, and the others follow.
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.errors import CheckoutError, DatabaseUnavailable
    from checkout_daemon.orders.lookup import find_order
    from checkout_daemon.orders.shipping import check_shipping, ship_order

    try:
        found = await find_order(database, wanted.order)
        if dry_run:
            await check_shipping(database, found.id, wanted.parcel, note=note)
            say_dry_run({"order_id": found.id, "number": found.number} | _fields(wanted.parcel), as_json=as_json)
            return True
        done = await ship_order(database, found.id, wanted.parcel, operator=this_operator(), note=note)
    except DatabaseUnavailable:
        raise
    except CheckoutError as error:
        if alone:
            raise
        say(f"error: line {wanted.line}: {plain(error.detail)}")
        return False
    if as_json:
        print_json(done)
    else:
        say(_line(done))
    return True


def _line(done: ShippedOrder) -> str:
    how = plain(" ".join(filter(None, (done.carrier, done.tracking_number))))
    by = f" with {how}" if how else ""
    if not done.changed:
        return f"Order {done.number} was shipped{by} before: nothing has changed."
    return f"Order {done.number} is shipped{by}. Its customer gets a mail."


def _fields(parcel: Parcel) -> dict[str, str]:
    names = ("carrier", "tracking_number", "tracking_url")
    return {name: getattr(parcel, name) for name in names if getattr(parcel, name)}
