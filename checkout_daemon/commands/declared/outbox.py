"""`checkout outbox`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from checkout_daemon.commands.options import (
    json_option,
    limit_option,
    order_option,
    since_option,
    yes_option,
)
from checkout_daemon.commands.typed import TERM, OneOf

# Written out, because the enumerations' module costs more than click; a test compares them.
MESSAGE_STATUSES = ("queued", "sent", "failed", "dead", "skipped")
CHANNEL_NAMES = ("mail", "alert", "webhook")


def _filters(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        since_option,
        order_option("About this order: its number, id, …"),
        click.option(
            "--kind", "kinds", type=TERM, multiple=True, metavar="KIND", help="Such as order.completed; repeatable."
        ),
        click.option("--channel", "channels", multiple=True, type=OneOf(CHANNEL_NAMES), help="Repeat it for several."),
        click.option(
            "--status",
            "statuses",
            multiple=True,
            type=OneOf(MESSAGE_STATUSES),
            metavar="STATUS",
            help="In this status; repeat it for several.",
        ),
    ):
        command = option(command)
    return command


@click.group()
def outbox() -> None:
    """Inspect and resend messages to customers and systems.

    \b
    Example:
      checkout outbox list --status dead
    """


@outbox.command("list")
@_filters
@limit_option
@json_option
def outbox_list(limit: int, as_json: bool, **filters: Any) -> int:
    """List messages, newest first.

    STATUS is queued, sent, failed (it is tried again), dead (it is not) or skipped (no longer needed, or nobody had
    configured where to send it).

    \b
    Example:
      checkout outbox list --channel webhook --status failed
    """
    from checkout_daemon.commands import outbox

    return outbox.list_messages(limit=limit, as_json=as_json, **filters)


@outbox.command("show")
@click.argument("message", type=TERM)
@json_option
def outbox_show(message: str, as_json: bool) -> int:
    """Show a message and what became of it.

    \b
    Example:
      checkout outbox show 6f1c2a52-7f7e-4e0e-9a51-0d3a5a1b9c11
    """
    from checkout_daemon.commands import outbox

    return outbox.show(message, as_json=as_json)


@outbox.command("replay")
@click.argument("messages", type=TERM, nargs=-1)
@_filters
@yes_option
@json_option
def outbox_replay(messages: tuple[str, ...], yes: bool, as_json: bool, **filters: Any) -> int:
    """Have messages sent again.

    Those named, or all that fit the options. Receivers know a message that they had before by its id.

    \b
    Example:
      checkout outbox replay --status dead --channel webhook --yes
    """
    from checkout_daemon.commands import outbox

    return outbox.replay(messages, yes=yes, as_json=as_json, **filters)
