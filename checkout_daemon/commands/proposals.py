"""`checkout proposals`: what an operator may not do alone, for another one to approve or reject."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands.asking import confirm
from checkout_daemon.commands.base import CommandGroup
from checkout_daemon.commands.lists import ListColumn, ListKind, list_options, printer_of, registered
from checkout_daemon.commands.options import (
    after_option,
    json_option,
    limit_option,
    note_option,
    order_option,
    quiet_option,
    read_times,
    since_option,
    status_option,
    until_option,
    yes_option,
)
from checkout_daemon.commands.output import answer, keys, print_facts, print_json, say
from checkout_daemon.commands.running import with_reads, with_runtime
from checkout_daemon.commands.typed import Whole
from checkout_daemon.present.text import plain, words

if TYPE_CHECKING:
    from checkout_daemon.database.reading import Reads
    from checkout_daemon.proposals.deciding import Approved
    from checkout_daemon.proposals.records import Proposal
    from checkout_daemon.runtime import Runtime
    from checkout_daemon.settings import Settings

STATUSES = ("open", "expired", "rejected", "approved", "done", "failed")
"""As ProposalStatus in proposals/records.py has them."""

_number = click.argument("number", type=Whole(1), metavar="PROPOSAL")


@click.group(cls=CommandGroup)
def proposals() -> None:
    """Approve or reject what another operator proposes.

    Example:
      checkout proposals list --status open
    """


@proposals.command("list")
@status_option(STATUSES)
@order_option("Select those about this order: its number, id, …")
@since_option
@until_option
@limit_option
@after_option
@list_options
def proposals_list(
    statuses: tuple[str, ...],
    order: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    after: str | None,
    **options: Any,
) -> int:
    """List proposals, newest first.

    Example:
      checkout proposals list --status open
    """
    from checkout_daemon.orders.lookup import find_order
    from checkout_daemon.proposals.listing import all_proposals, find_proposal

    printer = printer_of(_listing(datetime.now(UTC)), options)

    async def work(database: Reads, settings: Settings) -> None:
        zone = printer.zone = settings.time_zone
        order_id = None if order is None else (await find_order(database, order)).id
        start, end = read_times(since, until, zone)
        before = None if after is None else (await find_proposal(database, after)).number
        before, size = printer.begin(before, before), printer.to_read(limit)
        found = all_proposals(database, statuses, order_id, limit=size, before=before, since=start, until=end)
        await printer.print_pages(found, limit)

    with_reads(work)
    if not printer.end() and not printer.silent:
        say("No proposal matches." if statuses or order or since or until or after else "No proposals yet.")
    printer.say_if_cut(limit)
    return 0


@proposals.command("show")
@_number
@json_option
def proposals_show(number: int, as_json: bool) -> int:
    """Show a proposal: what, of which state, by whom.

    Example:
      checkout proposals show 12
    """
    from checkout_daemon.proposals.listing import find_proposal

    async def work(database: Reads, settings: Settings) -> tuple[Proposal, str]:
        return await find_proposal(database, number), settings.time_zone

    proposal, zone = with_reads(work)
    if as_json:
        print_json(proposal)
    else:
        print_facts(dict(facts_of(proposal, zone)))
    return 0


@proposals.command("approve")
@_number
@note_option
@yes_option
@quiet_option
@json_option
def proposals_approve(number: int, note: str, yes: bool, as_json: bool) -> int:
    """Approve what another operator proposes, and do it.

    Refused for whoever proposed it, once it has expired, and if its order has changed since. A batch is then run by a
    daemon.

    Example:
      checkout proposals approve 12
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.present.proposal_columns import summary
    from checkout_daemon.proposals.deciding import approve
    from checkout_daemon.proposals.listing import find_proposal

    async def work(runtime: Runtime) -> Approved:
        proposal = await find_proposal(runtime.database, number)
        confirm(_question("Approve", proposal), yes=yes)
        return await approve(runtime, number, operator=this_operator(), note=note)

    done = with_runtime(work)
    if as_json:
        print_json(done.proposal)
        return 0
    if done.refunded is not None:
        answer(done.refunded.refund_id)
    say(f"Proposal {number} is {done.proposal.status}: {summary(done.proposal)}.")
    return 0


