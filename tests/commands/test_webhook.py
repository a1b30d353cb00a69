"""`checkout webhook`: create, show, fix, replace and rotate the endpoint at the offline Stripe."""

from __future__ import annotations

import json
import stat
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import asyncpg
import pytest
import stripe as sdk

from checkout_daemon.app import create_app
from checkout_daemon.errors import StripeUnavailable
from checkout_daemon.ledger.event_types import ENDPOINT_TYPES, EVENT_TYPES
from checkout_daemon.settings import load_settings
from checkout_daemon.stripe_sync.endpoint_rules import API_VERSION, RETIRED_AT
from tests.commands.conftest import Run, go
from tests.support.background import BackgroundStripe
from tests.support.fixtures import KEY
from tests.support.stripe_events import event_body, signed

URL = "https://shop.example/api/webhook"
OLD = "whsec_old_secret_of_the_dashboard"


class Account:
    """Our account at the offline Stripe, called without our commands."""

    def __init__(self, base: str) -> None:
        self.base = base

    def call(self, method: str, path: str, **form: str | list[str]) -> Any:
        data = urlencode(form, doseq=True).encode() if form else None
        headers = {"Authorization": f"Bearer {KEY}"}
        request = urllib.request.Request(f"{self.base}/v1{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())

    @property
    def endpoints(self) -> list[Any]:
        return list(self.call("GET", "/webhook_endpoints")["data"])

    def register(self, **form: str | list[str]) -> str:
        wanted: dict[str, str | list[str]] = {"url": URL, "enabled_events[]": list(ENDPOINT_TYPES)}
        return str(self.call("POST", "/webhook_endpoints", **(wanted | {"api_version": API_VERSION} | form))["id"])


@pytest.fixture
def account(offline_stripe: BackgroundStripe, environment: pytest.MonkeyPatch) -> Iterator[Account]:
    environment.setenv("STRIPE_API_KEY", KEY)
    environment.setenv("STRIPE_API_BASE", offline_stripe.base)
    environment.setenv("CHECKOUT_PUBLIC_URL", "https://shop.example")
    account = Account(offline_stripe.base)
    yield account
    for endpoint in account.endpoints:
        account.call("DELETE", f"/webhook_endpoints/{endpoint['id']}")
    offline_stripe.network.rewrite = lambda request, content: content


def test_the_version_is_the_one_that_the_sdk_speaks() -> None:
    assert sdk.api_version == API_VERSION


def test_an_endpoint_is_made_once_with_exactly_our_types_and_its_secret_is_printed_once(
    run: Run, account: Account
) -> None:
    made = run("webhook", "create", "--json")
    again = run("webhook", "create")
    [endpoint] = account.endpoints
    assert made.code == 0
    assert made.json["id"] == endpoint["id"]
    assert made.json["secret"].startswith("whsec_")
    assert made.json["known"] is False
    assert (endpoint["url"], sorted(endpoint["enabled_events"])) == (URL, sorted(ENDPOINT_TYPES))
    assert (endpoint["api_version"], endpoint["livemode"]) == (API_VERSION, False)
    assert (again.code, again.out) == (4, "")
    assert f"{endpoint['id']} exists for {URL} and needs no change" in again.err
    assert made.json["secret"] not in run("webhook", "show").out


def test_people_get_the_line_to_set(run: Run, account: Account, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("STRIPE_WEBHOOK_SECRET", OLD)
    ran = run("webhook", "create", "--url", "https://other.example/hook")
    assert ran.out.startswith(f"STRIPE_WEBHOOK_SECRET={OLD},whsec_")
    assert [endpoint["url"] for endpoint in account.endpoints] == ["https://other.example/hook"]


def test_a_demo_learns_the_secret_by_itself(run: Run, account: Account, tmp_path: Path) -> None:
    env = tmp_path / ".checkout" / "dev.env"
    env.parent.mkdir()
    env.write_text(f"STRIPE_WEBHOOK_SECRET={OLD}\n")
    env.chmod(0o600)
    made = run("webhook", "create", "--json")
    assert made.json["known"] is True
    assert env.read_text() == f"STRIPE_WEBHOOK_SECRET={OLD},{made.json['secret']}\n"
    assert stat.S_IMODE(env.stat().st_mode) == 0o600


def test_what_differs_is_reported_and_fixed_without_a_new_secret(run: Run, account: Account) -> None:
    endpoint_id = account.register(**{"enabled_events[]": ["charge.succeeded", "account.updated"]})
    account.call("POST", f"/webhook_endpoints/{endpoint_id}", disabled="true")
    refused = run("webhook", "create")
    shown = run("webhook", "show", "--json").json["endpoints"][0]
    fixed = run("webhook", "create", "--update", "--json")
    [endpoint] = account.endpoints
    first_missing = min(set(EVENT_TYPES) - {"charge.succeeded"})
    assert refused.code == 4
    assert f"{endpoint_id} exists" in refused.err
    assert f"it is disabled; it does not get {first_missing}" in refused.err
    assert "`checkout webhook create --update` fixes it" in refused.err
    assert set(shown["missing"]) == set(EVENT_TYPES) - {"charge.succeeded"}
    assert shown["extra"] == ["account.updated"]
    assert (fixed.code, fixed.json["missing"], fixed.json["extra"]) == (0, [], [])
    assert (endpoint["id"], endpoint["status"]) == (endpoint_id, "enabled")


def test_another_api_version_takes_a_new_endpoint_and_confirmation(run: Run, account: Account) -> None:
    endpoint_id = account.register(api_version="2020-08-27")
    refused = run("webhook", "create")
    update = run("webhook", "create", "--update")
    unsure = run("webhook", "create", "--replace")
    replaced = run("webhook", "create", "--replace", "--yes", "--json")
    assert (refused.code, update.code, unsure.code, replaced.code) == (4, 4, 2, 0)
    assert f"has API version 2020-08-27, not {API_VERSION}" in refused.err
    assert "`checkout webhook create --replace` fixes it" in update.err
    assert replaced.json["deleted"] == [endpoint_id]
    assert [endpoint["id"] for endpoint in account.endpoints] == [replaced.json["id"]]


def test_the_mode_is_stripes_word_for_it(run: Run, account: Account, offline_stripe: BackgroundStripe) -> None:
    """The offline Stripe takes no live keys: here it marks the endpoint as a live one."""
    offline_stripe.network.rewrite = lambda _, content: content.replace(b'"livemode": false', b'"livemode": true')
    made = run("webhook", "create", "--json")
    shown = run("webhook", "show")
    assert made.json["livemode"] is True
    assert "Mode      live" in shown.out


@pytest.mark.parametrize("command", ["create", "show", "rotate"])
def test_stripe_away_is_exit_5(run: Run, account: Account, environment: pytest.MonkeyPatch, command: str) -> None:
    environment.setenv("STRIPE_API_BASE", "http://127.0.0.1:9")
    ran = run("webhook", command, *([] if command == "show" else ["--yes"]))
    assert (ran.code, ran.out) == (5, "")


@pytest.mark.parametrize("command", ["show", "rotate"])
def test_the_database_away_is_exit_5(run: Run, account: Account, environment: pytest.MonkeyPatch, command: str) -> None:
    account.register()
    environment.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
    assert run("webhook", command).code == 5


@pytest.mark.parametrize("arguments", [["show"], ["rotate", "--yes"], ["create", "--update"]])
def test_no_endpoint_is_exit_3_and_names_what_makes_one(run: Run, account: Account, arguments: list[str]) -> None:
    ran = run("webhook", *arguments)
    assert (ran.code, "`checkout webhook create`" in ran.err) == (3, True)


def test_a_secret_is_rotated_without_a_delivery_refused(
    run: Run, account: Account, environment: pytest.MonkeyPatch, database_url: str
) -> None:
    """Run every stage twice: what is not due yet must not be done."""
    old = account.register()
    environment.setenv("STRIPE_WEBHOOK_SECRET", OLD)

    unsure = run("webhook", "rotate")
    begun = run("webhook", "rotate", "--yes", "--json").json
    secrets = f"{OLD},{begun['secret']}"
    environment.setenv("STRIPE_WEBHOOK_SECRET", secrets)
    assert (unsure.code, begun["stage"], begun["old"]) == (2, "waiting", [old])
    assert status_of(account) == {old: "enabled", begun["id"]: "enabled"}

    deliver(database_url, secrets, "evt_1", OLD)
    waiting = run("webhook", "rotate", "--json").json
    assert (waiting["stage"], status_of(account)[old]) == ("waiting", "enabled")

    # The same event comes from both endpoints: the second is a duplicate.
    deliver(database_url, secrets, "evt_2", OLD, begun["secret"])
    assert [line["id"] for line in run("events", "list", "--json").lines] == ["evt_2", "evt_1"]
    draining = run("webhook", "rotate", "--yes", "--json").json
    assert (draining["stage"], status_of(account)) == ("draining", {old: "disabled", begun["id"]: "enabled"})
    shown = run("webhook", "show", "--json").json["secrets"]
    assert [(secret["secret"], secret["matches"]) for secret in shown] == [
        ("whsec_…oard", 2),
        (f"whsec_…{begun['secret'][-4:]}", 1),
    ]
    assert "old" not in str(shown[0]["fingerprint"])

    # A day after it was disabled, one that the old secret signed twenty hours ago still keeps it.
    day_ago = datetime.now(UTC) - timedelta(hours=25)
    account.call("POST", f"/webhook_endpoints/{old}", **{f"metadata[{RETIRED_AT}]": str(int(day_ago.timestamp()))})
    age_matches(database_url, "20 hours")
    kept = run("webhook", "rotate", "--yes", "--json").json
    assert kept["stage"] == "draining"
    assert timedelta(hours=3) < datetime.fromisoformat(kept["old_may_go_at"]) - datetime.now(UTC) < timedelta(hours=5)
    assert "can be deleted at" in run("webhook", "rotate").out

    age_matches(database_url, "5 hours")
    refused = run("webhook", "rotate")
    done = run("webhook", "rotate", "--yes", "--json")
    assert refused.code == 2
    assert (done.json["stage"], done.json["deleted"]) == ("done", [old])
    assert "it is number 1 there" in done.err or "Remove its secret" in done.err
    assert status_of(account) == {begun["id"]: "enabled"}


def test_a_new_secret_is_shown_before_the_old_endpoint_is_deleted(
    run: Run, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = account.register()

    async def refused(*_: object) -> None:
        raise StripeUnavailable("Stripe does not answer")

    monkeypatch.setattr("checkout_daemon.stripe_api.webhook_endpoints.delete_endpoint", refused)
    ran = run("webhook", "create", "--replace", "--yes", "--json")
    assert ran.code != 0
    assert "Stripe does not answer" in ran.err
    shown = json.loads(ran.out)
    assert shown["secret"].startswith("whsec_")
    assert status_of(account) == {old: "enabled", shown["id"]: "enabled"}


def test_an_endpoint_whose_secret_was_never_shown_is_not_waited_for(
    run: Run, account: Account, environment: pytest.MonkeyPatch, database_url: str
) -> None:
    """A run that is killed before it has shown the secret leaves an endpoint that nobody can verify."""
    old = account.register()
    environment.setenv("STRIPE_WEBHOOK_SECRET", OLD)

    def killed(*_: object, **__: object) -> None:
        raise SystemExit(137)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("checkout_daemon.commands.webhook._reveal_secret", killed)
        with pytest.raises(SystemExit):
            run("webhook", "rotate", "--yes")
    (lost,) = status_of(account).keys() - {old}
    begun = run("webhook", "rotate", "--yes", "--json").json
    assert (begun["stage"], sorted(begun["old"])) == ("waiting", sorted([old, lost]))
    secrets = f"{OLD},{begun['secret']}"
    environment.setenv("STRIPE_WEBHOOK_SECRET", secrets)
    deliver(database_url, secrets, "evt_1", begun["secret"])
    assert run("webhook", "rotate", "--yes", "--json").json["stage"] == "draining"
    assert status_of(account) == {old: "disabled", lost: "disabled", begun["id"]: "enabled"}


def test_the_secret_of_an_endpoint_that_we_made_leaves_the_demo_with_it(
    run: Run, account: Account, tmp_path: Path, database_url: str
) -> None:
    env, remembered = tmp_path / ".checkout" / "dev.env", tmp_path / ".checkout" / "endpoint.json"
    env.parent.mkdir()
    env.write_text("STRIPE_WEBHOOK_SECRET=\n")
    first = run("webhook", "create", "--json").json
    remembered.write_text(json.dumps({"id": first["id"], "secret": first["secret"]}))
    second = run("webhook", "rotate", "--yes", "--json").json
    secrets = f"{first['secret']},{second['secret']}"
    assert env.read_text() == f"STRIPE_WEBHOOK_SECRET={secrets}\n"
    assert json.loads(remembered.read_text()) == {"id": second["id"], "secret": second["secret"]}
    deliver(database_url, secrets, "evt_1", second["secret"])
    run("webhook", "rotate", "--yes")
    account.call("POST", f"/webhook_endpoints/{first['id']}", **{f"metadata[{RETIRED_AT}]": "1"})
    assert run("webhook", "rotate", "--yes", "--json").json["deleted"] == [first["id"]]
    assert env.read_text() == f"STRIPE_WEBHOOK_SECRET={second['secret']}\n"


def status_of(account: Account) -> dict[str, str]:
    return {endpoint["id"]: endpoint["status"] for endpoint in account.endpoints}


def deliver(database_url: str, secrets: str, event_id: str, *signed_by: str) -> None:
    """Deliver to a daemon with these secrets, once for every secret that signs."""

    async def work() -> None:
        from aiohttp.test_utils import TestClient, TestServer

        environ = {"DATABASE_URL": database_url, "STRIPE_API_KEY": KEY, "STRIPE_WEBHOOK_SECRET": secrets}
        async with TestClient(TestServer(create_app(load_settings(environ)))) as client:
            for secret in signed_by:
                body = event_body("charge.succeeded", {"id": "ch_1"}, event_id=event_id, created=int(time.time()))
                headers = {"Stripe-Signature": signed(body, secret)}
                async with client.post("/api/webhook", data=body, headers=headers) as answer:
                    assert answer.status == 200

    go(work())


def age_matches(database_url: str, span: str) -> None:
    async def work() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute(
            f"UPDATE secret_matches SET hour = hour - interval '{span}', last_at = last_at - interval '{span}'"
        )
        await connection.close()

    go(work())
