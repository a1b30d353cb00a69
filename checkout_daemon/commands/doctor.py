"""`checkout doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from checkout_daemon.commands.base import Command
from checkout_daemon.commands.options import json_option
from checkout_daemon.commands.running import run

if TYPE_CHECKING:
    from checkout_daemon.operations.doctor import Check
    from checkout_daemon.settings import Settings


@click.command(cls=Command)
@json_option
def doctor(as_json: bool) -> int:
    """Check the set-up and name the fix for each fault.

    Exit code 1 if a check fails.

    Example:
      checkout doctor
    """
    from checkout_daemon.commands.output import say
    from checkout_daemon.settings import load_settings
    from checkout_daemon.settings.unknown import unknown_warnings

    for warning in unknown_warnings():
        say(f"warning: {warning}")
    faults = run(_examine(load_settings(), as_json=as_json))
    if faults:
        say(f"error: {faults} {'check' if faults == 1 else 'checks'} failed; each names the command that fixes it")
    return 1 if faults else 0


async def _examine(settings: Settings, *, as_json: bool) -> int:
    from contextlib import aclosing

    from checkout_daemon.commands.output import print_json
    from checkout_daemon.operations.doctor import examine

    faults = 0
    async with aclosing(examine(settings)) as checks:
        async for check in checks:
            faults += not check.ok
            if as_json:
                print_json(check)
            else:
                _print_check(check)
    return faults


def _print_check(check: Check) -> None:
    from rich.text import Text

    from checkout_daemon.commands.output import console
    from checkout_daemon.present.text import plain, words

    printer = console()
    state = Text("ok   ", style="green") if check.ok else Text("FAULT", style="bold red")
    line = Text.assemble(state, f"  {words(check.check):<14}", plain(check.detail))
    printer.print(line, soft_wrap=True)
    if check.fix is not None:
        printer.print(Text.assemble(f"{'':<21}→ ", (plain(check.fix), "bold")), soft_wrap=True)
