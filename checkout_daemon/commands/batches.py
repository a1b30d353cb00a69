"""`checkout batches`: acts on many orders, events or messages: their progress and report, stop and resume."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands.asking import confirm
from checkout_daemon.commands.base import CommandGroup
from checkout_daemon.commands.lists import (
    ListColumn,
    ListKind,
    list_options,
    printer_of,
    refuse_list_options,
    registered,
)
from checkout_daemon.commands.options import (
    after_option,
    dry_run_option,
    json_option,
    limit_option,
    order_option,
    quiet_option,
    read_times,
    since_option,
    status_option,
    until_option,
    yes_option,
)
from checkout_daemon.commands.output import (
    answer,
    console,
    keys,
    print_facts,
    print_json,
    print_result,
    say,
    say_dry_run,
)
from checkout_daemon.commands.running import with_database, with_reads, with_runtime
from checkout_daemon.commands.typed import TERM, OneOf, Whole
from checkout_daemon.present.text import plain, words

if TYPE_CHECKING:
    from checkout_daemon.batches.listing import BatchView
    from checkout_daemon.batches.records import Batch, BatchItem
    from checkout_daemon.database.pool import Database
    from checkout_daemon.database.reading import Reads
    from checkout_daemon.runtime import Runtime
    from checkout_daemon.settings import Settings

BATCH_STATUSES = ("running", "stopped", "finished")
"""As the constraint batches_status_known lists them."""
BATCH_ACTS = ("refund", "resend", "expire", "cancel", "sync", "ack", "note", "replay_events", "replay_messages")
"""As the constraint batches_act_known lists them."""
ITEM_STATUSES = ("waiting", "done", "failed", "skipped")
"""As the constraint batch_items_status_known lists them."""

_EVERY_ITEM = 2**31

_number = click.argument("number", type=Whole(1), metavar="BATCH")


@click.group(cls=CommandGroup)
def batches() -> None:
    """Follow, stop and resume acts on many orders.

    Example:
      checkout batches list
    """


def _listing(now: datetime) -> ListKind[Batch]:
    from dataclasses import fields

    from checkout_daemon.batches.records import Batch
    from checkout_daemon.commands.styles import status_text
    from checkout_daemon.present.batch_columns import BATCH_COLUMNS
    from checkout_daemon.present.columns import View
    from checkout_daemon.present.times import age

    def number(name: str, key: str) -> ListColumn[Batch]:
        return ListColumn(name, key, lambda batch: f"{getattr(batch, key):,}", right=True)

    columns: list[ListColumn[Batch]] = [
        ListColumn("batch", "number", lambda batch: str(batch.number), right=True),
        ListColumn("age", "created_at", lambda batch: age(batch.created_at, now), right=True),
        ListColumn("act", "act", lambda batch: words(batch.act)),
        ListColumn("status", "status", lambda batch: status_text("batch", batch.status)),
        *[number(name, name) for name in ("total", "done", "failed", "skipped")],
        number("left", "waiting"),
        ListColumn("by", "operator", lambda batch: plain(batch.operator.actor)),
    ]
    names = [field.name for field in fields(Batch) if field.name != "operator"]
    more = registered(BATCH_COLUMNS.values(), View(now))
    return ListKind(columns, [*names, "operator", "host", "waiting"], "number", _record, more)


@batches.command("list")
@status_option(BATCH_STATUSES)
@click.option("--act", "acts", multiple=True, type=OneOf(BATCH_ACTS), metavar="ACT", help="Select this act; see above.")
@order_option("Select those about this order: its number, id, …")
@click.option("--by", "actor", type=TERM, metavar="NAME", help="Select those whose operator's name contains this.")
@since_option
@until_option
@limit_option
@after_option
@list_options
def batches_list(
    statuses: tuple[str, ...],
    acts: tuple[str, ...],
    order: str | None,
    actor: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    after: str | None,
    **options: Any,
) -> int:
    """List batches, newest first.

    ACT is refund, resend, expire, cancel, sync, ack, note, replay_events or replay_messages (repeatable).

    Example:
      checkout batches list --act refund --by anna --since monday
    """
    from checkout_daemon.batches.listing import BatchFilter, all_batches, find_batch
    from checkout_daemon.orders.lookup import find_order

    printer = printer_of(_listing(datetime.now(UTC)), options)

    async def work(database: Reads, settings: Settings) -> None:
        zone = printer.zone = settings.time_zone
        order_id = None if order is None else (await find_order(database, order)).id
        wanted = BatchFilter(statuses, acts, order_id, actor, *read_times(since, until, zone))
        before = None if after is None else (await find_batch(database, after)).number
        before = printer.begin(before, before)
        await printer.print_pages(all_batches(database, wanted, limit=printer.to_read(limit), before=before), limit)

    with_reads(work)
    if not printer.end() and not printer.silent:
        narrowed = statuses or acts or order or actor or since or until or after
        say("No batch matches." if narrowed else "No batches yet. An act on several orders is one.")
    printer.say_if_cut(limit)
    return 0


@batches.command("show")
@_number
@status_option(ITEM_STATUSES)
@click.option("--items", is_flag=True, help="List the items instead, in sequence.")
@list_options
def batches_show(number: int, statuses: tuple[str, ...], items: bool, **options: Any) -> int:
    """Show a batch: its progress, money and failures.

    With --items or --status, lists its items; --columns and --format are for that list.

    Example:
      checkout batches show 7 --status failed
    """
    from checkout_daemon.batches.listing import all_items, show_batch

    if items or statuses:
        printer = printer_of(_items_listing(), options)

        async def list_items(database: Reads, settings: Settings) -> None:
            await show_batch(database, number)
            printer.zone = settings.time_zone
            pages = all_items(database, number, statuses)
            if printer.sort is None:
                await printer.print_pages(pages, _EVERY_ITEM)
            else:
                printer.print_all([item async for page in pages for item in page])

        with_reads(list_items)
        if not printer.end() and not printer.silent:
            say("No item matches.")
        return 0
    as_json = refuse_list_options(options, "--items or --status")

    async def work(database: Reads, settings: Settings) -> tuple[BatchView, Settings]:
        return await show_batch(database, number), settings

    view, settings = with_reads(work)
    if as_json:
        print_json(_record(view.batch) | {"money": view.money, "failures": dict(view.failures)})
    else:
        _print(view, settings)
    return 0


def _items_listing() -> ListKind[BatchItem]:
    from dataclasses import fields

    from checkout_daemon.batches.records import BatchItem
    from checkout_daemon.commands.batch_runs import item_record
    from checkout_daemon.present.money import money

    columns: list[ListColumn[BatchItem]] = [
        ListColumn("item", "subject", lambda item: plain(item.subject)),
        ListColumn("status", "status", lambda item: item.status),
        ListColumn(
            "amount",
            "amount",
            lambda item: money(item.amount, item.currency) if item.amount is not None else "",
            right=True,
            wanted=lambda items: any(item.amount is not None for item in items),
        ),
        ListColumn("outcome", "outcome", lambda item: plain(item.outcome or ""), ratio=1),
    ]
    names = [field.name for field in fields(BatchItem) if field.name not in ("id", "kind")]
    return ListKind(columns, [*names, "number"], "subject", item_record)


@batches.command("resume")
@_number
@dry_run_option
@yes_option
@quiet_option
@json_option
def batches_resume(number: int, dry_run: bool, yes: bool, as_json: bool) -> int:
    """Continue a batch that was stopped or interrupted.

    Skips failures of kinds that already occurred. Nothing is done twice, even if the process that ran it was killed, or
    still runs.

    Example:
      checkout batches resume 7
    """
    from checkout_daemon.audit.rights import require_acting
    from checkout_daemon.batches.listing import show_batch
    from checkout_daemon.batches.running import check_resumable
    from checkout_daemon.commands.batch_runs import follow_batch

    view = with_database(lambda database, _: show_batch(database, number))

    async def work(runtime: Runtime) -> int:
        if dry_run:
            await check_resumable(runtime, number)
            would = {"batch": number, "act": view.batch.act, "waiting": view.batch.waiting, "runner": view.batch.runner}
            say_dry_run(would, as_json=as_json)
            return 0
        await require_acting(runtime.database)
        batch = view.batch
        if batch.status == "running" and batch.held:  # another mode or a finished batch is refused below
            confirm(f"Batch {number} is being run by {batch.runner}. Take it over?", yes=yes)
        return await follow_batch(runtime, number, None, as_json=as_json, take_over=True)

    return with_runtime(work, stripe=view.batch.livemode is not None)


@batches.command("stop")
@_number
@quiet_option
@json_option
def batches_stop(number: int, as_json: bool) -> int:
    """Stop a batch after the item that is under way.

    Example:
      checkout batches stop 7
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.audit.rights import require_acting
    from checkout_daemon.batches.listing import stop_batch

    async def work(database: Database, _: Settings) -> Batch:
        await require_acting(database)
        return await stop_batch(database, number, operator=this_operator())

    stopped = with_database(work)
    text = f"Batch {number} is stopped: {stopped.counts}. To continue it: checkout batches resume {number}"
    print_result(_record(stopped), text, as_json=as_json)
    return 0


