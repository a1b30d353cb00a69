"""Doctor's checks of the endpoint, its secrets, and the clock compared with Stripe's."""

from __future__ import annotations

import re
from dataclasses import replace

import asyncpg
import pytest

from checkout_daemon.clocks import Clocks
from checkout_daemon.ledger.event_types import EVENT_TYPES
from checkout_daemon.operations.doctor.probes import Probes
from checkout_daemon.operations.doctor.stripe import endpoint_registered
from checkout_daemon.settings import STRIPE_API_BASE, Settings
from checkout_daemon.stripe_api.client import StripeGateway
from checkout_daemon.stripe_sync.endpoint_rules import fingerprint
from tests.support.doctor import PUBLIC_URL, Account, results
from tests.support.fixtures import KEY
from tests.support.flaky_stripe import FlakyStripe


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
    probes = Probes(here, None, StripeGateway(KEY, stripe.base), None, "", "", [], "", Clocks())
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


async def test_an_endpoint_with_a_wildcard_has_every_type(settings: Settings, account: Account) -> None:
    await account.register("*")
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
