"""What must hold before real payments, and that a live key is never the fault."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import asyncpg
import pytest

from checkout_daemon.clocks import Clocks
from checkout_daemon.database.pool import Database
from checkout_daemon.operations.backups import back_up
from checkout_daemon.operations.doctor import LIVE_CHECKS, Check, examine
from checkout_daemon.operations.doctor.database import key_mode_agrees
from checkout_daemon.operations.doctor.live import key_is_live, orders_are_real, shoppers_come_back
from checkout_daemon.operations.doctor.probes import Probes
from checkout_daemon.settings import Settings
from checkout_daemon.stripe_api.client import StripeGateway
from tests.support.fixtures import KEY
from tests.support.flaky_stripe import FlakyStripe
from tests.support.orders import add_order


async def live(settings: Settings, only: Collection[str] = ()) -> dict[str, Check]:
    return {check.check: check async for check in examine(settings, only, before_live=True)}


async def test_a_shop_that_is_not_ready_has_the_fix_for_each_fault(
    settings: Settings, connection: asyncpg.Connection
) -> None:
    await add_order(connection)
    checks = await live(replace(settings, public_url="http://localhost:8000"), LIVE_CHECKS)
    assert list(checks) == list(LIVE_CHECKS)
    assert {name: check.fix for name, check in checks.items()} == {
        "live_key": "export STRIPE_API_KEY=rk_live_…",
        "public_url": "export CHECKOUT_PUBLIC_URL=https://YOUR-SHOP",
        "test_orders": "checkout catalog export > catalog.csv",
        "mail": "export CHECKOUT_SMTP_URL=smtps://user:password@mail.example",
        "backup": None,
    }
    assert checks["backup"].ok is None
    assert set(await live(settings)) > set(checks)


async def test_a_backup_of_ours_is_known_by_its_age(
    settings: Settings, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    database = Database(settings.database_url or "")
    await back_up(database, settings.database_url or "", tmp_path / "shop.dump")
    await database.close()
    assert (await live(settings, ["backup"]))["backup"].ok is True
    await connection.execute("UPDATE cursors SET updated_at = now() - interval '12 days' WHERE name = 'backup'")
    old = (await live(settings, ["backup"]))["backup"]
    assert (old.ok, "12 days ago" in old.detail, old.fix) == (False, True, "checkout db backup FILE")


async def test_a_backup_by_a_user_who_only_reads_is_made_and_not_recorded(
    settings: Settings, connection: asyncpg.Connection, database_url: str, tmp_path: Path
) -> None:
    read_only = with_options(database_url, "-cdefault_transaction_read_only=on")
    database = Database(read_only)
    assert await back_up(database, read_only, tmp_path / "shop.dump") > 0
    await database.close()
    assert (await live(settings, ["backup"]))["backup"].ok is None


def with_options(url: str, options: str) -> str:
    return f"{url}?{urlencode({'options': options})}"


async def test_mail_needs_somebody_who_is_alerted(settings: Settings) -> None:
    quiet = replace(settings, smtp_url="smtp://127.0.0.1:1", mail_from="shop@example.com")
    assert (await live(quiet, ["mail"]))["mail"].fix == "export CHECKOUT_ALERT_TO=ops@shop.example"
    assert (await live(replace(quiet, alert_to="ops@example.com"), ["mail"]))["mail"].ok


@pytest.mark.parametrize(
    ("key", "words"),
    [("sk_live_doctor0123456789", "secret key; a restricted"), ("rk_live_doctor0123456789", "restricted")],
)
async def test_a_live_key_is_in_order_although_the_newest_order_was_a_test(
    settings: Settings, connection: asyncpg.Connection, stripe: FlakyStripe, key: str, words: str
) -> None:
    await add_order(connection)
    database = Database(settings.database_url or "")
    shop = replace(settings, stripe_api_key=key, public_url="https://shop.example")
    gateway = StripeGateway(KEY, stripe.base)
    async with database.connection() as borrowed:
        from checkout_daemon.database.server import read_server

        server = await read_server(borrowed)
    probes = Probes(shop, database, gateway, server, "", "", [], "", Clocks())
    mode = await key_mode_agrees(probes)
    apart = await orders_are_real(probes)
    await connection.execute("DELETE FROM orders")
    alone = await orders_are_real(probes)
    await database.close()
    assert (mode.ok, mode.fix, "1001" in mode.detail) == (True, None, True)
    assert words in key_is_live(probes).detail
    assert shoppers_come_back(probes).ok
    assert not shoppers_come_back(replace(probes, settings=replace(shop, public_url="http://shop.example"))).ok
    assert (apart.ok, alone.ok) == (False, True)
