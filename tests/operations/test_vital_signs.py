"""Vital signs: how they are read, and which of them are faults."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from checkout_daemon.operations.doctor import Check
from checkout_daemon.operations.vital_signs import SIGNS, VitalSigns, judge, read_vital_signs
from checkout_daemon.orders.figures import Trouble
from checkout_daemon.outbox.outbox_store import MOST_COUNTED, Backlog
from checkout_daemon.runtime import Runtime
from checkout_daemon.settings import Settings, load_settings
from checkout_daemon.stripe_sync.catching_up import CaughtUp, catch_up
from checkout_daemon.stripe_sync.pulse import Pulse

AT = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
WELL = VitalSigns(AT, 0.001, (1,), Trouble(0, 0, 0, 0, 0, 0.5), (), CaughtUp(AT, 9, 9), AT, (), (), Pulse(1.0))


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return the settings of a shop where everything is set except mail."""
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_vital0123456789")
    return load_settings({"DATABASE_URL": "postgresql://127.0.0.1/none"}, cwd=tmp_path)


def faults(settings: Settings, signs: VitalSigns) -> dict[str, Check]:
    checks = judge(settings, signs)
    assert tuple(check.check for check in checks) == SIGNS
    return {check.check: check for check in checks if check.fault}


def test_a_healthy_shop_has_no_faults(settings: Settings) -> None:
    assert faults(settings, WELL) == {}


def test_a_daemon_elsewhere_is_recognised_by_its_work(settings: Settings) -> None:
    assert faults(settings, replace(WELL, daemons=())) == {}
    quiet = replace(WELL, daemons=(), compared_at=AT - timedelta(minutes=5), pulse=Pulse(300.0))
    late = faults(settings, quiet)
    assert {name: check.fix for name, check in late.items()} == {
        "daemons": "checkout serve",
        "comparison": "checkout serve",
    }


def test_a_daemon_that_is_stopped_is_a_fault_although_its_process_is_there(settings: Settings) -> None:
    (stopped,) = faults(settings, replace(WELL, pulse=Pulse(12.0))).values()
    assert stopped.detail == "process 1 is stopped, hangs, or runs without jobs: the last one was at work 12 s ago"


def test_events_that_only_stripe_has_are_a_fault(settings: Settings) -> None:
    (missing,) = faults(settings, replace(WELL, caught_up=CaughtUp(AT, 9, 8, failed=1))).values()
    assert missing.detail.startswith("Stripe made 9, we hold 8")
    assert missing.fix == "checkout events list --status failed"


def test_messages_for_a_channel_that_is_not_configured_are_no_fault(settings: Settings) -> None:
    waiting = replace(WELL, waiting=(Backlog("mail", "queued", 3, None),))
    assert faults(settings, waiting) == {}
    assert "CHECKOUT_SMTP_URL" in judge(settings, waiting)[SIGNS.index("outbox")].detail
    many = replace(WELL, waiting=(Backlog("mail", "queued", MOST_COUNTED, None),))
    assert judge(settings, many)[SIGNS.index("outbox")].detail.startswith("at least 10,000 messages wait for CHECKOUT_")
    late = replace(WELL, waiting=(Backlog("mail", "queued", 3, 90_000.0),))
    set_up = replace(settings, smtp_url="smtp://127.0.0.1:25", mail_from="shop@example.com")
    assert faults(set_up, late)["outbox"].fix == "checkout outbox list --status queued --status failed"
    dead = replace(WELL, waiting=(Backlog("mail", "dead", 1, 1.0),))
    assert faults(settings, dead)["outbox"].fix == "checkout outbox list --status dead"


def test_events_that_arrive_late_are_a_fault(settings: Settings) -> None:
    assert list(faults(settings, replace(WELL, trouble=replace(WELL.trouble, lag_seconds=61.0)))) == ["lag"]


async def test_arrivals_are_read_minute_by_minute(runtime: Runtime, connection: asyncpg.Connection) -> None:
    await catch_up(runtime)
    now = datetime.now(UTC)
    await connection.execute(
        "INSERT INTO stripe_events (id, type, status, received_at, created_at, body_hash)"
        " SELECT 'evt_' || n, 'charge.failed', 'applied', $1::timestamptz - n * interval '2 minutes',"
        " $1::timestamptz - n * interval '2 minutes' - interval '3 seconds', '' FROM generate_series(0, 40) AS n",
        now,
    )
    signs = await read_vital_signs(runtime, now)
    assert sum(minute.events for minute in signs.arrivals) == 30  # of the last hour only
    assert {minute.lag_seconds for minute in signs.arrivals} == {3.0}
    assert signs.caught_up is not None
    assert signs.compared_at is not None
    assert signs.answered_seconds > 0
