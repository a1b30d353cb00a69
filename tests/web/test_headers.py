"""Security headers of every answer, and CORS."""

from __future__ import annotations

from pathlib import Path

import pytest
from multidict import CIMultiDict

from checkout_daemon.web.headers import CONTENT_SECURITY_POLICY
from tests.web.conftest import Client, OpenClient

EVERYWHERE = ("/", "/api/products", "/api/nothing", "/healthz", "/metrics", "/openapi.json", "/missing.js")
SHOP = "https://shop.example"


@pytest.mark.parametrize("path", EVERYWHERE)
async def test_every_answer_tells_browsers_what_they_may_not_do(client: Client, path: str) -> None:
    async with client.get(path) as answer:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "payment=()" in answer.headers["Permissions-Policy"]
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["Server"] == "checkout-daemon"
        assert "Strict-Transport-Security" not in answer.headers


async def test_pages_may_run_only_what_lies_here(open_client: OpenClient, tmp_path: Path) -> None:
    (tmp_path / "built").mkdir()
    (tmp_path / "built" / "index.html").write_text("<!doctype html>")
    client = await open_client(storefront=tmp_path / "built")
    async with client.get("/") as answer:
        assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert "script-src 'self';" in CONTENT_SECURITY_POLICY
    assert "style-src 'self';" in CONTENT_SECURITY_POLICY


async def test_a_shop_reached_by_https_insists_on_it(open_client: OpenClient) -> None:
    client = await open_client(CHECKOUT_PUBLIC_URL=SHOP)
    async with client.get("/healthz") as answer:
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


async def test_every_answer_has_a_request_id_of_its_own(client: Client) -> None:
    ids = set()
    for path in EVERYWHERE:
        async with client.get(path) as answer:
            ids.add(answer.headers["X-Request-Id"])
    assert len(ids) == len(EVERYWHERE)


async def test_an_allowed_origin_may_read_the_api(open_client: OpenClient) -> None:
    client = await open_client(CHECKOUT_CORS_ORIGINS=f"https://other.example,{SHOP}/")
    async with client.post("/api/quotes", json={}, headers={"Origin": SHOP}) as answer:
        assert answer.status == 422  # and the page may read why
        assert answer.headers["Access-Control-Allow-Origin"] == SHOP
        assert answer.headers["Access-Control-Expose-Headers"] == "X-Request-Id, Retry-After"
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert answer.headers["Vary"] == "Origin"


async def test_a_browser_that_sends_a_preflight_is_answered(open_client: OpenClient) -> None:
    client = await open_client(CHECKOUT_CORS_ORIGINS=SHOP)
    asked = {
        "Origin": SHOP,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type, idempotency-key",
    }
    async with client.options("/api/stripe-checkout", headers=asked) as answer:
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == SHOP
        assert "POST" in answer.headers["Access-Control-Allow-Methods"]
        assert "Idempotency-Key" in answer.headers["Access-Control-Allow-Headers"]
        assert await answer.read() == b""


async def test_two_origins_are_none(open_client: OpenClient) -> None:
    client = await open_client(CHECKOUT_CORS_ORIGINS=SHOP)
    headers = CIMultiDict([("Origin", SHOP), ("Origin", "https://evil.example")])
    async with client.get("/api/nothing", headers=headers) as answer:
        assert "Access-Control-Allow-Origin" not in answer.headers


async def test_another_origin_gets_no_permission(open_client: OpenClient) -> None:
    client = await open_client(CHECKOUT_CORS_ORIGINS=SHOP)
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    async with client.options("/api/stripe-checkout", headers=asked) as answer:
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Access-Control-Allow-Methods" not in answer.headers
    async with client.post("/api/quotes", json={}, headers=asked) as answer:
        assert "Access-Control-Allow-Origin" not in answer.headers


async def test_any_origin_when_all_are_allowed(open_client: OpenClient) -> None:
    client = await open_client(CHECKOUT_CORS_ORIGINS="*")
    async with client.post("/api/quotes", json={}, headers={"Origin": "https://any.example"}) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "https://any.example"
        assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("path", ["/api/webhook", "/metrics", "/healthz"])
async def test_only_the_shops_api_is_open_to_other_origins(open_client: OpenClient, path: str) -> None:
    client = await open_client(CHECKOUT_CORS_ORIGINS=SHOP)
    asked = {"Origin": SHOP, "Access-Control-Request-Method": "POST"}
    async with client.options(path, headers=asked) as answer:
        assert answer.status == 405
        assert "Access-Control-Allow-Origin" not in answer.headers


async def test_without_a_setting_no_other_origin_may_read_anything(client: Client) -> None:
    async with client.post("/api/quotes", json={}, headers={"Origin": SHOP}) as answer:
        assert "Access-Control-Allow-Origin" not in answer.headers
