"""`checkout outbox replay` and `dismiss`: the commands that change what becomes of messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands.asking import confirm
from checkout_daemon.commands.base import Command
from checkout_daemon.commands.dead_letters import DeadKind, check_choice
from checkout_daemon.commands.options import (
    dry_run_option,
    json_option,
    note_option,
    quiet_option,
    reason_option,
    yes_option,
)
from checkout_daemon.commands.outbox_options import MessageOptions, error_counts, message_filters
from checkout_daemon.commands.output import answer, keys, print_json_lines, print_result, say_dry_run
from checkout_daemon.commands.running import with_runtime
from checkout_daemon.commands.typed import TERM
from checkout_daemon.present.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from checkout_daemon.batches.records import BatchItem
    from checkout_daemon.batches.running import EndedItem
    from checkout_daemon.database.pool import Database
    from checkout_daemon.outbox.outbox_store import MessageLine
    from checkout_daemon.runtime import Runtime
    from checkout_daemon.settings import Settings

_WAYS = "--status or --fingerprint"


@click.command("replay", cls=Command)
@click.argument("messages", type=TERM, metavar="[MESSAGE]...", nargs=-1)
@message_filters
@dry_run_option
@note_option
@yes_option
@quiet_option
@json_option
def outbox_replay(messages: tuple[str, ...], dry_run: bool, note: str, yes: bool, as_json: bool, **filters: Any) -> int:
    """Send messages again.

    Sends the named messages, or all that match the options. A receiver recognizes a repeated message by its id. The
    messages become one batch, which keeps the note: see `checkout batches`.

    Example:
      checkout outbox replay --fingerprint 5f3a90c1 --note "it is up again"
    """
    from checkout_daemon.audit.rights import require_acting
    from checkout_daemon.batches.records import ItemStatus
    from checkout_daemon.outbox.listing import all_messages, named_messages
    from checkout_daemon.outbox.outbox_store import UNDELIVERED

    options = MessageOptions(**filters)
    check_choice(messages, options, "message", options.statuses or options.fingerprint, _WAYS)

    async def work(runtime: Runtime) -> int:
        database = runtime.database
        if messages:
            found = await named_messages(database, messages)
        else:
            wanted = await options.read(database, runtime.settings)
            found = [message async for page in all_messages(database, wanted) for message in page]
        if dry_run:
            say_dry_run({"message_ids": [message.id for message in found]}, as_json=as_json)
            return 0
        if found and not messages:
            confirm(f"Send {counted(len(found), 'message')} again{await _extent(database, found)}?", yes=yes)
        await require_acting(database)
        chosen_by = () if messages else options.statuses or UNDELIVERED
        code, ended = await _replay(runtime, found, chosen_by, note, as_json=as_json)
        if messages:
            await _print_named(database, ended, as_json=as_json)
            return code
        queued = sum(item.status == ItemStatus.DONE for item in ended)
        text = f"{queued:,} of {counted(len(found), 'message')} will be sent again{_rest(ended)}."
        print_result({"found": len(found), "queued": queued}, text, as_json=as_json)
        return code

    return with_runtime(work, stripe=False)


def _rest(ended: Sequence[BatchItem]) -> str:
    """Return why the other messages are not sent again, to follow how many are; empty if all are."""
    from checkout_daemon.batches.records import ItemStatus
    from checkout_daemon.batches.running import WAITED

    skipped = [item.outcome for item in ended if item.status == ItemStatus.SKIPPED]
    waited = skipped.count(WAITED)
    changed = len(skipped) - waited
    rest = f"; {waited:,} {'was' if waited == 1 else 'were'} already waiting" if waited else ""
    return f"{rest}; {changed:,} {'has' if changed == 1 else 'have'} another status by now" if changed else rest


async def _replay(
    runtime: Runtime, found: Sequence[MessageLine], chosen_by: Sequence[str], note: str, *, as_json: bool
) -> tuple[int, list[BatchItem]]:
    """Queue messages in a batch: those that still have a status they were chosen by, or all if it has none.

    Return the exit code, and the items that ended: skipped if they waited anyway, or have another status by now.
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.batches.planning import plan_ids, start_batch
    from checkout_daemon.batches.records import BatchAct
    from checkout_daemon.commands.batch_runs import follow_batch

    items: list[BatchItem] = []
    if not found:
        return 0, items

    def collect(ended: list[EndedItem], _: bool) -> None:
        items.extend(one.item for one in ended)

    plan = plan_ids(BatchAct.REPLAY_MESSAGES, [message.id for message in found], chosen_by)
    started = await start_batch(runtime, plan, operator=this_operator(), note=note)
    code = await follow_batch(runtime, started.number, started.holder, as_json=as_json, show=collect)
    return code, items


async def _print_named(database: Database, ended: Sequence[BatchItem], *, as_json: bool) -> None:
    from checkout_daemon.batches.records import ItemStatus
    from checkout_daemon.outbox.listing import named_messages

    if as_json:
        queued = {item.subject for item in ended if item.status == ItemStatus.DONE}
        after = await named_messages(database, [item.subject for item in ended])
        print_json_lines(keys(message) | {"queued": message.id in queued} for message in after)
    else:
        for item in ended:
            answer(f"{item.subject}  {item.outcome}")


@click.command("dismiss", cls=Command)
@click.argument("messages", type=TERM, metavar="[MESSAGE]...", nargs=-1)
@message_filters
@dry_run_option
@reason_option
@yes_option
@quiet_option
@json_option
def outbox_dismiss(
    messages: tuple[str, ...], dry_run: bool, note: str, yes: bool, as_json: bool, **filters: Any
) -> int:
    """Dismiss dead messages that nobody needs.

    Dismisses the named messages, or all dead ones that match the options. Alarms, `checkout doctor` and
    `checkout todo` no longer count them. A message that is sent again and cannot be delivered is dead again.

    Example:
      checkout outbox dismiss --status dead --channel mail --note "phoned"
    """
    from dataclasses import replace

    from checkout_daemon.messages.dismissing import check_dead_messages, dismiss_messages
    from checkout_daemon.outbox.listing import all_messages

    options = MessageOptions(**filters)
    check_choice(messages, options, "message", options.statuses or options.fingerprint, _WAYS)
    if set(options.statuses) - {"dead"}:
        raise click.UsageError("only dead messages can be dismissed: --status dead")

    async def find(database: Database, settings: Settings) -> list[MessageLine]:
        wanted = replace(await options.read(database, settings), statuses=("dead",))
        return [message async for page in all_messages(database, wanted) for message in page]

    kind = DeadKind("message", find, error_counts, _extent, check_dead_messages, dismiss_messages)
    return kind.run(messages, note, dry_run=dry_run, yes=yes, as_json=as_json)


async def _extent(database: Database, found: Sequence[MessageLine]) -> str:
    """Return where messages go and what they are about: ` (2 by mail, 1 by webhook), about 2 orders of €12.00`."""
    from collections import Counter

    from checkout_daemon.orders.labels import label_orders
    from checkout_daemon.present.money import extent

    counts = Counter(message.channel for message in found)
    channels = ", ".join(f"{count:,} by {channel}" for channel, count in sorted(counts.items()))
    labels = await label_orders(database, (message.order_id for message in found))
    about = extent((label.amount_total, label.currency) for label in labels.values())
    return f" ({channels}){f', about {about}' if labels else ''}"
