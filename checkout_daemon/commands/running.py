"""Run a command's work: open the database and Stripe of the settings, and close them afterwards.

Command modules import this in their functions, because it imports asyncpg and the Stripe SDK.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg

from checkout_daemon.database.hosts import hosts_of
from checkout_daemon.database.pool import Database
from checkout_daemon.operations.schema import explain_misfit
from checkout_daemon.runtime import Runtime
from checkout_daemon.settings import Settings, load_settings
from checkout_daemon.stripe_api.client import StripeGateway

T = TypeVar("T")

# A command reports its own failures; tracebacks are for the daemon's log.
logging.getLogger("checkout_daemon").addHandler(logging.NullHandler())

_CONNECTIONS = 2


def with_database(work: Callable[[Database, Settings], Awaitable[T]], *, direct: bool = False) -> T:
    """Run `work` with the configured database. `direct` bypasses the pooler, if one is configured.

    The schema is not checked first, so that a command pays nothing for it. If the work fails because of the schema,
    SchemaMismatch explains why.
    """
    settings = load_settings()
    return asyncio.run(_with_database(work, settings, database_address(settings, direct=direct), direct=direct))


def with_runtime(work: Callable[[Runtime], Awaitable[T]]) -> T:
    """Run `work` with the configured database and Stripe. Raises ConfigurationError if either is not set."""
    settings = load_settings()
    settings.require_stripe_api_key()
    gateway = StripeGateway(settings.stripe_api_key or "", settings.stripe_api_base)

    async def with_gateway(database: Database, settings: Settings) -> T:
        try:
            return await work(Runtime(settings, database, gateway))
        finally:
            await gateway.close()

    return asyncio.run(_with_database(with_gateway, settings, database_address(settings, direct=False), direct=False))


def with_stripe(work: Callable[[StripeGateway, Settings], Awaitable[T]]) -> T:
    """Run `work` with the configured Stripe and no database. Raises ConfigurationError if no key is set."""
    settings = load_settings()
    settings.require_stripe_api_key()
    gateway = StripeGateway(settings.stripe_api_key or "", settings.stripe_api_base)

    async def with_gateway() -> T:
        try:
            return await work(gateway, settings)
        finally:
            await gateway.close()

    return asyncio.run(with_gateway())


def database_address(settings: Settings, *, direct: bool) -> str:
    """Return the database's URL, with one host or several. Raises ConfigurationError if it is missing or invalid."""
    url = settings.require_database_url()
    if direct and settings.database_listen_url:
        url = settings.database_listen_url
    hosts_of(url)
    return url


async def _with_database(
    work: Callable[[Database, Settings], Awaitable[T]], settings: Settings, url: str, *, direct: bool
) -> T:
    pooler = settings.database_listen_url is not None and not direct
    database = Database(url, max_size=_CONNECTIONS, pooler=pooler)
    try:
        return await work(database, settings)
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.UndefinedFunctionError):
        await explain_misfit(database)
        raise
    finally:
        await database.close()
