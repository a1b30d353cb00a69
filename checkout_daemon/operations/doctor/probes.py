"""Ask the database server and Stripe once, for all checks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from checkout_daemon.clocks import Clocks, ahead_of_us, read_database_clock
from checkout_daemon.database.pool import Database, direct_connection
from checkout_daemon.database.server import Server
from checkout_daemon.database.url_parameters import WRONG_URL
from checkout_daemon.errors import CheckoutError
from checkout_daemon.runtime import open_database
from checkout_daemon.settings import Settings, read_setting
from checkout_daemon.stripe_api.client import StripeGateway, StripeUntrusted
from checkout_daemon.stripe_api.webhook_endpoints import list_endpoints
from checkout_daemon.urls import shown_url, split_password


@dataclass(frozen=True, slots=True)
class Probes:
    """The answers of both. `server` or `endpoints` is None if there was no answer; its `trouble` is the reason."""

    settings: Settings
    database: Database | None
    gateway: StripeGateway
    server: Server | None
    server_trouble: str
    listen_trouble: str  # why LISTEN and migrations cannot reach the database, or empty
    endpoints: list[dict[str, Any]] | None
    stripe_trouble: str
    clocks: Clocks
    stripe_fix: str | None = None  # what to run instead of asking whether Stripe answers at all

    @property
    def demo_stripe(self) -> bool:
        """Return whether Stripe is the offline one that `checkout dev` starts."""
        return read_setting("STRIPE_API_KEY") is None

    @property
    def now_at_stripe(self) -> datetime:
        """Return the time by Stripe's clock."""
        return datetime.now(UTC) + (self.clocks.stripe or timedelta())

    @property
    def fix_database(self) -> str:
        """Return the command to run if the database does not answer."""
        return database_fix(self.settings)

    @property
    def fix_stripe(self) -> str:
        """Return the command to run if Stripe does not answer."""
        if self.stripe_fix is not None:
            return self.stripe_fix
        return "checkout dev" if self.demo_stripe else f"curl --head {self.settings.stripe_api_base}"


def database_fix(settings: Settings) -> str:
    """Return the command to run if the database does not answer."""
    if read_setting("DATABASE_URL") is None or settings.database_url is None:
        return "checkout dev"
    if shown_url(settings.database_url) is None:
        return "export DATABASE_URL=postgresql://user:password@host:port/database"
    return f"pg_isready --dbname={split_password(settings.database_url)[0]}"


@asynccontextmanager
async def open_probes(settings: Settings) -> AsyncIterator[Probes]:
    """Ask the database and Stripe at the same time. Missing settings and failures are recorded, not raised."""
    database = open_database(settings, 1) if settings.database_url else None
    gateway = StripeGateway(settings.stripe_api_key or "", settings.stripe_api_base)
    try:
        (
            (server, server_trouble, database_ahead),
            listen_trouble,
            (endpoints, stripe_trouble, stripe_ahead, stripe_fix),
        ) = await asyncio.gather(_ask_database(database), _ask_directly(settings), _ask_stripe(gateway, settings))
        clocks = Clocks(database_ahead, stripe_ahead)
        yield Probes(
            settings,
            database,
            gateway,
            server,
            server_trouble,
            listen_trouble,
            endpoints,
            stripe_trouble,
            clocks,
            stripe_fix,
        )
    finally:
        await gateway.close()
        if database is not None:
            await database.close()


async def _ask_database(database: Database | None) -> tuple[Server | None, str, timedelta | None]:
    if database is None:
        return None, "DATABASE_URL is not set", None
    try:
        server, ahead = await read_database_clock(database)
        return server, "", ahead
    except CheckoutError as error:
        return None, error.detail, None
    except ValueError:  # the parser may quote a malformed URL, password included
        return None, WRONG_URL, None


async def _ask_directly(settings: Settings) -> str:
    """Return why LISTEN and migrations cannot reach the database, or an empty string."""
    url = settings.database_listen_url or settings.database_url
    try:
        if url is not None:
            async with direct_connection(url):
                pass
    except CheckoutError as error:
        return error.detail
    except ValueError:
        return WRONG_URL
    return ""


async def _ask_stripe(
    gateway: StripeGateway, settings: Settings
) -> tuple[list[dict[str, Any]] | None, str, timedelta | None, str | None]:
    """Return the endpoints, or why there is no answer; how far Stripe's clock is ahead; and the fix, if it is known."""
    if settings.stripe_api_key is None:
        return None, "STRIPE_API_KEY is not set", None, None
    before = datetime.now(UTC)
    try:
        fetched = await list_endpoints(gateway)
    except StripeUntrusted as error:
        return None, error.detail, None, "export SSL_CERT_FILE=/path/to/your-networks-certificates.pem"
    except CheckoutError as error:
        return None, error.detail, None, None
    return fetched.object["data"], "", ahead_of_us(fetched.observed_at, before, precision=timedelta(seconds=1)), None
