"""Run a command's work: open the database and Stripe of the settings, and close them afterwards.

The functions import asyncio, asyncpg and the Stripe SDK, so that help and completion do not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from checkout_daemon.database.pool import Database
    from checkout_daemon.runtime import Runtime
    from checkout_daemon.settings import Settings
    from checkout_daemon.stripe_api.client import StripeGateway
    from checkout_daemon.stripe_cli.program import StripeCli

T = TypeVar("T")

_CONNECTIONS = 2


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` in an event loop. Nothing is logged: a command reports its own failures."""
    import asyncio
    import logging

    logging.getLogger("checkout_daemon").addHandler(logging.NullHandler())
    return asyncio.run(work)


def with_database(work: Callable[[Database, Settings], Awaitable[T]], *, direct: bool = False) -> T:
    """Run `work` with the configured database. `direct` bypasses the pooler, if one is configured.

    The schema is not checked first, so that a command pays nothing for it. If the work fails because of the schema,
    SchemaMismatch explains why.
    """
    from checkout_daemon.settings import load_settings

    settings = load_settings()
    return run(_with_database(work, settings, database_address(settings, direct=direct), direct=direct))


def with_runtime(work: Callable[[Runtime], Awaitable[T]]) -> T:
    """Run `work` with the configured database and Stripe. Raise ConfigurationError if either is not set."""
    from checkout_daemon.runtime import Runtime

    async def with_gateway(gateway: StripeGateway, settings: Settings) -> T:
        def with_both(database: Database, _: Settings) -> Awaitable[T]:
            return work(Runtime(settings, database, gateway))

        return await _with_database(with_both, settings, database_address(settings, direct=False), direct=False)

    return with_stripe(with_gateway)


def with_stripe(work: Callable[[StripeGateway, Settings], Awaitable[T]]) -> T:
    """Run `work` with the configured Stripe and no database. Raise ConfigurationError if no key is set."""
    from checkout_daemon.settings import load_settings
    from checkout_daemon.stripe_api.client import StripeGateway

    settings = load_settings()
    gateway = StripeGateway(settings.require_stripe_api_key(), settings.stripe_api_base)

    async def with_gateway() -> T:
        try:
            return await work(gateway, settings)
        finally:
            await gateway.close()

    return run(with_gateway())


def with_stripe_cli(settings: Settings, work: Callable[[Runtime, StripeCli], Awaitable[T]]) -> T:
    """Run `work` with the database, Stripe, and the official CLI. Raise ConfigurationError if one is missing."""
    from checkout_daemon.runtime import open_runtime
    from checkout_daemon.stripe_cli.program import open_stripe_cli

    database_address(settings, direct=False)
    with open_stripe_cli(settings) as cli:

        async def with_all() -> T:
            async with open_runtime(settings, pool_size=_CONNECTIONS) as runtime:
                return await work(runtime, cli)

        return run(with_all())


def database_address(settings: Settings, *, direct: bool) -> str:
    """Return the database's URL, with one host or several. Raise ConfigurationError if it is missing or invalid."""
    from checkout_daemon.database.hosts import hosts_of

    url = settings.require_database_url()
    if direct and settings.database_listen_url:
        url = settings.database_listen_url
    hosts_of(url)
    return url


async def _with_database(
    work: Callable[[Database, Settings], Awaitable[T]], settings: Settings, url: str, *, direct: bool
) -> T:
    import asyncpg

    from checkout_daemon.database.pool import Database
    from checkout_daemon.operations.schema import check_schema

    pooler = settings.database_listen_url is not None and not direct
    database = Database(url, max_size=_CONNECTIONS, pooler=pooler)
    try:
        return await work(database, settings)
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.UndefinedFunctionError):
        await check_schema(database)
        raise
    finally:
        await database.close()
