"""What an operator reads if Ctrl-C ends a command after Stripe was asked to do something."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click


@contextmanager
def under_way(what: str, command: str) -> Iterator[None]:
    """Print on stderr, also with --quiet, which command shows what Stripe may be doing if Ctrl-C ends this one."""
    from asyncio import CancelledError

    try:
        yield
    except CancelledError:
        click.echo(f"\nThe {what} may be under way: `checkout {command}` shows it.", err=True)
        raise
