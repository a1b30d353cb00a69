"""Least privilege: what each group of `checkout db roles` may do, and that a daemon needs no other right, ever."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import asyncpg
import pytest

from checkout_daemon.database import migrations
from checkout_daemon.database.migrations import all_migrations, code_version, migrate
from checkout_daemon.database.neighbours import our_relations
from checkout_daemon.database.partitions import ensure_partitions
from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import all_queries, sql
from checkout_daemon.errors import NotPermitted
from checkout_daemon.operations.roles import apply_roles, describe_roles
from checkout_daemon.runtime import Runtime
from tests.support.doctor import results


@pytest.fixture
async def prefix(database_url: str) -> AsyncIterator[str]:
    """The prefix of roles of this test's database, which has them, each with a user of its name and _user."""
    prefix = urlsplit(database_url).path[1:]
    roles = await apply_roles(database_url, prefix)
    admin = await asyncpg.connect(database_url)
    for name in roles.names:
        await admin.execute(f"CREATE ROLE {name}_user LOGIN PASSWORD 'p' IN ROLE {name}")
    yield prefix
    for name in roles.names:
        await admin.execute(f"DROP ROLE {name}_user; DROP OWNED BY {name}; DROP ROLE {name}")
    await admin.close()


def url_of(database_url: str, user: str) -> str:
    parts = urlsplit(database_url)
    return f"postgresql://{user}:p@{parts.hostname}:{parts.port}{parts.path}"


async def weeks(connection: asyncpg.Connection) -> int:
    count: int = await connection.fetchval(
        "SELECT count(*) FROM pg_inherits WHERE inhparent = 'stripe_event_payloads'::regclass"
    )
    return count


async def test_a_daemon_with_only_its_rights_goes_on_for_weeks(
    database_url: str, prefix: str, connection: asyncpg.Connection
) -> None:
    url = url_of(database_url, f"{prefix}_daemon_user")
    assert await migrate(url) == []  # at each start
    database = Database(url, max_size=1)
    begin = datetime.now(UTC)
    try:
        for week in range(10):  # more than the weeks that are made ahead
            now = begin + timedelta(weeks=week)
            async with database.connection() as daemon:
                before = await weeks(daemon)
                await ensure_partitions(daemon, now)
                assert await weeks(daemon) == before + (week > 0)
                await daemon.execute("INSERT INTO stripe_event_payloads VALUES ($1, $2, '{}')", f"evt_{week}", now)
        assert await connection.fetchval("SELECT count(*) FROM stripe_event_payloads_default") == 0
        async with database.transaction() as daemon:
            dropped = await daemon.fetchval("SELECT drop_payload_partition($1)", begin + timedelta(weeks=9))
        assert dropped is not None
    finally:
        await database.close()


@pytest.mark.parametrize("role", ["operator", "reader"])
async def test_no_other_group_may_drop_payloads_or_change_the_schema(database_url: str, prefix: str, role: str) -> None:
    user = await asyncpg.connect(url_of(database_url, f"{prefix}_{role}_user"))
    forbidden = ["CREATE TABLE mine (a text)", "DROP TABLE alerts", "TRUNCATE operator_log"]
    forbidden += ["ALTER TABLE operator_log DISABLE TRIGGER ALL", "DELETE FROM operator_log"]
    forbidden += ["UPDATE schema_migrations SET oldest_code = 1"]
    forbidden += ["SELECT drop_payload_partition(now())", "SELECT ensure_payload_partitions(current_date, 9)"]
    if role == "reader":
        forbidden += ["SELECT secret FROM webhook_endpoints", "SELECT * FROM api_tokens"]
        forbidden += ["UPDATE orders SET status = 'paid'", "INSERT INTO acts (kind) VALUES ('canceled')"]
    for statement in forbidden:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await user.execute(statement)
    await user.close()


