"""The command edge: report an error as one line on stderr, and return the exit code of its category."""

from __future__ import annotations

import errno

import click

from checkout_daemon.commands.output import say
from checkout_daemon.errors import CheckoutError, NotPermitted, next_step

INTERRUPTED = 130  # as shells count Ctrl-C
_NOT_PERMITTED = "42501"  # PostgreSQL's code, so that asyncpg need not be imported here
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


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
        say(f"error: {error.detail}{next_step(error)}")
        return error.exit_code
    if getattr(error, "sqlstate", None) == _NOT_PERMITTED:
        return report(NotPermitted(f"the database user may not do this: {error}"))
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        say(f"error: the output could not be written: {error.strerror}")
        return CheckoutError.exit_code
    if isinstance(error, UnicodeEncodeError) or isinstance(error.__cause__, UnicodeEncodeError):
        # msgspec or asyncpg, about bytes that the shell passes on as typed
        say("error: an argument is not valid UTF-8 text")
        return click.UsageError.exit_code
    raise error
