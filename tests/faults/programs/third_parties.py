"""Run dj-stripe, stripe-sync-engine and seven majors of the Node SDK against the offline Stripe."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sqlite3
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import AsyncIterator, Awaitable, Collection, Iterable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import stripe

from checkout_daemon.dev.ports import free_port
from checkout_daemon.dev.postgres import EmbeddedPostgres
from tests.faults.programs.seed import MANY, seed
from tests.faults.report import MissingPackage, Options, Part, Result

KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dcOffline"
_HERE = Path(__file__).parent
_PROJECT = _HERE / "djstripe_project.py"
_NODE_MAJORS = range(17, 24)
_NOT_MODELLED = frozenset(
    (
        *("AccountV2", "SubscriptionItem", "TaxCode", "TaxId", "ApplicationFee", "ApplicationFeeRefund", "CountrySpec"),
        *("File", "FileLink", "ActiveEntitlement", "VerificationReport", "IssuingDispute", "EarlyFraudWarning"),
        "Review",
    )
)
"""What dj-stripe also requests, and the offline Stripe refuses in words."""
_DELIVERED_SECONDS = 120.0


class Failed(Exception):
    """A program did not do what it does with Stripe; the message names it and has its output."""


async def run(
    *command: object,
    environ: dict[str, str] | None = None,
    cwd: Path | None = None,
    program: str,
    codes: Collection[int] = (0,),
) -> str:
    """Run a program to its end and return what it printed. Raises Failed for other exit codes."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command), env=os.environ | (environ or {}), cwd=cwd, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT
    )
    printed, _ = await process.communicate()
    if process.returncode not in codes:
        raise Failed(f"{program} ended with {process.returncode}:\n{printed.decode()[-3000:]}")
    return printed.decode()


