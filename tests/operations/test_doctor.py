"""checkout doctor reports what is right, and for each fault the command that fixes it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.clocks import Clocks
from checkout_daemon.database.pool import Database
from checkout_daemon.ledger.event_types import EVENT_TYPES
from checkout_daemon.ledger.own_account import remember_account
from checkout_daemon.operations.doctor import CHECKS, Check, examine
from checkout_daemon.operations.doctor.probes import Probes
from checkout_daemon.operations.doctor.stripe import endpoint_registered
from checkout_daemon.orders.notes import note_order
from checkout_daemon.runtime import Runtime, open_runtime
from checkout_daemon.settings import STRIPE_API_BASE, Settings, load_settings
from checkout_daemon.stripe_api.client import StripeGateway
from checkout_daemon.stripe_cli.program import find_stripe_cli
from checkout_daemon.stripe_sync.backfill import backfill
from checkout_daemon.stripe_sync.endpoint_rules import fingerprint
from tests.support.fixtures import KEY
from tests.support.flaky_stripe import FlakyStripe
from tests.support.orders import add_order

NAMES = [
    "database",
    "schema",
    "clock",
    "key_mode",
    "endpoint",
    "secrets",
    "cli",
    "smtp",
    "disk",
    "dead_letters",
    "backfill",
    "orders",
]
PUBLIC_URL = "https://shop.example"


@pytest.fixture
def settings(runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return the settings of a shop where everything is set up except the endpoint."""
    program = tmp_path / "stripe-cli"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    settings = runtime.settings
    monkeypatch.setenv("STRIPE_CLI", str(program))
    monkeypatch.setenv("STRIPE_API_KEY", KEY)
    monkeypatch.setenv("DATABASE_URL", settings.database_url or "")
    return replace(settings, webhook_secrets=("whsec_1",), public_url=PUBLIC_URL)


@pytest.fixture
async def account(stripe: FlakyStripe) -> AsyncIterator[Account]:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as http:
        yield Account(http, stripe.base)


class Account:
    """Our account at the offline Stripe."""

    def __init__(self, http: aiohttp.ClientSession, base: str) -> None:
        self.http, self.base = http, base

    async def post(self, path: str, *form: tuple[str, str]) -> str:
        """Return the id of the created or changed object."""
        async with self.http.post(f"{self.base}{path}", data=list(form)) as answer:
            body = await answer.json()
            assert answer.status == 200, body
            return str(body["id"])

    async def register(self, *types: str) -> str:
        form = [("url", f"{PUBLIC_URL}/api/webhook"), *(("enabled_events[]", name) for name in types or EVENT_TYPES)]
        return await self.post("/v1/webhook_endpoints", *form)


async def results(settings: Settings) -> dict[str, Check]:
    return {check.check: check async for check in examine(settings)}


async def test_a_shop_without_faults(settings: Settings, account: Account) -> None:
    await account.register()
    checks = await results(settings)
    assert list(checks) == NAMES == list(CHECKS)
    assert [check for check in checks.values() if not check.ok] == []
    assert {check.fix for check in checks.values()} == {None}
    assert "not configured" in checks["smtp"].detail
    assert "whsec_1" not in "".join(check.detail for check in checks.values())


async def test_without_an_endpoint_the_command_that_creates_it_is_named(settings: Settings, account: Account) -> None:
    checks = await results(settings)
    unset = await results(replace(settings, webhook_secrets=()))
    assert (checks["endpoint"].ok, checks["endpoint"].fix) == (False, "checkout webhook create")
    assert (unset["secrets"].ok, unset["secrets"].fix) == (False, "checkout webhook create")


