"""`checkout listen`, with the official Stripe CLI and a running demo whose endpoint at Stripe is disabled."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import stat
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from tests.support.commands import Ran, run_command, start_command
from tests.support.dev import running_dev
from tests.support.serving import until
from tests.support.shop import Shop

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECONDS = 30.0
OTHER = "whsec_of_something_else"


class Listening:
    """A running `checkout listen`: its output and its messages, as they arrive."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.out: list[str] = []
        self.err: list[str] = []
        self._changed = asyncio.Condition()
        streams = ((process.stdout, self.out), (process.stderr, self.err))
        self._readers = [asyncio.create_task(self._read(stream, lines)) for stream, lines in streams]

    async def _read(self, stream: asyncio.StreamReader | None, lines: list[str]) -> None:
        assert stream is not None
        while line := await stream.readline():
            async with self._changed:
                lines.append(line.decode().rstrip())
                self._changed.notify_all()

    async def until(self, holds: Callable[[], Any]) -> None:
        try:
            async with asyncio.timeout(SECONDS), self._changed:
                await self._changed.wait_for(holds)
        except TimeoutError as error:
            raise AssertionError(f"it did not come; stdout: {self.out}; stderr: {self.err}") from error

    async def reports(self, words: str) -> None:
        await self.until(lambda: any(words in line for line in self.err))

    async def prints(self, *words: str) -> None:
        """Wait for a line that has all of these."""
        await self.until(lambda: any(all(word in line for word in words) for line in self.out))

    def cli(self) -> psutil.Process:
        """Return the process of its Stripe CLI."""
        [child] = psutil.Process(self.process.pid).children()
        return child

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(SECONDS):
            await asyncio.gather(*self._readers)
            return await self.process.wait()


@pytest.fixture(scope="module")
async def shop() -> AsyncIterator[Shop]:
    """The environment has another secret, which must not hide the one that is added."""
    state_dir = Path(tempfile.mkdtemp(prefix="checkout-listen-"))
    state_dir.chmod(0o755)
    async with (
        running_dev(state_dir, env={"STRIPE_WEBHOOK_SECRET": OTHER}) as dev,
        aiohttp.ClientSession() as http,
    ):
        shop = Shop(dev, http)
        endpoint = json.loads((state_dir / "endpoint.json").read_text())["id"]
        await shop.stripe("POST", f"/v1/webhook_endpoints/{endpoint}", {"disabled": "true"})
        yield shop
    shutil.rmtree(state_dir)


@asynccontextmanager
async def listening(shop: Shop, *options: str, **settings: str) -> AsyncIterator[Listening]:
    """Start `checkout listen`, wait until it is ready, and end it with its CLI."""
    found = Listening(await start_command(shop.dev, "listen", *options, **settings))
    try:
        await found.reports("Listening for")
        yield found
    finally:
        await found.stop()


async def print_secret(shop: Shop) -> str:
    """Return the secret as the CLI reads it."""
    form = {"device_name": "test", "websocket_features[]": "webhooks"}
    status, session = await shop.stripe("POST", "/v1/stripecli/sessions", form)
    assert status == 200, session
    return str(session["secret"])


async def test_events_come_through_the_cli_once_its_secret_is_known(shop: Shop) -> None:
    dev_env = shop.dev.state_dir / "dev.env"
    secret = await print_secret(shop)
    async with listening(shop, "--check", "60") as listen:
        order = await shop.check_out()
        ran = await run_command(shop.dev, "trigger", "checkout.session.completed", "--order", order["number"], "--json")
        assert ran.code == 0, ran.err
        for line in ran.lines:
            await listen.prints(f"{line['type']} {line['id']} -> 200")
        assert shop.dev.env["STRIPE_WEBHOOK_SECRET"].split(",")[1:] == [secret]
        assert stat.S_IMODE(dev_env.stat().st_mode) == 0o600
        assert secret not in "\n".join(listen.err + listen.out)
        child = listen.cli()
        assert await listen.stop(signal.SIGINT) == 0
        assert not child.is_running()
    async with listening(shop) as again:
        assert await again.stop() == 0
    assert shop.dev.env["STRIPE_WEBHOOK_SECRET"].count(secret) == 1


