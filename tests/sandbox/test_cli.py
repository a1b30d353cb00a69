"""The official Stripe CLI against the sandbox: measured behavior, pinned to the CLI's version."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import stripe
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from checkout_daemon.sandbox.app import BOX, create_app
from checkout_daemon.sandbox.main import SandboxSettings
from tests.sandbox.conftest import Receiver, wait_for
from tests.support.serving import until
from tests.support.stripe_cli import run_cli, start_cli, stop_cli

PINNED = json.loads((Path(__file__).parents[2] / "frontend/package.json").read_text())["devDependencies"]["@stripe/cli"]
TRIGGERS = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "charge.succeeded",
    "charge.refunded",
    "charge.dispute.created",
    "payment_intent.payment_failed",
)
READY = re.compile(r"signing secret is (whsec_\w+)")


@pytest.fixture
def base(server: TestServer) -> str:
    return str(server.make_url(""))


@asynccontextmanager
async def listening(base: str, config_dir: Path, receiver: Receiver, *more: str) -> AsyncIterator[str]:
    """Start `stripe listen`, wait until it is ready, and yield its secret."""
    forward = ["--forward-to", receiver.url]
    process = await start_cli(
        "listen", "-s", *(more or ("--all-snapshot",)), *forward, base=base, config_dir=config_dir
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(15):
            while not (ready := READY.search((await process.stderr.readline()).decode())):
                assert process.returncode is None
        yield ready[1]
    finally:
        assert await stop_cli(process) in (0, 2)  # 2: under load this version panics now and then while it ends


def verified(receiver: Receiver, secret: str) -> list[str]:
    """Return the types of the deliveries, each verified by Stripe's own library."""
    return [
        stripe.Webhook.construct_event(body, headers["Stripe-Signature"], secret).type for headers, body in receiver.got
    ]


async def test_this_is_the_version_all_of_it_was_measured_with(tmp_path: Path) -> None:
    ran = await run_cli("--version", base="", config_dir=tmp_path)
    assert ran.stdout.split()[-1] == PINNED


@pytest.mark.parametrize("event", TRIGGERS)
async def test_a_trigger_makes_its_event(event: str, base: str, client: stripe.StripeClient, tmp_path: Path) -> None:
    ran = await run_cli("trigger", event, base=base, config_dir=tmp_path)
    assert ran.code == 0, ran.stderr
    assert "Trigger succeeded" in ran.stdout
    made = await wait_for(client, event)
    assert made.type == event


async def test_listen_forwards_what_happens_signed_for_the_secret_that_it_prints(
    base: str, receiver: Receiver, tmp_path: Path
) -> None:
    printed = await run_cli("listen", "--print-secret", base=base, config_dir=tmp_path)
    async with listening(base, tmp_path, receiver) as secret:
        assert printed.stdout.strip() == secret
        ran = await run_cli("trigger", "checkout.session.completed", base=base, config_dir=tmp_path)
        assert ran.code == 0, ran.stderr
        await receiver.wait(6, 5)
        assert sorted(verified(receiver, secret)) == [
            "charge.succeeded",
            "checkout.session.completed",
            "payment_intent.created",
            "payment_intent.succeeded",
            "price.created",
            "product.created",
        ]


@pytest.mark.parametrize("version", [(), ("--latest",)], ids=["default version", "latest version"])
async def test_listen_forwards_only_the_types_it_was_asked_for(
    base: str, receiver: Receiver, tmp_path: Path, version: tuple[str, ...]
) -> None:
    types = "charge.succeeded,charge.refunded"
    async with listening(base, tmp_path, receiver, "--events", types, *version) as secret:
        await run_cli("trigger", "charge.refunded", base=base, config_dir=tmp_path)
        await receiver.wait(2, 5)
    assert sorted(verified(receiver, secret)) == ["charge.refunded", "charge.succeeded"]


async def test_what_listen_does_not_forward_holds_nothing_up(
    base: str, receiver: Receiver, client: stripe.StripeClient, tmp_path: Path
) -> None:
    async with listening(base, tmp_path, receiver, "--events", "charge.succeeded"), asyncio.timeout(20):
        for _ in range(40):
            await client.v1.customers.create_async()
        await run_cli("trigger", "charge.succeeded", base=base, config_dir=tmp_path)
        await receiver.wait(1, 10)
        await client.raw_request_async("post", "/sandbox/clock", advance=1)


