"""The command edge: report an error as one line on stderr, and return the exit code of its category."""

from __future__ import annotations

import errno

import click

from checkout_daemon.commands.output import say
from checkout_daemon.errors import CheckoutError, DatabaseUnavailable, StripeUnavailable

INTERRUPTED = 130  # as shells count Ctrl-C
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)

# The next step, for errors that are raised where it is not known whether a person or a program reads them.
_NEXT: dict[type[CheckoutError], str] = {
    DatabaseUnavailable: "; start it, or correct DATABASE_URL: `checkout doctor` gives details",
    StripeUnavailable: "; `checkout doctor` gives details",
}


def report(error: Exception) -> int:
    """Print the error and return its exit code. Raise an unexpected error again, because its traceback helps most."""
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
    if isinstance(error.__cause__, UnicodeEncodeError):  # asyncpg, about bytes that the shell passes on as typed
        say("error: an argument is not valid UTF-8 text")
        return click.UsageError.exit_code
    raise error
