"""Options and types of arguments that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands.declared.typed import TERM, Number, Whole

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Command = Callable[..., Any]

PORT = Whole(0, 65535)
STATE_DIR = click.Path(file_okay=False, path_type=Path)
READABLE_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
WRITABLE_FILE = click.Path(dir_okay=False, path_type=Path)


def _numbers(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    from checkout_daemon.commands import order_numbers

    return order_numbers.complete(typed)


def event_types(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Those that the daemon understands."""
    from click.shell_completion import CompletionItem

    from checkout_daemon.domain.event_meanings import MEANINGS

    return [CompletionItem(name, help=meaning.says) for name, meaning in MEANINGS.items() if name.startswith(typed)]


def order_argument(*, required: bool = True, metavar: str | None = None) -> Callable[[Command], Command]:
    """ORDER: a shell completes numbers."""
    return click.argument("order", type=TERM, required=required, metavar=metavar, shell_complete=_numbers)


def order_option(help_text: str) -> Callable[[Command], Command]:
    return click.option("--order", type=TERM, metavar="ORDER", help=help_text, shell_complete=_numbers)


def json_option(command: Command) -> Command:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts instead of text.")(command)


def yes_option(command: Command) -> Command:
    return click.option("--yes", "-y", is_flag=True, help="Do not ask; needed off a terminal.")(command)


def note_option(command: Command) -> Command:
    return click.option("--note", default="", metavar="TEXT", help="Why; kept in the order's history.")(command)


def discounts_option(command: Command) -> Command:
    return click.option("--discounts", is_flag=True, help="The discounts instead of the products.")(command)


def since_option(command: Command) -> Command:
    return click.option(
        "--since", type=TERM, metavar="WHEN", help="From: 30m, 24h or 7d ago, a date, or an RFC 3339 time."
    )(command)


def limit_option(command: Command) -> Command:
    return click.option("--limit", type=Whole(1), default=50, show_default=True, help="How many at most.")(command)


def timeout_option(command: Command) -> Command:
    return click.option(
        "--timeout",
        "timeout_seconds",
        type=Number(0),
        default=30.0,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait for events to arrive.",
    )(command)
