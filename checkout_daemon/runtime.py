"""What every use case needs: settings, database and Stripe. The daemon, commands and the terminal open it alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from checkout_daemon.database.pool import STATEMENT_TIMEOUT_SECONDS, Database
from checkout_daemon.observability.metrics import Metrics
from checkout_daemon.settings import Settings
from checkout_daemon.stripe_api.breaker import Breaker
from checkout_daemon.stripe_api.client import Observer, StripeGateway
from checkout_daemon.threads import DaemonThreads

_MOST_THREADS = 2  # for each receiver that may hang


@dataclass(frozen=True, slots=True)
class Runtime:
    """The settings, with the database and Stripe that they name. Calls that may hang run on `threads`."""

    settings: Settings
    database: Database
    gateway: StripeGateway
    metrics: Metrics | None = None  # only in the daemon
    threads: DaemonThreads = field(default_factory=lambda: DaemonThreads(_MOST_THREADS))


@asynccontextmanager
async def open_runtime(
    settings: Settings, *, pool_size: int = 10, metrics: Metrics | None = None, generic_plans: bool = False
) -> AsyncIterator[Runtime]:
    """Yield a runtime. Connections and the SDK are opened on first use. Raise ConfigurationError without a database."""
    database = open_database(settings, pool_size, generic_plans=generic_plans)
    observe: Observer = _ignore if metrics is None else metrics.stripe_called
    breaker = Breaker() if metrics is None else Breaker(on_change=metrics.breaker_changed)
    gateway = StripeGateway(settings.stripe_api_key or "", settings.stripe_api_base, observe=observe, breaker=breaker)
    runtime = Runtime(settings, database, gateway, metrics)
    try:
        yield runtime
    finally:
        runtime.threads.close()
        await gateway.close()
        await database.close()


def open_database(
    settings: Settings,
    pool_size: int,
    *,
    statement_timeout_seconds: float = STATEMENT_TIMEOUT_SECONDS,
    block_timeout_seconds: float | None = None,
    generic_plans: bool = False,
) -> Database:
    """Create a pool for the configured database. Raise ConfigurationError if none is set. For options see Database."""
    return Database(
        settings.require_database_url(),
        max_size=pool_size,
        pooler=settings.database_listen_url is not None,
        statement_timeout_seconds=statement_timeout_seconds,
        block_timeout_seconds=block_timeout_seconds,
        generic_plans=generic_plans,
    )


@asynccontextmanager
async def standby_of(settings: Settings, pool_size: int) -> AsyncIterator[Database | None]:
    """Yield a pool for the standby of DATABASE_READ_URL, or None if none is set."""
    if settings.database_read_url is None:
        yield None
        return
    standby = Database(settings.database_read_url, max_size=pool_size, standby=True)
    try:
        yield standby
    finally:
        await standby.close()


def _ignore(name: str, outcome: str, seconds: float) -> None:
    """Count nothing."""
