"""`checkout dev`, `serve`, `tui` and `sandbox`: the programs that run until they are stopped."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands.base import Command
from checkout_daemon.commands.options import PORT, SECONDS, STATE_DIR, WAIT_HELP
from checkout_daemon.commands.running import database_address
from checkout_daemon.commands.typed import TERM, Number, OneOf, Whole
from checkout_daemon.present.text import counted

if TYPE_CHECKING:
    from checkout_daemon.settings import Settings


@click.command(cls=Command)
@click.option("--port", type=PORT, default=8000, show_default=True, help="Port of the storefront; 0: any free port.")
@click.option("--sandbox-port", type=PORT, default=8001, show_default=True, help="Port of the offline Stripe.")
@click.option("--state-dir", type=STATE_DIR, help="Directory for all state.  [default: .checkout]")
@click.option(
    "--database-url", type=TERM, metavar="URL", help="Use this database, and create the shop in it if it has none."
)
@click.option("--no-sandbox", is_flag=True, help="Use the Stripe account of STRIPE_API_KEY.")
@click.option("--no-seed", is_flag=True, help="Do not add demo products to an empty catalog.")
@click.option("--no-jobs", is_flag=True, help="Do not run background jobs.")
def dev(
    port: int,
    sandbox_port: int,
    state_dir: Path | None,
    database_url: str | None,
    no_sandbox: bool,
    no_seed: bool,
    no_jobs: bool,
) -> int:
    """Run a whole shop on this machine, until Ctrl-C.

    Starts PostgreSQL, the offline Stripe, a demo catalog and the daemon. Uses STRIPE_API_KEY instead if it is set, and
    refuses a live key. Uses the database of DATABASE_URL only if that holds a shop and nothing of other programs.

    Example:
      checkout dev --port 8080
    """
    from checkout_daemon.dev.main import DevOptions, run

    return run(
        DevOptions(
            port=port,
            sandbox_port=sandbox_port,
            state_dir=state_dir or _default_state_dir(),
            sandbox=not no_sandbox,
            seed=not no_seed,
            jobs=not no_jobs,
            database_url=database_url,
        )
    )


@click.command(cls=Command)
@click.option("--host", help="Address to listen on.  [default: CHECKOUT_HOST, else 127.0.0.1]")
@click.option("--port", type=PORT, help="Port to listen on.  [default: CHECKOUT_PORT, else 8000]")
@click.option(
    "--unix-socket",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Listen on this Unix socket instead.  [default: CHECKOUT_UNIX_SOCKET]",
)
@click.option("--workers", type=Whole(1, 256), default=1, show_default=True, help="Number of processes.")
@click.option("--no-jobs", is_flag=True, help="Do not run background jobs: another daemon runs them.")
@click.option(
    "--drain",
    type=Number(0),
    help="Seconds to serve on after SIGTERM, while /readyz answers 503 and connections are closed after their answer.  "
    "[default: CHECKOUT_DRAIN, else 0]",
)
@click.option("--wait", type=SECONDS, default=0.0, metavar="TIME", help=WAIT_HELP)
def serve(
    host: str | None,
    port: int | None,
    unix_socket: Path | None,
    workers: int,
    no_jobs: bool,
    drain: float | None,
    wait: float,
) -> int:
    """Run only the daemon, for production.

    SIGTERM answers what has arrived, then stops, after the --drain time. SIGINT, or a second SIGTERM, stops without
    that time.

    Example:
      checkout serve --host 0.0.0.0 --port 8000 --workers 2 --drain 5
    """
    from dataclasses import replace

    from checkout_daemon.errors import ConfigurationError
    from checkout_daemon.serve import ServeOptions, refuse, run
    from checkout_daemon.settings import load_settings, read_setting

    # CHECKOUT_PUBLIC_URL follows from these; so it does when the settings are read again, and in every worker.
    if host is not None:
        os.environ["CHECKOUT_HOST"] = host
    if port:
        os.environ["CHECKOUT_PORT"] = str(port)
    try:
        settings = load_settings(daemon=True)
    except ConfigurationError as error:
        if read_setting("CHECKOUT_LOG_FORMAT") == "json":
            return refuse(error, "json")
        raise
    if unix_socket is not None:
        settings = replace(settings, unix_socket=unix_socket)
    options = ServeOptions(
        host=settings.host if host is None else host,
        port=settings.port if port is None else port,
        workers=workers,
        jobs=not no_jobs,
        drain_seconds=settings.drain if drain is None else drain,
        wait_seconds=wait,
    )
    return run(settings, options)


@click.command(cls=Command)
@click.option("--read-only", is_flag=True, help="Disable every action that changes an order.")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Use this tui.toml, with own keys and saved filters.  [default: CHECKOUT_TUI_CONFIG]",
)
@click.option("--check-config", is_flag=True, help="Print what is wrong with tui.toml, and exit.")
def tui(read_only: bool, config: Path | None, check_config: bool) -> int:
    """Watch and correct orders in a terminal.

    Updates live. Every action of the order commands but erase and recover has a key, and ? lists them. Also read-only
    if the database user may not write, or if the shop has operators and you are not one.

    Example:
      checkout tui --read-only
    """
    from checkout_daemon.settings import load_settings

    if check_config:
        return _check_config(load_settings(), config)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError("this needs a terminal; without one, `checkout orders watch` follows orders")
    settings = load_settings()
    listen_url = database_address(settings, direct=True)
    from checkout_daemon.tui.app import run

    code: int = run(settings, listen_url, read_only=read_only, config=config or settings.tui_config)
    return code


def _check_config(settings: Settings, config: Path | None) -> int:
    """Print the faults of tui.toml, one a line, and return 1 if there are any."""
    from checkout_daemon.tui.config_check import all_faults
    from checkout_daemon.tui.user_config import config_path, read_config

    found = read_config(config or settings.tui_config, time_zone=settings.time_zone)
    faults = all_faults(found)
    for fault in faults:
        click.echo(fault.text)
    if found.path is None:
        click.echo(f"{config_path()}: there is no such file, so nothing is added")
    elif not faults:
        keys, tabs = counted(len(found.keys), "key"), counted(len(found.tabs), "saved filter")
        columns = f", {counted(len(found.columns), 'column')}" if found.columns else ""
        click.echo(f"{found.path}: {keys}, {tabs}{columns}: all is well")
    return 1 if faults else 0


@click.command(cls=Command)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=PORT, default=8001, show_default=True, help="Port to listen on; 0: any free port.")
@click.option("--state-dir", type=STATE_DIR, help="Directory for its state.  [default: .checkout]")
@click.option(
    "--settle-seconds", type=Number(0), default=1.0, show_default=True, help="Time that a bank debit takes to settle."
)
@click.option(
    "--retries",
    type=OneOf(("live", "test")),
    default="live",
    show_default=True,
    help="Retry failed deliveries as Stripe does in this mode: for three days, or three times.",
)
@click.option(
    "--unix-socket",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also listen here, for a Stripe CLI started with STRIPE_CLI_UNIX_SOCKET.",
)
@click.option(
    "--allow-host",
    "names",
    multiple=True,
    metavar="NAME",
    help="Also answer to this host name (repeatable).  [default: localhost and this machine's addresses]",
)
@click.option(
    "--allow-remote-endpoints", "remote_endpoints", is_flag=True, help="Also deliver webhooks to other machines."
)
def sandbox(state_dir: Path | None, **options: Any) -> int:
    """Run only the offline Stripe.

    No account, no network, no money.

    Example:
      checkout sandbox --port 8001 --settle-seconds 10
    """
    from checkout_daemon.errors import CheckoutError
    from checkout_daemon.sandbox.main import SandboxSettings, run

    settings = SandboxSettings(state_dir=state_dir or _default_state_dir(), **options)
    try:
        run(settings)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise CheckoutError(f"the offline Stripe cannot run: {where}{error.strerror or error}") from error
    return 0


def _default_state_dir() -> Path:
    from checkout_daemon.settings import DEFAULT_STATE_DIR, read_setting

    return Path(read_setting("CHECKOUT_STATE_DIR") or DEFAULT_STATE_DIR)
