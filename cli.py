"""The `checkout` program: the table of its commands, and how a run ends.

A command's module is imported when that command is used, and what the command itself needs when it runs. So
`checkout --help` and completion cost little more than importing click.
"""

from __future__ import annotations

import gc
import os
import sys
from collections import UserDict
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import Any

import click

from checkout_daemon import __version__

# name: (its module in checkout_daemon/commands, its line in `checkout --help`)
_COMMANDS = {
    "audit": ("audit", "List, verify and export who did what."),
    "batches": ("batches", "Follow, stop and resume acts on many orders."),
    "catalog": ("catalog", "List, import and export products and discounts."),
    "completion": ("completion", "Print the script that completes commands in a shell."),
    "db": ("db", "Create, migrate, back up and restore the database."),
    "dev": ("programs", "Run a whole shop on this machine, until Ctrl-C."),
    "disputes": ("disputes", "See what is disputed, and answer it in time."),
    "doctor": ("doctor", "Check the set-up and name the fix for each fault."),
    "events": ("events", "Inspect, replay and backfill events from Stripe."),
    "import": ("import_stripe", "Take over the orders of an old system."),
    "listen": ("trigger", "Forward Stripe's events to this machine, until Ctrl-C."),
    "mcp": ("mcp", "Serve an assistant's tools on stdin and stdout."),
    "operators": ("operators", "Set who may do what, up to which amount."),
    "orders": ("orders", "Find, follow and correct orders."),
    "outbox": ("outbox", "Inspect and resend messages to customers and systems."),
    "payouts": ("payouts", "Follow the money from the balance at Stripe to the bank."),
    "proposals": ("proposals", "Approve or reject what another operator proposes."),
    "reconcile": ("reconcile", "Compare orders with Stripe, field by field."),
    "report": ("report", "Report orders, conversion, and money in and out."),
    "sandbox": ("programs", "Run only the offline Stripe."),
    "serve": ("programs", "Run only the daemon, for production."),
    "sessions": ("sessions", "Manage the payment pages of orders."),
    "settings": ("settings", "Show every setting, its value and its source."),
    "shop": ("shop", "Check and show the shop's name, words and colours."),
    "stock": ("stock", "List, set and adjust how many pieces there are."),
    "todo": ("todo", "Show everything that needs a person."),
    "tokens": ("tokens", "Give the shop's own systems access to orders."),
    "trigger": ("trigger", "Have Stripe create EVENT, and follow its effects."),
    "tui": ("programs", "Watch and correct orders in a terminal."),
    "webhook": ("webhook", "Create, inspect and rotate the endpoint at Stripe."),
}


class _LazyCommands(UserDict[str, Any]):
    """The commands by name. Looking one up imports its module."""

    def __getitem__(self, name: str) -> click.Command:
        module, _ = self.data[name]
        attribute = "import_" if name == "import" else name  # a word of Python
        command: click.Command = getattr(import_module(f"checkout_daemon.commands.{module}"), attribute)
        return command


class _Program(click.Group):
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table alone, so that help imports none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Return the command's exit code. A reader that closes the pipe early (`| head`) is not a failure."""
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            from os import O_WRONLY, devnull, dup2, open  # noqa: A004

            dup2(open(devnull, O_WRONLY), sys.stdout.fileno())
            return 0
        return code


@click.group(cls=_Program, commands=_LazyCommands(_COMMANDS), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="checkout")
@click.option("--as", "operator", metavar="NAME", help="Name the operator; the audit log records it.")
def checkout(operator: str | None) -> None:
    """Sell through Stripe Checkout from your own server.

    Start with `checkout dev`: a complete demo shop that needs no account and no network.
    """
    if operator is not None:
        os.environ["CHECKOUT_OPERATOR"] = operator  # so that the programs that a command starts know it too


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code."""
    try:
        code = checkout.main(arguments, prog_name="checkout", standalone_mode=False)
    except Exception as error:  # noqa: BLE001 - the command edge; report() raises unexpected errors again
        from checkout_daemon.commands.failures import report

        return report(error)
    return code if isinstance(code, int) else 0


def main() -> None:
    """Run the command line of this process, then exit with its code."""
    os.umask(0o077)  # files of this process and its children are private, unless a mode is set
    # What a command imports and reads is in use until its end: looking for garbage in it takes a tenth of its time.
    gc.set_threshold(20_000, 20, 100)
    _prepare_streams()
    sys.exit(run())


def _prepare_streams() -> None:
    """Print `?` for a character that the terminal cannot show; write UTF-8 to pipes and files in any locale."""
    if isinstance(sys.stdout, TextIOWrapper):
        if sys.stdout.isatty():
            sys.stdout.reconfigure(errors="replace")
        else:
            sys.stdout.reconfigure(encoding="utf-8")
    elif sys.stdout is None:  # the parent closed it: `>&-`
        from os import devnull

        sys.stdout = open(devnull, "w", encoding="utf-8")  # noqa: SIM115 - open until the process ends


if __name__ == "__main__":
    main()
