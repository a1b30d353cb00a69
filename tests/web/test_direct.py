"""Frequent requests pass by aiohttp's router and middleware. Their answers are the same as by them."""

from __future__ import annotations

import json
import re
from typing import Any

import asyncpg
import pytest
from yarl import URL

from checkout_daemon.web import checkout, product_list, quotes
from checkout_daemon.web.direct import DIRECT
from tests.web.conftest import Client, OpenClient, checkout_body
from tests.web.wire import connection_to

CART = {"items": [{"sku": "NOTE", "quantity": 2}, {"sku": "PEN", "quantity": 1}]}
OF_EACH_ANSWER = {"date", "x-request-id"}
GZIP = {"Accept-Encoding": "gzip"}


async def fetch(shop: Client, method: str, address: str, **options: Any) -> tuple[int, dict[str, str], bytes]:
    async with shop.request(method, URL(address, encoded=True), **options) as answer:
        headers = {name.lower(): value for name, value in answer.headers.items()}
        assert headers.keys() >= OF_EACH_ANSWER
        shared = {name: value for name, value in headers.items() if name not in OF_EACH_ANSWER}
        return answer.status, shared, await answer.read()


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("GET", "/api/products", {}, 200),
        ("GET", "/api/products", {"headers": GZIP}, 200),
        ("GET", "/api/products", {"headers": {"If-None-Match": "*"}}, 304),
        ("GET", "/api/products", {"headers": {"If-None-Match": "*"} | GZIP}, 304),
        ("GET", "/api/products", {"headers": {"Host": "a b"}}, 400),
        ("HEAD", "/api/products", {}, 200),
        ("POST", "/api/products", {"json": {}}, 405),
        ("POST", "/api/quotes", {"json": CART}, 200),
        ("POST", "/api/quotes", {"json": CART | {"discount_code": "ten"}}, 200),
        ("POST", "/api/quotes", {"json": CART | {"discount_code": "NOPE"}}, 422),
        ("POST", "/api/quotes", {"json": {}}, 422),
        ("POST", "/api/quotes", {"data": b"{", "headers": {"Content-Type": "application/json"}}, 400),
        ("POST", "/api/quotes", {"data": b"{}", "headers": {"Content-Type": "text/plain"}}, 415),
        ("POST", "/api/quotes", {"json": CART, "expect100": True}, 200),
        ("GET", "/api/quotes", {}, 405),
    ],
)
async def test_an_answer_is_that_of_the_router(
    shop: Client, connection: asyncpg.Connection, method: str, path: str, options: dict[str, Any], status: int
) -> None:
    await connection.execute("UPDATE products SET description = repeat('Dotted. ', 200) WHERE sku = 'NOTE'")
    direct = await fetch(shop, method, path, **options)
    assert direct[0] == status
    assert direct == await fetch(shop, method, f"{path}?", **options)  # the same address for the router alone


async def test_a_checkout_is_answered_as_by_the_router(paying_shop: Client) -> None:
    path, key = checkout.PATH, {"headers": {"Idempotency-Key": "key"}}
    status, headers, first = await fetch(paying_shop, "POST", path, json=checkout_body(), **key)
    assert status == 201
    by_router = await fetch(paying_shop, "POST", f"{path}?", json=checkout_body(insist=True))
    assert by_router[:2] == (201, headers | {"content-length": str(len(by_router[2]))})
    assert json.loads(by_router[2]).keys() == json.loads(first).keys()
    again = await fetch(paying_shop, "POST", path, json=checkout_body(), **key)
    assert again == await fetch(paying_shop, "POST", f"{path}?", json=checkout_body(), **key)
    assert (again[0], again[2]) == (200, first)


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"json": {}}, 422),
        ({"json": checkout_body(items=[])}, 422),
        ({"json": checkout_body(expected_total=1)}, 409),
        ({"json": checkout_body(), "headers": {"Idempotency-Key": "ä"}}, 422),
        ({"data": b"{", "headers": {"Content-Type": "application/json"}}, 400),
    ],
)
async def test_a_checkout_is_refused_as_by_the_router(shop: Client, options: dict[str, Any], status: int) -> None:
    refused = await fetch(shop, "POST", checkout.PATH, **options)
    assert refused[0] == status
    assert refused == await fetch(shop, "POST", f"{checkout.PATH}?", **options)


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("form", ["GET {} HTTP/{}\r\nHost: shop\r\nConnection: close\r\n\r\n", "POST {} HTTP/{}\r\n"])
async def test_a_connection_that_ends_with_the_answer_is_told_so(shop: Client, version: str, form: str) -> None:
    path = product_list.PATH
    if form.startswith("POST"):
        path, body = quotes.PATH, json.dumps(CART)
        form += (
            f"Host: shop\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        form += body.replace("{", "{{").replace("}", "}}")
    found = []
    for address in (path, f"{path}?"):
        async with connection_to(shop) as (reader, writer):
            writer.write(form.format(address, version).encode())
            found.append(re.sub(rb"(X-Request-Id|Date): [^\r]*", b"", await reader.read()))
    assert found[0].startswith(f"HTTP/{version} 200".encode())
    assert found[0] == found[1]


async def test_many_requests_on_one_connection_are_answered_one_by_one(shop: Client) -> None:
    request = b"GET /api/products HTTP/1.1\r\nHost: shop\r\n\r\n"
    async with connection_to(shop) as (reader, writer):
        writer.write(request * 20)
        for _ in range(20):
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"Content-Length: (\d+)", head)
            assert length is not None
            assert json.loads(await reader.readexactly(int(length[1])))["currency"] == "eur"


async def test_with_cors_the_middleware_answers(open_client: OpenClient) -> None:
    client = await open_client(CHECKOUT_CORS_ORIGINS="https://shop.example")
    assert [path for _, path in client.app[DIRECT]] == ["/api/webhook"]
