"""The doctor's check of the addresses for alerts."""

from __future__ import annotations

from dataclasses import replace
from importlib import util

import pytest

from checkout_daemon.operations.doctor import alerts
from checkout_daemon.settings import Settings
from tests.support.doctor import results

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what Apprise imports


async def test_every_address_must_be_known(settings: Settings) -> None:
    known = replace(settings, alert_urls=("json://127.0.0.1:9/a", "ntfys://ntfy.sh/shop"))
    assert (await results(known))["alerts"].ok
    unknown = (await results(replace(settings, alert_urls=("json://127.0.0.1/a", "nothing://secret"))))["alerts"]
    assert (unknown.ok, unknown.detail) == (False, "Apprise does not know 1 of 2 addresses")


async def test_without_apprise_the_fix_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "find_spec", lambda name: None if name == "apprise" else util.find_spec(name))
    check = (await results(replace(settings, alert_urls=("json://127.0.0.1/a",))))["alerts"]
    assert (check.ok, check.fix) == (False, "pip install 'checkout-daemon[alerts]'")
