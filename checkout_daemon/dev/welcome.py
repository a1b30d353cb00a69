"""The page that `checkout dev` prints when it is ready: where everything is, and what to try next."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from shlex import quote

import click

from checkout_daemon.dev.environment import DevEnv
from checkout_daemon.settings import DEFAULT_STATE_DIR, DEV_ENV
from checkout_daemon.urls import shown_url


def introduce(env: DevEnv, state_dir: Path, brings_database: bool, brings_stripe: bool) -> None:
    """Print the addresses and the first commands to try; the last line reports that the shop is ready."""
    program, state = _program(), _short(state_dir)
    found = "every command in this folder reads them"
    if state != DEFAULT_STATE_DIR:
        found = "commands read them if CHECKOUT_STATE_DIR is set as below"
    rows = [
        ("Storefront", env.public_url, ""),
        ("Offline Stripe", env.stripe_api_base, "imitates Stripe: no account, no network")
        if brings_stripe
        else ("Stripe", env.stripe_api_base, ""),
        ("Database", shown_url(env.database_url) or "", "embedded PostgreSQL" if brings_database else ""),
        ("Settings", f"{state}/{DEV_ENV}", found),
        ("Logs", f"{state}/*.log", ""),
    ]
    click.echo()
    for label, value, remark in rows:
        click.echo(f"  {label:<15} {click.style(value, bold=True)}")
        if remark:
            click.echo(f"  {'':<15} {click.style(remark, dim=True)}")
    click.echo("\n  Fill a cart, pay with a test card, and watch from another terminal:\n")
    if state != DEFAULT_STATE_DIR:
        click.echo(f"    export CHECKOUT_STATE_DIR={quote(str(state_dir.absolute()))}")
    for command, meaning in (
        ("tui", "the live shop, and every action on it"),
        ("orders show 1001", "everything about one order"),
        ("events list", "what Stripe has sent"),
        ("doctor", "whether everything is set up"),
    ):
        click.echo(f"    {program} {command:<16} {click.style(meaning, dim=True)}")
    click.echo("\n" + click.style("checkout is ready", fg="green", bold=True) + " (Ctrl-C stops everything)")


def _program() -> str:
    """Return how to call this program from here: the script next to our Python, unless it is on the path."""
    script = Path(sys.executable).with_name("checkout")
    on_path = str(script.parent) in os.environ.get("PATH", "").split(os.pathsep)
    return _short(script) if script.is_file() and not on_path else "checkout"


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
