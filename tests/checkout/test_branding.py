"""Stripe's page has the shop's own name and colour."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from checkout_daemon.checkout.placing import start_checkout
from checkout_daemon.runtime import Runtime, open_runtime
from checkout_daemon.settings import load_settings
from checkout_daemon.shop.records import NAME, Shop
from checkout_daemon.stripe_api.sessions import retrieve_session
from tests.support.fixtures import KEY
from tests.support.flaky_stripe import FlakyStripe
from tests.support.shopping import a_request


@pytest.fixture
async def runtime(database_url: str, stripe: FlakyStripe, tmp_path: Path) -> AsyncIterator[Runtime]:
    (tmp_path / "shop.toml").write_text('name = "Bits & Bytes"\n[colors]\naccent = "#3a1d8f"\n')
    environ = {
        "DATABASE_URL": database_url,
        "STRIPE_API_KEY": KEY,
        "STRIPE_API_BASE": stripe.base,
        "CHECKOUT_SHOP_FILE": str(tmp_path / "shop.toml"),
    }
    async with open_runtime(load_settings(environ, cwd=tmp_path)) as runtime:
        yield runtime


@pytest.mark.usefixtures("connection")
async def test_stripe_is_told_the_shops_name_and_colour(runtime: Runtime) -> None:
    answer = await start_checkout(runtime, a_request(), idempotency_key=None)
    session = (await retrieve_session(runtime.gateway, answer.session_id)).object
    branding = session["branding_settings"]
    assert (branding["display_name"], branding["button_color"]) == ("Bits & Bytes", "#3a1d8f")
    async with aiohttp.ClientSession() as browser, browser.get(answer.url) as page:
        assert '<p class="brand">Bits &amp; Bytes</p>' in await page.text()


def test_a_shop_that_states_neither_leaves_them_to_stripes_settings() -> None:
    assert Shop().branding(NAME) == {}
    assert Shop().branding("Tea") == {"display_name": "Tea"}
