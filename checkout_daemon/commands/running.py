"""Runs a command's work: settings, the database, and the event loop, opened and closed around it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg

from checkout_daemon.gateway.client import StripeGateway
from checkout_daemon.runtime import Runtime
from checkout_daemon.services.schema import explain_misfit
from checkout_daemon.settings import Settings, load_settings
from checkout_daemon.store.database import Database
from checkout_daemon.store.hosts import hosts_of

T = TypeVar("T")

# A command says itself what happened; tracebacks are for the daemon's log.
logging.getLogger("checkout_daemon").addHandler(logging.NullHandler())

_CONNECTIONS = 2


def with_database(work: Callable[[Database, Settings], Awaitable[T]], *, direct: bool = False) -> T:
    """Do it with the database of the settings; `direct`: not through a pooler, where there is one.

    A database whose schema does not fit is told by what fails, so that the others pay nothing: SchemaMismatch.
    """
    settings = load_settings()
    return asyncio.run(_with_database(work, settings, database_address(settings, direct=direct), direct=direct))


def with_runtime(work: Callable[[Runtime], Awaitable[T]]) -> T:
    """Do it with the database and Stripe of the settings. Raises ConfigurationError where either is not set."""
    settings = load_settings()
    settings.require_stripe_api_key()
    gateway = StripeGateway(settings.stripe_api_key or "", settings.stripe_api_base)

    async def with_gateway(database: Database, settings: Settings) -> T:
        try:
            return await work(Runtime(settings, database, gateway))
        finally:
            await gateway.close()

    return asyncio.run(_with_database(with_gateway, settings, database_address(settings, direct=False), direct=False))


def database_address(settings: Settings, *, direct: bool) -> str:
    """Return the URL, with one host or several. Raises ConfigurationError where it is missing or no URL."""
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
