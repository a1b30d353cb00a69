"""The offline Stripe answers to its own names only, and delivers to this machine only, unless configured otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import WSServerHandshakeError
from aiohttp.test_utils import TestClient, TestServer

from checkout_daemon.sandbox.app import create_app
from checkout_daemon.sandbox.main import SandboxSettings

KEY = {"Authorization": "Bearer sk_test_guard0123456789"}
ENDPOINTS = "/v1/webhook_endpoints"


@pytest.fixture
def settings(tmp_path: Path) -> SandboxSettings:
    return SandboxSettings(tmp_path / "state")


def client(settings: SandboxSettings) -> TestClient:  # type: ignore[type-arg]
    return TestClient(TestServer(create_app(settings)))


@pytest.mark.parametrize(
    "path",
    ["/", "/v1/customers", "/v1/checkout/sessions", "/v1/nothing", "/c/pay/cs_test_1", "/sandbox/chaos", "/nothing"],
)
@pytest.mark.parametrize(
    "host", ["evil.example:8001", "localhost.evil.example", "127.0.0.1.nip.example", "x", "192.0.2.1", "[2001:db8::1]"]
)
async def test_every_route_refuses_a_name_that_is_not_its_own(settings: SandboxSettings, path: str, host: str) -> None:
    async with client(settings) as http, http.get(path, headers=KEY | {"Host": host}) as answer:
        assert answer.status == 403
        assert "--allow-host" in await answer.text()


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost:8001", "LOCALHOST", "127.1.2.3:1", "[::1]:8001", "stripe.localhost:8001"]
)
async def test_clients_on_this_machine_are_answered(settings: SandboxSettings, host: str) -> None:
    async with client(settings) as http, http.get("/v1/account", headers=KEY | {"Host": host}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    "sender",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/customers"),
        ("POST", "/v1/webhook_endpoints"),
        ("DELETE", "/v1/customers/cus_1"),
        ("OPTIONS", "/v1/customers"),
        ("POST", "/c/pay/cs_test_1"),
        ("POST", "/c/authenticate/pi_1"),
        ("POST", "/sandbox/clock"),
        ("GET", "/sandbox/chaos"),
        ("GET", "/sandbox/api/overview"),
    ],
)
async def test_what_a_page_from_elsewhere_sends_is_refused(
    settings: SandboxSettings, method: str, path: str, sender: dict[str, str]
) -> None:
    async with client(settings) as http, http.request(method, path, headers=KEY | sender) as answer:
        assert answer.status == 403
        assert "another page" in await answer.text()


async def test_a_page_from_elsewhere_cannot_open_the_websocket(settings: SandboxSettings) -> None:
    async with client(settings) as http:
        with pytest.raises(WSServerHandshakeError, match="403"):
            await http.ws_connect("/subscribe/acct_1", headers={"Origin": "https://evil.example"})


async def test_programs_and_its_own_pages_may_change_things_and_a_shop_may_link_to_them(
    settings: SandboxSettings,
) -> None:
    async with client(settings) as http:
        own = {"Sec-Fetch-Site": "same-origin", "Origin": str(http.make_url("")).rstrip("/")}
        for sender in ({}, own):
            async with http.post("/v1/customers", headers=KEY | sender) as answer:
                assert answer.status == 200
        async with http.post("/c/pay/cs_test_1", headers=own) as answer:
            assert answer.status == 404
        async with http.get("/c/pay/cs_test_1", headers={"Sec-Fetch-Site": "cross-site"}) as answer:
            assert answer.status == 404
            assert answer.headers["Referrer-Policy"] == "same-origin"


async def test_a_name_that_was_allowed_is_answered(settings: SandboxSettings) -> None:
    allowed = replace(settings, host="0.0.0.0", names=("Stripe",))
    async with client(allowed) as http:
        for host, status in (("stripe:8001", 200), ("192.0.2.1:8001", 200), ("evil.example", 403)):
            async with http.get("/v1/account", headers=KEY | {"Host": host}) as answer:
                assert answer.status == status


async def test_names_of_containers_are_answered_where_it_listens_on_all_addresses(settings: SandboxSettings) -> None:
    async with client(replace(settings, host="0.0.0.0")) as http:
        for host, status in (
            ("stripe:8001", 200),
            ("offline_stripe-1", 200),
            ("STRIPE", 200),
            ("host.docker.internal", 403),
            ("evil.example", 403),
            ("stripe.", 403),
            ("0x7f000001", 403),
            ("2130706433", 403),
        ):
            async with http.get("/v1/account", headers=KEY | {"Host": host}) as answer:
                assert (host, answer.status) == (host, status)


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest", "http://10.0.0.1", "http://[fe80::1]/", "http://0.0.0.0"]
)
async def test_an_endpoint_on_another_machine_is_refused_with_the_option(settings: SandboxSettings, url: str) -> None:
    form = {"url": url, "enabled_events[]": "*"}
    async with client(settings) as http:
        async with http.post(ENDPOINTS, data=form, headers=KEY) as answer:
            assert answer.status == 400
            assert "--allow-remote-endpoints" in (await answer.json())["error"]["message"]
        form["url"] = "http://127.0.0.1:9/"
        async with http.post(ENDPOINTS, data=form, headers=KEY) as answer:
            made = await answer.json()
        async with http.post(f"{ENDPOINTS}/{made['id']}", data={"url": url}, headers=KEY) as answer:
            assert answer.status == 400
    form["url"] = url
    remote = client(replace(settings, remote_endpoints=True))
    async with remote as http, http.post(ENDPOINTS, data=form, headers=KEY) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("host", ["example.invalid", "2130706433", "0x7f.1"])
async def test_nothing_is_delivered_to_a_name_that_a_name_server_decides(settings: SandboxSettings, host: str) -> None:
    server = TestServer(create_app(settings))
    async with TestClient(server) as http:
        form = {"url": f"http://{host}:{server.port}/sandbox/nothing", "enabled_events[]": "*"}
        async with http.post(ENDPOINTS, data=form, headers=KEY) as answer:
            assert answer.status == 200
        async with http.post("/v1/customers", headers=KEY) as answer:
            assert answer.status == 200
        async with http.post("/sandbox/clock", json={"advance": "1s"}) as answer:
            assert answer.status == 200
        async with http.get("/sandbox/api/deliveries") as answer:
            text = await answer.text()
        assert "--allow-remote-endpoints" in text
