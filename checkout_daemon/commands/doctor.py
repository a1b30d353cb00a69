"""`checkout doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands.base import Command
from checkout_daemon.commands.completers import complete_checks
from checkout_daemon.commands.lists import ListColumn, ListKind, Printer, format_options, printer_of
from checkout_daemon.commands.running import run
from checkout_daemon.commands.typed import TERM
from checkout_daemon.present.text import counted, plain, words

if TYPE_CHECKING:
    from rich.text import Text

    from checkout_daemon.operations.doctor import Check
    from checkout_daemon.settings import Settings

_STATES = {True: ("ok", "green"), None: ("skip", "yellow"), False: ("FAULT", "bold red")}


@click.command(cls=Command)
@click.option(
    "--only",
    multiple=True,
    type=TERM,
    metavar="CHECK",
    shell_complete=complete_checks,
    help="Carry out only this check, such as stripe or smtp (repeatable).",
)
@click.option("--live", is_flag=True, help="Also check what must hold before the first real payment.")
@format_options
def doctor(only: tuple[str, ...], live: bool, **options: Any) -> int:
    """Check the set-up and name the fix for each fault.

    A check that does not apply is skipped, with the reason. Exit code 0 if no check fails, 1 if one does, 2 for wrong
    options or settings: a deployment can depend on it.

    Example:
      checkout doctor
      checkout doctor --only stripe --only endpoint
      checkout doctor --live
    """
    from checkout_daemon.commands.output import say
    from checkout_daemon.operations.doctor import CHECKS, LIVE_CHECKS
    from checkout_daemon.settings import load_settings
    from checkout_daemon.settings.unknown import unknown_warnings

    only = tuple(name.strip().lower().replace(" ", "_").replace("-", "_") for name in only)  # as it is shown
    for name in only:
        if name not in CHECKS | LIVE_CHECKS:
            raise click.UsageError(f"--only has no check {name!r}: choose from {', '.join(CHECKS | LIVE_CHECKS)}")
    printer = printer_of(_LISTING, options, default="text")
    if printer.form != "quiet":
        for warning in unknown_warnings():
            say(f"warning: {warning}")
    found = run(_examine(load_settings(), only, printer, before_live=live))
    faults = sum(check.fault for check in found)
    if faults:
        say(f"error: {counted(faults, 'check')} failed; each names the command that fixes it")
    elif not printer.silent:
        skipped = [words(check.check) for check in found if check.ok is None]
        say(f"No faults; skipped: {', '.join(skipped)}." if skipped else "All is well.")
    return 1 if faults else 0


async def _examine(
    settings: Settings, only: tuple[str, ...], printer: Printer[Check], *, before_live: bool
) -> list[Check]:
    """Print each result as soon as it is known, and return all of them."""
    from contextlib import aclosing

    from checkout_daemon.operations.doctor import examine

    found = []
    async with aclosing(examine(settings, only, before_live=before_live)) as checks:
        async for check in checks:
            found.append(check)
            if printer.form == "text":
                _print_check(check)
            else:
                printer.print_all([check])
    printer.end()
    return found


def _state(check: Check) -> Text:
    from rich.text import Text

    return Text(*_STATES[check.ok])


def _print_check(check: Check) -> None:
    from rich.text import Text

    from checkout_daemon.commands.output import console

    printer, state = console(), _state(check)
    state.pad_right(7 - len(state))
    printer.print(Text.assemble(state, f"{words(check.check):<14}", plain(check.detail)), soft_wrap=True)
    if check.fix is not None:
        printer.print(Text.assemble(f"{'':<21}→ ", (plain(check.fix), "bold")), soft_wrap=True)


_LISTING: ListKind[Check] = ListKind(
    (
        ListColumn("state", "ok", _state),
        ListColumn("check", "check", lambda check: words(check.check)),
        ListColumn("detail", "detail", lambda check: plain(check.detail), ratio=2),
        ListColumn("fix", "fix", lambda check: plain(check.fix or ""), ratio=1),
    ),
    ("check", "ok", "detail", "fix"),
    "check",
)
