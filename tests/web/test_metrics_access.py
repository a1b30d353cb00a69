"""/metrics is readable on the daemon's own machine only, unless configured otherwise."""

from __future__ import annotations

import pytest

from tests.web.conftest import Client, OpenClient
from tests.web.wire import send_raw

TOKEN = "correct-horse"


async def status(client: Client, *lines: str, version: str = "1.1", host: str = "127.0.0.1:8000") -> int:
    request = "\r\n".join([f"GET /metrics HTTP/{version}", f"Host: {host}", *lines, "", ""])
    return int((await send_raw(client, request.encode())).split()[1])


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "localhost", "[::1]:8000", "127.0.0.1"])
async def test_this_machine_may_read_them(client: Client, host: str) -> None:
    assert await status(client, host=host) == 200


@pytest.mark.parametrize(
    "line",
    [
        "X-Forwarded-For: 203.0.113.1",
        "x-forwarded-for: 127.0.0.1",
        "X-Forwarded-Host: shop.example",
        "X-Forwarded-Proto: https",
        "Forwarded: for=203.0.113.1",
        "Via: 1.1 proxy",
        "X-Real-IP: 203.0.113.1",
    ],
)
async def test_what_came_through_a_proxy_may_not(client: Client, line: str) -> None:
    assert await status(client, line) == 404


async def test_a_proxy_that_adds_no_header_may_not_either(client: Client) -> None:
    assert await status(client, version="1.0") == 404
    assert await status(client, host="shop.example") == 404


@pytest.mark.parametrize(
    ("mode", "lines", "expected"),
    [
        ("public", ["X-Forwarded-For: 203.0.113.1"], 200),
        ("off", [], 404),
        ("off", [f"Authorization: Bearer {TOKEN}"], 200),
        ("local", ["Via: 1.1 proxy", f"Authorization: Bearer {TOKEN}"], 200),
        ("off", [f"Authorization: bearer {TOKEN}"], 200),
        ("off", [f"authorization: BEARER  {TOKEN} "], 200),
        ("off", [f"Authorization: Basic {TOKEN}"], 404),
        ("off", [f"Authorization: {TOKEN}"], 404),
        ("local", ["Via: 1.1 proxy", f"Authorization: Bearer {TOKEN}x"], 404),
        ("local", ["Via: 1.1 proxy", "Authorization: Bearer "], 404),
    ],
)
async def test_settings_open_or_close_them(open_client: OpenClient, mode: str, lines: list[str], expected: int) -> None:
    client = await open_client(CHECKOUT_METRICS=mode, CHECKOUT_METRICS_TOKEN=TOKEN)
    assert await status(client, *lines) == expected