@asynccontextmanager
async def running_sandbox(directory: Path) -> AsyncIterator[str]:
    """Start the offline Stripe and give its base URL."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "checkout_daemon",
        "sandbox",
        "--port",
        "0",
        "--state-dir",
        str(directory),
        stdout=PIPE,
    )
    assert process.stdout is not None
    try:
        line = (await process.stdout.readline()).decode()
        yield line.split()[-1]
    finally:
        process.terminate()
        await process.wait()


async def sync_models(base: str, folder: Path, directory: Path) -> None:
    """Have dj-stripe load every kind of object, and compare the subscriptions with what Stripe holds."""
    environ = _djstripe_environ(base, directory)
    python = folder / "venv" / "bin" / "python"
    await run(python, _PROJECT, "migrate", "-v0", environ=environ, program="dj-stripe migrate")
    keep_key = f"from djstripe.models import APIKey; APIKey.objects.get_or_create_by_api_key({KEY!r})"
    await run(python, _PROJECT, "shell", "-c", keep_key, environ=environ, program="dj-stripe key")
    printed = await run(
        python, _PROJECT, "djstripe_sync_models", environ=environ, program="djstripe_sync_models", codes=(0, 1)
    )
    failed = set(re.findall(r"^ +\d+ (\w+) object\(s\) failed|^Failed syncing (\w+)", printed, re.MULTILINE))
    if wrong := {name for pair in failed for name in pair if name} - _NOT_MODELLED:
        raise Failed(f"djstripe_sync_models failed for {sorted(wrong)}:\n{printed[-3000:]}")
    counted = _count(directory, "djstripe_subscription", "djstripe_invoice", "djstripe_charge")
    _expect("dj-stripe", counted, {"djstripe_subscription": MANY + 1, "djstripe_invoice": MANY + 3})


async def receive_webhooks(base: str, folder: Path, directory: Path, stripe_state: Path) -> None:
    """Have dj-stripe take every event of another seeding, each answered with 200."""
    environ = _djstripe_environ(base, directory)
    python = folder / "venv" / "bin" / "python"
    port = free_port()
    client = _client(base)
    # dj-stripe knows an endpoint by a UUID in its address.
    mark = "7b1e8a52-5a63-4a35-9a0e-3a3c4e6b1f10"
    endpoint: Any = client.v1.webhook_endpoints.create(
        {"url": f"http://127.0.0.1:{port}/stripe/webhook/{mark}/", "enabled_events": ["*"]}
    )
    keep = (
        "from djstripe.models import WebhookEndpoint; WebhookEndpoint.objects.create("
        f"djstripe_uuid={mark!r}, id={endpoint.id!r}, secret={endpoint.secret!r}, url={endpoint.url!r}, "
        "livemode=False, enabled_events=['*'], status='enabled', api_version='2026-10-28.endive')"
    )
    await run(python, _PROJECT, "shell", "-c", keep, environ=environ, program="dj-stripe endpoint")
    log = (directory / "runserver.log").open("wb")
    server = await asyncio.create_subprocess_exec(
        str(python), str(_PROJECT), "runserver", "--noreload", f"127.0.0.1:{port}",
        env=os.environ | environ, stdin=DEVNULL, stdout=log, stderr=log,
    )  # fmt: skip
    try:
        await _answering(port)
        await asyncio.to_thread(seed, client)
        await _delivered(stripe_state)
    finally:
        server.terminate()
        await server.wait()
        log.close()
    client.v1.webhook_endpoints.delete(endpoint.id)


async def sync_engine(base: str, folder: Path, directory: Path) -> None:
    """Have stripe-sync-engine load every kind of object into a PostgreSQL."""
    postgres = EmbeddedPostgres(directory)
    await postgres.start()
    try:
        database = await asyncpg.connect(postgres.url())
        await database.execute("CREATE ROLE postgres SUPERUSER")  # its migrations name that owner
        await database.close()
        node = folder / "node"
        printed = await run(
            "node", _HERE / "sync_engine.mjs", node, base, postgres.url(), KEY, cwd=node, program="stripe-sync-engine"
        )
    finally:
        await postgres.stop()
    report = json.loads(printed.splitlines()[-1])
    if report["failed"]:
        raise Failed(f"stripe-sync-engine: {report['failed']}")
    _expect("stripe-sync-engine", report["rows"], {"subscriptions": 2 * (MANY + 1), "subscription_items": 2 * MANY})


async def node_sdks(base: str, folder: Path) -> None:
    """Sell something with each major of the official Node SDK."""
    for major in _NODE_MAJORS:
        program = f"stripe-node {major}"
        await run("node", _HERE / "stripe_node.mjs", folder / "node", base, KEY, major, program=program)


def _expect(program: str, counted: dict[str, int], least: dict[str, int]) -> None:
    for table, number in least.items():
        if counted[table] < number:
            raise Failed(f"{program} loaded {counted[table]} rows of {table}, Stripe holds at least {number}")


def _count(directory: Path, *tables: str) -> dict[str, int]:
    with closing(sqlite3.connect(directory / "dj.sqlite3")) as database:
        return {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


def _djstripe_environ(base: str, directory: Path) -> dict[str, str]:
    return {
        "STRIPE_API_HOST": base,
        "STRIPE_API_KEY": KEY,
        "DJ_STATE": str(directory),
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }


def _client(base: str) -> stripe.StripeClient:
    return stripe.StripeClient(KEY, base_addresses={"api": base}, max_network_retries=2)


async def _answering(port: int) -> None:
    async with asyncio.timeout(60), aiohttp.ClientSession() as http:
        while True:
            try:
                async with http.get(f"http://127.0.0.1:{port}/"):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)


async def _delivered(stripe_state: Path) -> None:
    """Wait until every event is delivered. Raises Failed for one that was refused."""
    with closing(sqlite3.connect(stripe_state / "sandbox.sqlite3")) as storage:
        async with asyncio.timeout(_DELIVERED_SECONDS):
            while True:
                refused = storage.execute(
                    "SELECT DISTINCT d.event, a.status, a.error FROM attempts a JOIN deliveries d ON d.id = a.delivery "
                    "WHERE a.status IS NULL OR a.status >= 400"
                ).fetchall()
                if refused:
                    raise Failed(f"dj-stripe refused {len(refused)} events: {_described(storage, refused[:10])}")
                waiting = storage.execute("SELECT count(*) FROM deliveries WHERE next_at IS NOT NULL").fetchone()[0]
                if not waiting:
                    return
                await asyncio.sleep(0.2)


def _described(storage: sqlite3.Connection, refused: Iterable[tuple[Any, ...]]) -> str:
    types = []
    for event, status, error in refused:
        found = storage.execute("SELECT json_extract(body, '$.type') FROM objects WHERE id = ?", (event,)).fetchone()
        types.append(f"{found and found[0]} -> {status or error}")
    return "; ".join(types)


async def run_all(options: Options) -> list[Result]:
    """Run all of them against one offline Stripe. Raise MissingPackage if they are not installed."""
    for needed in ("venv", "node"):
        if not (options.folder / needed).is_dir():
            raise MissingPackage(f"{options.folder / needed} was not found: `make faults` installs the programs there")
    folder, directory, results = options.folder, options.directory, []
    for name in ("stripe", "dj", "sync"):
        (directory / name).mkdir(mode=0o755)
    async with running_sandbox(directory / "stripe") as base:
        await asyncio.to_thread(seed, _client(base))
        programs: tuple[tuple[str, Awaitable[None]], ...] = (
            ("dj-stripe loads all", sync_models(base, folder, directory / "dj")),
            (
                "dj-stripe takes webhooks",
                receive_webhooks(base, folder, directory / "dj", directory / "stripe"),
            ),
            ("stripe-sync-engine loads all", sync_engine(base, folder, directory / "sync")),
            ("stripe-node 17 to 23 sell", node_sdks(base, folder)),
        )
        for name, program in programs:
            try:
                await program
                results.append(Result(name))
            except Failed as fault:
                results.append(Result(name, differences=(str(fault),)))
    return results


PART = Part("programs", "dj-stripe, stripe-sync-engine and stripe-node against the offline Stripe", run_all)
