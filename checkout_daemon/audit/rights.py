"""Who may do what: operators with a role and limits. Without any operator, everybody who reaches the database may act.

These checks answer in words, before anything is done. The database refuses the same things, whoever asks:
the triggers at the end of sql/schema.sql.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import asyncpg
import msgspec

from checkout_daemon.audit.operators import DAEMON, Operator, this_operator
from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.errors import CheckoutError
from checkout_daemon.model.money import format_money


class OperatorRole(StrEnum):
    """What an operator may do. Each may do what those before it may."""

    VIEW = "view"
    ACT = "act"
    REFUND = "refund"
    APPROVE = "approve"
    ADMIN = "admin"

    def includes(self, other: OperatorRole) -> bool:
        """Return whether this role may do what the other may."""
        return _RANKS[self] >= _RANKS[other]


_RANKS = {role: rank for rank, role in enumerate(OperatorRole)}


class NotAnOperator(CheckoutError, code="not_an_operator", status=403, exit_code=4, title="Not an operator"):
    """There are operators, and who asks is not one of them."""


class RoleTooLow(CheckoutError, code="role_too_low", status=403, exit_code=4, title="The operator's role is too low"):
    """The operator's role does not allow this."""


class AboveLimit(CheckoutError, code="above_limit", status=403, exit_code=4, title="Above the operator's limit"):
    """A refund exceeds what its operator may refund without the approval of another one."""


@dataclass(frozen=True, slots=True)
class Registered:
    """An operator. `limits`: what they refund of one order alone, by currency, in minor units.

    `os_user`, `token` and `database_role` are what they are recognized by.
    """

    name: str
    role: OperatorRole
    limits: Mapping[str, int]
    os_user: str | None
    token: str | None
    database_role: str | None
    created_by: str
    created_at: datetime
    disabled_at: datetime | None
    disabled_by: str | None

    @property
    def may_act(self) -> bool:
        """Return whether they may do more than look."""
        return self.role.includes(OperatorRole.ACT)

    def limit(self, currency: str) -> int | None:
        """Return what they may refund of one order without approval, in minor units, or None for any amount."""
        if not self.role.includes(OperatorRole.REFUND):
            return 0
        unlimited = self.role is OperatorRole.ADMIN and not self.limits
        return None if unlimited else self.limits.get(currency, 0)


def registered_of(row: asyncpg.Record) -> Registered:
    """Return a row of the table as an operator."""
    fields: dict[str, Any] = dict(row)
    fields |= {"role": OperatorRole(fields["role"]), "limits": msgspec.json.decode(fields["limits"])}
    return Registered(**fields)


async def find_rights(connection: asyncpg.Connection, operator: Operator) -> Registered | None:
    """Return the operator's rights, or None if there are no operators, or for the daemon. Raise NotAnOperator."""
    if operator.user == DAEMON:
        return None
    row = await connection.fetchrow(sql("find_operator"), operator.user)
    if row is not None:
        return registered_of(row)
    if await connection.fetchval(sql("has_operators")):
        raise NotAnOperator(
            f"{operator.actor} is not an operator of this shop: an admin adds one with `checkout operators add`"
        )
    return None


async def require_role(connection: asyncpg.Connection, operator: Operator, role: OperatorRole) -> None:
    """Raise NotAnOperator, or RoleTooLow if the operator's role does not include this one."""
    rights = await find_rights(connection, operator)
    if rights is not None and not rights.role.includes(role):
        raise RoleTooLow(f"{rights.name} has the role {rights.role.value}, and this needs {role.value}")


async def require_act(connection: asyncpg.Connection, operators: Collection[Operator]) -> None:
    """Raise NotAnOperator or RoleTooLow unless all of them may act."""
    for operator in operators:
        await require_role(connection, operator, OperatorRole.ACT)


async def require_acting(database: Database, role: OperatorRole = OperatorRole.ACT) -> None:
    """Raise NotAnOperator or RoleTooLow unless the operator that this process acts for has the role.

    For what leaves no audit entry: writing an entry checks the role as well.
    """
    async with database.connection() as connection:
        await require_role(connection, this_operator(), role)


async def check_refund(
    connection: asyncpg.Connection, order_id: str, operator: Operator, amount: int, currency: str
) -> None:
    """Raise NotAnOperator, RoleTooLow or AboveLimit. The order's row must be locked.

    What the operator has refunded of the order without approval counts too, so that no limit is passed in parts.
    """
    rights = await find_rights(connection, operator)
    if rights is None:
        return
    if not rights.may_act:
        raise RoleTooLow(f"{rights.name} has the role {rights.role.value}, and this needs {OperatorRole.ACT.value}")
    spent = (await refunded_alone(connection, operator, [order_id])).get((order_id, currency), 0)
    check_limit(rights, amount, currency, spent)


async def refunded_alone(
    connection: asyncpg.Connection, operator: Operator, order_ids: Collection[str]
) -> dict[tuple[str, str], int]:
    """Return what the operator has refunded of orders without approval, by order and currency, in minor units."""
    rows = await connection.fetch(sql("refunded_by_operator"), list(order_ids), operator.user)
    return {(row["order_id"], row["currency"]): row["amount"] for row in rows}


def check_limit(rights: Registered, amount: int, currency: str, spent: int = 0) -> None:
    """Raise AboveLimit if an amount, with what was spent before, is above the operator's limit. In minor units."""
    limit = rights.limit(currency)
    if limit is None or spent + amount <= limit:
        return
    before = f", with {format_money(spent, currency)} before" if spent else ""
    alone = f"may refund {format_money(limit, currency)} without approval" if limit else "may refund only with approval"
    raise AboveLimit(f"{format_money(amount, currency)}{before} is above the limit: {rights.name} {alone}")
