"""A migration gives each group the rights on its tables that the group has on orders, and no other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from checkout_daemon.database.migrations import migrate
from tests.support.cluster import Cluster
from tests.support.old_schemas import make_schema

TABLES = ("charges", "order_shipping", "order_taxes")
"""Their migrations let everybody who reads orders read them, so that these groups had a right on them already."""
RIGHTS = """
SELECT privilege || ' on ' || relation AS held
FROM unnest($2::text[]) AS relation CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS privilege
WHERE has_table_privilege($1::name, relation, privilege)
"""


class OldShop:
    """A database of an older release with groups that have rights."""

    def __init__(self, url: str, connection: asyncpg.Connection) -> None:
        self.url = url
        self.connection = connection
        self.roles: list[str] = []

    async def group(self, name: str, *rights: str) -> str:
        """Make a group with rights such as `SELECT ON orders`, and return its role."""
        role = f"{urlsplit(self.url).path[1:]}_{name}"
        await self.connection.execute(f"CREATE ROLE {role}")
        self.roles.append(role)
        for right in rights:
            await self.connection.execute(f"GRANT {right} TO {role}")
        return role

    async def rights(self, role: str) -> set[str]:
        """Return what a group may do with the tables."""
        return {row["held"] for row in await self.connection.fetch(RIGHTS, role, list(TABLES))}


@pytest.fixture
async def shop(cluster: Cluster) -> AsyncIterator[OldShop]:
    url = cluster.take_empty()
    connection = await asyncpg.connect(url)
    shop = OldShop(url, connection)
    yield shop
    for role in shop.roles:
        await connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    await connection.close()
    cluster.give_back(url)


def each(*privileges: str) -> set[str]:
    return {f"{privilege} on {table}" for table in TABLES for privilege in privileges}


@pytest.mark.parametrize("version", [38, 48])
async def test_who_may_write_to_all_tables_may_write_to_those_of_later_migrations(shop: OldShop, version: int) -> None:
    await make_schema(shop.connection, version)
    daemon = await shop.group("daemon", "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public")
    reader = await shop.group("reader", "SELECT ON ALL TABLES IN SCHEMA public")
    await migrate(shop.url)
    assert await shop.rights(daemon) == each("SELECT", "INSERT", "UPDATE", "DELETE")
    assert await shop.rights(reader) == each("SELECT")


async def test_rights_that_older_migrations_left_out_are_given_later(shop: OldShop) -> None:
    await make_schema(shop.connection, 68)
    daemon = await shop.group("daemon", "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public")
    operator = await shop.group("operator", "SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public")
    reader = await shop.group("reader", "SELECT ON ALL TABLES IN SCHEMA public")
    named = ", ".join(TABLES)
    exporter = await shop.group("exporter", "SELECT, UPDATE ON orders", f"SELECT ON {named}")
    await shop.connection.execute(f"REVOKE INSERT, UPDATE, DELETE ON {named} FROM {daemon}, {operator}")
    assert await shop.rights(daemon) == each("SELECT")
    await migrate(shop.url)
    assert await shop.rights(daemon) == each("SELECT", "INSERT", "UPDATE", "DELETE")
    assert await shop.rights(operator) == each("SELECT", "INSERT", "UPDATE")
    assert await shop.rights(reader) == each("SELECT")
    assert await shop.rights(exporter) == each("SELECT")