@proposals.command("reject")
@_number
@note_option
@yes_option
@quiet_option
@json_option
def proposals_reject(number: int, note: str, yes: bool, as_json: bool) -> int:
    """Reject a proposal, or withdraw your own.

    Example:
      checkout proposals reject 12 --note "the goods came back broken"
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.proposals.deciding import reject
    from checkout_daemon.proposals.listing import find_proposal

    async def work(runtime: Runtime) -> Proposal:
        proposal = await find_proposal(runtime.database, number)
        confirm(_question("Reject", proposal), yes=yes)
        return await reject(runtime, number, operator=this_operator(), note=note)

    rejected = with_runtime(work, stripe=False)
    if as_json:
        print_json(rejected)
    else:
        say(f"Proposal {number} is rejected.")
    return 0


def say_proposed(proposal: Proposal, *, as_json: bool) -> None:
    """Print that something was proposed instead of done."""
    if as_json:
        print_json({"proposal": proposal})
        return
    from checkout_daemon.present.times import local_time
    from checkout_daemon.settings import load_settings

    answer(f"proposal {proposal.number}")
    expires = local_time(proposal.expires_at, load_settings().time_zone)
    say(
        f"This is above your limit. Another operator must approve it until {expires}: "
        f"`checkout proposals approve {proposal.number}`"
    )


def _question(act: str, proposal: Proposal) -> str:
    """Return the question before a decision, with all that is decided."""
    from checkout_daemon.present.proposal_columns import details, summary

    known = "; ".join(f"{name}: {value}" for name, value in details(proposal))
    more = f" ({known})" if known else ""
    return f"{act}: {summary(proposal)}{more}, proposed by {plain(proposal.proposed_by)}?"


def facts_of(proposal: Proposal, time_zone: str) -> list[tuple[str, str]]:
    """Return the lines of a proposal for people."""
    from checkout_daemon.present.proposal_columns import details, summary
    from checkout_daemon.present.times import local_time

    facts = [
        ("proposal", str(proposal.number)),
        ("status", words(proposal.status)),
        ("what", summary(proposal)),
        *details(proposal),
        ("note", plain(proposal.note)),
        (
            proposal.subject.partition(" ")[0],
            "has changed since: it cannot be approved" if proposal.is_changed else "as it was then",
        ),
        ("by", plain(f"{proposal.proposed_by}@{proposal.host}")),
        ("expires", local_time(proposal.expires_at, time_zone)),
        ("decided", plain(proposal.decided_by or "")),
        ("outcome", plain(proposal.outcome or "")),
    ]
    return [(name, value) for name, value in facts if value]


def _listing(now: datetime) -> ListKind[Proposal]:
    from dataclasses import fields

    from checkout_daemon.commands.styles import status_text
    from checkout_daemon.present.columns import View
    from checkout_daemon.present.proposal_columns import PROPOSAL_COLUMNS, summary
    from checkout_daemon.present.times import age
    from checkout_daemon.proposals.records import Proposal

    columns: list[ListColumn[Proposal]] = [
        ListColumn("proposal", "number", lambda one: str(one.number), right=True),
        ListColumn("age", "proposed_at", lambda one: age(one.proposed_at, now), right=True),
        ListColumn("status", "status", lambda one: status_text("proposal", one.status)),
        ListColumn("what", "act", summary),
        ListColumn("by", "proposed_by", lambda one: plain(one.proposed_by)),
        ListColumn("decided", "decided_by", lambda one: plain(one.decided_by or "")),
        ListColumn("note", "note", lambda one: plain(one.note), ratio=1),
    ]
    more = registered(PROPOSAL_COLUMNS.values(), View(now))
    return ListKind(columns, [field.name for field in fields(Proposal)], "number", keys, more)
