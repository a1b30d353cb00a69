"""A shop where everything is set up except the endpoint, and its account at the offline Stripe."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from checkout_daemon.runtime import Runtime
from checkout_daemon.settings import Settings
from tests.support.doctor import PUBLIC_URL, Account
from tests.support.fixtures import KEY
from tests.support.flaky_stripe import FlakyStripe


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
