"""The aiohttp application and its life cycle."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from aiohttp import hdrs, web

from checkout_daemon.catalog.memory import CatalogMemory
from checkout_daemon.checkout.challenges import Challenge
from checkout_daemon.jobs.runner import Job, run_jobs
from checkout_daemon.ledger.apply import Applied, ReceivedEvent
from checkout_daemon.ledger.intake import LANES, Intake
from checkout_daemon.model.customer import import_validators
from checkout_daemon.observability.metrics import Metrics
from checkout_daemon.observability.watchdog import watch_loop
from checkout_daemon.operations.readiness import Readiness
from checkout_daemon.runtime import Runtime, open_database, open_runtime
from checkout_daemon.settings import Settings
from checkout_daemon.stripe_sync.secret_matches import SecretMatches
from checkout_daemon.web import app_keys, checkout, product_list, quotes, shop_pages, webhook
from checkout_daemon.web.api_access import REFUSALS_A_MINUTE, ApiAccess
from checkout_daemon.web.body_budget import BodyBudgets
from checkout_daemon.web.connections import ConnectionLimits, Connections, DescriptorWatch, descriptor_limit
from checkout_daemon.web.direct import DIRECT, direct
from checkout_daemon.web.edge import Edge
from checkout_daemon.web.guessing import Guessing
from checkout_daemon.web.headers import security_headers
from checkout_daemon.web.limits import AddressLimit, Clients, Forgeries, Limits, WaitingRoom
from checkout_daemon.web.metrics_access import MetricsAccess
from checkout_daemon.web.proxies import TrustedProxies
from checkout_daemon.web.routes import API_MODULE, add_routes
from checkout_daemon.web.storefront_files import Storefront, built_storefront

log = logging.getLogger(__name__)

SAMPLE_SECONDS = 1.0
INTAKE_TIMEOUT_SECONDS = 8.0
JOBS_AFTER_SECONDS = 0.1
"""So long the daemon only serves: whoever waits for it to be ready does not wait for imports that only some need."""


def create_app(
    settings: Settings,
    *,
    webhook_secrets: Callable[[], tuple[str, ...]] | None = None,
    storefront: Path | None = None,
    jobs: Callable[[], Sequence[Job]] = tuple,
    on_failure: Callable[[], None] = lambda: None,
) -> web.Application:
    """Create the daemon's application, which also runs the jobs that `jobs` returns, once it serves.

    `webhook_secrets` is called for every delivery, so that the secrets can change while the daemon runs.
    `on_failure` is called when a background task has failed: what it did is not done again before a restart.

    Raise ConfigurationError for settings that cannot be used.
    """
    metrics = Metrics()
    headers = security_headers(settings.public_url)
    proxies = TrustedProxies(settings.trusted_proxies, unix_socket=settings.unix_socket is not None)
    edge = Edge(metrics, headers=headers, cors_origins=settings.cors_origins)
    app = web.Application(
        middlewares=[edge.middleware()],
        # Take bodies as they come: Stripe signs the bytes, and a compressed body can grow without bound.
        handler_args={"auto_decompress": False},
    )
    app[app_keys.DRAINING] = asyncio.Event()
    app[app_keys.METRICS] = metrics
    app[app_keys.SECURITY_HEADERS] = headers
    if settings.admin_listen is None:
        app[app_keys.METRICS_ACCESS] = MetricsAccess(settings.metrics, settings.metrics_token)
    else:
        app[app_keys.METRICS_ACCESS] = MetricsAccess("off")
    app[app_keys.BODIES] = bodies = BodyBudgets()
    connections = ConnectionLimits(settings.connections, settings.connections_per_address, descriptor_limit())
    app[app_keys.CONNECTIONS] = Connections(connections, proxies, metrics.connection_dropped)
    app[shop_pages.SHOP] = pages = shop_pages.ShopPages(settings)
    app[app_keys.STOREFRONT] = Storefront(built_storefront() if storefront is None else storefront, pages)
    clients = Clients(proxies)
    app[app_keys.LIMITS] = Limits(
        checkouts=AddressLimit(settings.rate_limit, clients, "checkouts"),
        quotes=AddressLimit(settings.quote_limit, clients, "quotes"),
        looks=AddressLimit(settings.look_limit, clients, "looks at orders"),
    )
    app[app_keys.API_ACCESS] = ApiAccess(settings.token_limit, AddressLimit(REFUSALS_A_MINUTE, clients, "wrong tokens"))
    forgeries = Forgeries(clients, waits=settings.rate_limit > 0)
    pauses = WaitingRoom(connections.in_all // 2)
    challenge = None
    if settings.challenge_url and settings.challenge_secret:
        challenge = Challenge(settings.challenge_url, settings.challenge_secret)
    app[app_keys.GUESSING] = guessing = Guessing(settings.failed_tries, clients, challenge, metrics.guesser_slowed)
    add_routes(app)

    secrets = webhook_secrets or (lambda: settings.webhook_secrets)

    async def open_services(app: web.Application) -> AsyncIterator[None]:
        async with open_runtime(
            settings, pool_size=settings.database_connections, metrics=metrics, generic_plans=True
        ) as runtime:
            app[app_keys.RUNTIME] = runtime
            # Intake has its own connections: a flood of checkouts must not delay Stripe, which waits only briefly.
            inbox = open_database(
                settings,
                LANES,
                statement_timeout_seconds=INTAKE_TIMEOUT_SECONDS,
                block_timeout_seconds=INTAKE_TIMEOUT_SECONDS + 1,
                generic_plans=True,
            )
            app[app_keys.POOLS] = {"shop": runtime.database, "intake": inbox}
            catalog = CatalogMemory(runtime.database)
            pages.follow(catalog)
            app[product_list.PRODUCTS] = products = product_list.ProductList(edge, catalog, settings.currency)
            app[quotes.QUOTES] = pricing = quotes.QuoteRoute(
                edge,
                catalog,
                runtime.database,
                app[app_keys.LIMITS].quotes,
                guessing,
                bodies.shop,
                currency=settings.currency,
                livemode=settings.livemode,
                shop=settings.shop,
            )
            app[checkout.CHECKOUTS] = checkouts = checkout.CheckoutRoute(
                edge, runtime, catalog, app[app_keys.LIMITS].checkouts, guessing, bodies.shop, metrics
            )
            app[app_keys.READINESS] = Readiness(runtime.database)
            matches = SecretMatches(runtime.database)

            def matched(place: int) -> None:
                metrics.secret_matched(place)
                matches.count(secrets()[place])

            commits = _Commits(metrics)
            intake = Intake(inbox, secrets, observe=commits.add, matched=matched)
            deliveries = webhook.WebhookRoute(edge, metrics, bodies.webhooks, forgeries, intake, pauses=pauses)
            app[webhook.WEBHOOK] = deliveries
            app[DIRECT] = direct_routes = dict([direct(edge, hdrs.METH_POST, webhook.PATH, deliveries.find)])
            if not settings.cors_origins:  # the answers to other origins have headers that only the middleware adds
                direct_routes |= [
                    direct(edge, hdrs.METH_GET, product_list.PATH, products.find),
                    direct(edge, hdrs.METH_POST, quotes.PATH, pricing.find),
                    direct(edge, hdrs.METH_POST, checkout.PATH, checkouts.find),
                ]
            await intake.start()
            background = _Background(on_failure)
            background.start("sampler", _sample(app, metrics, commits), needed=False)
            background.start("loop-watchdog", watch_loop(metrics.loop_stalled), needed=False)
            background.start("catalog", catalog.follow(settings.database_listen_url or settings.require_database_url()))
            background.start("secret-matches", matches.write_for_ever())
            background.start("jobs", _run_jobs(runtime, jobs))
            yield
            await background.stop()
            await intake.close()
            commits.log()
            await matches.write()
            metrics.add_pending()
            await inbox.close()

    app.cleanup_ctx.append(open_services)
    return app


class _Background:
    """The tasks that run for as long as the application. A failure of one that it needs is reported at once."""

    def __init__(self, on_failure: Callable[[], None]) -> None:
        self._on_failure = on_failure
        self._tasks: list[asyncio.Task[None]] = []
        self._needed: set[asyncio.Task[None]] = set()

    def start(self, name: str, work: Coroutine[Any, Any, None], *, needed: bool = True) -> None:
        """Run the work as a task of this name. Without what only observes, the application goes on."""
        task = asyncio.create_task(work, name=name)
        if needed:
            self._needed.add(task)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    async def stop(self) -> None:
        """Cancel the tasks, and wait until they have ended."""
        for task in self._tasks:
            task.remove_done_callback(self._ended)
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or (error := task.exception()) is None:  # without jobs, theirs ends at once
            return
        log.critical("the background task %s has failed: only a restart repairs it", task.get_name(), exc_info=error)
        if task in self._needed:
            self._on_failure()


class _Commits:
    """Counts the commits of events for the metrics, and for a line in the log once a second: a line takes 25 µs."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._events = 0
        self._slowest_seconds = 0.0

    def add(self, committed: list[tuple[ReceivedEvent, Applied]], seconds: float) -> None:
        """Count a commit."""
        self._events += len(committed)
        self._slowest_seconds = max(self._slowest_seconds, seconds)
        now = datetime.now(UTC)
        created = [created_at for received, _ in committed if (created_at := received.event.created_at) is not None]
        self._metrics.batch_committed(
            seconds,
            [(applied.type, applied.status) for _, applied in committed],
            [(now - received.received_at).total_seconds() for received, _ in committed],
            [(now - created_at).total_seconds() for created_at in created],
        )

    def log(self) -> None:
        """Log the commits since the last line, if there were any."""
        if self._events:
            log.info("%d events committed, none in more than %.1f ms", self._events, self._slowest_seconds * 1000)
        self._events, self._slowest_seconds = 0, 0.0


async def _run_jobs(runtime: Runtime, jobs: Callable[[], Sequence[Job]]) -> None:
    """Run the jobs. First import on a thread what the first requests and the jobs need."""
    await asyncio.sleep(JOBS_AFTER_SECONDS)
    await asyncio.to_thread(import_validators)
    await runtime.gateway.warm_up()
    try:
        await asyncio.to_thread(import_module, API_MODULE)
    except Exception:
        log.exception("the routes of the shop's own systems cannot be imported; each request for one tries it again")
    await run_jobs(runtime, await asyncio.to_thread(jobs))


async def _sample(app: web.Application, metrics: Metrics, commits: _Commits) -> None:
    """Log the commits, and update this worker's gauges regularly, since another worker may answer /metrics."""
    descriptors = DescriptorWatch(metrics.descriptors_gone)
    while True:
        descriptors.look()
        metrics.add_pending()
        commits.log()
        metrics.sampled(len(app[app_keys.CONNECTIONS]), app[app_keys.BODIES].held_bytes)
        for name, pool in app[app_keys.POOLS].items():
            metrics.pool_used(name, *pool.usage())
            metrics.pool_waited(name, pool.waits, pool.waited_seconds)
        await asyncio.sleep(SAMPLE_SECONDS)
