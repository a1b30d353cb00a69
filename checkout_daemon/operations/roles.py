"""Groups of rights for the daemon, operators and readers, so that none of them has to own the tables."""

from __future__ import annotations

import re
from dataclasses import dataclass

import asyncpg

from checkout_daemon.database.neighbours import our_relations
from checkout_daemon.database.pool import direct_connection
from checkout_daemon.database.queries import sql, sql_folder
from checkout_daemon.errors import ConfigurationError, NotPermitted

PREFIX = "checkout"
_PLAIN = re.compile(r"[a-z_][a-z0-9_]{0,40}")
_DELETED = ("order_keys", "stripe_event_payloads", "doubtful_attempts", "alerts", "drifts", "webhook_endpoints")
"""What commands delete rows of: an order is erased or agrees with Stripe again, an endpoint is removed."""
_MIGRATIONS = ("schema_migrations", "schema_backfills")
_VIEWS = ("order_rows",)


@dataclass(frozen=True, slots=True)
class Roles:
    """The groups' names, and the statements that create them and give them their rights."""

    names: tuple[str, ...]
    statements: str


async def describe_roles(database_url: str, prefix: str = PREFIX) -> Roles:
    """Return the roles for the schema that has our tables. Raise SchemaMismatch without one, and as Database does."""
    async with direct_connection(database_url) as connection:
        return await _describe(connection, prefix)


async def apply_roles(database_url: str, prefix: str = PREFIX) -> Roles:
    """Create the roles that do not exist, and give them their rights, in one transaction.

    Raise NotPermitted if the user neither owns the tables nor may create roles.
    """
    async with direct_connection(database_url) as connection:
        roles = await _describe(connection, prefix)
        try:
            async with connection.transaction():
                await connection.execute(roles.statements)
        except asyncpg.InsufficientPrivilegeError as error:
            raise NotPermitted(f"the database user may not do this: {error}; nothing was changed") from error
    return roles


async def _describe(connection: asyncpg.Connection, prefix: str) -> Roles:
    if not _PLAIN.fullmatch(prefix):
        raise ConfigurationError(f"{prefix!r} cannot begin a role's name: use at most 41 small letters, digits and _")
    schema = _quoted(await connection.fetchval(sql("our_schema")))
    names = (f"{prefix}_daemon", f"{prefix}_operator", f"{prefix}_reader")

    def listed(tables: object) -> str:
        return ", ".join(f"{schema}.{name}" for name in sorted(tables))  # type: ignore[call-overload]

    text = (sql_folder() / "roles.sql").read_text("utf-8")
    for name, value in {
        "daemon": names[0],
        "operator": names[1],
        "reader": names[2],
        "schema": schema,
        "tables": listed(our_relations() - set(_VIEWS)),
        "deleted": listed(_DELETED),
        "sequence": f"{schema}.orders_number_seq",
        "tokens": f"{schema}.api_tokens",
        "operators": f"{schema}.operators",
        "endpoints": f"{schema}.webhook_endpoints",
        "migrations": listed(_MIGRATIONS),
    }.items():
        text = text.replace(f"{{{name}}}", value)
    return Roles(names, text)


def _quoted(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"'
