"""The secret of `stripe listen`, made known to the daemons of a state directory."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkout_daemon.settings import DEV_ENV, Settings, load_settings
from checkout_daemon.stripe_cli.daemons import announced
from checkout_daemon.stripe_cli.listen_secret import keep_known, make_known
from tests.support.waiting import until

BOTH = "STRIPE_WEBHOOK_SECRET=whsec_one,whsec_cli\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / DEV_ENV).write_text("STRIPE_WEBHOOK_SECRET=whsec_one\n")
    return load_settings({"DATABASE_URL": "postgresql://127.0.0.1/none"}, cwd=tmp_path, state_dir=tmp_path)


@pytest.fixture
def told(tmp_path: Path) -> Iterator[list[str]]:
    """What a daemon finds in the file each time that it is told to read it; this process is one when announced."""
    told: list[str] = []
    before = signal.signal(signal.SIGHUP, lambda *_: told.append((tmp_path / DEV_ENV).read_text()))
    yield told
    signal.signal(signal.SIGHUP, before)


def test_daemons_read_their_secrets_again_also_where_it_is_in_the_file_already(
    settings: Settings, tmp_path: Path, told: list[str]
) -> None:
    with announced(tmp_path):
        assert make_known(settings, "whsec_cli", tell=False)  # it was not there
        assert make_known(settings, "whsec_cli", tell=False)  # they know it
        assert make_known(settings, "whsec_cli")
    assert told == [BOTH] * 2


async def test_a_daemon_that_comes_later_is_told_and_a_file_that_is_written_anew_gets_it(
    settings: Settings, tmp_path: Path, told: list[str]
) -> None:
    keeping = asyncio.create_task(keep_known(settings, "whsec_cli"))
    await until(lambda: (tmp_path / DEV_ENV).read_text() == BOTH)
    assert told == []
    with announced(tmp_path):
        await until(lambda: told == [BOTH])
        (tmp_path / DEV_ENV).write_text("STRIPE_WEBHOOK_SECRET=whsec_two\n")
        await until(lambda: len(told) == 2)
        assert told[1] == "STRIPE_WEBHOOK_SECRET=whsec_two,whsec_cli\n"
    keeping.cancel()
