"""Places where a process can be killed: a copy of a world's database and of its Stripe, and all that it talks to."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import asyncpg
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiosmtpd.controller import Controller

from checkout_daemon.audit.audit_log import verify
from checkout_daemon.database.pool import Database
from checkout_daemon.runtime import Runtime, open_runtime
from checkout_daemon.sandbox.app import create_app
from checkout_daemon.sandbox.box import Box, SandboxSettings
from checkout_daemon.sandbox.guard import BOX
from checkout_daemon.sandbox.storage import Storage
from checkout_daemon.settings import load_settings
from tests.faults.crashes.acts import Act, Task, perform
from tests.faults.crashes.state import Known, State, learn, read_state
from tests.support.cluster import Cluster
from tests.support.mail_server import free_port
from tests.support.receiver import SECRET as SHOP_SECRET
from tests.support.stripe_events import SECRET

KEY = "sk_test_crashes0123456789"
ACT_SECONDS = 60.0
OURS = "crashes"
"""How the connections of this process are named, unlike those of the processes that are killed."""
LOCK_SECONDS = 0.3
_MOVE_ENDPOINTS = "UPDATE webhook_endpoints SET url = $2 WHERE starts_with(url, $1)"
_PROCESSES = get_context("forkserver")
_PROCESSES.set_forkserver_preload(
    ["tests.faults.crashes.acts", "stripe", "aiosmtplib", "aiohttp", "jinja2", "babel.numbers", "cli",
     "checkout_daemon.commands.orders_actions", "checkout_daemon.commands.sessions_actions"]
)  # fmt: skip


@dataclass(slots=True)
class Receivers:
    """The mail server and the shop's own system, which take everything. Each place has its own name with both."""

    webhooks: Counter[tuple[str, str]] = field(default_factory=Counter)
    mails: Counter[tuple[str, str]] = field(default_factory=Counter)
    kinds: dict[str, str] = field(default_factory=dict)
    smtp_url: str = ""
    url: str = ""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        head = bytes(envelope.content).partition(b"\r\n\r\n")[0].decode("ascii", "replace")
        line = next(line for line in head.split("\r\n") if line.lower().startswith("message-id:"))
        message, _, place = line.partition(":")[2].strip(" <>").partition("@")
        self.mails[place.partition(".")[0], message] += 1
        return "250 OK"

    async def take(self, request: web.Request) -> web.Response:
        await request.read()
        self.webhooks[request.match_info["place"], request.headers["webhook-id"]] += 1
        return web.Response(status=204)


@dataclass(frozen=True, slots=True)
class World:
    """A state from which acts begin: its database, from which others are copied, its Stripe, and names of its parts."""

    database: str
    stripe: Storage
    known: Known
    names: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """A copy of a world for one act."""

    name: str
    world: World
    url: str
    box: Box
    directory: Path
    environ: dict[str, str]
    receivers: Receivers
    connection: asyncpg.Connection
    runtime: Runtime
    hurried: Runtime  # waits for no lock

    async def state(self) -> State:
        """Return the state, with each effect once however often it came."""
        state = await read_state(self.connection, self.box.storage, self.world.known)
        rows = await self.connection.fetch("SELECT id::text, order_id::text, kind, subject_id, channel FROM outbox")
        kinds = {row["id"]: f"{row['channel']} {row['kind']} {row['order_id']} {row['subject_id']}" for row in rows}
        state.update(f"audit log: {fault}" for fault in (await verify(self.runtime.database)).faults)
        for (place, message), _ in (*self.receivers.mails.items(), *self.receivers.webhooks.items()):
            if place == self.name:
                state[
                    self.world.known.plain(f"received: {kinds.get(message, 'a message that is not in the outbox')}")
                ] += 1
        return state

    def doubled(self) -> int:
        """Return how often a message came again, under its id."""
        every = (*self.receivers.mails.items(), *self.receivers.webhooks.items())
        return sum(times - 1 for (place, _), times in every if place == self.name)

    async def nobody_else(self) -> None:
        """Wait until the server has noticed that the process is gone, and rolled back what it had not committed."""
        async with asyncio.timeout(20):
            while await self.connection.fetchval(  # noqa: ASYNC110 - another process
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = "
                "'client backend' AND application_name <> $1",
                OURS,
            ):
                await asyncio.sleep(0.005)


@dataclass(slots=True)
class Running:
    """The process of a task."""

    task: Task
    process: Any

    async def ended(self) -> int:
        """Return the exit code: negative if a signal ended it."""
        loop = asyncio.get_running_loop()
        gone: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self.process.sentinel, lambda: None if gone.done() else gone.set_result(None))
        try:
            async with asyncio.timeout(ACT_SECONDS):
                await gone
        except TimeoutError:
            with suppress(ProcessLookupError):  # it ended just now
                os.kill(self.process.pid, signal.SIGKILL)
            raise
        finally:
            loop.remove_reader(self.process.sentinel)
        self.process.join()
        code = int(self.process.exitcode)
        self.process.close()
        return code

    async def stopped(self) -> bool:
        """Wait until a signal has stopped it. Return False if it ended before."""
        async with asyncio.timeout(ACT_SECONDS):
            while True:
                if not self.process.is_alive():
                    return False
                with suppress(OSError):
                    fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
                    if fields.rpartition(")")[2].split()[0] == "T":
                        return True
                await asyncio.sleep(0.005)

    def proceed(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)


