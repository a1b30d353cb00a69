"""Run a command's work: open the database and Stripe of the settings, and close them afterwards.

The functions import asyncio, asyncpg and the Stripe SDK, so that help and completion do not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from checkout_daemon.database.pool import Database
    from checkout_daemon.database.reading import Reads
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


def with_database(
    work: Callable[[Database, Settings], Awaitable[T]],
    *,
    direct: bool = False,
    wait_seconds: float = 0.0,
    acts: bool = True,
) -> T:
    """Run `work` with the configured database. `direct` bypasses the pooler, if one is configured.

    `acts`: whether an operator does something, who is recognized first.

    `wait_seconds`: how long `work` is repeated while the database does not answer.

    The schema is not checked first, so that a command pays nothing for it. If the work fails because of the schema,
    SchemaMismatch explains why.
    """
    from checkout_daemon.settings import load_settings

    settings = load_settings()
    address = database_address(settings, direct=direct)
    if not wait_seconds:
        return run(_with_database(work, settings, address, direct=direct, acts=acts and not direct))

    async def patiently() -> T:
        from checkout_daemon.commands.output import say
        from checkout_daemon.database.away import waiting

        return await waiting(
            lambda: _with_database(work, settings, address, direct=direct, acts=acts and not direct), wait_seconds, say
        )

    return run(patiently())


def with_reads(work: Callable[[Reads, Settings], Awaitable[T]]) -> T:
    """Run `work`, which only shows something, with the standby if there is one, else with the database.

    What was changed before the command began is shown. A line on stderr tells if the standby is behind or not used.
    """
    from checkout_daemon.commands.output import say
    from checkout_daemon.database.reading import Reads
    from checkout_daemon.runtime import standby_of

    async def with_both(database: Database, settings: Settings) -> tuple[T, str | None]:
        async with standby_of(settings, _CONNECTIONS) as standby:
            reads = Reads(database, standby)
            await reads.await_changes()
            return await work(reads, settings), reads.remark

    result, remark = with_database(with_both, acts=False)
    if remark is not None:
        say(remark)
    return result


def with_runtime(work: Callable[[Runtime], Awaitable[T]], *, stripe: bool = True) -> T:
    """Run `work` with the configured database and Stripe. Raise ConfigurationError if either is not set.

    Without `stripe`, no key need be set: the work does not ask Stripe.
    """
    from checkout_daemon.runtime import Runtime

    async def with_gateway(gateway: StripeGateway, settings: Settings) -> T:
        def with_both(database: Database, _: Settings) -> Awaitable[T]:
            return work(Runtime(settings, database, gateway))

        return await _with_database(with_both, settings, database_address(settings, direct=False), direct=False)

    return with_stripe(with_gateway, needed=stripe)


def with_stripe(work: Callable[[StripeGateway, Settings], Awaitable[T]], *, needed: bool = True) -> T:
    """Run `work` with the configured Stripe and no database. Raise ConfigurationError if no key is set but needed."""
    from checkout_daemon.settings import load_settings
    from checkout_daemon.stripe_api.client import StripeGateway

    settings = load_settings()
    api_key = settings.require_stripe_api_key() if needed else settings.stripe_api_key or ""
    gateway = StripeGateway(api_key, settings.stripe_api_base)

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
    work: Callable[[Database, Settings], Awaitable[T]], settings: Settings, url: str, *, direct: bool, acts: bool = True
) -> T:
    import asyncpg

    from checkout_daemon.audit.operators import act_as
    from checkout_daemon.database.pool import Database
    from checkout_daemon.operations.schema import check_schema

    pooler = settings.database_listen_url is not None and not direct
    database = Database(url, max_size=_CONNECTIONS, pooler=pooler)
    try:
        if acts:
            await _recognize(database, settings)
        return await work(database, settings)
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.UndefinedFunctionError):
        await check_schema(database)
        raise
    finally:
        act_as(None)
        await database.close()


async def _recognize(database: Database, settings: Settings) -> None:
    """Find which operator this command acts for, so that `this_operator` returns them. Raise InvalidToken."""
    from checkout_daemon.tokens.acting import recognize_operator

    await recognize_operator(database, settings.operator_token)
