"""`checkout tui`: the order terminal."""

from __future__ import annotations

import sys

import click

from checkout_daemon.commands.running import database_address
from checkout_daemon.settings import load_settings


def tui(*, read_only: bool) -> int:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError("there is no terminal to fill: `checkout orders watch` follows orders without one")
    settings = load_settings()
    listen_url = database_address(settings, direct=True)
    from tui.app import run

    return run(settings, listen_url, read_only=read_only)
