"""Adds, lists, limits and disables operators, and recognizes who acts."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace

import asyncpg
import msgspec

from checkout_daemon.audit import operators as identities
from checkout_daemon.audit.audit_log import OperatorAction, check_note, record_without_order
from checkout_daemon.audit.logins import group_of, move_login
from checkout_daemon.audit.operators import DAEMON, Operator
from checkout_daemon.audit.rights import OperatorRole, Registered, registered_of, require_role
from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.database.reading import Readable
from checkout_daemon.errors import CheckoutError, FieldError, InvalidRequest, NotFound, NotPermitted
from checkout_daemon.model.names import faults_of_name

_LOGIN = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_LOCK_KEY = 0x6F70657261746F72  # of all changes of operators; any constant


class OperatorExists(CheckoutError, code="operator_exists", status=409, exit_code=4, title="The operator exists"):
    """An operator with this name exists, or another one is recognized by the same."""


class LastAdmin(CheckoutError, code="last_admin", status=409, exit_code=4, title="An admin must remain"):
    """Without an admin, nobody could add or change an operator."""


@dataclass(frozen=True, slots=True)
class NewOperator:
    """An operator to add, and what they are recognized by. `group`: of rights, for a database role."""

    name: str
    role: OperatorRole
    limits: Mapping[str, int]
    os_user: str | None = None
    token: str | None = None
    database_role: str | None = None
    group: str = "checkout"


@dataclass(frozen=True, slots=True)
class ChangedOperator:
    """An operator after a change.

    `statements` would change the rights of their login, and the database user may not run them: the login keeps its
    rights until somebody does.
    """

    operator: Registered
    statements: tuple[str, ...] = ()


async def add_operator(
    database: Database, wanted: NewOperator, *, operator: Operator, note: str = ""
) -> tuple[Registered, str | None]:
    """Add an operator, and return them with the password of a login that was made for them.

    The first one must be an admin. Raise InvalidRequest, OperatorExists, LastAdmin, NotAnOperator or RoleTooLow, and
    NotPermitted if a login is wanted and the database user may not make one.
    """
    _check(wanted)
    exists = (
        f"{wanted.name} exists, or another operator is recognized by the same: `checkout operators list --all` shows "
        "every one"
    )
    try:
        added = await database.run(_add, wanted, operator, check_note(note))
    except asyncpg.UniqueViolationError as error:
        raise OperatorExists(exists) from error
    except (asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedObjectError) as error:
        if wanted.database_role is None:
            raise
        raise NotPermitted(
            f"the login {wanted.database_role} was not made: {error}; run `checkout db roles --apply` and this command "
            "as the owner of the tables; nothing was changed"
        ) from error
    if added is None:
        raise OperatorExists(exists)
    return added


async def list_operators(database: Readable, *, disabled: bool = False) -> list[Registered]:
    """Return the operators by name; those that were disabled only if wanted."""
    async with database.connection() as connection:
        return [registered_of(row) for row in await connection.fetch(sql("list_operators"), disabled)]


async def change_operator(
    database: Database,
    name: str,
    *,
    operator: Operator,
    limits: Mapping[str, int] | None = None,
    role: OperatorRole | None = None,
    note: str = "",
) -> ChangedOperator:
    """Set limits, the role, or both. A login at the database gets the rights of the role.

    Raise NotFound, LastAdmin, NotAnOperator or RoleTooLow.
    """
    return await database.run(_change, name, limits, role, operator, check_note(note))


async def disable_operator(database: Database, name: str, *, operator: Operator, note: str = "") -> ChangedOperator:
    """Disable an operator from their next act on. Their token is refused, and their login loses its rights.

    Raise NotFound, LastAdmin, NotAnOperator or RoleTooLow.
    """
    return await database.run(_disable, name, operator, check_note(note))


async def recognize(database: Database, token: str | None = None) -> Registered | None:
    """Find which operator this process acts for, have `this_operator` return them, and return them.

    By the login at the database, else by the name of a valid token, else by the user of the operating system. None if
    no operator is recognized, or if this schema has none yet.
    """
    identities.act_as(None)
    user = identities.this_operator()
    try:
        async with database.connection() as connection:
            row = await connection.fetchrow(sql("recognize_operator"), token, user.os_user)
            others = row is None and await connection.fetchval(sql("has_operators"))
    except asyncpg.UndefinedTableError:
        return None
    if row is None:
        if others:  # so that nobody is taken for an operator whose name happens to be theirs
            identities.act_as(f"{user.user} (not registered)")
        return None
    identities.act_as(row["name"])
    return registered_of(row)


def _check(wanted: NewOperator) -> None:
    faults = faults_of_name(wanted.name, "an operator", "anna", taken=DAEMON)
    if not (wanted.os_user or wanted.token or wanted.database_role):
        detail = "by what is the operator recognized? Give --system-user, --token or --database-role"
        faults.append(FieldError("", "not_recognized", detail))
    if wanted.database_role is not None and not _LOGIN.fullmatch(wanted.database_role):
        detail = f"{wanted.database_role!r} cannot name a login: use at most 63 small letters, digits and _"
        faults.append(FieldError("/database_role", "invalid_name", detail))
    if faults:
        raise InvalidRequest(faults)


async def _add(
    connection: asyncpg.Connection, wanted: NewOperator, operator: Operator, note: str
) -> tuple[Registered, str | None] | None:
    """Return None if there is such an operator."""
    await connection.execute(sql("lock_operators"), _LOCK_KEY)
    await require_role(connection, operator, OperatorRole.ADMIN)
    first = not await connection.fetchval(sql("has_operators"))
    if first and wanted.role is not OperatorRole.ADMIN:
        raise LastAdmin("the first operator must be an admin, or nobody could add another: use --role admin")
    if wanted.token is not None and not await connection.fetchval(sql("is_token_in_use"), wanted.token):
        detail = f"no token in use is called {wanted.token!r}: `checkout tokens create {wanted.token}` makes it"
        raise InvalidRequest([FieldError("/token", "unknown_token", detail)])
    row = await connection.fetchrow(
        sql("insert_operator"),
        wanted.name,
        wanted.role.value,
        _json(wanted.limits),
        wanted.os_user,
        wanted.token,
        wanted.database_role,
        operator.actor,
    )
    if row is None:
        return None
    password = None
    if wanted.database_role is not None:
        group = f"{wanted.group}_{group_of(wanted.role)}"
        password = secrets.token_urlsafe(24)
        login = await connection.fetchrow(sql("login_of_operator"), wanted.database_role, group, password)
        assert login is not None
        if login["made"]:
            await connection.execute(login["make"])
        else:
            password = None
        await connection.execute(login["give"])
        if kept := await move_login(connection, wanted.database_role, wanted.role):  # one that existed before
            raise NotPermitted(
                f"the login {wanted.database_role} is in another group of rights, and the database user may not "
                f"run: {'; '.join(kept)}; nothing was changed"
            )
    # The first one is recorded in their own name: from now on, only operators act.
    actor = replace(operator, user=wanted.name) if first else operator
    details = {"name": wanted.name, "role": wanted.role.value, "limits": dict(wanted.limits)}
    known = {"os_user": wanted.os_user, "token": wanted.token, "database_role": wanted.database_role}
    details |= {key: value for key, value in known.items() if value is not None}
    await record_without_order(connection, [OperatorAction("operator.added", actor, note, details)])
    return registered_of(row), password


async def _change(
    connection: asyncpg.Connection,
    name: str,
    limits: Mapping[str, int] | None,
    role: OperatorRole | None,
    operator: Operator,
    note: str,
) -> ChangedOperator:
    await connection.execute(sql("lock_operators"), _LOCK_KEY)
    await require_role(connection, operator, OperatorRole.ADMIN)
    if role not in (None, OperatorRole.ADMIN):
        await _require_other_admin(connection, name)
    given = (None if role is None else role.value, None if limits is None else _json(limits))
    row = await connection.fetchrow(sql("change_operator"), name, *given)
    changed = _found(row, name)
    details = {"name": name, "role": changed.role.value, "limits": dict(changed.limits)}
    await record_without_order(connection, [OperatorAction("operator.changed", operator, note, details)])
    if role is None or changed.database_role is None:
        return ChangedOperator(changed)
    return ChangedOperator(changed, await move_login(connection, changed.database_role, changed.role))


async def _disable(connection: asyncpg.Connection, name: str, operator: Operator, note: str) -> ChangedOperator:
    await connection.execute(sql("lock_operators"), _LOCK_KEY)
    await require_role(connection, operator, OperatorRole.ADMIN)
    await _require_other_admin(connection, name)
    action = OperatorAction("operator.disabled", operator, note, {"name": name})
    await record_without_order(connection, [action])  # before it: who disables themselves may not act afterwards
    disabled = _found(await connection.fetchrow(sql("disable_operator"), name, operator.actor), name)
    if disabled.database_role is None:
        return ChangedOperator(disabled)
    return ChangedOperator(disabled, await move_login(connection, disabled.database_role, None))


async def _require_other_admin(connection: asyncpg.Connection, name: str) -> None:
    if await connection.fetchval(sql("others_without_admin"), name):
        raise LastAdmin(f"{name} is the only admin: without one, nobody could change an operator")


def _found(row: asyncpg.Record | None, name: str) -> Registered:
    if row is None:
        raise NotFound(f"no operator is called {name}: `checkout operators list --all` shows every one")
    return registered_of(row)


def _json(limits: Mapping[str, int]) -> str:
    return msgspec.json.encode(dict(limits)).decode()