async def test_listen_without_an_address_shows_everything_and_holds_nothing_up(
    base: str, server: TestServer, client: stripe.StripeClient, tmp_path: Path
) -> None:
    process = await start_cli("listen", "-s", "--all-snapshot", "--format", "JSON", base=base, config_dir=tmp_path)
    assert process.stdout is not None
    try:
        await until(lambda: bool(server.app[BOX].sockets))
        made = {(await client.v1.customers.create_async()).id for _ in range(40)}
        async with asyncio.timeout(20):
            while made:
                if line := (await process.stdout.readline()).strip():
                    made.discard(json.loads(line)["data"]["object"]["id"])
            await client.raw_request_async("post", "/sandbox/clock", advance=1)
    finally:
        await stop_cli(process)
    states = server.app[BOX].storage.connection.execute("SELECT DISTINCT state FROM deliveries").fetchall()
    assert states == [("delivered",)]


async def test_an_event_is_sent_again_with_the_same_id_and_a_fresh_signature(
    base: str, receiver: Receiver, client: stripe.StripeClient, tmp_path: Path
) -> None:
    await run_cli("trigger", "payment_intent.created", base=base, config_dir=tmp_path)
    event = await wait_for(client, "payment_intent.created")
    async with listening(base, tmp_path, receiver) as secret:
        ran = await run_cli("events", "resend", event.id, base=base, config_dir=tmp_path)
        assert json.loads(ran.stdout)["id"] == event.id
        await receiver.wait(1, 5)
    assert verified(receiver, secret) == ["payment_intent.created"]
    assert json.loads(receiver.got[0][1])["id"] == event.id


async def test_an_event_is_resent_to_one_endpoint(
    base: str, receiver: Receiver, client: stripe.StripeClient, tmp_path: Path
) -> None:
    params: stripe.params.WebhookEndpointCreateParams = {
        "url": receiver.url,
        "enabled_events": ["payment_intent.created"],
    }
    endpoint = await client.v1.webhook_endpoints.create_async(params=params)
    await run_cli("trigger", "payment_intent.created", base=base, config_dir=tmp_path)
    await receiver.wait(1, 5)
    event = await wait_for(client, "payment_intent.created")
    ran = await run_cli("events", "resend", event.id, "--webhook-endpoint", endpoint.id, base=base, config_dir=tmp_path)
    assert ran.code == 0, ran.stderr
    await receiver.wait(2, 5)


