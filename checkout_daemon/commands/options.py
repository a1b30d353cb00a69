"""Options and arguments shared by several commands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, overload

import click

from checkout_daemon.commands.completers import complete_numbers
from checkout_daemon.commands.output import be_quiet
from checkout_daemon.commands.typed import AMOUNT, TERM, Number, OneOf, Seconds, Whole

Command = Callable[..., Any]
Decorator = Callable[[Command], Command]

PORT = Whole(0, 65535)
SECONDS = Seconds()
WAIT_HELP = "How long to wait for a database that does not answer yet, such as 60s or 2m."
STATE_DIR = click.Path(file_okay=False, path_type=Path)
READABLE_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
READABLE_OR_STDIN = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
WRITABLE_FILE = click.Path(dir_okay=False, path_type=Path)

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")


def combine(*options: Decorator) -> Decorator:
    """Return one decorator that applies all options; help lists them in this order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _checked_note(_: click.Context, option: click.Parameter, note: str) -> str:
    """Refuse a note that cannot be stored before anything else, also in a dry run. Raise InvalidRequest."""
    if note or option.required:
        from checkout_daemon.audit.audit_log import check_note, check_reason

        (check_reason if option.required else check_note)(note)
    return note


def _unless_stdout(_: click.Context, __: click.Parameter, value: Path | None) -> Path | None:
    return None if str(value) == "-" else value


def order_argument(*, metavar: str | None = None) -> Decorator:
    """Declare ORDER, whose numbers a shell completes."""
    return click.argument("order", type=TERM, metavar=metavar, shell_complete=complete_numbers)


def order_option(help_text: str) -> Decorator:
    """Declare --order, whose numbers a shell completes."""
    return click.option("--order", type=TERM, metavar="ORDER", help=help_text, shell_complete=complete_numbers)


def status_option(statuses: Iterable[str], *, metavar: str | None = None) -> Decorator:
    """Declare --status, which may be repeated. Give a `metavar` where the list of statuses is too long for a line."""
    text = "Select this status (repeatable)."
    return click.option("--status", "statuses", multiple=True, type=OneOf(statuses), metavar=metavar, help=text)


@overload
def read_time(text: str, option: str, time_zone: str, now: datetime | None = None) -> datetime: ...


@overload
def read_time(text: str | None, option: str, time_zone: str, now: datetime | None = None) -> datetime | None: ...


def read_time(text: str | None, option: str, time_zone: str, now: datetime | None = None) -> datetime | None:
    """Read WHEN, as read_past does; return None for None. Raise UsageError, which names the option."""
    from checkout_daemon.model.time_ranges import EXAMPLES, read_past

    if text is None:
        return None
    found = read_past(text, time_zone, now or datetime.now(UTC))
    if found is None:
        raise click.UsageError(f"{option} takes {EXAMPLES}, not {text!r}")
    return found


def read_times(
    since: str | None, until: str | None, time_zone: str, now: datetime | None = None
) -> tuple[datetime | None, datetime | None]:
    """Read --since and --until. Raise UsageError if one cannot be read, or if nothing can be between them."""
    now = now or datetime.now(UTC)
    start, end = read_time(since, "--since", time_zone, now), read_time(until, "--until", time_zone, now)
    if start is not None and end is not None and start >= end:
        raise click.UsageError(f"--since {since} is not before --until {until}: nothing is between them")
    return start, end


def read_future(text: str, option: str, time_zone: str) -> datetime:
    """Read a time to come: a span from now (30m, 24h, 2d), tomorrow, a weekday, a date or an RFC 3339 time.

    Raise UsageError.
    """
    from checkout_daemon.model import future

    found = future.read_future(text, time_zone, datetime.now(UTC))
    if found is None:
        raise click.UsageError(
            f"{option} takes a span such as 36h, 2d or 1w, tomorrow, monday, a date or an RFC 3339 time, not {text!r}"
        )
    return found


def read_moment(text: str, option: str, time_zone: str, now: datetime | None = None) -> datetime:
    """Read a moment: a time of day (10:02, 10:02:30), the last one that has passed, or what read_time reads."""
    from zoneinfo import ZoneInfo

    if (match := _CLOCK.fullmatch(text.strip())) is None:
        return read_time(text, option, time_zone, now)
    zone, now = ZoneInfo(time_zone), now or datetime.now(UTC)
    hour, minute, second = (int(part or 0) for part in match.groups())
    today = now.astimezone(zone).date()
    # Where the clocks go back, a time of day comes twice.
    clocks = [time(hour, minute, second, fold=fold) for fold in (0, 1)]
    days = (today, today - timedelta(days=1))
    moments = [datetime.combine(day, clock, zone).astimezone(UTC) for day in days for clock in clocks]
    return max(moment for moment in moments if moment <= now)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts instead of text.")
quiet_option = click.option(
    "--quiet",
    "-q",
    is_flag=True,
    expose_value=False,
    callback=be_quiet,
    help="Print nothing but errors and questions, and JSON with --json.",
)
yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation (required off a terminal).")
amount_option = click.option(
    "--amount", type=AMOUNT, metavar="AMOUNT", help="Refund 500 (minor units), 5.00 or €5.  [default: all]"
)
note_option = click.option(
    "--note", default="", callback=_checked_note, metavar="TEXT", help="Give a reason, kept in the order's history."
)
stock_note_option = click.option(
    "--note", default="", callback=_checked_note, metavar="TEXT", help="Give a reason, kept in the stock's history."
)
log_note_option = click.option(
    "--note", default="", callback=_checked_note, metavar="TEXT", help="Give a reason, kept in the audit log."
)
reason_option = click.option(
    "--note", required=True, callback=_checked_note, metavar="TEXT", help="Give the reason, kept in the audit log."
)
restock_option = click.option(
    "--restock/--no-restock", default=None, help="Put its counted pieces back on sale, or do not."
)
force_option = click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
limit_option = click.option("--limit", type=Whole(1), default=50, show_default=True, help="Show at most this many.")
since_option = click.option(
    "--since", type=TERM, metavar="WHEN", help="Start at: 24h or 7d ago, yesterday, monday, a date or a time."
)
until_option = click.option(
    "--until", type=TERM, metavar="WHEN", help="End before: 24h ago, today, friday, a date or a time."
)
output_option = click.option(
    "--output",
    type=WRITABLE_FILE,
    callback=_unless_stdout,
    metavar="FILE",
    help="Write to this file, once complete; - is stdout.  [default: stdout]",
)
after_option = click.option(
    "--after", type=TERM, metavar="ID", help="Continue after this row: what the list shows, or --quiet prints."
)
timeout_option = click.option(
    "--timeout",
    "timeout_seconds",
    type=Number(0),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="Wait this long for events to arrive.",
)
