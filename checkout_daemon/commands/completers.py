"""What a shell completes besides commands and options: order numbers and event types."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from types import FrameType

    from click.shell_completion import CompletionItem

_PATIENCE_SECONDS = 0.3
_MOST = 50


def complete_numbers(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
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


def complete_event_types(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Return the event types that the daemon understands and that start with `typed`."""
    from click.shell_completion import CompletionItem

    from checkout_daemon.ledger.event_types import EVENT_TYPES

    matching = [row for row in EVENT_TYPES.values() if row.name.startswith(typed)]
    return [CompletionItem(row.name, help=row.description) for row in matching]
