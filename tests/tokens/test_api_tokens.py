"""Bearer tokens: shown once, hashed at rest, in the audit log, and of no use once revoked or expired."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from checkout_daemon.audit.audit_log import verify
from checkout_daemon.audit.operators import Operator
from checkout_daemon.audit.registering import NewOperator, add_operator, disable_operator
from checkout_daemon.audit.rights import OperatorRole
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import InvalidRequest, NotFound
from checkout_daemon.observability.redaction import redact
from checkout_daemon.tokens.api_tokens import Scope, TokenExists, check_bearer, create_token, list_tokens, revoke_token

ADA = Operator("ada", "desk")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, max_size=2)
    yield database
    await database.close()


async def test_a_token_is_recognized_until_it_is_revoked(database: Database) -> None:
    token, text = await create_token(database, "erp", (Scope.READ,), operator=ADA)
    bearer = await check_bearer(database, text)
    assert bearer is not None
    assert (bearer.name, *bearer.scopes) == ("erp", "orders:read")
    revoked = await revoke_token(database, "erp", operator=ADA)
    assert (revoked.id, revoked.status, revoked.revoked_by) == (token.id, "revoked", "ada@desk")
    assert await check_bearer(database, text) is None
    with pytest.raises(NotFound, match="tokens list"):
        await revoke_token(database, "erp", operator=ADA)


async def test_a_name_is_free_again_once_its_token_is_revoked(database: Database) -> None:
    first, _ = await create_token(database, "erp", (Scope.READ,), operator=ADA)
    with pytest.raises(TokenExists, match="tokens revoke erp"):
        await create_token(database, "erp", (Scope.READ,), operator=ADA)
    await revoke_token(database, first.id, operator=ADA)
    second, _ = await create_token(database, "erp", (Scope.WRITE,), operator=ADA)
    assert [token.id for token in await list_tokens(database)] == [second.id]
    assert {token.id for token in await list_tokens(database, revoked=True)} == {first.id, second.id}


async def test_nothing_in_the_database_is_the_secret(database: Database) -> None:
    _, text = await create_token(database, "erp", (Scope.READ,), operator=ADA)
    secret = text.split("_", 2)[2]
    async with database.connection() as connection:
        stored = await connection.fetchval("SELECT string_agg(t::text, ' ') FROM api_tokens t")
        logged = await connection.fetchval("SELECT string_agg(l::text, ' ') FROM operator_log l")
    assert secret not in stored
    assert secret.encode().hex() not in stored
    assert secret not in logged


async def test_another_secret_or_another_id_is_refused(database: Database) -> None:
    _, text = await create_token(database, "erp", (Scope.READ,), operator=ADA)
    _, token_id, secret = text.split("_", 2)
    other = "A" * 43 if secret[0] != "A" else "B" * 43
    for wrong in (f"ckt_{token_id}_{other}", f"ckt_{'a' * 12}_{secret}", text + "x", text[:-1], "", secret, "é" * 60):
        assert await check_bearer(database, wrong) is None


async def test_it_expires_by_the_databases_clock(database: Database) -> None:
    token, text = await create_token(
        database, "erp", (Scope.READ,), operator=ADA, expires_at=datetime.now(UTC) + timedelta(days=1)
    )
    assert await check_bearer(database, text) is not None
    async with database.connection() as connection:
        await connection.execute("UPDATE api_tokens SET expires_at = now()")
    assert await check_bearer(database, text) is None
    assert [listed.status for listed in await list_tokens(database)] == ["expired"]
    with pytest.raises(InvalidRequest, match="has passed"):
        await create_token(database, "b", (Scope.READ,), operator=ADA, expires_at=token.created_at)


async def test_its_use_is_noted_once_a_minute(database: Database) -> None:
    _, text = await create_token(database, "erp", (Scope.READ,), operator=ADA)

    async def version() -> str:
        async with database.connection() as connection:
            return str(await connection.fetchval("SELECT xmin FROM api_tokens"))

    unused = await version()
    await check_bearer(database, text)
    used = await version()
    await check_bearer(database, text)
    assert used != unused
    assert await version() == used
    async with database.connection() as connection:
        await connection.execute("UPDATE api_tokens SET last_used_at = now() - interval '2 minutes'")
        aged = await version()
    await check_bearer(database, text)
    assert await version() != aged


@pytest.mark.parametrize("name", ["", "ERP", "a b", "ü", "-a", "a" * 41, "a@b"])
async def test_a_name_is_plain(database: Database, name: str) -> None:
    with pytest.raises(InvalidRequest, match="cannot name a token"):
        await create_token(database, name, (Scope.READ,), operator=ADA)


async def test_who_made_and_revoked_it_is_in_the_audit_log(database: Database) -> None:
    token, _ = await create_token(database, "erp", (Scope.READ,), operator=ADA, note="for the warehouse")
    await revoke_token(database, "erp", operator=ADA)
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT kind, operator, details FROM operator_log ORDER BY number")
    assert [(row["kind"], row["operator"]) for row in rows] == [("token.created", "ada"), ("token.revoked", "ada")]
    assert token.id in rows[0]["details"]
    assert (await verify(database)).faults == []


async def test_a_daemon_can_neither_make_a_token_nor_change_one(
    connection: asyncpg.Connection, database_url: str
) -> None:
    from checkout_daemon.operations.roles import apply_roles

    prefix = database_url.rpartition("/")[2]
    roles = await apply_roles(database_url, prefix)
    database = Database(database_url, max_size=1)
    await create_token(database, "erp", (Scope.READ,), operator=ADA)
    try:
        await connection.execute(f"SET ROLE {prefix}_daemon")
        await connection.execute("UPDATE api_tokens SET last_used_at = now()")
        for statement in ("UPDATE api_tokens SET scopes = '{orders:write}'", "DELETE FROM api_tokens"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        await connection.execute("RESET ROLE")
    finally:
        await database.close()
        for name in roles.names:
            await connection.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


async def test_a_log_shows_which_token_and_not_its_secret(database: Database) -> None:
    token, text = await create_token(database, "erp", (Scope.READ,), operator=ADA)
    assert redact(f"Bearer {text}") == f"Bearer ckt_{token.id}_[secret]"


async def test_a_token_is_of_no_use_while_its_operator_is_disabled(database: Database) -> None:
    await add_operator(database, NewOperator("ada", OperatorRole.ADMIN, {}, os_user="ada"), operator=ADA)
    _, text = await create_token(database, "bo", (Scope.READ,), operator=ADA)
    bo = NewOperator("bo", OperatorRole.ACT, {}, token="bo")
    await add_operator(database, bo, operator=ADA)
    bearer = await check_bearer(database, text)
    assert bearer is not None
    assert bearer.operator == "bo"
    await disable_operator(database, "bo", operator=ADA)
    assert await check_bearer(database, text) is None
    assert [token.status for token in await list_tokens(database)] == ["disabled"]
    await add_operator(database, bo, operator=ADA)  # who comes back has it again
    assert await check_bearer(database, text) is not None


async def test_a_token_that_is_made_after_its_operator_was_disabled_is_another_one(database: Database) -> None:
    await add_operator(database, NewOperator("ada", OperatorRole.ADMIN, {}, os_user="ada"), operator=ADA)
    await create_token(database, "erp", (Scope.READ,), operator=ADA)
    await add_operator(database, NewOperator("bo", OperatorRole.ACT, {}, token="erp"), operator=ADA)
    await disable_operator(database, "bo", operator=ADA)
    await revoke_token(database, "erp", operator=ADA)
    _, text = await create_token(database, "erp", (Scope.READ,), operator=ADA)
    assert await check_bearer(database, text) is not None
    assert [token.status for token in await list_tokens(database)] == ["active"]
