"""`checkout audit`: the audit log: who did what, whether it was changed, and a copy that others can verify."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands.base import CommandGroup
from checkout_daemon.commands.lists import ListColumn, ListKind, list_options, printer_of
from checkout_daemon.commands.options import (
    READABLE_FILE,
    WRITABLE_FILE,
    after_option,
    force_option,
    json_option,
    limit_option,
    order_option,
    quiet_option,
    read_times,
    since_option,
    until_option,
)
from checkout_daemon.commands.output import answer, print_json, print_json_lines, print_result, say
from checkout_daemon.commands.running import with_database, with_reads
from checkout_daemon.commands.typed import TERM
from checkout_daemon.present.text import counted, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from checkout_daemon.audit.audit_log import AuditReport
    from checkout_daemon.audit.chain import AuditEntry
    from checkout_daemon.database.pool import Database
    from checkout_daemon.database.reading import Reads
    from checkout_daemon.settings import Settings


@click.group(cls=CommandGroup)
def audit() -> None:
    """List, verify and export who did what.

    Example:
      checkout audit list --by anna --since monday
    """


@audit.command("list")
@order_option("Select those about this order: its number, id, …")
@click.option("--kind", "kinds", multiple=True, type=TERM, metavar="KIND", help="Select this kind (repeatable).")
@click.option("--by", "operator", type=TERM, metavar="NAME", help="Select those whose operator's name contains this.")
@since_option
@until_option
@limit_option
@after_option
@list_options
def audit_list(
    order: str | None,
    kinds: tuple[str, ...],
    operator: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    after: str | None,
    **options: Any,
) -> int:
    """List what operators did, newest first.

    KIND is such as refund.requested, order.noted or proposal.approved. entry, which --quiet prints, names a row: the
    chain and the number in it.

    Example:
      checkout audit list --order 1001
      checkout audit list --kind refund.requested --since 7d --format csv
    """
    from checkout_daemon.audit.exporting import AuditFilter, find_entry, list_entries
    from checkout_daemon.orders.lookup import find_order

    printer = printer_of(_listing(datetime.now(UTC)), options)

    async def work(database: Reads, settings: Settings) -> list[AuditEntry]:
        zone = printer.zone = settings.time_zone
        order_id = None if order is None else (await find_order(database, order)).id
        wanted = AuditFilter(order_id, kinds, operator, *read_times(since, until, zone))
        last = None if after is None else await find_entry(database, after)
        place = printer.begin(last, None if last is None else _name(last))
        return await list_entries(database, wanted, limit=printer.to_read(limit), after=place)

    rows = with_reads(work)
    printer.print_newest(rows, limit)
    if not printer.end() and not printer.silent:
        say("No entries.")
    printer.say_if_cut(limit)
    return 0


@audit.command("verify")
@click.option("--file", type=READABLE_FILE, help="Verify this export instead of the database.")
@json_option
def audit_verify(file: Path | None, as_json: bool) -> int:
    """Verify that nobody changed, removed or inserted an entry.

    Exit code 1 if somebody did. Anchors are verified with CHECKOUT_AUDIT_KEY, and compared with the file of
    CHECKOUT_AUDIT_ANCHOR. With --file, no database is asked, and anchors that were published after the export are
    counted, not compared.

    Example:
      checkout audit verify
      checkout audit verify --file audit.jsonl
    """
    if file is not None:
        return _verify_file(file, as_json=as_json)
    report = with_database(_verify)
    figures = {"orders": report.orders, "entries": report.entries, "anchors": report.anchors}
    return _show(figures | {"last_anchor": report.last_anchor}, report.faults, as_json=as_json)


@audit.command("export")
@click.argument("file", type=WRITABLE_FILE)
@click.option("--without-notes", is_flag=True, help="Leave out notes, which may name people. The rest can be verified.")
@force_option
@quiet_option
@json_option
def audit_export(file: Path, force: bool, *, without_notes: bool, as_json: bool) -> int:
    """Write the whole audit log to FILE, as JSON Lines.

    Only you can read FILE. FILE - is standard output. Whoever has the script of `checkout audit verifier` can verify
    it, without this program and without the database.

    Example:
      checkout audit export audit.jsonl
      checkout audit export - --without-notes | gzip > audit.jsonl.gz
    """
    from checkout_daemon.audit.exporting import export_lines, write_export

    if str(file) == "-":
        if as_json:
            raise click.UsageError("FILE - writes the log to standard output: omit --json")

        async def stream(database: Database, _: Settings) -> None:
            async for line in export_lines(database, notes=not without_notes):
                print_json_lines([line])

        with_database(stream)
        return 0

    async def work(database: Database, _: Settings) -> tuple[int, int]:
        return await write_export(database, file, notes=not without_notes, replace=force)

    try:
        entries, anchors = with_database(work)
    except FileExistsError:
        raise click.UsageError(f"{file} exists: choose another name, or overwrite it with --force") from None
    except OSError as error:
        raise click.UsageError(f"{file} cannot be written: {error.strerror}") from error
    text = f"{file}: {counted(entries, 'entry', 'entries')} and {counted(anchors, 'anchor')}."
    print_result({"file": str(file), "entries": entries, "anchors": anchors}, text, as_json=as_json)
    return 0


@audit.command("verifier")
@json_option
def audit_verifier(as_json: bool) -> int:
    """Print a script that verifies an export on its own.

    It is one file and needs only Python. Give it to whoever keeps or checks the exports.

    Example:
      checkout audit verifier > verify_audit.py
    """
    from checkout_daemon.audit import verifier

    script = Path(verifier.__file__).read_text(encoding="utf-8")
    print_result({"script": script}, script.rstrip(), as_json=as_json)
    return 0


async def _verify(database: Database, settings: Settings) -> AuditReport:
    from checkout_daemon.audit.anchors import read_published
    from checkout_daemon.audit.audit_log import keys_of, verify

    published = None if settings.audit_anchor is None else read_published(settings.audit_anchor)
    return await verify(database, keys_of(settings), published)


def _verify_file(file: Path, *, as_json: bool) -> int:
    from checkout_daemon.audit import verifier
    from checkout_daemon.audit.anchors import read_published
    from checkout_daemon.present.times import local_time
    from checkout_daemon.settings import load_settings

    settings = load_settings()
    published = None if settings.audit_anchor is None else read_published(settings.audit_anchor)
    try:
        done = verifier.verify(str(file), settings.audit_keys, None if published is None else published.anchors)
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{file} cannot be read: {error}") from error
    figures: dict[str, Any] = {"entries": done.counts["entry"], "anchors": done.counts["anchor"]}
    figures |= {"anchors_unchecked": done.unchecked, "anchors_later": len(done.later), "as_of": done.made_at}
    code = _show(figures, [*(published.faults if published else ()), *done.faults], as_json=as_json)
    if done.later and not as_json:
        later, as_of = counted(len(done.later), "published anchor"), local_time(done.made_at, settings.time_zone)
        say(f"{later} later than the export of {as_of}: not compared.")
    return code


def _show(figures: dict[str, Any], faults: Sequence[str], *, as_json: bool) -> int:
    if as_json:
        print_json(figures | {"faults": list(faults), "ok": not faults})
        return 1 if faults else 0
    for fault in faults:
        answer(plain(fault))
    result = "was changed" if faults else "is intact"
    counts = f"{counted(figures['entries'], 'entry', 'entries')}, {counted(figures['anchors'], 'anchor')}"
    answer(f"The audit log {result}: {counts}.")
    if figures.get("anchors_unchecked"):
        say(f"{counted(figures['anchors_unchecked'], 'signed anchor')} not verified: set CHECKOUT_AUDIT_KEY.")
    return 1 if faults else 0


def _listing(now: datetime) -> ListKind[AuditEntry]:
    from checkout_daemon.present.times import age

    columns: list[ListColumn[AuditEntry]] = [
        ListColumn("age", "at", lambda entry: age(entry.at, now), right=True),
        ListColumn("kind", "kind", lambda entry: plain(entry.kind)),
        ListColumn("by", "operator", lambda entry: plain(f"{entry.operator}@{entry.host}")),
        ListColumn("order", "order_id", lambda entry: "" if entry.order_id == _NO_ORDER else entry.order_id[:8]),
        ListColumn("details", "details", lambda entry: plain(entry.details), ratio=2),
        ListColumn("note", "note", lambda entry: plain(_note(entry)), ratio=1),
    ]
    return ListKind(columns, [*_KEYS], "entry", _record)


_NO_ORDER = "00000000-0000-0000-0000-000000000000"
_KEYS = ("entry", "order_id", "number", "at", "kind", "operator", "host", "details", "before", "after", "note", "hash")


def _record(entry: AuditEntry) -> dict[str, Any]:
    import json

    fields = {name: getattr(entry, name) for name in ("order_id", "number", "at", "kind", "operator", "host")}
    fields["entry"] = _name(entry)
    fields["order_id"] = None if entry.order_id == _NO_ORDER else entry.order_id
    fields |= {name: json.loads(getattr(entry, name)) for name in ("details", "before", "after")}
    return fields | {"note": _note(entry), "hash": entry.hash.hex()}


def _name(entry: AuditEntry) -> str:
    return f"{entry.order_id}/{entry.number}"


def _note(entry: AuditEntry) -> str:
    import json

    return "" if entry.personal is None else str(json.loads(entry.personal).get("note", ""))
