"""The filter options of `checkout orders`, and of the commands that act on every order that matches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands.completers import complete_filter
from checkout_daemon.commands.options import (
    Decorator,
    combine,
    order_option,
    read_times,
    since_option,
    status_option,
    until_option,
)
from checkout_daemon.commands.typed import TERM, Last4, OneOf
from checkout_daemon.model.order_rows import SORTS
from checkout_daemon.model.orders import OrderStatus

if TYPE_CHECKING:
    from checkout_daemon.database.reading import Readable
    from checkout_daemon.orders.order_filter import OrderFilter

NEWEST_SEARCHED = (
    "Only the newest orders were searched, so older ones may be missing: search for a longer or rarer text, or narrow "
    "the search with --since and --until, --status or --email."
)


_CHARGES = (
    click.option(
        "--last4",
        type=Last4(),
        metavar="DIGITS",
        help="Select orders paid, or tried to be paid, with this card or account.",
    ),
    click.option(
        "--decline",
        type=TERM,
        metavar="CODE",
        help="Select orders of which a payment was declined with this code of Stripe's: insufficient_funds, lost_card.",
    ),
)


class SortName(OneOf):
    """A sort by its name, or by that of a column, as the list or its JSON has it: total and amount_total are amount."""

    def __init__(self) -> None:
        super().__init__([sign + name for name in SORTS for sign in ("", "-")])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the name of the sort. Raise BadParameter, which states what was likely meant."""
        from difflib import get_close_matches

        from checkout_daemon.present.order_columns import COLUMNS

        sorts = {name: column.sort for column in COLUMNS.values() if column.sort for name in (column.key, column.name)}
        sorts |= {name: name for name in SORTS}
        text = str(value).strip().lower()
        sign = "-" if text.startswith("-") else ""
        name = text.removeprefix("-")
        if name in sorts:
            return super().convert(sign + sorts[name], param, ctx)
        (close,) = get_close_matches(name, sorts, 1) or [""]
        meant = f" (did you mean {sign}{close}?)" if close else ""
        return self.fail(f"there is no sort {name!r}{meant}: choose from {', '.join(SORTS)}", param, ctx)


def order_filters(
    statuses: Iterable[OrderStatus] = OrderStatus, *, order: bool = False, live: bool = False
) -> Decorator:
    """Declare the options that select orders, by these statuses.

    `order`: also --order, where no ORDER is an argument. `live`: without those that a change cannot be compared with.
    """
    return combine(
        *([order_option("Select this order: its number, id, …")] if order else []),
        status_option(statuses, metavar="STATUS"),
        click.option("--email", type=TERM, help="Select orders of this customer, in upper or lower case."),
        *([] if live else [since_option, until_option]),
        *_CHARGES,
        click.option("--attention", "flagged", is_flag=True, help="Select only orders that need attention."),
        click.option(
            "--search",
            metavar="TEXT",
            help="Search for words in any order: numbers, ids, names (jose finds José), emails, phone numbers, SKUs,"
            " totals, discount codes, session and payment ids, and the last four digits of cards and accounts. A large"
            " shop searches its newest orders only for what very many orders have.",
        ),
        click.option(
            "--filter",
            "filter_text",
            metavar="TEXT",
            shell_complete=complete_filter,
            help="Select by keys and words: 'status:failed amount:>50 -country:AT muller'. See `checkout orders list`.",
        ),
    )


@dataclass(frozen=True, slots=True)
class OrderOptions:
    """The filter options as typed."""

    statuses: tuple[str, ...]
    email: str | None
    since: str | None
    until: str | None
    last4: str | None
    decline: str | None
    flagged: bool
    search: str | None
    filter_text: str | None = None
    order: str | None = None

    def __bool__(self) -> bool:
        """Return whether any filter was given."""
        return any(astuple(self))

    async def read(self, database: Readable, now: datetime, time_zone: str) -> OrderFilter:
        """Return the filter of these options. Raise UsageError for a time that cannot be read."""
        if self.order is not None and self.search is not None:
            raise click.UsageError("--order names one order: omit --search")
        from checkout_daemon.model.customer import email_form
        from checkout_daemon.orders.lookup import add_search, find_order, read_filter
        from checkout_daemon.orders.order_filter import Condition, OrderFilter

        since, until = read_times(self.since, self.until, time_zone, now)
        wanted = OrderFilter(
            statuses=self.statuses,
            email=None if self.email is None else email_form(self.email),
            since=since,
            until=until,
            attention=self.flagged,
            last4=self.last4,
            decline=self.decline,
        )
        if self.order is not None:
            ids = ((await find_order(database, self.order)).id,)
            wanted = replace(wanted, conditions=(Condition("ids", ids),))
        if self.filter_text is not None:
            wanted = await read_filter(database, self.filter_text, time_zone=time_zone, now=now, wanted=wanted)
        return wanted if self.search is None else await add_search(database, wanted, self.search)