async def test_a_cli_that_ends_is_started_again_and_what_it_missed_is_fetched(shop: Shop) -> None:
    async with listening(shop, "--json") as listen:
        order = await shop.check_out()
        first = listen.cli()
        first.kill()
        await shop.stripe("POST", f"/v1/checkout/sessions/{order['session_id']}/expire")
        await listen.reports("`stripe listen` ended")
        await listen.prints('"type":"checkout.session.expired"')
        await shop.becomes(order, "expired")
        lines = [json.loads(line) for line in listen.out]
        assert all(list(event) == ["id", "type", "how", "status", "outcome"] for event in lines)
        assert ("fetched", None, "applied") in [(event["how"], event["status"], event["outcome"]) for event in lines]
        assert listen.cli().pid != first.pid


async def test_a_silent_cli_is_noticed_and_replaced(shop: Shop) -> None:
    async with listening(shop, "--check", "0.5") as listen:
        silent = listen.cli()
        silent.suspend()
        first, second = await shop.check_out(), await shop.check_out()
        await shop.stripe("POST", f"/v1/checkout/sessions/{first['session_id']}/expire")
        await listen.prints("checkout.session.expired", "fetched, applied")
        # What is missing just after its start may be older than that, and is not held against it; this is not.
        await shop.stripe("POST", f"/v1/checkout/sessions/{second['session_id']}/expire")
        await listen.until(lambda: sum("checkout.session.expired" in line for line in listen.out) == 2)
        await listen.reports("was silent")
        await shop.becomes(second, "expired")
        await listen.until(lambda: sum("Listening for" in line for line in listen.err) == 2)
        assert not silent.is_running()


async def test_what_the_daemon_could_not_take_is_fetched(shop: Shop) -> None:
    async with listening(shop, "--check", "0.5", "--forward-to", "http://127.0.0.1:9/api/webhook") as listen:
        order = await shop.check_out()
        await shop.stripe("POST", f"/v1/checkout/sessions/{order['session_id']}/expire")
        await listen.reports("connection refused")
        await listen.prints("checkout.session.expired", "fetched, applied")
        assert not any("was silent" in line for line in listen.err)


async def test_a_secret_that_is_lost_from_the_settings_is_put_back(shop: Shop) -> None:
    dev_env, secret = shop.dev.state_dir / "dev.env", await print_secret(shop)
    async with listening(shop, "--check", "0.2", "--json"):
        without = dev_env.with_name("dev.env.new")
        without.touch(0o600)
        without.write_text(dev_env.read_text().replace(f",{secret}", ""))
        without.replace(dev_env)
        await until(lambda: secret in shop.dev.env["STRIPE_WEBHOOK_SECRET"])


async def test_an_event_is_sent_again_to_whoever_listens(shop: Shop) -> None:
    order = await shop.check_out()
    await shop.stripe("POST", f"/v1/checkout/sessions/{order['session_id']}/expire")
    _, listed = await shop.stripe("GET", "/v1/events?type=checkout.session.expired&limit=1")
    event = listed["data"][0]["id"]
    async with listening(shop, "--check", "60") as listen:
        await listen.prints(event, "fetched")
        ran = await run_command(shop.dev, "events", "resend", event, "--json")
        assert ran.code == 0, ran.err
        await listen.prints(event, "-> 200")


async def test_without_a_state_directory_the_line_to_set_is_printed(shop: Shop, tmp_path: Path) -> None:
    secret, env = await print_secret(shop), shop.dev.env
    settings = {
        "STRIPE_API_KEY": env["STRIPE_API_KEY"],
        "STRIPE_API_BASE": env["STRIPE_API_BASE"].replace("127.0.0.1", "localhost"),
        "DATABASE_URL": env["DATABASE_URL"],
        "CHECKOUT_STATE_DIR": str(tmp_path / "none"),
    }
    ran: Ran = await run_command(shop.dev, "listen", STRIPE_WEBHOOK_SECRET=OTHER, **settings)
    assert (ran.code, ran.out) == (1, f"STRIPE_WEBHOOK_SECRET={OTHER},{secret}\n")
    assert "lacks the secret" in ran.err
    async with listening(shop, STRIPE_WEBHOOK_SECRET=f"{OTHER},{secret}", **settings) as knows:
        assert await knows.stop() == 0


async def test_what_is_no_url_is_a_usage_error(shop: Shop) -> None:
    assert (await run_command(shop.dev, "listen", "--forward-to", "8000")).code == 2


async def test_a_stripe_that_does_not_answer_is_exit_5(shop: Shop) -> None:
    ran = await run_command(shop.dev, "listen", **shop.dev.env | {"STRIPE_API_BASE": "http://127.0.0.1:9"})
    assert (ran.code, ran.out) == (5, "")
