"""`checkout db`."""

from __future__ import annotations

from pathlib import Path

import click

from checkout_daemon.commands.declared.options import READABLE_FILE, WRITABLE_FILE, json_option, yes_option


@click.group()
def db() -> None:
    """Make, migrate, back up and restore the database.

    \b
    Example:
      checkout db status
    """


@db.command("init")
@json_option
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
@json_option
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
@json_option
def db_status(as_json: bool) -> int:
    """Say whether database and program fit; exit 1 if they do not.

    \b
    Example:
      checkout db status || checkout db migrate
    """
    from checkout_daemon.commands import db

    return db.status(as_json=as_json)


@db.command("backup")
@click.argument("file", type=WRITABLE_FILE)
@json_option
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
@click.argument("file", type=READABLE_FILE)
@yes_option
@json_option
def db_restore(file: Path, yes: bool, as_json: bool) -> int:
    """Replace the database's contents by those of FILE.

    All or nothing: if it fails, the database is as it was. Stop the daemons first.

    \b
    Example:
      checkout db restore shop-2026-05-01.dump --yes
    """
    from checkout_daemon.commands import db

    return db.restore(file, yes=yes, as_json=as_json)
