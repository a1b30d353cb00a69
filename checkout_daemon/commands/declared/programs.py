"""`checkout dev`, `serve`, `tui` and `sandbox`: the programs that run until they are stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from checkout_daemon.commands.declared.options import PORT, STATE_DIR
from checkout_daemon.commands.declared.typed import Number, OneOf, Whole


@click.command()
@click.option("--port", type=PORT, default=8000, show_default=True, help="The storefront's port; 0: any free one.")
@click.option("--sandbox-port", type=PORT, default=8001, show_default=True, help="The offline Stripe's port.")
@click.option("--state-dir", type=STATE_DIR, help="Where everything is kept.  [default: .checkout]")
@click.option("--no-sandbox", is_flag=True, help="Use the Stripe of STRIPE_API_KEY.")
@click.option("--no-seed", is_flag=True, help="Leave an empty catalog empty.")
@click.option("--no-jobs", is_flag=True, help="Without background work.")
def dev(port: int, sandbox_port: int, state_dir: Path | None, no_sandbox: bool, no_seed: bool, no_jobs: bool) -> int:
    """Run a whole shop on this machine, until Ctrl-C.

    Brings PostgreSQL, the offline Stripe, a demo catalog and the daemon. DATABASE_URL and STRIPE_API_KEY, where they
    are set, are used instead; a live key is refused.

    \b
    Example:
      checkout dev --port 8080
    """
    from checkout_daemon.commands import programs

    return programs.dev(port, sandbox_port, state_dir, sandbox=not no_sandbox, seed=not no_seed, jobs=not no_jobs)


@click.command()
@click.option("--host", help="The address to listen on.  [default: CHECKOUT_HOST, else 127.0.0.1]")
@click.option("--port", type=PORT, help="The port to listen on.  [default: CHECKOUT_PORT, else 8000]")
@click.option("--workers", type=Whole(1, 256), default=1, show_default=True, help="How many processes serve.")
@click.option("--no-jobs", is_flag=True, help="Without background work: another daemon does it.")
def serve(host: str | None, port: int | None, workers: int, no_jobs: bool) -> int:
    """Run the daemon alone, for production.

    \b
    Example:
      checkout serve --host 0.0.0.0 --port 8000 --workers 2
    """
    from checkout_daemon.commands import programs

    return programs.serve(host, port, workers, jobs=not no_jobs)


@click.command()
@click.option("--read-only", is_flag=True, help="Only look: nothing that changes an order can be done.")
def tui(read_only: bool) -> int:
    """Watch and mend orders in a terminal.

    Live, with everything that the commands can do on keys; ? says which. Read-only by itself where the database's user
    may not write.

    \b
    Example:
      checkout tui --read-only
    """
    from checkout_daemon.commands import terminal

    return terminal.tui(read_only=read_only)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=PORT, default=8001, show_default=True, help="The port to listen on; 0: any free one.")
@click.option("--state-dir", type=STATE_DIR, help="Where its state is kept.  [default: .checkout]")
@click.option(
    "--settle-seconds",
    type=Number(0),
    default=1.0,
    show_default=True,
    help="How long a bank debit takes to settle.",
)
@click.option(
    "--retries",
    type=OneOf(["live", "test"]),
    default="live",
    show_default=True,
    help="How refused deliveries are repeated: for three days, or three times.",
)
@click.option(
    "--unix-socket",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Listen here as well, for a Stripe CLI that is given STRIPE_CLI_UNIX_SOCKET.",
)
@click.option(
    "--allow-host",
    "names",
    multiple=True,
    metavar="NAME",
    help="Answer to this host name as well (repeatable).  [default: localhost and this machine's addresses]",
)
@click.option("--allow-remote-endpoints", is_flag=True, help="Deliver webhooks to other machines as well.")
def sandbox(
    host: str,
    port: int,
    state_dir: Path | None,
    settle_seconds: float,
    retries: Literal["live", "test"],
    unix_socket: Path | None,
    names: tuple[str, ...],
    allow_remote_endpoints: bool,
) -> int:
    """Run the offline Stripe alone.

    No account, no network, no money.

    \b
    Example:
      checkout sandbox --port 8001 --settle-seconds 10
    """
    from checkout_daemon.commands import programs

    return programs.sandbox(
        host, port, state_dir, settle_seconds, retries, unix_socket, names, remote_endpoints=allow_remote_endpoints
    )
