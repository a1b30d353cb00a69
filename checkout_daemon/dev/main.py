"""`checkout dev`: run a whole shop on this machine with one command, until Ctrl-C.

Start PostgreSQL, the schema, the demo catalog, the offline Stripe, its webhook endpoint, dev.env and the daemon, and
stop them in reverse order. A database or Stripe account that the operator set (DATABASE_URL, STRIPE_API_KEY) is used
instead of our own. The demo shop is only written into a database that `--database-url` names: DATABASE_URL may be set
for another program.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import aiohttp
import click

from checkout_daemon.catalog.catalog import seed_demo
from checkout_daemon.database.migrations import migrate, read_state
from checkout_daemon.database.neighbours import read_neighbours
from checkout_daemon.database.pool import Database, direct_connection
from checkout_daemon.database.url_parameters import WRONG_URL
from checkout_daemon.dev import environment
from checkout_daemon.dev.children import Child, start_child, wait_until_ready
from checkout_daemon.dev.endpoint import ensure_endpoint
from checkout_daemon.dev.environment import DevEnv, Given
from checkout_daemon.dev.lock import Lock, hold_lock
from checkout_daemon.dev.ports import free_port, is_free
from checkout_daemon.dev.postgres import LOG, EmbeddedPostgres
from checkout_daemon.dev.processes import poll
from checkout_daemon.dev.welcome import introduce
from checkout_daemon.errors import ConfigurationError, DatabaseUnavailable
from checkout_daemon.private_files import make_private_directory
from checkout_daemon.settings.unknown import unknown_warnings
from checkout_daemon.stripe_api.client import StripeGateway
from checkout_daemon.stripe_sync.endpoint_rules import webhook_url
from checkout_daemon.urls import http_url, shown_url, with_schema

# Together less than the five seconds within which everything must have stopped.
_DAEMON_STOP_SECONDS = 2.5
_SANDBOX_STOP_SECONDS = 1.0
_POSTGRES_STOP_SECONDS = 1.0
_KILLED_CHILDREN_SECONDS = 12.0  # how long children of a killed `checkout dev` may take to notice and end
_MOST_POSTGRES_RESTARTS = 5
_MOST_NAMED = 3
CURRENCY = "eur"  # of the demo catalog
_REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=10)


@dataclass(frozen=True, slots=True)
class DevOptions:
    """The options of the command. A port of 0 lets the system pick one."""

    state_dir: Path
    port: int = 8000
    sandbox_port: int = 8001
    sandbox: bool = True
    seed: bool = True
    jobs: bool = True
    database_url: str | None = field(default=None, repr=False)


def run(options: DevOptions) -> int:
    """Run until SIGINT or SIGTERM and return 0; if a part ends on its own, stop the others and return 1.

    Raise ConfigurationError before anything is started, and CheckoutError if another process holds the state directory.
    """
    options = replace(options, state_dir=options.state_dir.resolve())
    given = environment.read_given(options.state_dir, sandbox=options.sandbox, database_url=options.database_url)
    make_private_directory(options.state_dir)
    for file in given.files:
        if file.path.parent != options.state_dir:
            click.echo(f"Settings from {file.path}: {', '.join(file.names)}")
    for warning in unknown_warnings():
        click.echo(warning, err=True)
    if given.unused:
        names = ", ".join(given.unused)
        click.echo(f"{names} is set, but not used by this demo: unset it, or commands will not use the demo", err=True)
    with hold_lock(options.state_dir) as lock:
        return asyncio.run(_run(options, given, lock))


async def seed_catalog(database_url: str) -> bool:
    """Fill an empty catalog with the demo shop, and return whether it was empty. Never change an existing one."""
    database = Database(database_url, max_size=1)
    try:
        return await seed_demo(database, files("checkout_daemon.dev").joinpath("demo_catalog.json").read_text("utf-8"))
    finally:
        await database.close()


async def require_shop(database_url: str) -> None:
    """Raise ConfigurationError unless the database holds a shop, and nothing of other programs."""
    async with direct_connection(database_url) as connection:
        has_ours = (await read_state(connection)).version > 0
        neighbours = await read_neighbours(connection, has_ours=has_ours)
    advice = "to use it all the same, give it as --database-url; to use a database of our own, unset DATABASE_URL"
    if neighbours:
        names = ", ".join(f"{one.schema}.{one.name}" for one in neighbours[:_MOST_NAMED])
        more = ", …" if len(neighbours) > _MOST_NAMED else ""
        raise ConfigurationError(
            f"the database of DATABASE_URL has tables of another program ({names}{more}): {advice}"
        )
    if not has_ours:
        raise ConfigurationError(f"the database of DATABASE_URL has no shop yet: {advice}")


async def _run(options: DevOptions, given: Given, lock: Lock) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        program = _Program(options, given, lock, stack)
        if await _unless(stop, program.start()) or await _unless(stop, program.watch()):
            click.echo("Stopping.")
            return 0
        return 1


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do the work, but cancel it when `stop` is set; return whether that happened."""
    tasks = [asyncio.create_task(stop.wait()), asyncio.create_task(work)]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    if not stop.is_set():
        tasks[1].result()
    return stop.is_set()