async def test_checkout_listen_replaces_an_endpoint(
    settings: Settings, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    await connection.execute("INSERT INTO cursors (name, value) VALUES ('listen', '{}')")
    listens = (await results(settings))["endpoint"]
    await connection.execute("UPDATE cursors SET updated_at = now() - interval '2 minutes'")
    listened = (await results(settings))["endpoint"]
    await connection.execute("INSERT INTO secret_matches VALUES ('cafecafe', now(), 3, now())")
    delivered = (await results(settings))["endpoint"]
    assert (listens.ok, listened.ok, delivered.ok) == (True, False, True)
    assert ("runs" in listens.detail, "3 in 24 h" in delivered.detail) == (True, True)


async def test_stripe_cannot_reach_this_machine_but_its_cli_can(settings: Settings, stripe: FlakyStripe) -> None:
    """Only the address of the API distinguishes the offline Stripe from the real one."""
    here = replace(settings, public_url="http://localhost:8000")
    probes = Probes(here, None, StripeGateway(KEY, stripe.base), None, "", [], "", Clocks())
    real = replace(here, stripe_api_base=STRIPE_API_BASE)
    endpoint = await endpoint_registered(replace(probes, settings=real))
    assert (endpoint.ok, endpoint.fix) == (False, "checkout listen")
    live = replace(real, stripe_api_key="sk_live_doctor0123456789")
    endpoint = await endpoint_registered(replace(probes, settings=live))
    assert "CHECKOUT_PUBLIC_URL is http://localhost:8000" in endpoint.detail
    assert (endpoint.ok, endpoint.fix) == (False, "export CHECKOUT_PUBLIC_URL=https://YOUR-SHOP")
    assert (await endpoint_registered(probes)).fix == "checkout webhook create"


async def test_an_endpoint_that_lacks_types_names_them(settings: Settings, account: Account) -> None:
    made = await account.register("charge.succeeded")
    endpoint = (await results(settings))["endpoint"]
    await account.post(f"/v1/webhook_endpoints/{made}", *(("enabled_events[]", name) for name in EVENT_TYPES))
    assert not endpoint.ok
    assert f"{made} for {PUBLIC_URL}/api/webhook does not get" in endpoint.detail
    assert "checkout.session.completed" in endpoint.detail
    assert endpoint.fix == "checkout webhook create --update"
    assert (await results(settings))["endpoint"].ok


async def test_an_endpoint_that_stripe_has_disabled_is_a_fault(settings: Settings, account: Account) -> None:
    made = await account.register()
    await account.post(f"/v1/webhook_endpoints/{made}", ("disabled", "true"))
    endpoint = (await results(settings))["endpoint"]
    assert (endpoint.ok, "is disabled" in endpoint.detail) == (False, True)
    assert endpoint.fix == "checkout webhook create --update"


async def test_an_endpoint_of_another_api_version_is_a_fault(settings: Settings, account: Account) -> None:
    form = [("url", f"{PUBLIC_URL}/api/webhook"), ("enabled_events[]", "*"), ("api_version", "2020-08-27")]
    await account.post("/v1/webhook_endpoints", *form)
    endpoint = (await results(settings))["endpoint"]
    assert (endpoint.ok, "2020-08-27" in endpoint.detail) == (False, True)
    assert endpoint.fix == "checkout webhook create --replace"


async def test_secrets_are_listed_with_their_matches_and_include_that_of_the_endpoint(
    settings: Settings, account: Account, connection: asyncpg.Connection
) -> None:
    known = replace(settings, webhook_secrets=("whsec_of_the_dashboard_1", "whsec_of_the_dashboard_2"))
    insert = "INSERT INTO secret_matches VALUES ($1, date_trunc('hour', now()), 7, now())"
    await connection.execute(insert, fingerprint("whsec_of_the_dashboard_2"))
    made = await account.register()
    fits = (await results(known))["secrets"]
    mark = ("metadata[checkout_fingerprint]", fingerprint("whsec_of_nobody_here"))
    await account.post(f"/v1/webhook_endpoints/{made}", mark)
    other = (await results(known))["secrets"]
    await connection.execute(insert, fingerprint("whsec_of_nobody_here"))  # a daemon elsewhere knows it
    elsewhere = (await results(known))["secrets"]
    assert (fits.ok, other.ok, elsewhere.ok) == (True, False, True)
    assert fits.detail == "2 secrets: whsec_…rd_1 matched 0 deliveries, whsec_…rd_2 matched 7 deliveries, in 24 h"
    assert (f"the secret of {made}" in other.detail, other.fix) == (True, "checkout webhook create --replace")


@pytest.mark.parametrize("ahead", ["1h", "0s"])
async def test_a_clock_that_differs_from_stripes_is_a_fault(settings: Settings, account: Account, ahead: str) -> None:
    async with account.http.post(f"{account.base}/sandbox/clock", json={"advance": ahead}) as answer:
        assert answer.status == 200
    clock = (await results(settings))["clock"]
    assert (clock.ok, clock.fix) == ((True, None) if ahead == "0s" else (False, "timedatectl set-ntp true"))
    assert ("nothing is deleted" in clock.detail, len(re.findall("Stripe's", clock.detail))) == ((ahead == "1h",) * 2)


async def test_a_full_disk_is_a_fault(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    roomy = (await results(settings))["disk"]
    monkeypatch.setattr("checkout_daemon.operations.doctor.machine.LEAST_FREE_BYTES", 1 << 62)
    full = (await results(settings))["disk"]
    assert (roomy.ok, full.ok, (full.fix or "").startswith("du -xh /")) == (True, False, True)


async def test_no_stripe_cli_is_a_fault(settings: Settings) -> None:
    cli = (await results(replace(settings, stripe_cli=Path("/nowhere/stripe"))))["cli"]
    assert (cli.ok, "/nowhere/stripe" in cli.detail, cli.fix is not None) == (False, True, True)


async def test_an_endpoint_with_a_wildcard_has_every_type(settings: Settings, account: Account) -> None:
    await account.register("*")
    assert (await results(settings))["endpoint"].ok


async def test_orders_of_the_other_mode_are_a_fault(settings: Settings, connection: asyncpg.Connection) -> None:
    await add_order(connection, livemode=True)
    key_mode = (await results(settings))["key_mode"]
    assert (key_mode.ok, "1001" in key_mode.detail, "sk_live_" in (key_mode.fix or "")) == (False, True, True)


async def test_an_audit_log_that_was_changed_is_a_fault(
    settings: Settings, connection: asyncpg.Connection, database_url: str
) -> None:
    order_id = await add_order(connection)
    database = Database(database_url)
    await note_order(database, order_id, "called", operator=Operator("ada", "shop1"))
    await database.close()
    whole = (await results(settings))["schema"]
    await connection.execute("SET session_replication_role = replica")  # past the triggers
    await connection.execute("UPDATE operator_log SET operator = 'bob'")
    changed = (await results(settings))["schema"]
    assert (whole.ok, "log is intact: 1 entry" in whole.detail) == (True, True)
    assert (changed.ok, f"entry 1 of order {order_id} was changed" in changed.detail) == (False, True)


async def test_dead_events_are_a_fault_and_so_are_failed_ones(
    settings: Settings, connection: asyncpg.Connection
) -> None:
    insert = (
        "INSERT INTO stripe_events (id, type, status, received_at, body_hash)"
        " VALUES ($1, 'charge.succeeded', $2, now(), '')"
    )
    await connection.execute(insert, "evt_1", "failed")
    failed = (await results(settings))["dead_letters"]
    await connection.execute(insert, "evt_2", "dead")
    dead = (await results(settings))["dead_letters"]
    assert (failed.ok, dead.ok) == (False, False)
    assert failed.fix == "checkout events list --status failed"
    assert dead.detail.startswith("1 events dead, 1 failed")
    assert dead.fix == "checkout events replay --status dead"


async def test_events_that_name_an_account_are_a_fault_while_our_account_is_unknown(
    settings: Settings, connection: asyncpg.Connection
) -> None:
    await connection.execute(
        "INSERT INTO stripe_events (id, type, status, reason, received_at, body_hash)"
        " VALUES ('evt_1', 'charge.succeeded', 'ignored', 'other_account', now(), '')"
    )
    unknown = (await results(settings))["key_mode"]
    await remember_account(connection, "acct_ours", livemode=False)
    known = (await results(settings))["key_mode"]
    assert (unknown.ok, known.ok) == (False, True)
    assert unknown.detail.startswith("1 events name an account and are ignored")


async def test_dead_messages_are_a_fault(settings: Settings, connection: asyncpg.Connection) -> None:
    order_id = await add_order(connection)
    insert = "INSERT INTO outbox (order_id, kind, channel, status) VALUES ($1, 'order.completed', 'webhook', 'dead')"
    await connection.execute(insert, order_id)
    letters = (await results(settings))["dead_letters"]
    assert (letters.ok, letters.fix) == (False, "checkout outbox replay --status dead")


async def test_an_event_that_stripe_has_and_we_do_not_is_a_fault_once_it_is_late(
    settings: Settings, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    await account.register()
    await account.post(
        "/v1/payment_intents",
        ("amount", "1000"),
        ("currency", "eur"),
        ("payment_method", "pm_card_visa"),
        ("confirm", "true"),
        ("return_url", PUBLIC_URL),
    )
    on_its_way = (await results(settings))["backfill"]
    monkeypatch.setattr("checkout_daemon.operations.doctor.database.DELIVERY_SECONDS", -1)
    missing = (await results(settings))["backfill"]
    async with open_runtime(settings) as runtime:
        done = await backfill(runtime, datetime.now(UTC))  # as the command does
    held = (await results(settings))["backfill"]
    assert (on_its_way.ok, missing.ok, held.ok) == (True, False, True)
    assert "on their way" in on_its_way.detail
    assert f"{done.new} of the last {done.scanned} events" in missing.detail
    assert missing.fix == "checkout events backfill --since 1h"


async def test_a_comparison_that_no_daemon_does_any_more_is_a_fault(
    settings: Settings, account: Account, connection: asyncpg.Connection
) -> None:
    insert = "INSERT INTO cursors (name, value) VALUES ('backfill', $1)"
    until = datetime.now(UTC) - timedelta(hours=2)
    await connection.execute(insert, json.dumps({"until": until.isoformat()}))
    behind = (await results(settings))["backfill"]
    await connection.execute(
        "UPDATE cursors SET value = $1", json.dumps({"until": (until + timedelta(hours=2)).isoformat()})
    )
    assert (behind.ok, behind.fix) == (False, "checkout serve")
    assert (await results(settings))["backfill"].ok


async def test_without_a_database_the_checks_that_need_one_fail_and_the_rest_pass(
    settings: Settings, account: Account
) -> None:
    await account.register()
    checks = await results(replace(settings, database_url="postgresql://ada:verysecret@127.0.0.1:1/shop"))
    assert [name for name, check in checks.items() if not check.ok] == [
        "database",
        "schema",
        "key_mode",
        "dead_letters",
        "backfill",
        "orders",
    ]
    assert checks["database"].fix == "pg_isready --dbname=postgresql://ada@127.0.0.1:1/shop"
    assert "verysecret" not in str(checks)


async def test_without_stripe_the_checks_that_need_it_fail(settings: Settings) -> None:
    checks = await results(replace(settings, stripe_api_base="http://127.0.0.1:1"))
    assert [name for name, check in checks.items() if not check.ok] == ["endpoint", "backfill"]


async def test_without_any_settings_the_demo_fixes_every_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(("STRIPE_", "CHECKOUT_", "DATABASE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    checks = await results(load_settings())
    wrong = {name: check.fix for name, check in checks.items() if not check.ok and name != "cli"}
    needed = {"database", "schema", "clock", "key_mode", "endpoint", "secrets", "dead_letters", "backfill", "orders"}
    assert set(wrong) == needed
    assert set(wrong.values()) == {"checkout dev"}


async def test_an_old_schema_is_fixed_by_migrating(settings: Settings, connection: asyncpg.Connection) -> None:
    await connection.execute("DELETE FROM schema_migrations WHERE version > 1")
    old = (await results(settings))["schema"]
    await connection.execute("DROP TABLE schema_migrations")
    none = (await results(settings))["schema"]
    assert (old.ok, none.ok, none.fix) == (False, False, "checkout db init")


@pytest.mark.parametrize(("greeting", "ok"), [(b"220 mail.example ESMTP\r\n", True), (b"554 go away\r\n", False)])
async def test_a_mail_server_is_asked(settings: Settings, greeting: bytes, ok: bool) -> None:
    async with serving(greeting) as port:
        configured = replace(settings, smtp_url=f"smtp://u:verysecret@127.0.0.1:{port}", mail_from="shop@example.com")
        smtp = (await results(configured))["smtp"]
    assert (smtp.ok, "verysecret" in str(smtp)) == (ok, False)


async def test_a_mail_server_that_does_not_answer_or_lacks_a_sender_is_a_fault(settings: Settings) -> None:
    away = replace(settings, smtp_url="smtp://127.0.0.1:1", mail_from="shop@example.com")
    no_sender = replace(away, mail_from=None)
    assert [(await results(mail))["smtp"].ok for mail in (away, no_sender)] == [False, False]


def test_the_places_of_the_stripe_cli_are_searched_in_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    packaged = tmp_path / "frontend/node_modules/@stripe/cli-linux-x64/bin/stripe"
    on_path, chosen = tmp_path / "bin/stripe", tmp_path / "chosen"
    for program in (packaged, on_path, chosen):
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    found = [find_stripe_cli(None)[0]]
    monkeypatch.setenv("PATH", str(on_path.parent))
    found.append(find_stripe_cli(None)[0])
    found.append(find_stripe_cli(chosen)[0])
    chosen.chmod(0o644)
    found.append(find_stripe_cli(chosen)[0])
    assert found[:3] == [packaged, on_path, chosen]
    assert found[3] is None or os.access(chosen, os.X_OK)


@asynccontextmanager
async def serving(greeting: bytes) -> AsyncIterator[int]:
    """Run a server that sends a greeting, and yield its port."""
    import asyncio

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:S3CR3T@[bad/db",
        "postgresql://u:x@127.0.0.1:S3CR3T/db",
        "://S3CR3T",
        "postgres://u:S3CR3T/PW@h/db",
    ],
)
async def test_a_malformed_database_url_is_a_fault_that_does_not_repeat_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    found = await results(replace(settings, database_url=url))
    assert not found["database"].ok
    assert "S3CR3T" not in repr(found)
