"""The command edge: what went wrong as one line on stderr, and the exit code that says of which kind it was."""

from __future__ import annotations

import errno

import click

from checkout_daemon.commands.output import say
from checkout_daemon.errors import CheckoutError, DatabaseUnavailable, StripeUnavailable

INTERRUPTED = 130  # as shells count Ctrl-C
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)

# What to do next, where those who raise it cannot know that it is a person who reads.
_NEXT: dict[type[CheckoutError], str] = {
    DatabaseUnavailable: "; start it, or correct DATABASE_URL: `checkout doctor` says more",
    StripeUnavailable: "; `checkout doctor` tells more",
}


def report(error: Exception) -> int:
    """Say it and give the exit code; raise again what nobody expected, for a traceback is then the best report."""
    if isinstance(error, click.exceptions.Abort):
        return INTERRUPTED
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        say(error.format_message())
        return error.exit_code
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx is not None else "checkout"
        say(f"error: {error.format_message().rstrip('.')} (see `{path} --help`)")
        return error.exit_code
    if isinstance(error, click.ClickException):
        say(f"error: {error.format_message()}")
        return error.exit_code
    if isinstance(error, CheckoutError):
        hint = next((hint for kind, hint in _NEXT.items() if isinstance(error, kind)), "")
        say(f"error: {error.detail}{hint}")
        return error.exit_code
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        say(f"error: the output could not be written: {error.strerror}")
        return CheckoutError.exit_code
    if isinstance(error.__cause__, UnicodeEncodeError):  # PostgreSQL's client, of bytes that a shell lets through
        say("error: what was typed is not text in UTF-8")
        return click.UsageError.exit_code
    raise error