class Yard:
    """Everything that places share: PostgreSQL, the receivers, and as many offline Stripes as acts run at once."""

    def __init__(self, cluster: Cluster, directory: Path, receivers: Receivers, server: str) -> None:
        self.directory = directory
        self._cluster = cluster
        self._receivers = receivers
        self._server = server
        self._numbers = count(1)
        self._boxes: asyncio.Queue[tuple[str, Box]] = asyncio.Queue()
        self._copying = asyncio.Lock()

    def add_stripe(self, base: str, box: Box) -> None:
        self._boxes.put_nowait((base, box))

    @asynccontextmanager
    async def place(self, world: World | None, **settings: str) -> AsyncIterator[Place]:
        """Yield a copy of a world, or an empty place in which one can be built."""
        name = f"p{next(self._numbers)}"
        async with AsyncExitStack() as stack:
            base, box = await self._boxes.get()
            stack.callback(self.add_stripe, base, box)
            directory = self.directory / name
            directory.mkdir()
            if world is None:
                url = await asyncio.to_thread(self._cluster.take)
                stripe = Storage(self.directory / f"empty-{name}")
                stack.callback(stripe.close)
            else:
                stack.callback(shutil.rmtree, directory)
                url, stripe = await self._copy(name, world), world.stripe
                stack.push_async_callback(self._administer, f"DROP DATABASE {name} WITH (FORCE)")
            stripe.connection.backup(box.storage.connection)
            environ = self._environ(name, url, base, directory) | settings
            environ = {key: value for key, value in environ.items() if value}
            options = {"application_name": OURS, "lock_timeout": f"{LOCK_SECONDS}s"}
            connection = await asyncpg.connect(url, server_settings=options)
            stack.push_async_callback(connection.close)
            if world is not None:  # its endpoints with us get a name of their own with the receivers
                await connection.execute(_MOVE_ENDPOINTS, self._receivers.url, f"{self._receivers.url}/{name}")
            here = world or World(url, stripe, await learn(connection, stripe), {})
            mine = f"{url}?application_name={OURS}"
            loaded = load_settings(environ | {"DATABASE_URL": mine}, cwd=directory)
            runtime = await stack.enter_async_context(open_runtime(loaded))
            impatient = Database(mine, statement_timeout_seconds=LOCK_SECONDS)
            stack.push_async_callback(impatient.close)
            hurried = replace(runtime, database=impatient)
            yield Place(name, here, url, box, directory, environ, self._receivers, connection, runtime, hurried)

    async def build(self, name: str, make: Callable[[Place], Awaitable[dict[str, Any]]]) -> World:
        """Build a world in an empty place, and keep it to be copied."""
        async with self.place(None) as place:
            names = await make(place)
            stripe = Storage(self.directory / f"stripe-{name}")
            place.box.storage.connection.backup(stripe.connection)
            known = await learn(place.connection, stripe)
            database = place.url.rpartition("/")[2]
        await self._administer(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")
        return World(database, stripe, known, names)

    def start(self, place: Place, act: Act, stop_at: int | None, number: int, *, short_leases: bool = False) -> Running:
        """Start an act in a process of its own."""
        task = Task(act, place.directory, place.environ, stop_at, number, short_leases)
        process = _PROCESSES.Process(target=perform, args=(task,), daemon=True)
        process.start()
        return Running(task, process)

    def _environ(self, name: str, url: str, base: str, directory: Path) -> dict[str, str]:
        return {
            "DATABASE_URL": url, "STRIPE_API_KEY": KEY, "STRIPE_API_BASE": base, "STRIPE_WEBHOOK_SECRET": SECRET,
            "CHECKOUT_PUBLIC_URL": "http://127.0.0.1:9", "CHECKOUT_STATE_DIR": str(directory / "state"),
            "CHECKOUT_SMTP_URL": self._receivers.smtp_url, "CHECKOUT_MAIL_FROM": f"shop@{name}.example.com",
            "CHECKOUT_ALERT_TO": "operator@example.com", "CHECKOUT_AUDIT_ANCHOR": str(directory / "anchors"),
            "CHECKOUT_SHOP_WEBHOOK_URL": f"{self._receivers.url}/{name}", "CHECKOUT_SHOP_WEBHOOK_SECRET": SHOP_SECRET,
        }  # fmt: skip

    async def _copy(self, name: str, world: World) -> str:
        await self._administer(f"CREATE DATABASE {name} TEMPLATE {world.database} STRATEGY file_copy")
        return f"{self._server}/{name}"

    async def _administer(self, statement: str) -> None:
        async with self._copying:
            admin = await asyncpg.connect(f"{self._server}/postgres")
            await admin.execute(statement)
            await admin.close()


@asynccontextmanager
async def open_yard(cluster: Cluster, directory: Path, at_once: int) -> AsyncIterator[Yard]:
    """Start what all places share, for this many acts at once."""
    async with AsyncExitStack() as stack:
        receivers = Receivers()
        app = web.Application()
        app.router.add_post("/{place}", receivers.take)
        receivers.url = await _serve(stack, app)
        controller = Controller(receivers, hostname="127.0.0.1", port=free_port())
        controller.start()
        stack.callback(controller.stop)
        receivers.smtp_url = f"smtp://127.0.0.1:{controller.port}"
        url = await asyncio.to_thread(cluster.take_empty)
        yard = Yard(cluster, directory, receivers, url.rpartition("/")[0])
        for number in range(at_once):
            settings = SandboxSettings(state_dir=directory / f"stripe-{number}", port=0, settle_seconds=0.0)
            app = create_app(settings)
            yard.add_stripe(await _serve(stack, app), app[BOX])
        yield yard


async def _serve(stack: AsyncExitStack, app: web.Application) -> str:
    server = TestServer(app)
    await server.start_server()
    stack.push_async_callback(server.close)
    return str(server.make_url("")).rstrip("/")
