"""The programs of the simulated world: daemons, the offline Stripe, the shop's own system and a mail server."""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohappyeyeballs
from aiohttp import web

from checkout_daemon.app import create_app
from checkout_daemon.sandbox.app import BOX
from checkout_daemon.sandbox.app import create_app as create_stripe
from checkout_daemon.sandbox.box import Box, SandboxSettings
from checkout_daemon.sandbox.webhooks.sending import Sender, Sent
from checkout_daemon.settings import load_settings
from checkout_daemon.web.server import ShopRunner
from checkout_daemon.worker import ANSWER_SECONDS, KEEP_ALIVE_SECONDS, LINGER_SECONDS, WebhookSecrets, load_jobs
from tests.faults.simulation.loop import Process, SimulatedLoop
from tests.faults.simulation.network import Network, Socket

SHOP_PORT, STRIPE_PORT, SYSTEM_PORT, MAIL_PORT = 8000, 12111, 9000, 2525
_LONGEST_TAKING_SECONDS = 1.5
"""So long the shop's system may work on a message before it answers."""
_MESSAGE_ID = re.compile(rb"^Message-ID: <([^@>]+)@", re.MULTILINE | re.IGNORECASE)


async def _start_connection(addr_infos: Any, **_: Any) -> Socket:
    """Leave connecting to the loop, which then gets this in place of a connected socket."""
    return Socket(addr_infos[0][4][1])


aiohappyeyeballs.start_connection = _start_connection  # type: ignore[assignment]


@dataclass
class Daemon:
    """A daemon with its jobs, on a machine of its own. It may die and be started again."""

    network: Network
    name: str
    directory: Path
    environ: Mapping[str, str]
    process: Process
    starts: int = 0
    runner: ShopRunner | None = None

    @property
    def alive(self) -> bool:
        return not self.process.dead

    def start(self) -> None:
        """Start the program, as a new process if it has died."""
        if self.starts:
            skew = self.process.skew
            self.process = self.network.loop.process(self.name)
            self.process.skew = skew
        self.starts += 1
        self.network.loop.start(self.process, self._serve(self.process))

    async def _serve(self, process: Process) -> None:
        settings = load_settings(dict(self.environ), cwd=self.directory)
        app = create_app(settings, webhook_secrets=WebhookSecrets(settings), jobs=load_jobs)
        self.runner = ShopRunner(
            app,
            access_log=None,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            lingering_time=LINGER_SECONDS,
            shutdown_timeout=ANSWER_SECONDS,
        )
        await self.runner.setup()
        assert self.runner.server is not None
        self.network.listen(SHOP_PORT, process, self.runner.server)

    async def stop(self) -> None:
        """Stop as after SIGTERM: what is under way is answered first."""
        process, runner = self.process, self.runner
        if runner is not None and not process.dead:
            await asyncio.wait([self.network.loop.start(process, runner.cleanup())], timeout=15)
        self.network.loop.kill(process)


@dataclass
class Stripe:
    """The offline Stripe. Its clock is that of its process."""

    process: Process
    box: Box
    answered_too_early: list[str]

    def every(self, kind: str) -> list[dict[str, Any]]:
        """Return every object of a type, without asking over the network."""
        return [stored.body for stored in self.box.storage.select(kind, ascending=True)]

    def column(self, question: str) -> list[Any]:
        """Return the first column of a question to its storage."""
        return [row[0] for row in self.box.storage.connection.execute(question)]


def _answered_too_early(network: Network, result: Sent, event: str) -> str | None:
    """Return what is wrong if a delivery was accepted and its event is not stored at that moment."""
    if result.status is None or not 200 <= result.status < 300:
        return None
    stored = network.postgres.monitor.rows(f"SELECT FROM stripe_events WHERE id = '{event}'")
    return None if stored else f"event {event} was answered with {result.status} and is not stored"


