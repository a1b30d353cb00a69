"""The commands: declarations only. What each does is in checkout_daemon/commands and imported when it runs.

So `checkout --help` and completion cost little more than click itself.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from checkout_daemon import __version__

_PORT = click.IntRange(0, 65535)
_STATE_DIR = click.Path(file_okay=False, path_type=Path)
_READABLE = click.Path(exists=True, dir_okay=False, path_type=Path)
_WRITABLE = click.Path(dir_okay=False, path_type=Path)


class _Program(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        """Give the command's exit code. A reader that has seen enough (`| head`) is no failure."""
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            from os import O_WRONLY, devnull, dup2, open  # noqa: A004

            dup2(open(devnull, O_WRONLY), sys.stdout.fileno())
            return 0
        return code


def _json(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts instead of text.")(command)


def _yes(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--yes", "-y", is_flag=True, help="Do not ask; needed off a terminal.")(command)


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="checkout")
def checkout() -> None:
    """Sell through Stripe Checkout from your own server.

    Begin with `checkout dev`: a whole demo shop, with no account and no network.
    """


# The programs ----------------------------------------------------------------------------------------------------------


@checkout.command()
@click.option("--port", type=_PORT, default=8000, show_default=True, help="The storefront's port; 0: any free one.")
@click.option("--sandbox-port", type=_PORT, default=8001, show_default=True, help="The offline Stripe's port.")
@click.option("--state-dir", type=_STATE_DIR, help="Where everything is kept.  [default: .checkout]")
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


@checkout.command()
@click.option("--host", help="The address to listen on.  [default: CHECKOUT_HOST, else 127.0.0.1]")
@click.option("--port", type=_PORT, help="The port to listen on.  [default: CHECKOUT_PORT, else 8000]")
@click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="How many processes serve.")
@click.option("--no-jobs", is_flag=True, help="Without background work: another daemon does it.")
def serve(host: str | None, port: int | None, workers: int, no_jobs: bool) -> int:
    """Run the daemon alone, for production.

    \b
    Example:
      checkout serve --host 0.0.0.0 --port 8000 --workers 2
    """
    from checkout_daemon.commands import programs

    return programs.serve(host, port, workers, jobs=not no_jobs)


@checkout.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=_PORT, default=8001, show_default=True, help="The port to listen on; 0: any free one.")
@click.option("--state-dir", type=_STATE_DIR, help="Where its state is kept.  [default: .checkout]")
@click.option(
    "--settle-seconds",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    help="How long a bank debit takes to settle.",
)
@click.option(
    "--retries",
    type=click.Choice(["live", "test"]),
    default="live",
    show_default=True,
    help="How refused deliveries are repeated: for three days, or three times.",
)
def sandbox(host: str, port: int, state_dir: Path | None, settle_seconds: float, retries: str) -> int:
    """Run the offline Stripe alone: no account, no network, no money.

    \b
    Example:
      checkout sandbox --port 8001 --settle-seconds 10
    """
    from checkout_daemon.commands import programs

    return programs.sandbox(host, port, state_dir, settle_seconds, retries)


# The database ----------------------------------------------------------------------------------------------------------


@checkout.group()
def db() -> None:
    """Make, migrate, back up and restore the database.

    \b
    Example:
      checkout db status
    """


@db.command("init")
@_json
def db_init(as_json: bool) -> int:
    """Make the schema in an empty database.

    A database that has it already is left as it is.

    \b
    Example:
      DATABASE_URL=postgresql://shop@db/shop checkout db init
    """
    from checkout_daemon.commands import db

    return db.init(as_json=as_json)


@db.command("migrate")
@_json
def db_migrate(as_json: bool) -> int:
    """Bring the schema up to this program's version.

    Safe while daemons run, and to run several times at once.

    \b
    Example:
      checkout db migrate
    """
    from checkout_daemon.commands import db

    return db.migrate(as_json=as_json)


@db.command("status")
@_json
def db_status(as_json: bool) -> int:
    """Say whether database and program fit; exit 1 if they do not.

    \b
    Example:
      checkout db status || checkout db migrate
    """
    from checkout_daemon.commands import db

    return db.status(as_json=as_json)


@db.command("backup")
@click.argument("file", type=_WRITABLE)
@_json
def db_backup(file: Path, as_json: bool) -> int:
    """Write the whole database to FILE, while daemons run.

    The file holds customers' data and is readable by you alone. An existing one is not overwritten.

    \b
    Example:
      checkout db backup shop-$(date +%F).dump
    """
    from checkout_daemon.commands import db

    return db.backup(file, as_json=as_json)


@db.command("restore")
@click.argument("file", type=_READABLE)
@_yes
@_json
def db_restore(file: Path, yes: bool, as_json: bool) -> int:
    """Replace the database's contents by those of FILE.

    All or nothing: if it fails, the database is as it was. Stop the daemons first.

    \b
    Example:
      checkout db restore shop-2026-05-01.dump --yes
    """
    from checkout_daemon.commands import db

    return db.restore(file, yes=yes, as_json=as_json)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; its exit code."""
    try:
        code = checkout.main(arguments, prog_name="checkout", standalone_mode=False)
    except Exception as error:  # noqa: BLE001 - the command edge; what nobody expected is raised again
        from checkout_daemon.commands.failures import report

        return report(error)
    return code if isinstance(code, int) else 0


def main() -> None:
    sys.exit(run())


if __name__ == "__main__":
    main()