async def test_a_dead_program_behind_listen_is_recorded_and_the_next_event_still_comes(
    base: str, server: TestServer, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.answers = [500]
    async with listening(base, tmp_path, receiver, "--events", "charge.succeeded"):
        await run_cli("trigger", "charge.succeeded", base=base, config_dir=tmp_path)
        await receiver.wait(1, 5)
        await run_cli("trigger", "charge.succeeded", base=base, config_dir=tmp_path)
        await receiver.wait(2, 5)
        storage = server.app[BOX].storage
        query = "SELECT status FROM attempts WHERE status IS NOT NULL ORDER BY id"
        await until(lambda: [row[0] for row in storage.connection.execute(query)] == [500, 200])


async def test_events_are_listed_retrieved_and_expanded(base: str, client: stripe.StripeClient, tmp_path: Path) -> None:
    await run_cli("trigger", "checkout.session.completed", base=base, config_dir=tmp_path)
    event = await wait_for(client, "checkout.session.completed")
    listed = await run_cli("events", "list", "--limit", "1", "--type", event.type, base=base, config_dir=tmp_path)
    assert [item["id"] for item in json.loads(listed.stdout)["data"]] == [event.id]
    for arguments in (("events", "retrieve", event.id), ("get", event.id), ("get", f"/v1/events/{event.id}")):
        ran = await run_cli(*arguments, base=base, config_dir=tmp_path)
        assert json.loads(ran.stdout)["type"] == event.type, arguments
    session = event.data.object["id"]
    ran = await run_cli("get", session, "--expand", "line_items", base=base, config_dir=tmp_path)
    assert json.loads(ran.stdout)["line_items"]["data"][0]["quantity"] == 2


async def test_the_cli_creates_expires_and_posts(base: str, tmp_path: Path) -> None:
    made = await run_cli(
        "checkout", "sessions", "create", "--mode", "payment", "--success-url", "https://shop.example/ok",
        "-d", "line_items[0][quantity]=1", "-d", "line_items[0][price_data][currency]=usd",
        "-d", "line_items[0][price_data][unit_amount]=1999", "-d", "line_items[0][price_data][product_data][name]=Mug",
        base=base, config_dir=tmp_path,
    )  # fmt: skip
    session = json.loads(made.stdout)["id"]
    ran = await run_cli("checkout", "sessions", "expire", session, base=base, config_dir=tmp_path)
    assert json.loads(ran.stdout)["status"] == "expired"
    twice = [
        await run_cli("post", "/v1/products", "-d", "name=Mug", "-i", "one-key", base=base, config_dir=tmp_path)
        for _ in range(2)
    ]
    assert len({json.loads(run.stdout)["id"] for run in twice}) == 1


async def test_logs_tail_shows_requests_and_their_errors_as_filtered(base: str, tmp_path: Path) -> None:
    process = await start_cli(
        "logs", "tail", "--format", "JSON", "--filter-http-method", "POST", base=base, config_dir=tmp_path
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(20):
            while b"Ready" not in await process.stderr.readline():
                assert process.returncode is None
            await run_cli("get", "/v1/balance", base=base, config_dir=tmp_path)
            await run_cli("trigger", "payment_intent.payment_failed", base=base, config_dir=tmp_path)
            while not (text := await process.stdout.readline()).startswith(b"{"):
                assert process.returncode is None
            line = json.loads(text)
    finally:
        await stop_cli(process)
    assert (line["method"], line["url"], line["status"]) == ("POST", "/v1/payment_intents", 402)
    assert line["error"]["code"] == "card_declined"


async def test_events_wait_for_a_listener_that_is_away_also_over_a_restart(
    settings: SandboxSettings, receiver: Receiver, tmp_path: Path
) -> None:
    port = unused_port()
    server = TestServer(create_app(settings), port=port)
    await server.start_server()
    base = f"http://127.0.0.1:{port}"
    async with listening(base, tmp_path, receiver, "--events", "charge.succeeded") as secret:
        await server.close()
        server = TestServer(create_app(settings), port=port)
        await server.start_server()
        try:
            ran = await run_cli("trigger", "charge.succeeded", base=base, config_dir=tmp_path)
            assert ran.code == 0, ran.stderr
            await receiver.wait(1, 15)  # the CLI dials again a second after it lost the sandbox, or ten
        finally:
            await server.close()
    assert verified(receiver, secret) == ["charge.succeeded"]


async def test_everything_goes_through_a_unix_socket_without_an_address(
    settings: SandboxSettings, receiver: Receiver, tmp_path: Path
) -> None:
    with tempfile.TemporaryDirectory() as directory:  # short: the path of a socket has 107 characters at most
        path = f"{directory}/stripe.sock"
        runner = web.AppRunner(create_app(settings))
        await runner.setup()
        await web.UnixSite(runner, path).start()
        try:
            process = await start_cli(
                "listen", "-s", "--events", "charge.succeeded", "--forward-to", receiver.url,
                base="", config_dir=tmp_path, STRIPE_CLI_UNIX_SOCKET=path,
            )  # fmt: skip
            assert process.stderr is not None
            try:
                async with asyncio.timeout(15):
                    while b"Ready" not in await process.stderr.readline():
                        assert process.returncode is None
                ran = await run_cli(
                    "trigger", "charge.succeeded", base="", config_dir=tmp_path, STRIPE_CLI_UNIX_SOCKET=path
                )
                assert ran.code == 0, ran.stderr
                await receiver.wait(1, 5)
            finally:
                await stop_cli(process)
        finally:
            await runner.cleanup()
