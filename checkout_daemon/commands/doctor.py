"""`checkout doctor`."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from rich.text import Text

from checkout_daemon.commands.output import console, plain, print_json, say
from checkout_daemon.services.doctor import Check, examine
from checkout_daemon.settings import Settings, load_settings


def doctor(*, as_json: bool) -> int:
    """1 if anything is wrong."""
    faults = asyncio.run(_examine(load_settings(), as_json=as_json))
    if faults:
        say(f"error: {faults} {'check' if faults == 1 else 'checks'} failed; each names the command that mends it")
    return 1 if faults else 0


async def _examine(settings: Settings, *, as_json: bool) -> int:
    faults = 0
    async with aclosing(examine(settings)) as checks:
        async for check in checks:
            faults += not check.ok
            if as_json:
                print_json(check)
            else:
                _print(check)
    return faults


def _print(check: Check) -> None:
    printer = console()
    state = Text("ok   ", style="green") if check.ok else Text("FAULT", style="bold red")
    line = Text.assemble(state, f"  {check.check.replace('_', ' '):<14}", plain(check.detail))
    printer.print(line, soft_wrap=True)
    if check.mend is not None:
        printer.print(Text.assemble(f"{'':<21}→ ", (plain(check.mend), "bold")), soft_wrap=True)
