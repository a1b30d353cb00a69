"""`checkout completion`, and the order numbers that a shell completes."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import click

from checkout_daemon.commands.base import Command
from checkout_daemon.commands.options import json_option
from checkout_daemon.commands.typed import OneOf

if TYPE_CHECKING:
    from types import FrameType

    from click.shell_completion import CompletionItem

_PATIENCE_SECONDS = 0.3
_MOST = 50


@click.command(cls=Command)
@click.argument("shell", type=OneOf(("bash", "zsh", "fish")))
@json_option
@click.pass_context
def completion(context: click.Context, shell: str, as_json: bool) -> int:
    """Print the script that completes commands in a shell.

    Example:
      checkout completion bash >> ~/.bashrc
    """
    from click.shell_completion import get_completion_class

    from checkout_daemon.commands.output import print_result

    script = get_completion_class(shell)
    assert script is not None
    source = script(context.find_root().command, {}, "checkout", "_CHECKOUT_COMPLETE").source()
    print_result({"shell": shell, "script": source}, source, as_json=as_json)
    return 0


def complete_numbers(typed: str) -> list[CompletionItem]:
    """Return the order numbers that start with `typed`, newest first, each with its status.

    Never raises, and exits the process if the database takes too long.
    """
    if typed and not (typed.isascii() and typed.isdigit()):
        return []  # an id or email: there is no need to import asyncpg
    import asyncio

    from click.shell_completion import CompletionItem

    from checkout_daemon.orders.order_numbers import newest_numbers
    from checkout_daemon.settings import load_settings

    try:
        settings = load_settings()
        if settings.database_url is None:
            return []
        _exit_after_timeout()
        found = asyncio.run(newest_numbers(settings.database_url, typed, _MOST))
    except Exception:  # noqa: BLE001 - a person who presses Tab must never see a traceback
        return []
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return [CompletionItem(str(number), help=status) for number, status in found]


def _exit_after_timeout() -> None:
    """Exit silently on timeout. Returning would not do: Python waits for the thread of a slow name server."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        os._exit(0)

    signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, _PATIENCE_SECONDS)
