"""`checkout disputes`: what cardholders dispute, by when it must be answered, and where the money is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands import disputes_actions
from checkout_daemon.commands.base import CommandGroup
from checkout_daemon.commands.lists import ListColumn, ListKind, list_options, printer_of, registered
from checkout_daemon.commands.options import (
    after_option,
    json_option,
    limit_option,
    order_option,
    read_times,
    since_option,
    status_option,
    until_option,
)
from checkout_daemon.commands.output import answer, print_json, say
from checkout_daemon.commands.running import with_reads
from checkout_daemon.present.text import plain, words

if TYPE_CHECKING:
    from checkout_daemon.bank.order_lines import OrderLine
    from checkout_daemon.database.reading import Reads
    from checkout_daemon.model.disputes import DeskState, ListedDispute
    from checkout_daemon.settings import Settings

# As DisputeStatus in ledger/facts.py has them
_STATUSES = (
    *("warning_needs_response", "warning_under_review", "warning_closed", "needs_response", "response_disabled"),
    *("under_review", "lost", "appeal_needs_response", "appeal_under_review", "won", "charge_refunded", "prevented"),
    "unknown",
)


@click.group(cls=CommandGroup)
def disputes() -> None:
    """See what is disputed, and answer it in time.

    Example:
      checkout disputes list --waiting
    """


for _command in (
    disputes_actions.disputes_evidence,
    disputes_actions.disputes_submit,
    disputes_actions.disputes_accept,
):
    disputes.add_command(_command)


def _listing(now: datetime) -> ListKind[ListedDispute]:
    from checkout_daemon.present.columns import View
    from checkout_daemon.present.dispute_columns import DISPUTE_COLUMNS, due
    from checkout_daemon.present.money import money
    from checkout_daemon.present.times import age

    view = View(now)
    columns: list[ListColumn[ListedDispute]] = [
        ListColumn("dispute", "id", lambda dispute: plain(dispute.id)),
        ListColumn("order", "number", lambda dispute: str(dispute.number or ""), right=True),
        ListColumn("age", "created_at", lambda dispute: age(dispute.created_at, now), right=True),
        ListColumn("status", "status", lambda dispute: plain(words(dispute.unknown_words or dispute.status))),
        ListColumn("reason", "reason", lambda dispute: plain(words(dispute.reason or ""))),
        ListColumn("amount", "amount", lambda dispute: money(dispute.amount, dispute.currency), right=True),
        ListColumn("due", "due_by", lambda dispute: due(dispute, view), right=True),
    ]
    return ListKind(columns, _KEYS, "id", _record, registered(DISPUTE_COLUMNS.values(), view))


_KEYS = (
    *("id", "order_id", "number", "payment_id", "status", "unknown_words", "reason", "amount", "currency", "due_by"),
    *("created_at", "withdrawn_at", "reinstated_at", "money_is_gone"),
    *("network_reason", "has_evidence", "submission_count", "past_due", "dispute_id"),
)


def _record(dispute: ListedDispute) -> dict[str, Any]:
    found = {name: getattr(dispute, name) for name in _KEYS if name != "dispute_id"}
    return found | {"dispute_id": dispute.id}


@disputes.command("list")
@click.option("--waiting", is_flag=True, help="Select those that wait for evidence.")
@status_option(_STATUSES, metavar="STATUS")
@order_option("Select disputes of this order: its number, id, …")
@since_option
@until_option
@limit_option
@after_option
@list_options
def disputes_list(
    waiting: bool,
    statuses: tuple[str, ...],
    order: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    after: str | None,
    **options: Any,
) -> int:
    """List disputes, newest first.

    WHEN is when this shop first knew of them.

    Example:
      checkout disputes list --waiting
    """
    from checkout_daemon.orders.dispute_lists import DisputeFilter, list_disputes, read_dispute
    from checkout_daemon.orders.lookup import find_order

    now = datetime.now(UTC)
    printer = printer_of(_listing(now), options)

    async def work(database: Reads, settings: Settings) -> None:
        printer.zone = settings.time_zone
        start, end = read_times(since, until, settings.time_zone, now)
        holder = None if order is None else await find_order(database, order)
        wanted = DisputeFilter(statuses, None if holder is None else holder.id, start, end, waiting)
        place = printer.begin(None if after is None else await read_dispute(database, after), after)
        found = await list_disputes(
            database, wanted, livemode=settings.livemode, limit=printer.to_read(limit), after=place
        )
        printer.print_newest(found, limit)

    with_reads(work)
    if not printer.end() and not printer.silent:
        chosen = waiting or statuses or order or since or until or after
        say("No dispute matches." if chosen else "No disputes yet.")
    printer.say_if_cut(limit)
    return 0


@disputes.command("show")
@disputes_actions.dispute_argument
@json_option
def disputes_show(dispute: str, as_json: bool) -> int:
    """Show a dispute, our answer, and what it did to the balance.

    DISPUTE is its id, or an order with one.

    Example:
      checkout disputes show du_1OfflineSandbox
    """
    from checkout_daemon.bank.order_lines import lines_of_source
    from checkout_daemon.disputes.drafts import find_dispute, read_desk

    async def work(database: Reads, settings: Settings) -> None:
        found = await find_dispute(database, dispute, livemode=settings.livemode)
        lines = await lines_of_source(database, found.id)
        desk = await read_desk(database, found)
        if as_json:
            from msgspec import to_builtins

            print_json(_record(found) | {"lines": to_builtins(lines), "answer": desk})
        else:
            _print(found, lines, desk, settings)

    with_reads(work)
    return 0


def _code(dispute: ListedDispute) -> list[str]:
    return [f"({dispute.network_reason})"] if dispute.network_reason else []


def _next(dispute: ListedDispute) -> str:
    from checkout_daemon.orders.dispute_advice import dispute_advice

    over = bool(dispute.past_due) or (dispute.due_by is not None and dispute.due_by <= datetime.now(UTC))
    advice = dispute_advice(dispute.id, dispute.status, dispute.number, over=over)
    return advice.command or advice.action


def _print(dispute: ListedDispute, lines: list[OrderLine], desk: DeskState, settings: Settings) -> None:
    from checkout_daemon.orders.stripe_pages import dispute_url
    from checkout_daemon.present.disputes import answer_state, draft_state, evidence_state
    from checkout_daemon.present.money import money
    from checkout_daemon.present.times import local_time

    zone = settings.time_zone
    url = dispute_url(settings.stripe_api_base, dispute.id, dispute.payment_id, livemode=settings.livemode)
    shown = {
        "Dispute": dispute.id,
        "Order": str(dispute.number or ""),
        "Status": words(dispute.unknown_words or dispute.status),
        "Reason": " ".join([words(dispute.reason or ""), *_code(dispute)]),
        "Amount": money(dispute.amount, dispute.currency),
        "Due": local_time(dispute.due_by, zone) if dispute.due_by else "",
        "Evidence": evidence_state(dispute),
        "Draft": draft_state(desk, zone),
        "Answer": answer_state(desk, zone),
        "Withdrawn": local_time(dispute.withdrawn_at, zone) if dispute.withdrawn_at else "",
        "Reinstated": local_time(dispute.reinstated_at, zone) if dispute.reinstated_at else "",
        "Stripe's page": url,
        "Next": _next(dispute) if dispute.waits else "",
    }
    for name, value in shown.items():
        if value:
            answer(f"{name:<15}{plain(value)}")
    for line in lines:
        fee = f", fee {money(line.fee, line.currency)}" if line.fee else ""
        answer(f"{'Balance':<15}{money(line.net, line.currency)} ({plain(words(line.category))}{fee})")
