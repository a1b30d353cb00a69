"""checkout doctor reports what is right, and for each fault the command that fixes it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from checkout_daemon.operations.doctor import CHECKS
from checkout_daemon.settings import Settings, load_settings
from tests.support.doctor import Account, results

NAMES = [
    "database",
    "replication",
    "connections",
    "schema",
    "rights",
    "stripe",
    "permissions",
    "clock",
    "key_mode",
    "endpoint",
    "secrets",
    "cli",
    "smtp",
    "alerts",
    "disk",
    "dead_letters",
    "backfill",
    "orders",
    "balance",
]


async def test_a_shop_without_faults(settings: Settings, account: Account) -> None:
    await account.register()
    checks = await results(settings)
    assert list(checks) == NAMES == list(CHECKS)
    assert [check for check in checks.values() if check.fault] == []
    assert {check.fix for check in checks.values()} == {None}
    assert [name for name, check in checks.items() if check.ok is None] == ["permissions", "smtp", "alerts", "balance"]
    assert "because CHECKOUT_SMTP_URL is not set" in checks["smtp"].detail
    assert "whsec_1" not in "".join(check.detail for check in checks.values())


async def test_without_a_database_the_checks_that_need_one_fail_and_the_rest_pass(
    settings: Settings, account: Account
) -> None:
    await account.register()
    checks = await results(replace(settings, database_url="postgresql://ada:verysecret@127.0.0.1:1/shop"))
    assert [name for name, check in checks.items() if check.fault] == [
        "database",
        "replication",
        "connections",
        "schema",
        "rights",
        "key_mode",
        "dead_letters",
        "backfill",
        "orders",
        "balance",
    ]
    assert checks["database"].fix == "pg_isready --dbname=postgresql://ada@127.0.0.1:1/shop"
    assert "verysecret" not in str(checks)


async def test_without_stripe_the_checks_that_need_it_fail(settings: Settings) -> None:
    checks = await results(replace(settings, stripe_api_base="http://127.0.0.1:1"))
    assert [name for name, check in checks.items() if check.fault] == ["stripe", "endpoint", "backfill"]


async def test_without_any_settings_the_demo_fixes_every_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(("STRIPE_", "CHECKOUT_", "DATABASE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    checks = await results(load_settings())
    wrong = {name: check.fix for name, check in checks.items() if check.fault and name != "cli"}
    needed = {
        "database",
        "replication",
        "connections",
        "schema",
        "rights",
        "stripe",
        "clock",
        "key_mode",
        "endpoint",
        "secrets",
    }
    needed |= {"dead_letters", "backfill", "orders", "balance"}
    assert set(wrong) == needed
    assert set(wrong.values()) == {"checkout dev"}
