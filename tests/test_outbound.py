"""A company's network: its proxy and its certificates are used, and what is wrong with them is named."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from checkout_daemon.errors import ConfigurationError
from checkout_daemon.ledger.merge import merge
from checkout_daemon.messages.delivering import deliver_due
from checkout_daemon.model.messages import Channel
from checkout_daemon.operations.doctor import examine
from checkout_daemon.outbound import CERTIFICATES, check_outbound, proxy_for
from checkout_daemon.runtime import open_runtime
from checkout_daemon.settings import load_settings
from checkout_daemon.stripe_api.client import StripeGateway, StripeSilent, StripeUntrusted
from tests.support.payments import paid
from tests.support.proxy import COMPANY_CA, COMPANY_SERVER, PASSWORD, Proxy, running_proxy
from tests.support.receiver import SECRET
from tests.support.stripe_events import insert_order

_KEY = "sk_test_outbound0123456789"
_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*_VARIABLES, *map(str.lower, _VARIABLES), *CERTIFICATES):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def received() -> AsyncIterator[tuple[list[str], int]]:
    """Yield the paths that a server with the company's certificate is asked for, and its port."""
    paths: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        paths.append(request.path)
        return web.json_response({"object": "list", "data": [], "has_more": False})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(COMPANY_SERVER)
    server = TestServer(app)
    await server.start_server(ssl=context)
    yield paths, server.port or 0
    await server.close()


@pytest.fixture
async def proxy(received: tuple[list[str], int], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Proxy]:
    """Yield the company's proxy, which HTTPS_PROXY names."""
    port = received[1]
    async with running_proxy({"stripe.example:443": port, "shop.example:443": port}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        yield proxy


async def ask(base: str = "https://stripe.example") -> None:
    gateway = StripeGateway(_KEY, base)
    try:
        await gateway.request("webhook_endpoints.list")
    finally:
        await gateway.close()


async def test_stripe_is_reached_through_the_proxy_with_the_companys_certificates(
    proxy: Proxy, received: tuple[list[str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(COMPANY_CA))
    await ask()
    assert proxy.tunnels == ["stripe.example:443"]
    assert received[0] == ["/v1/webhook_endpoints"]


async def test_a_certificate_that_is_not_trusted_is_named_as_the_fault_and_as_the_fix(
    proxy: Proxy, received: tuple[list[str], int], tmp_path: Path
) -> None:
    with pytest.raises(StripeUntrusted) as caught:
        await ask()
    assert "the certificate of https://stripe.example is not trusted" in caught.value.detail
    assert "SSL_CERT_FILE" in caught.value.detail
    settings = load_settings({"STRIPE_API_KEY": _KEY, "STRIPE_API_BASE": "https://stripe.example"}, cwd=tmp_path)
    (check,) = [check async for check in examine(settings, ["stripe"])]
    assert "is not trusted" in check.detail
    assert (check.fix or "").startswith("export SSL_CERT_FILE=")
    assert received[0] == []


async def test_a_proxy_that_refuses_is_named_without_its_password(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace(PASSWORD, "guessed"))
    with pytest.raises(StripeSilent, match="the proxy answers 407") as caught:
        await ask()
    assert "guessed" not in caught.value.detail
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with pytest.raises(StripeSilent, match=r"the proxy 127\.0\.0\.1:9 does not answer"):
        await ask()


async def test_a_webhook_to_the_shop_goes_through_the_proxy(
    proxy: Proxy, received: tuple[list[str], int], database_url: str, tmp_path: Path
) -> None:
    environ = {
        "DATABASE_URL": database_url,
        "STRIPE_API_KEY": _KEY,
        "CHECKOUT_SHOP_WEBHOOK_URL": "https://shop.example/orders",
        "CHECKOUT_SHOP_WEBHOOK_SECRET": SECRET,
    }
    async with open_runtime(load_settings(environ, cwd=tmp_path)) as runtime:
        order_id = await insert_order(database_url)
        await runtime.database.run(merge, [paid(order_id, "pi_1")])
        await deliver_due(runtime, Channel.WEBHOOK)
        async with runtime.database.connection() as connection:
            error = await connection.fetchval("SELECT last_error FROM outbox WHERE channel = 'webhook'")
    assert proxy.tunnels == ["shop.example:443"]
    assert error.startswith("the receiver's certificate is not trusted: ")  # aiohttp read its own at the import


@pytest.mark.parametrize(
    ("url", "excepted", "proxied"),
    [
        ("https://api.stripe.com", "", True),
        ("http://erp.internal/orders", "", False),  # only HTTPS_PROXY is set
        ("https://127.0.0.1:8001", "", False),
        ("https://localhost:8001", "", False),
        ("https://[::1]:8001", "", False),
        ("https://erp.internal", "example.com, .internal", False),
        ("https://erp.internal", "*.internal", False),
        ("https://erpinternal", "internal", True),
        ("https://erp.internal", "internal", False),
        ("https://erp.internal", "erp.internal:8443", True),
        ("https://10.1.2.3/orders", "10.0.0.0/8", False),
        ("https://10.1.2.3/orders", "192.168.0.0/16,nonsense/9", True),
        ("https://erp.internal", "*", False),
    ],
)
def test_no_proxy_names_what_is_reached_directly(
    monkeypatch: pytest.MonkeyPatch, url: str, excepted: str, proxied: bool
) -> None:
    monkeypatch.setenv("https_proxy", "proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", excepted)
    assert proxy_for(url) == ("http://proxy.example:3128" if proxied else None)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("HTTPS_PROXY", f"socks5://buyer:{PASSWORD}@proxy.example:1080", "HTTPS_PROXY is socks5://buyer@proxy"),
        ("ALL_PROXY", "http://", "ALL_PROXY is http://: only"),
        ("SSL_CERT_FILE", "/nowhere.pem", "SSL_CERT_FILE names /nowhere.pem, which cannot be read"),
        ("SSL_CERT_FILE", __file__, "holds no certificates"),
        ("SSL_CERT_DIR", __file__, "is not a directory"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        check_outbound()
    assert message in caught.value.detail
    assert PASSWORD not in caught.value.detail
