"""`checkout todo`: everything that needs a person."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands.base import Command
from checkout_daemon.commands.completers import complete_filter
from checkout_daemon.commands.lists import ListColumn, ListKind, list_options, printer_of, registered
from checkout_daemon.commands.output import console, for_stdout, keys, say
from checkout_daemon.commands.running import with_reads
from checkout_daemon.commands.typed import OneOf

if TYPE_CHECKING:
    from rich.text import Text

    from checkout_daemon.database.reading import Reads
    from checkout_daemon.model.todo import Todo, TodoItem
    from checkout_daemon.settings import Settings

_WIDTH = 78
_LEFT_OUT = {
    "attention": ("order", " with attention", "orders list --attention"),
    "order_stuck": ("stuck order", "", "orders list --status pending --status processing"),
    "order_drifted": ("order", " that differ from Stripe", "reconcile"),
    "order_unshipped": ("order", " to send", "orders list --filter shipped:no"),
    "order_missing": ("order", " that this database lacks", "reconcile"),
    "event_dead": ("error", " of dead events", "events list --status dead"),
    "message_dead": ("error", " of dead messages", "outbox list --status dead"),
    "proposal_open": ("proposal", "", "proposals list --status open"),
}
"""What is not listed, by the kind of item: a noun, the words after it, and the command that lists it."""


@click.command(cls=Command)
@click.option("--snoozed", is_flag=True, help="Show what is snoozed instead.")
@click.option(
    "--filter",
    "filter_text",
    metavar="TEXT",
    shell_complete=complete_filter,
    help="Show only items of orders that match, such as 'amount:>50 country:AT'. See `checkout orders list`.",
)
@click.option("--print", "page", is_flag=True, help="Print a page to hand over, as if the output were piped.")
@click.option(
    "--page", "paper", type=OneOf(("markdown", "html")), help="Print a page to hand over as Markdown or HTML."
)
@list_options
def todo(snoozed: bool, filter_text: str | None, page: bool, paper: str | None, **options: Any) -> int:
    """Show everything that needs a person.

    Disputes, refunds that failed, payments that do not match or came twice, dead events and messages, orders that are
    stuck or differ from Stripe, and paid orders that this database lacks: by deadline, then by money. Each with its
    card, owner and last note, what happens without a person, and the command or page that fixes it. With --filter, what
    belongs to no order, such as dead events, is left out.

    Example:
      checkout todo
      checkout todo --columns order,kind,amount,owner
      checkout todo --filter 'amount:>100 -attention:unknown_status'
      checkout todo --page html > todo.html
    """
    from dataclasses import replace

    from checkout_daemon.orders.lookup import read_filter
    from checkout_daemon.orders.todo import narrow_todo, read_todo
    from checkout_daemon.present.text import counted
    from checkout_daemon.present.todo import customer
    from checkout_daemon.present.todo_pages import as_html, as_markdown

    now = datetime.now(UTC)
    printer = printer_of(_listing(now), options, default="text")

    async def work(database: Reads, settings: Settings) -> tuple[Todo, Settings]:
        wanted = None
        if filter_text is not None:
            wanted = await read_filter(database, filter_text, time_zone=settings.time_zone, now=now)
        found = await read_todo(database, settings, filtered=wanted is not None)
        return found if wanted is None else await narrow_todo(database, found, wanted), settings

    found, settings = with_reads(work)
    items = tuple(printer.in_sort(found.snoozed if snoozed else found.items))
    if paper is not None:
        pages = as_markdown if paper == "markdown" else as_html
        text = pages(found, items, settings.shop_name, settings.time_zone, masked=settings.mask)
        click.echo(for_stdout(text), nl=False)
        return 0
    if printer.form == "text":
        _print(found, items, settings, on_paper=page or not console().is_terminal)
    else:
        printer.zone = settings.time_zone
        if settings.mask:
            printer.mask = lambda item: replace(item, customer=customer(item, masked=True) or None)
        printer.print_all(items)
        printer.end()
    if printer.silent:
        return 0
    if not items:
        nothing = "is snoozed" if snoozed else "needs a person"
        say(f"Nothing {nothing}." if filter_text is None else f"No order that matches {nothing}.")
    for kind, count in found.left_out.items():
        noun, rest, command = _LEFT_OUT[kind]
        verb = "Not listed" if filter_text is None else "Not filtered"
        say(f"{verb}: {counted(count, f'further {noun}')}{rest}: `checkout {command}`")
    if found.snoozed and not snoozed:
        say(f"{len(found.snoozed)} more snoozed: `checkout todo --snoozed`")
    return 0


def _listing(now: datetime) -> ListKind[TodoItem]:
    from dataclasses import fields

    from rich.text import Text

    from checkout_daemon.commands.styles import STYLES
    from checkout_daemon.model.todo import TodoItem
    from checkout_daemon.present.columns import View
    from checkout_daemon.present.money import money
    from checkout_daemon.present.statuses import Tone
    from checkout_daemon.present.text import NONE, plain, words
    from checkout_daemon.present.times import age
    from checkout_daemon.present.todo import time_left
    from checkout_daemon.present.todo_columns import TODO_COLUMNS

    columns: list[ListColumn[TodoItem]] = [
        ListColumn("order", "number", lambda item: str(item.number or NONE), right=True),
        ListColumn("age", "since", lambda item: age(item.since, now), right=True),
        ListColumn("kind", "kind", lambda item: Text(words(item.kind), STYLES[Tone.ALARM])),
        ListColumn(
            "amount", "amount", lambda item: money(item.amount, item.currency) if item.amount else "", right=True
        ),
        ListColumn("due", "due_by", lambda item: time_left(item.due_by, now) if item.due_by else ""),
        ListColumn(
            "owner",
            "owner",
            lambda item: plain(item.owner or ""),
            wanted=lambda items: any(item.owner for item in items),
        ),
        ListColumn("about", "subject", lambda item: plain(item.subject), ratio=1),
    ]

    def record(item: TodoItem) -> dict[str, Any]:
        return {"item": item.key} | keys(item)

    names = ["item", *(field.name for field in fields(TodoItem))]
    return ListKind(columns, names, "subject", record, registered(TODO_COLUMNS.values(), View(now)))


def _print(found: Todo, items: tuple[TodoItem, ...], settings: Settings, *, on_paper: bool) -> None:
    from rich.text import Text

    from checkout_daemon.present.todo_pages import title

    printer = console()
    if on_paper:
        printer.print(Text(title(found, items, settings.shop_name, settings.time_zone)), soft_wrap=True)
    for item in items:
        if on_paper or item is not items[0]:
            printer.print()
        for line in _lines(item, found, settings, on_paper=on_paper):
            printer.print(line, soft_wrap=True)


def _lines(item: TodoItem, found: Todo, settings: Settings, *, on_paper: bool) -> list[Text]:
    """Return the lines of an item: what it is about, then what it is, what happens, and what fixes it."""
    from textwrap import wrap

    from rich.text import Text

    from checkout_daemon.commands.styles import STYLES
    from checkout_daemon.present.statuses import Tone
    from checkout_daemon.present.text import plain
    from checkout_daemon.present.todo import deadline, headline, remarks

    mark, indent = ("[ ] ", "    ") if on_paper else ("", "  ")
    first = Text.assemble(mark, (headline(item, masked=settings.mask), "bold"))
    if due := deadline(item, found.at, settings.time_zone):
        first.append(f"  {due}", STYLES[Tone.ALARM])
    lines = [first]
    for text in (f"{plain(item.description)}.", item.next, *remarks(item, found.at, settings.time_zone)):
        lines += [Text(indent + line) for line in wrap(text, _WIDTH - len(indent), break_long_words=False)]
    fixes = [text for text in (item.page, item.command) if text]
    return [*lines, *(Text.assemble(f"{indent}→ ", (plain(text), "bold")) for text in fixes)]
