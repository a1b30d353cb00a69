"""checkout doctor: the connections that the daemon may open, and those that the server allows."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import asyncpg

from checkout_daemon.settings import Settings
from tests.support.doctor import results


async def test_the_sum_of_connections_is_shown(settings: Settings) -> None:
    check = (await results(settings))["connections"]
    assert check.ok
    assert "of 200 are open" in check.detail
    assert "one process of the daemon opens up to 13" in check.detail


async def test_a_limit_of_the_user_below_what_a_process_opens_is_a_fault(
    settings: Settings, connection: asyncpg.Connection
) -> None:
    assert settings.database_url is not None
    parts = urlsplit(settings.database_url)
    role = f"limited_{parts.path[1:]}"
    await connection.execute(f"CREATE ROLE {role} LOGIN SUPERUSER PASSWORD 'p' CONNECTION LIMIT 8")
    try:
        url = f"postgresql://{role}:p@{parts.hostname}:{parts.port}{parts.path}"
        check = (await results(replace(settings, database_url=url)))["connections"]
        assert (check.ok, check.fix) == (False, "export CHECKOUT_DATABASE_CONNECTIONS=5")
        fewer = replace(settings, database_url=url, database_connections=5)
        assert (await results(fewer))["connections"].ok
    finally:
        await connection.execute(f"DROP ROLE {role}")