async def test_the_doctor_names_a_missing_right(
    runtime: Runtime, database_url: str, prefix: str, connection: asyncpg.Connection
) -> None:
    served = replace(runtime.settings, database_url=url_of(database_url, f"{prefix}_daemon_user"))
    assert (await results(served))["rights"].ok
    looked = replace(runtime.settings, database_url=url_of(database_url, f"{prefix}_reader_user"))
    assert "may only read" in (await results(looked))["rights"].detail
    await connection.execute(f"REVOKE UPDATE ON outbox FROM {prefix}_daemon")
    check = (await results(served))["rights"]
    assert (check.ok, check.detail, check.fix) == (
        False,
        "this user lacks UPDATE on outbox",
        "checkout db roles --apply",
    )
    await apply_roles(database_url, prefix)
    await connection.execute("ALTER FUNCTION ensure_payload_partitions SECURITY INVOKER")
    check = (await results(served))["rights"]
    assert not check.ok
    assert "later partitions of payloads cannot be made" in check.detail


async def test_tables_of_a_migration_get_the_rights_that_orders_has_and_older_ones_none(
    database_url: str, prefix: str, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await connection.execute(f"REVOKE ALL ON stripe_event_payloads FROM {prefix}_reader")
    await connection.execute(f"CREATE ROLE {prefix}_counts; GRANT SELECT ON orders, order_items TO {prefix}_counts")
    later = migrations.Migration(code_version() + 1, "later", 1, "CREATE TABLE later (text text)", (), None)
    known = all_migrations()
    monkeypatch.setattr(migrations, "all_migrations", lambda: (*known, later))
    assert await migrate(database_url) == [later.version]
    rights = "SELECT has_table_privilege($1, 'later', 'DELETE'), has_table_privilege($1, 'later', 'SELECT')"
    assert tuple(*await connection.fetch(rights, f"{prefix}_daemon")) == (True, True)
    assert tuple(*await connection.fetch(rights, f"{prefix}_reader")) == (False, True)
    assert tuple(*await connection.fetch(rights, f"{prefix}_counts")) == (False, False)  # was given two tables
    payloads = "SELECT has_table_privilege($1, 'stripe_event_payloads', 'SELECT')"
    assert not await connection.fetchval(payloads, f"{prefix}_reader")


async def test_an_upgrade_gives_nobody_rights_on_tokens_and_no_reader_rights_on_endpoints(
    database_url: str, prefix: str, connection: asyncpg.Connection
) -> None:
    for group in ("daemon", "operator", "reader"):
        await connection.execute(f"REVOKE ALL ON api_tokens, webhook_endpoints FROM {prefix}_{group}")
    made = ["api_tokens", "webhook_endpoints"]
    for [statement] in await connection.fetch(sql("rights_to_extend"), made, sorted(our_relations())):
        await connection.execute(statement)
    rights = (
        "SELECT has_table_privilege($1, 'api_tokens', 'SELECT'), has_table_privilege($1, 'webhook_endpoints', 'SELECT')"
    )
    found = {group: tuple(*await connection.fetch(rights, f"{prefix}_{group}")) for group in ("daemon", "reader")}
    assert found == {"daemon": (False, True), "reader": (False, False)}


async def test_who_may_not_make_roles_changes_nothing(database_url: str, prefix: str) -> None:
    url = url_of(database_url, f"{prefix}_daemon_user")
    with pytest.raises(NotPermitted, match="nothing was changed"):
        await apply_roles(url, f"{prefix}_other")
    assert "CREATE ROLE" in (await describe_roles(url, prefix)).statements


def test_the_doctor_knows_every_table_that_rows_are_deleted_from() -> None:
    deleting = {name for statement in all_queries().values() for name in re.findall(r"DELETE FROM (\w+)", statement)}
    known = set(re.findall(r"'(\w+)'", sql("missing_rights").partition("relname IN")[2]))
    assert deleting - {"schema_backfills"} == known & deleting