async def start_stripe(network: Network, directory: Path, settle_seconds: float) -> Stripe:
    """Start the offline Stripe. A bank debit takes `settle_seconds`."""
    process = network.loop.process("stripe")
    too_early: list[str] = []
    post = Sender._post

    async def checked(sender: Sender, url: str, payload: str, headers: dict[str, str]) -> Sent:
        result = await post(sender, url, payload, headers)
        if (fault := _answered_too_early(network, result, json.loads(payload)["id"])) is not None:
            too_early.append(fault)
        return result

    Sender._post = checked  # type: ignore[method-assign, assignment]

    async def serve() -> Box:
        app = create_stripe(SandboxSettings(state_dir=directory, port=STRIPE_PORT, settle_seconds=settle_seconds))
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        app[BOX].base_url = f"http://127.0.0.1:{STRIPE_PORT}"
        assert runner.server is not None
        network.listen(STRIPE_PORT, process, runner.server)
        app[BOX].storage.connection.execute("PRAGMA synchronous = OFF")
        return app[BOX]

    return Stripe(process, await network.loop.start(process, serve()), too_early)


@dataclass
class Received:
    """What the shop's system and the customers' mailboxes received: when each message came, by its id."""

    loop: SimulatedLoop
    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    subjects: dict[tuple[str, ...], set[str]] = field(default_factory=lambda: defaultdict(set))
    """The ids under which a thing that happens once to an order was announced."""
    refusing: float = 0.0
    """The share of messages that are refused, or taken without an answer."""

    def take(self, message_id: str) -> None:
        """Note a message."""
        self.loop.note("received", message_id)
        self.times[message_id].append(self.loop.time())


async def start_system(network: Network, received: Received) -> None:
    """Start the shop's own system, which takes webhooks."""
    process = network.loop.process("system")

    async def take(request: web.Request) -> web.Response:
        body = await request.json()
        await asyncio.sleep(network.random.uniform(0.0, _LONGEST_TAKING_SECONDS))
        refused = network.strikes(received.refusing)
        if refused and network.random.random() < 0.5:
            return web.Response(status=500)
        message_id = request.headers["webhook-id"]
        received.take(message_id)
        data = body["data"]
        if (order := data.get("order")) is not None:
            attention = data.get("attention", {})
            subject = data.get("refund", {}).get("id") or data.get("session_id")
            subject = subject or f"{attention.get('code')} {attention.get('subject')}"
            received.subjects[body["type"], order["id"], subject].add(message_id)
        if refused:
            await asyncio.sleep(60)
        return web.Response(status=204)

    async def serve() -> None:
        app = web.Application()
        app.router.add_post("/hook", take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        assert runner.server is not None
        network.listen(SYSTEM_PORT, process, runner.server)

    await network.loop.start(process, serve())


class _Mailbox(asyncio.Protocol):
    """One conversation with the mail server: just enough of SMTP."""

    def __init__(self, network: Network, received: Received) -> None:
        self._network = network
        self._received = received
        self._buffer = b""
        self._in_data = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(b"220 mail.example ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            mark = b"\r\n.\r\n" if self._in_data else b"\r\n"
            part, found, rest = self._buffer.partition(mark)
            if not found:
                return
            self._buffer = rest
            if self._in_data:
                self._in_data = False
                self._mail(part)
            else:
                self._command(part.upper())

    def _command(self, line: bytes) -> None:
        if line.startswith(b"DATA"):
            self._in_data = True
            self._transport.write(b"354 go on\r\n")
        elif line.startswith(b"QUIT"):
            self._transport.write(b"221 bye\r\n")
            self._transport.close()
        else:
            self._transport.write(b"250 mail.example\r\n")

    def _mail(self, content: bytes) -> None:
        refused = self._network.strikes(self._received.refusing)
        if refused and self._network.random.random() < 0.5:
            self._transport.write(b"451 later\r\n")
            return
        found = _MESSAGE_ID.search(content)
        assert found is not None, content[:300]
        self._received.take(found[1].decode())
        if not refused:
            self._transport.write(b"250 taken\r\n")


def start_mail(network: Network, received: Received) -> None:
    """Start the mail server."""
    network.listen(MAIL_PORT, network.loop.process("mail"), lambda: _Mailbox(network, received))
