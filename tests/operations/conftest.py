"""Operators with logins at the database of the test, and statements that it refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator, act_as
from checkout_daemon.audit.registering import NewOperator, add_operator
from checkout_daemon.audit.rights import OperatorRole
from checkout_daemon.operations.roles import apply_roles
from checkout_daemon.runtime import Runtime

ADA = Operator("ada", "shop1")
Logins = dict[str, str]
"""The database's URL for bo, who refunds up to 10 eur, and for cy, who approves."""


@pytest.fixture
async def logins(runtime: Runtime, database_url: str, connection: asyncpg.Connection) -> AsyncIterator[Logins]:
    prefix = urlsplit(database_url).path[1:]
    roles = await apply_roles(database_url, prefix)
    parts = urlsplit(database_url)
    await add_operator(runtime.database, NewOperator("ada", OperatorRole.ADMIN, {}, os_user="ada"), operator=ADA)
    urls = {}
    for name, role in (("bo", OperatorRole.REFUND), ("cy", OperatorRole.APPROVE)):
        login = f"{prefix}_{name}"
        wanted = NewOperator(name, role, {"eur": 1000}, database_role=login, group=prefix)
        _, password = await add_operator(runtime.database, wanted, operator=ADA)
        assert password is not None
        urls[name] = f"postgresql://{login}:{password}@{parts.hostname}:{parts.port}{parts.path}"
    await connection.execute(f"CREATE ROLE {prefix}_eve LOGIN PASSWORD 'p' IN ROLE {prefix}_operator")
    urls["eve"] = f"postgresql://{prefix}_eve:p@{parts.hostname}:{parts.port}{parts.path}"
    yield urls
    act_as(None)
    for name in ("bo", "cy", "eve"):
        await connection.execute(f"DROP ROLE {prefix}_{name}")
    for group in roles.names:
        await connection.execute(f"DROP OWNED BY {group}; DROP ROLE {group}")


async def refused(url: str, statement: str, why: str, *arguments: object) -> None:
    user = await asyncpg.connect(url)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match=why):
            await user.execute(statement, *arguments)
    finally:
        await user.close()
