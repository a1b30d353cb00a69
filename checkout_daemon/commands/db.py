"""`checkout db`: the schema, and backups."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from checkout_daemon.commands.asking import confirm
from checkout_daemon.commands.base import CommandGroup
from checkout_daemon.commands.options import (
    READABLE_FILE,
    SECONDS,
    WAIT_HELP,
    WRITABLE_FILE,
    dry_run_option,
    force_option,
    json_option,
    quiet_option,
    yes_option,
)
from checkout_daemon.commands.output import answer, print_json, print_result, say, say_dry_run
from checkout_daemon.commands.running import database_address, with_database, with_runtime
from checkout_daemon.commands.typed import TERM
from checkout_daemon.present.text import counted

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from checkout_daemon.database.pool import Database
    from checkout_daemon.operations.moving import SchemaMove
    from checkout_daemon.operations.roles import Roles
    from checkout_daemon.operations.schema import SchemaReport
    from checkout_daemon.settings import Settings


@click.group(cls=CommandGroup)
def db() -> None:
    """Create, migrate, back up and restore the database.

    Example:
      checkout db status
    """


@db.command("init")
@click.option("--wait", type=SECONDS, default=0.0, metavar="TIME", help=WAIT_HELP)
@quiet_option
@json_option
def db_init(wait: float, as_json: bool) -> int:
    """Create the schema in an empty database.

    Leaves a database that already has the schema unchanged.

    Example:
      DATABASE_URL=postgresql://shop@db/shop checkout db init
    """
    from checkout_daemon.operations import schema

    async def work(database: Database, settings: Settings) -> tuple[SchemaReport, bool]:
        before = await schema.read_schema(database)
        if before.version:
            return before, False
        applied = await schema.migrate(database_address(settings, direct=True))
        return await schema.read_schema(database), bool(applied)

    report, created = with_database(work, direct=True, wait_seconds=wait)
    if as_json:
        print_json({"version": report.version, "created": created})
    elif created:
        answer(f"Created the schema: version {report.version}.")
    else:
        answer(f"The schema already exists: version {report.version}. Nothing was changed.")
        if not report.fits:
            say("It does not fit this program: `checkout db status` explains why.")
    return 0


@db.command("migrate")
@click.option("--wait", type=SECONDS, default=0.0, metavar="TIME", help=WAIT_HELP)
@quiet_option
@json_option
def db_migrate(wait: float, as_json: bool) -> int:
    """Upgrade the schema to this program's version.

    Safe while daemons run, and safe to run several times at once.

    Example:
      checkout db migrate
    """
    from checkout_daemon.operations import schema

    async def work(database: Database, settings: Settings) -> tuple[SchemaReport, list[int]]:
        before = await schema.read_schema(database)
        applied: list[int] = []
        if before.version <= before.code_version:
            applied = await schema.migrate(database_address(settings, direct=True))
        report = await schema.read_schema(database)
        if not report.fits:
            await schema.check_schema(database)
        return report, applied

    report, applied = with_database(work, direct=True, wait_seconds=wait)
    if as_json:
        print_json({"version": report.version, "applied": applied})
    elif applied:
        answer(f"The schema is now version {report.version}; applied: {', '.join(map(str, applied))}.")
    else:
        answer(f"The schema is up to date: version {report.version}.")
    return 0


@db.command("status")
@json_option
def db_status(as_json: bool) -> int:
    """Check that the schema fits this program.

    Exit code 1 if it does not.

    Example:
      checkout db status || checkout db migrate
    """
    from dataclasses import asdict

    from checkout_daemon.errors import SchemaMismatch
    from checkout_daemon.operations import schema

    async def work(database: Database, _: Settings) -> tuple[SchemaReport, str]:
        report = await schema.read_schema(database)
        try:
            await schema.check_schema(database)
        except SchemaMismatch as misfit:
            return report, misfit.detail
        return report, ""

    report, misfit = with_database(work, direct=True)
    if as_json:
        print_json(asdict(report))
    else:
        answer(f"Schema of the database:    {report.version or 'none'}")
        answer(f"Schema of this program:    {report.code_version}")
        answer(f"Oldest compatible program: {report.oldest_code or 'any'}")
    if misfit:
        say(f"error: {misfit}")
    return 0 if report.fits else 1


@db.command("roles")
@click.option("--prefix", type=TERM, default="checkout", show_default=True, help="Begin the roles' names with this.")
@click.option("--apply", is_flag=True, help="Run the statements instead of printing them.")
@json_option
def db_roles(prefix: str, apply: bool, as_json: bool) -> int:
    """Print the roles for least privilege, or apply them.

    There is one for the daemon, one for operators and one for readers. Each is a group with only the rights that it
    needs: GRANT it to the user of a DATABASE_URL. Run as the user who owns the tables; it may be repeated.

    Example:
      checkout db roles --apply
    """
    from checkout_daemon.operations.roles import apply_roles, describe_roles

    async def work(_: Database, settings: Settings) -> Roles:
        address = database_address(settings, direct=True)
        return await (apply_roles if apply else describe_roles)(address, prefix)

    roles = with_database(work, direct=True)
    if as_json:
        print_json({"roles": list(roles.names), "applied": apply, "statements": roles.statements})
    elif apply:
        answer(f"The roles have their rights: {', '.join(roles.names)}.")
        say(f"Put a user into one of them with: GRANT {roles.names[0]} TO user")
    else:
        answer(roles.statements.rstrip())
    return 0


@db.command("move")
@click.argument("schema", type=TERM)
@dry_run_option
@yes_option
@json_option
def db_move(schema: str, *, dry_run: bool, yes: bool, as_json: bool) -> int:
    """Move the shop's tables to another schema.

    All or nothing: rows, rights and numbers stay as they are. For a shop in `public` that is to share its database.
    Stop the daemons first, and run it as the owner of the tables. Then set CHECKOUT_DATABASE_SCHEMA to SCHEMA wherever
    DATABASE_URL is set. --dry-run prints the statements.

    Example:
      checkout db move checkout --dry-run
      checkout db move checkout --yes
    """
    from checkout_daemon.operations.moving import move_schema

    async def work(_: Database, settings: Settings) -> SchemaMove:
        address = database_address(settings, direct=True)
        move = await move_schema(address, schema, dry_run=True)
        if dry_run or not move.statements:
            return move
        confirm(f"Move all tables of the shop from schema {move.source} to {schema}?", yes=yes)
        return await move_schema(address, schema)

    move = with_database(work, direct=True)
    moved = bool(move.statements) and not dry_run
    if as_json:
        print_json({"from": move.source, "to": move.target, "moved": moved, "statements": list(move.statements)})
    elif dry_run:
        answer("\n".join(f"{statement};" for statement in move.statements))
    elif moved:
        answer(f"The shop is in schema {schema}, and no longer in {move.source}.")
        say(f"Set CHECKOUT_DATABASE_SCHEMA={schema} wherever DATABASE_URL is set, then start the daemons.")
    else:
        answer(f"The shop is in schema {schema} already. Nothing was changed.")
    return 0


@db.command("backup")
@click.argument("file", type=WRITABLE_FILE)
@force_option
@quiet_option
@json_option
def db_backup(file: Path, force: bool, as_json: bool) -> int:
    """Write the shop's tables to FILE, while daemons run.

    Tables of other programs in the same database are left out. DATABASE_URL must name the owner of the tables, who runs
    `checkout db migrate`: other users may not read all of them.

    FILE contains customers' data, so only you can read it. It appears once it is complete. FILE - is standard output.

    Example:
      checkout db backup shop-$(date +%F).dump
      checkout db backup - | age -r KEY > shop.dump.age
    """
    from checkout_daemon.operations import backups

    warning = "It contains customers' data: protect it like the database."
    if str(file) == "-":
        if as_json or sys.stdout.isatty():
            raise click.UsageError("FILE - writes the backup to standard output: pipe it, and omit --json")
        with_database(
            lambda database, settings: backups.write_backup(
                database, database_address(settings, direct=True), sys.stdout.fileno()
            ),
            direct=True,
        )
        say(f"The backup is written. {warning}")
        return 0

    def work(database: Database, settings: Settings) -> Awaitable[int]:
        return backups.back_up(database, database_address(settings, direct=True), file, replace=force)

    size = with_database(work, direct=True)
    print_result({"file": str(file), "bytes": size}, f"{file}: {size:,} bytes. {warning}", as_json=as_json)
    return 0


@db.command("restore")
@click.argument("file", type=READABLE_FILE)
@dry_run_option
@yes_option
@quiet_option
@json_option
def db_restore(file: Path, dry_run: bool, yes: bool, as_json: bool) -> int:
    """Replace the shop's tables with those of FILE.

    All or nothing: if it fails, the database is unchanged. Tables of other programs stay as they are. Stop the daemons
    first.

    Example:
      checkout db restore shop-2026-05-01.dump --yes
    """
    from checkout_daemon.operations import backups, schema
    from checkout_daemon.settings import load_settings
    from checkout_daemon.urls import shown_url

    shown = shown_url(database_address(load_settings(), direct=True)) or "the database of DATABASE_URL"

    was_empty = False

    async def work(database: Database, settings: Settings) -> SchemaReport | None:
        nonlocal was_empty
        url = database_address(settings, direct=True)
        contents = await backups.examine_backup(database, url, file)
        if dry_run:
            would = {"file": str(file), "written_at": contents.written_at, "tables": contents.tables}
            say_dry_run(would | {"database": shown}, as_json=as_json)
            return None
        written = f", written {contents.written_at}" if contents.written_at else ""
        confirm(f"Replace all tables of the shop in {shown} with {file}{written}?", yes=yes)
        was_empty = not (await schema.read_schema(database)).version
        await backups.restore(database, url, file)
        return await schema.read_schema(database)

    report = with_database(work, direct=True)
    if report is None:
        return 0
    text = f"Restored from {file}: schema version {report.version}."
    print_result({"file": str(file), "version": report.version, "fits": report.fits}, text, as_json=as_json)
    if was_empty:  # what is granted in a database that has the tables is kept
        say("The database was empty: if the daemon has a user of its own, run `checkout db roles --apply`.")
    if not report.fits:
        say("It does not fit this program yet: run `checkout db migrate`.")
        say("Then, before new orders come in, run `checkout reconcile`: it finds orders that the backup lacks.")
    else:
        _compare_with_stripe()
    return 0


def _compare_with_stripe() -> None:
    """Report paid orders that the backup lacks, and reserve their numbers.

    If Stripe cannot be asked, the restore has still succeeded.
    """
    from checkout_daemon.errors import CheckoutError
    from checkout_daemon.ledger.missing_orders import look_after_restore
    from checkout_daemon.settings import load_settings

    unknown = "Could not check which orders the backup lacks"
    if not load_settings().stripe_api_key:
        say(f"{unknown}, because STRIPE_API_KEY is not set: run `checkout reconcile` before new orders come in.")
        return
    try:
        missing = with_runtime(look_after_restore)
    except CheckoutError as error:
        say(f"{unknown}: {error.detail}. Run `checkout reconcile` before new orders come in.")
        return
    if missing:
        count = counted(len(missing), "paid order")
        say(f"Stripe has {count} that the backup lacks; `checkout doctor` lists them. To recover the first one:")
        say(f"  checkout orders recover {missing[0].session_id}")