class _Program:
    """The running parts, and the stack that stops them."""

    env: DevEnv

    def __init__(self, options: DevOptions, given: Given, lock: Lock, stack: AsyncExitStack) -> None:
        self.options, self.given, self.lock, self.stack = options, given, lock, stack
        self.brings_database = given.database_url is None
        self.brings_stripe = given.stripe_api_key is None
        self.postgres = EmbeddedPostgres(options.state_dir)
        self.children: list[Child] = []

    async def start(self) -> None:
        """Start all parts, and print where they are."""
        self.port = await self._choose_port(self.options.port, "--port")
        self.address = http_url(self.given.host, self.port)
        self.lock.note(self.address)
        http = await self.stack.enter_async_context(aiohttp.ClientSession(timeout=_REQUEST_TIMEOUT))
        self.stack.push_async_callback(self.postgres.stop, _POSTGRES_STOP_SECONDS)
        self._open_pipe()
        if self.brings_stripe:
            key, base = await self._start_sandbox()  # it starts while the database does
        else:
            key, base = self.given.stripe_api_key or "", self.given.stripe_api_base
        database_url = await self._start_database()
        secret = self.given.webhook_secret or ""
        if self.brings_stripe:
            await wait_until_ready(self.children[0], http, f"{base}/v1/account", {"Authorization": f"Bearer {key}"})
            gateway = StripeGateway(key, base)
            try:
                secret = (await ensure_endpoint(gateway, webhook_url(self.address), self.options.state_dir)).secret
            finally:
                await gateway.close()
        demo = self.brings_database and self.options.seed and self.given.shop_file is None
        shop_file = environment.demo_shop_file(self.options.state_dir) if demo else None
        self.env = DevEnv(database_url, key, base, secret, self.given.public_url or self.address, shop_file)
        environment.write_dev_env(self.options.state_dir, self.env)
        await self._start_daemon(http)
        introduce(self.env, self.options.state_dir, self.brings_database, self.brings_stripe)

    async def watch(self) -> None:
        """Wait until a part ends, and print which."""
        waits = [asyncio.create_task(child.wait()) for child in self.children]
        if self.brings_database:
            waits.append(asyncio.create_task(self._watch_postgres()))
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                click.echo(f"{task.result()}\nStopping the rest.", err=True)
        finally:
            for task in waits:
                task.cancel()
            await asyncio.wait(waits)

    async def _watch_postgres(self) -> str:
        """Restart a database that ends, as a service manager would; the daemon answers 503 meanwhile."""
        port = self.postgres.port
        for _ in range(_MOST_POSTGRES_RESTARTS):
            status = await self.postgres.wait()
            click.echo(f"PostgreSQL ended with status {status}; restarting it.", err=True)
            try:
                await self.postgres.stop()
                await self.postgres.start()
            except ConfigurationError as error:
                return error.detail
            if self.postgres.port != port:
                return f"Another program took PostgreSQL's port {port}."
        status = await self.postgres.wait()
        return f"PostgreSQL ended with status {status} again; see {self.options.state_dir / LOG}"

    async def _start_database(self) -> str:
        if self.brings_database:
            click.echo("Starting PostgreSQL …")
            await self.postgres.start()
        url = self.given.database_url or with_schema(self.postgres.url(), self.given.database_schema)
        direct_url = self.given.database_listen_url or url  # past a pooler
        may_fill = self.brings_database or self.given.database_asked_for
        try:
            if not may_fill:
                await require_shop(direct_url)
            await migrate(direct_url)
        except ValueError as error:
            raise ConfigurationError(WRONG_URL) from error
        except DatabaseUnavailable as error:
            shown = f" {shown_url(url)}" if shown_url(url) else ""
            raise type(error)(error.detail.replace("the database", f"the database{shown}", 1)) from error
        if may_fill and self.options.seed and self.given.currency == CURRENCY and await seed_catalog(direct_url):
            click.echo("Filled the empty catalog with the demo shop.")
        return url

    async def _start_sandbox(self) -> tuple[str, str]:
        port = await self._choose_port(self.options.sandbox_port, "--sandbox-port", other=self.port)
        click.echo("Starting the offline Stripe …")
        key = environment.sandbox_key(self.options.state_dir)
        arguments = ["sandbox", "--port", str(port), "--state-dir", str(self.options.state_dir)]
        if not self.given.host.startswith("127."):
            arguments.append("--allow-remote-endpoints")  # the daemon's address may not be local
        await self._start_child("the offline Stripe", "sandbox.log", arguments, dict(os.environ), _SANDBOX_STOP_SECONDS)
        return key, http_url("127.0.0.1", port)

    async def _start_daemon(self, http: aiohttp.ClientSession) -> None:
        click.echo("Starting the daemon …")
        arguments = ["serve", "--port", str(self.port), *([] if self.options.jobs else ["--no-jobs"])]
        env = environment.child_environment(self.env, self.given, self.options.state_dir)
        child = await self._start_child("the daemon", "daemon.log", arguments, env, _DAEMON_STOP_SECONDS)
        await wait_until_ready(child, http, f"{self.address}/readyz", {})

    async def _start_child(
        self, name: str, log: str, arguments: list[str], env: dict[str, str], stop_seconds: float
    ) -> Child:
        path = self.options.state_dir / log
        child = await start_child(name, arguments, log=path, env=env, parent_pipe=self.pipe)
        self.stack.push_async_callback(child.stop, stop_seconds)
        self.children.append(child)
        return child

    def _open_pipe(self) -> None:
        self.pipe, held = os.pipe()
        self.stack.callback(os.close, self.pipe)
        self.stack.callback(os.close, held)

    async def _choose_port(self, port: int, option: str, *, other: int = 0) -> int:
        if port == 0:
            while (port := free_port()) == other:
                pass
            return port
        timeout_seconds = _KILLED_CHILDREN_SECONDS if self.lock.holder_was_killed else 0.0
        if port == other or not await poll(lambda: is_free(port), timeout_seconds):
            raise ConfigurationError(f"port {port} is taken by another program: choose another one with {option}")
        return port
