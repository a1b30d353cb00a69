"""Ask before something is done that cannot be taken back, or that reaches many customers."""

from __future__ import annotations

import sys

import click


class NotConfirmed(click.ClickException):
    """The answer was no. Not a UsageError, because there is no help to read."""

    exit_code = 2


def confirm(question: str, *, yes: bool) -> None:
    """Ask on a terminal. Raise NotConfirmed if the answer is no, and UsageError without a terminal: both exit 2.

    Ctrl-C raises Abort at once.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError(f"{question} There is no terminal to ask on: add --yes to confirm")
    try:
        answered_yes = _ask(question)
    except KeyboardInterrupt:
        click.echo(err=True)  # the shell's prompt begins on a line of its own
        raise click.Abort from None
    if not answered_yes:
        raise NotConfirmed("not confirmed: nothing was done")


def choose(question: str, *, yes: bool, otherwise: bool) -> bool:
    """Return the answer on a terminal; `otherwise` if nothing is to be asked, or there is nobody to ask."""
    if yes or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return otherwise
    try:
        return _ask(question)
    except KeyboardInterrupt:
        click.echo(err=True)
        raise click.Abort from None


def _ask(question: str) -> bool:
    """Return the answer; no is the default, and what Ctrl-D means. Raise KeyboardInterrupt."""
    import signal

    from checkout_daemon.present.text import plain_lines

    # asyncio's handler would only cancel the task, which waits for the answer.
    asyncios = signal.getsignal(signal.SIGINT)
    if asyncios is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if _is_cancelled():
            raise KeyboardInterrupt
        while True:
            click.echo(f"{plain_lines(question)} [y/N]: ", nl=False, err=True)
            line = _read_line()
            if not line:
                click.echo(err=True)
            match line.strip().lower():
                case "y" | "yes":
                    return True
                case "n" | "no" | "":
                    return False
            click.echo("Please answer y or n.", err=True)
    finally:
        signal.signal(signal.SIGINT, asyncios)


def _is_cancelled() -> bool:
    """Return whether Ctrl-C has just cancelled the task, which would notice it only at its next `await`."""
    import asyncio

    try:
        task = asyncio.current_task()
    except RuntimeError:  # no event loop runs
        return False
    return task is not None and task.cancelling() > 0


def _read_line() -> str:
    """Read a line from the terminal. A signal that comes just before the read would not end `input`."""
    import os
    import select
    import signal
    import socket

    woken, waker = socket.socketpair()
    with woken, waker:
        waker.setblocking(False)
        before = signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        try:
            terminal = sys.stdin.fileno()
            while terminal not in select.select([terminal, woken], [], [])[0]:
                woken.recv(4096)
            return os.read(terminal, 4096).decode(errors="replace")
        finally:
            signal.set_wakeup_fd(before)