def _record(batch: Batch) -> dict[str, Any]:
    fields = keys(batch)
    operator = fields.pop("operator")
    return fields | {"operator": operator.user, "host": operator.host, "waiting": batch.waiting}


def _print(view: BatchView, settings: Settings) -> None:
    from rich.text import Text

    from checkout_daemon.commands.styles import status_text
    from checkout_daemon.present.money import money
    from checkout_daemon.present.times import local_time

    batch, zone = view.batch, settings.time_zone
    console().print(Text.assemble((f"Batch {batch.number}", "bold"), f"  {words(batch.act)}"), soft_wrap=True)
    sums = [f"{money(line.done, line.currency)} of {money(line.amount, line.currency)}" for line in view.money]
    print_facts(
        {
            "Status": Text.assemble(status_text("batch", batch.status), f": {plain(batch.why)}" if batch.why else ""),
            "Items": f"{batch.total:,}: {batch.counts}",
            "Money": "; ".join(sums),
            "By": plain(batch.operator.actor),
            "Note": plain(batch.note),
            "Started": local_time(batch.created_at, zone),
            "Ended": local_time(batch.ended_at, zone) if batch.ended_at else "",
            "Run by": batch.runner or "" if batch.held else "",
        }
    )
    for kind, count in view.failures:
        answer(f"  {count} × {plain(kind)}")
    if batch.approval == "open":
        say(f"To approve it: checkout proposals approve {batch.proposal}")
    elif batch.status != "finished" and not batch.held and not batch.is_unapproved:
        say(f"To continue it: checkout batches resume {batch.number}")
