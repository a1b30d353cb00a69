"""The secret of `stripe listen` is shared with the daemons of a state directory."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkout_daemon.settings import DEV_ENV, Settings, load_settings
from checkout_daemon.stripe_cli.daemons import announced
from checkout_daemon.stripe_cli.listen_secret import keep_sharing, share_secret, withdraw_secret
from tests.support.waiting import until

BOTH = "STRIPE_WEBHOOK_SECRET=whsec_one,whsec_cli\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / DEV_ENV).write_text("STRIPE_WEBHOOK_SECRET=whsec_one\n")
    return load_settings({"DATABASE_URL": "postgresql://127.0.0.1/none"}, cwd=tmp_path, state_dir=tmp_path)


@pytest.fixture
def reloads(tmp_path: Path) -> Iterator[list[str]]:
    """Collect dev.env at every SIGHUP, as a daemon reads it. This process is a daemon while it is announced."""
    reloads: list[str] = []
    before = signal.signal(signal.SIGHUP, lambda *_: reloads.append((tmp_path / DEV_ENV).read_text()))
    yield reloads
    signal.signal(signal.SIGHUP, before)


def test_daemons_can_be_made_to_reload_a_secret_that_is_in_the_file_already(
    settings: Settings, tmp_path: Path, reloads: list[str]
) -> None:
    with announced(tmp_path):
        assert share_secret(settings, "whsec_cli", reload=False)  # it was added
        assert share_secret(settings, "whsec_cli", reload=False)  # they know it
        assert share_secret(settings, "whsec_cli")
    assert reloads == [BOTH] * 2


async def test_a_later_daemon_and_a_rewritten_file_get_the_secret(
    settings: Settings, tmp_path: Path, reloads: list[str]
) -> None:
    sharing = asyncio.create_task(keep_sharing(settings, "whsec_cli"))
    await until(lambda: (tmp_path / DEV_ENV).read_text() == BOTH)
    assert reloads == []
    with announced(tmp_path):
        await until(lambda: reloads == [BOTH])
        (tmp_path / DEV_ENV).write_text("STRIPE_WEBHOOK_SECRET=whsec_two\n")
        await until(lambda: len(reloads) == 2)
        assert reloads[1] == "STRIPE_WEBHOOK_SECRET=whsec_two,whsec_cli\n"
    sharing.cancel()


def test_a_secret_is_withdrawn_unless_it_is_the_only_one(settings: Settings, tmp_path: Path) -> None:
    assert not withdraw_secret(settings, "whsec_one")
    assert share_secret(settings, "whsec_cli")
    assert withdraw_secret(settings, "whsec_one")
    assert not withdraw_secret(settings, "whsec_one")
    assert (tmp_path / DEV_ENV).read_text() == "STRIPE_WEBHOOK_SECRET=whsec_cli\n"
