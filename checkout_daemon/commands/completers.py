"""What a shell completes besides commands and options: orders, reasons, events, fingerprints of errors."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

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
    return _found("newest_numbers", typed, _MOST)


def complete_reasons(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Return what the order whose number is on the line needs attention for; orders, as long as none is.

    If the order is not named by its number, return every reason.
    """
    from click.shell_completion import CompletionItem, split_arg_string

    from checkout_daemon.model.orders import AttentionCode

    line, at = split_arg_string(os.environ.get("COMP_WORDS", "")), os.environ.get("COMP_CWORD", "")
    if "fish" not in os.environ.get("_CHECKOUT_COMPLETE", ""):
        line = line[: int(at or 0)]
    elif at:  # fish gives the word itself instead of its place
        line = line[:-1]
    named = [word for word in line[3:] if not word.startswith("-")]  # after `checkout orders ack`
    if not named:
        return complete_numbers(context, parameter, typed)
    if named[-1].isascii() and named[-1].isdigit():
        return _found("attention_of", int(named[-1]), typed)
    return [CompletionItem(code.value) for code in AttentionCode if code.startswith(typed)]


def complete_events(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Return the ids of the newest events that start with `typed`, each with its type and status."""
    return _found("newest_events", typed, _MOST)


def complete_fingerprints(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Return the fingerprints of errors that start with `typed`, each with its error."""
    return _found("error_fingerprints", typed, _MOST)


def _found(question: str, *arguments: object) -> list[CompletionItem]:
    """Return what a function of orders/order_numbers.py finds. Exit the process if the database takes too long."""
    import asyncio

    from click.shell_completion import CompletionItem

    from checkout_daemon.orders import order_numbers
    from checkout_daemon.settings import load_settings

    try:
        settings = load_settings()
        if settings.database_url is None:
            return []
        _exit_after_timeout()
        ask: Any = getattr(order_numbers, question)
        found = asyncio.run(ask(settings.database_url, *arguments))
    except Exception:  # noqa: BLE001 - a person who presses Tab must never see a traceback
        return []
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return [CompletionItem(str(value), help=text) for value, text in found]


def _exit_after_timeout() -> None:
    """Exit silently on timeout. Returning would not do: Python waits for the thread of a slow name server."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        os._exit(0)

    signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, _PATIENCE_SECONDS)


def complete_checks(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Return the names of the doctor's checks that start with `typed`."""
    from click.shell_completion import CompletionItem

    from checkout_daemon.operations.doctor import CHECKS, LIVE_CHECKS

    return [CompletionItem(name) for name in CHECKS | LIVE_CHECKS if name.startswith(typed)]


def complete_filter(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Return the keys or values that continue the last term of a filter, each with the terms before it."""
    from click.shell_completion import CompletionItem

    from checkout_daemon.orders.query_completion import complete_query

    return [CompletionItem(found.text, help=found.help) for found in complete_query(typed)]


def complete_event_types(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Return the event types that the daemon understands and that start with `typed`."""
    from click.shell_completion import CompletionItem

    from checkout_daemon.ledger.event_types import EVENT_TYPES

    matching = [row for row in EVENT_TYPES.values() if row.name.startswith(typed)]
    return [CompletionItem(row.name, help=row.description) for row in matching]
