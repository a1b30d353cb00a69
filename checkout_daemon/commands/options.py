"""Options and arguments shared by several commands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, overload

import click

from checkout_daemon.commands.completers import complete_numbers
from checkout_daemon.commands.typed import TERM, Number, OneOf, Whole

Command = Callable[..., Any]
Decorator = Callable[[Command], Command]

PORT = Whole(0, 65535)
STATE_DIR = click.Path(file_okay=False, path_type=Path)
READABLE_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
WRITABLE_FILE = click.Path(dir_okay=False, path_type=Path)

_AGO = re.compile(r"(\d{1,6})\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def combine(*options: Decorator) -> Decorator:
    """Return one decorator that applies all options; help lists them in this order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def order_argument(*, required: bool = True, metavar: str | None = None) -> Decorator:
    """Declare ORDER, whose numbers a shell completes."""
    return click.argument("order", type=TERM, required=required, metavar=metavar, shell_complete=complete_numbers)


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
    """Read WHEN: a span before now (30m, 24h, 7d), a date or an RFC 3339 time; return None for None.

    A time without an offset is in `time_zone`. Raise UsageError, which names the option.
    """
    from zoneinfo import ZoneInfo

    if text is None:
        return None
    if ago := _AGO.fullmatch(text.strip().lower()):
        with suppress(OverflowError):
            return (now or datetime.now(UTC)) - timedelta(**{_UNITS[ago.group(2)]: int(ago.group(1))})
    try:
        time = datetime.fromisoformat(text.strip())
        if time.tzinfo is None:
            time = time.replace(tzinfo=ZoneInfo(time_zone))
        return time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.UsageError(
            f"{option} takes a span such as 30m, 24h or 7d, a date or an RFC 3339 time, not {text!r}"
        ) from None


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts instead of text.")
yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation (required off a terminal).")
note_option = click.option("--note", default="", metavar="TEXT", help="Give a reason, kept in the order's history.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
limit_option = click.option("--limit", type=Whole(1), default=50, show_default=True, help="Show at most this many.")
since_option = click.option(
    "--since", type=TERM, metavar="WHEN", help="Start at: 30m, 24h or 7d ago, a date, or an RFC 3339 time."
)
until_option = click.option(
    "--until", type=TERM, metavar="WHEN", help="End before: 24h ago, a date, or an RFC 3339 time."
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
