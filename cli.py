"""The commands: declarations only, in checkout_daemon/commands/declared; what each does is imported when it runs.

So `checkout --help` and completion cost little more than click itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Any

import click

from checkout_daemon import __version__
from checkout_daemon.commands.declared.catalog import catalog
from checkout_daemon.commands.declared.db import db
from checkout_daemon.commands.declared.events import events
from checkout_daemon.commands.declared.orders import orders
from checkout_daemon.commands.declared.outbox import outbox
from checkout_daemon.commands.declared.programs import dev, sandbox, serve, tui
from checkout_daemon.commands.declared.reconcile import reconcile
from checkout_daemon.commands.declared.sessions import sessions
from checkout_daemon.commands.declared.setup import completion, doctor
from checkout_daemon.commands.declared.trigger import listen, trigger
from checkout_daemon.commands.declared.webhook import webhook


class _Program(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        """Give the command's exit code. A reader that has seen enough (`| head`) is no failure."""
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            from os import O_WRONLY, devnull, dup2, open  # noqa: A004

            dup2(open(devnull, O_WRONLY), sys.stdout.fileno())
            return 0
        return code


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="checkout")
def checkout() -> None:
    """Sell through Stripe Checkout from your own server.

    Begin with `checkout dev`: a whole demo shop, with no account and no network.
    """


for _command in (
    dev,
    serve,
    tui,
    sandbox,
    db,
    catalog,
    orders,
    sessions,
    events,
    outbox,
    webhook,
    reconcile,
    trigger,
    listen,
    doctor,
    completion,
):
    checkout.add_command(_command)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; its exit code."""
    try:
        code = checkout.main(arguments, prog_name="checkout", standalone_mode=False)
    except Exception as error:  # noqa: BLE001 - the command edge; what nobody expected is raised again
        from checkout_daemon.commands.failures import report

        return report(error)
    return code if isinstance(code, int) else 0


def main() -> None:
    os.umask(0o077)  # whatever we and our children write is ours alone, unless a mode is set
    _prepare_streams()
    sys.exit(run())


def _prepare_streams() -> None:
    """A terminal that cannot show a € gets a ?; what other programs read is UTF-8, whatever the locale."""
    if isinstance(sys.stdout, TextIOWrapper):
        if sys.stdout.isatty():
            sys.stdout.reconfigure(errors="replace")
        else:
            sys.stdout.reconfigure(encoding="utf-8")
    elif sys.stdout is None:  # closed by whoever started this: `>&-`
        from os import devnull

        sys.stdout = open(devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the process ends


if __name__ == "__main__":
    main()
