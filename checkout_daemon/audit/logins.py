"""Moves the login of an operator between the groups of rights that `checkout db roles` makes."""

from __future__ import annotations

import asyncpg

from checkout_daemon.audit.rights import OperatorRole
from checkout_daemon.database.queries import sql


def group_of(role: OperatorRole) -> str:
    """Return how the name of the role's group ends."""
    return "reader" if role is OperatorRole.VIEW else "operator"


async def move_login(connection: asyncpg.Connection, login: str, role: OperatorRole | None) -> tuple[str, ...]:
    """Put a login into the group of a role and out of the other one, or with None out of both.

    Return the statements for it if the database user may not run them; then none was run. A login that is in neither
    group stays as it is.
    """
    rows = await connection.fetch(sql("moves_of_login"), login, None if role is None else group_of(role))
    statements = tuple(row["statement"] for row in rows)
    if not statements:
        return ()
    try:
        async with connection.transaction():  # a savepoint: the caller's transaction goes on
            for statement in statements:
                await connection.execute(statement)
    except (asyncpg.InsufficientPrivilegeError, asyncpg.DependentObjectsStillExistError):
        return statements
    return ()
