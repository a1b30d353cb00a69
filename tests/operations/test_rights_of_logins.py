"""The login of an operator has the rights of their role, also of another one later, and none once they have left."""

from __future__ import annotations

from urllib.parse import urlsplit

import asyncpg
import pytest

from checkout_daemon.audit.audit_log import verify
from checkout_daemon.audit.operators import Operator
from checkout_daemon.audit.registering import NewOperator, add_operator, change_operator, disable_operator, recognize
from checkout_daemon.audit.rights import OperatorRole
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import NotPermitted
from checkout_daemon.runtime import Runtime
from tests.operations.conftest import ADA, Logins, refused

NEW_PRICES = "UPDATE products SET unit_amount = 1"


async def test_a_login_needs_an_owner_who_may_make_one(runtime: Runtime, logins: Logins, database_url: str) -> None:
    wanted = NewOperator("fay", OperatorRole.ACT, {}, database_role="nobody_fay", group="no_such_group")
    with pytest.raises(NotPermitted, match="nothing was changed"):
        await add_operator(runtime.database, wanted, operator=ADA)
    await recognize(runtime.database)
    assert await runtime.database.run(count_of, "fay") == 0


async def count_of(connection: asyncpg.Connection, name: str) -> int:
    count: int = await connection.fetchval("SELECT count(*) FROM operators WHERE name = $1", name)
    return count


async def test_disabling_an_operator_takes_the_rights_of_their_login_away(runtime: Runtime, logins: Logins) -> None:
    changed = await disable_operator(runtime.database, "bo", operator=ADA)
    assert (changed.operator.name, changed.statements) == ("bo", ())
    for statement in (NEW_PRICES, "UPDATE webhook_endpoints SET url = ''", "SELECT customer_email FROM orders"):
        await refused(logins["bo"], statement, "permission denied")
    user = await asyncpg.connect(logins["cy"])
    await user.execute(NEW_PRICES)
    await user.close()


async def test_the_rights_of_a_login_follow_its_operators_role(runtime: Runtime, logins: Logins) -> None:
    user = await asyncpg.connect(logins["bo"])
    await change_operator(runtime.database, "bo", role=OperatorRole.VIEW, operator=ADA)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await user.execute(NEW_PRICES)
    assert await user.fetchval("SELECT count(*) FROM orders") == 0
    await change_operator(runtime.database, "bo", limits={"eur": 2000}, operator=ADA)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await user.execute(NEW_PRICES)
    changed = await change_operator(runtime.database, "bo", role=OperatorRole.REFUND, operator=ADA)
    assert changed.statements == ()
    await user.execute(NEW_PRICES)
    await user.close()


async def test_who_may_not_change_the_rights_of_a_login_gets_the_statements(
    runtime: Runtime, logins: Logins, connection: asyncpg.Connection
) -> None:
    await connection.execute("UPDATE operators SET role = 'admin' WHERE name = 'cy'")
    database = Database(logins["cy"], max_size=1)
    changed = await change_operator(database, "bo", role=OperatorRole.VIEW, operator=Operator("cy", "desk"))
    await database.close()
    assert changed.operator.role is OperatorRole.VIEW
    assert [statement.partition(" ")[0] for statement in changed.statements] == ["GRANT", "REVOKE"]
    user = await asyncpg.connect(logins["bo"])
    await user.execute(NEW_PRICES)
    for statement in changed.statements:
        await connection.execute(statement)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await user.execute(NEW_PRICES)
    assert await user.fetchval("SELECT count(*) FROM orders") == 0
    await user.close()
    assert (await verify(runtime.database)).faults == []


async def test_a_login_that_exists_gets_no_more_rights_than_the_role(
    runtime: Runtime, logins: Logins, database_url: str
) -> None:
    prefix = urlsplit(database_url).path[1:]
    eve = NewOperator("eve", OperatorRole.VIEW, {}, database_role=f"{prefix}_eve", group=prefix)
    await add_operator(runtime.database, eve, operator=ADA)
    await refused(logins["eve"], NEW_PRICES, "permission denied")


async def test_without_a_group_of_readers_a_login_still_loses_the_rights_of_its_former_role(
    runtime: Runtime, logins: Logins, connection: asyncpg.Connection, database_url: str
) -> None:
    await connection.execute(f"REVOKE ALL ON orders FROM {urlsplit(database_url).path[1:]}_reader")
    changed = await change_operator(runtime.database, "bo", role=OperatorRole.VIEW, operator=ADA)
    assert changed.statements == ()
    for statement in (NEW_PRICES, "SELECT customer_email FROM orders"):
        await refused(logins["bo"], statement, "permission denied")
