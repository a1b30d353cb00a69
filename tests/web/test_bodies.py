"""Refused bodies: status, code and pointer, before anything is read or written."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest

from tests.web.conftest import Client, checkout_body
from tests.web.wire import send_raw

JSON = {"Content-Type": "application/json"}
CHECKOUT = "/api/stripe-checkout"
MEBIBYTE = 1024 * 1024


async def problem(client: Client, body: bytes, headers: dict[str, str] | None = None, path: str = CHECKOUT) -> Any:
    async with client.post(path, data=BytesIO(body), headers=JSON if headers is None else headers) as answer:
        data = json.loads(await answer.read())
        assert answer.content_type == "application/problem+json"
        assert data["status"] == answer.status
        return data


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"items":[]} x',
        b"nonsense",
        b'{"items":[{"sku":"A","quantity":NaN}]}',
        b'{"items":[{"sku":"A","quantity":Infinity}]}',
        b'{"items":"\xff"}',
        b'{"\xff":1}',
        b'{"unknown":' + b"[" * 30_000,
        b'{"unknown":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        b'{"items":3,',
        b"\xef\xbb\xbf{}",
    ],
)
async def test_a_body_that_is_not_json_is_malformed(client: Client, body: bytes) -> None:
    data = await problem(client, body)
    assert (data["status"], data["code"]) == (400, "malformed_json")


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ([], "", "wrong_type"),
        (None, "", "wrong_type"),
        ({"items": []}, "/customer", "missing_field"),
        (checkout_body(items={}), "/items", "wrong_type"),
        (checkout_body(items=[{"sku": "A"}]), "/items/0/quantity", "missing_field"),
        (checkout_body(items=[{"sku": 7, "quantity": 1}]), "/items/0/sku", "wrong_type"),
        (checkout_body(items=[{"sku": "A", "quantity": "1"}]), "/items/0/quantity", "wrong_type"),
        (checkout_body(items=[{"sku": "A", "quantity": 1.5}]), "/items/0/quantity", "wrong_type"),
        (checkout_body(items=[{"sku": "A", "quantity": 1e300}]), "/items/0/quantity", "wrong_type"),
        (checkout_body(items=[{"sku": "\ud800", "quantity": 1}]), "/items/0/sku", "invalid_text"),
        (checkout_body(customer={"name": "A\udc00", "email": "", "phone": ""}), "/customer/name", "invalid_text"),
        (checkout_body(discount_code="\ud83d"), "/discount_code", "invalid_text"),
        (checkout_body(**{"\ud800": 1}), "", "invalid_text"),
        (checkout_body(items=[{"sku": "A", "quantity": True}]), "/items/0/quantity", "wrong_type"),
        (
            checkout_body(items=[{"sku": "A", "quantity": 1}] * 12 + [{"sku": "A"}]),
            "/items/12/quantity",
            "missing_field",
        ),
        (checkout_body(items=[{"sku": "A", "quantity": 1, "price": 1}]), "/items/0/price", "unknown_field"),
        (checkout_body(total=1), "/total", "unknown_field"),
        (checkout_body(**{"a/b~c": 1}), "/a~1b~0c", "unknown_field"),
        (checkout_body(**{"`$.x`": 1}), "/`$.x`", "unknown_field"),
        (checkout_body(customer={"name": "A", "email": "a@example.com"}), "/customer/phone", "missing_field"),
        (checkout_body(customer={"name": None, "email": "", "phone": ""}), "/customer/name", "wrong_type"),
        (checkout_body(discount_code=1), "/discount_code", "wrong_type"),
        (checkout_body(expected_total="24.00"), "/expected_total", "wrong_type"),
    ],
)
async def test_a_body_of_another_shape_names_the_field(client: Client, body: Any, pointer: str, code: str) -> None:
    data = await problem(client, json.dumps(body).encode())
    assert (data["status"], data["code"]) == (422, "invalid_request")
    assert [(error["pointer"], error["code"]) for error in data["errors"]] == [(pointer, code)]
    assert data["errors"][0]["detail"]


async def test_every_fault_of_the_shape_is_reported_at_once_in_plain_words(client: Client) -> None:
    body = {
        "items": [{"sku": 7, "quantity": 1.5, "price": 1}, "NOTE", {}],
        "customer": {"name": None, "email": ["a"], "phone": True},
        "insist": "yes",
        "total": 1,
    }
    data = await problem(client, json.dumps(body).encode())
    assert [(error["pointer"], error["code"], error["detail"]) for error in data["errors"]] == [
        ("/items/0/sku", "wrong_type", "this must be text, and not a number"),
        ("/items/0/quantity", "wrong_type", "this must be a whole number, and not a number with decimals"),
        ("/items/0/price", "unknown_field", "this field is not known here; there are sku, quantity"),
        ("/items/1", "wrong_type", "this must be an object, and not text"),
        ("/items/2/sku", "missing_field", "the field 'sku' is required"),
        ("/items/2/quantity", "missing_field", "the field 'quantity' is required"),
        ("/customer/name", "wrong_type", "this must be text, and not null"),
        ("/customer/email", "wrong_type", "this must be text, and not a list"),
        ("/customer/phone", "wrong_type", "this must be text, and not true or false"),
        ("/insist", "wrong_type", "this must be true or false, and not text"),
        (
            "/total",
            "unknown_field",
            "this field is not known here; there are items, customer, discount_code, expected_total, insist, "
            "shipping, shipping_rate",
        ),
    ]
    missing = await problem(client, b"{}")
    assert [error["pointer"] for error in missing["errors"]] == ["/items", "/customer"]
    endless = await problem(client, json.dumps({str(number): 1 for number in range(1000)}).encode())
    assert len(endless["errors"]) == 50


async def test_every_fault_of_cart_and_customer_is_reported_at_once(client: Client) -> None:
    body = checkout_body(
        items=[{"sku": "NOTE", "quantity": 0}, {"sku": "no such", "quantity": 1}],
        customer={"name": " ", "email": "nobody", "phone": "12"},
    )
    data = await problem(client, json.dumps(body).encode())
    assert data["status"] == 422
    assert [(error["pointer"], error["code"]) for error in data["errors"]] == [
        ("/items/0/quantity", "invalid_quantity"),
        ("/items/1/sku", "unknown_sku"),
        ("/customer/name", "invalid_name"),
        ("/customer/email", "invalid_email"),
        ("/customer/phone", "invalid_phone"),
    ]


@pytest.mark.parametrize(
    ("items", "pointer", "code"),
    [([], "/items", "empty_cart"), ([{"sku": "NOTE", "quantity": 1}] * 101, "/items", "too_many_lines")],
)
async def test_an_empty_or_endless_cart_is_refused(client: Client, items: Any, pointer: str, code: str) -> None:
    data = await problem(client, json.dumps({"items": items}).encode(), path="/api/quotes")
    assert [(error["pointer"], error["code"]) for error in data["errors"]] == [(pointer, code)]


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json-patch+json"},
        {"Content-Type": "application/problem+json"},
        {"Content-Type": "text/json"},
        {"Content-Type": "application/jsonx"},
        {"Content-Type": "text/plain; a=application/json"},
        {"Content-Type": "application/json, text/plain"},
        {"Content-Type": "application / json"},
        {"Content-Type": ""},
    ],
)
async def test_another_content_type_is_refused(client: Client, headers: dict[str, str]) -> None:
    async with client.post(CHECKOUT, data=BytesIO(b"{}"), headers=headers) as answer:
        data = json.loads(await answer.read())
        assert (data["status"], data["code"]) == (415, "unsupported_media_type")
        assert answer.headers["Accept"] == "application/json"


@pytest.mark.parametrize(
    "content_type",
    [
        'application/json; charset="UTF-8"',
        "application/json; charset=utf8",
        "application/json;charset=us-ascii",
        "application/json; charset=iso-8859-1; x=y",
        "application/json; charset=utf-16",
        "application/json;",
        "application/json ; charset",
        "Application/JSON",
    ],
)
async def test_parameters_of_the_content_type_have_no_effect(client: Client, content_type: str) -> None:
    assert (await problem(client, b"{}", {"Content-Type": content_type}))["status"] == 422


@pytest.mark.parametrize("number", ["3", "3.0", "3e0", "3E+0", "0.3e1", "30e-1", "3.000000"])
async def test_a_number_written_otherwise_is_the_same_number(shop: Client, number: str) -> None:
    body = b'{"items":[{"sku":"NOTE","quantity":%b}]}' % number.encode()
    async with shop.post("/api/quotes", data=BytesIO(body), headers=JSON) as answer:
        assert answer.status == 200
        quote = await answer.json()
        assert quote["items"][0]["quantity"] == 3


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1" + "0" * 5000, "0.5", '"3"', "true", "null"])
async def test_other_numbers_are_refused_at_their_field(client: Client, number: str) -> None:
    body = b'{"items":[{"sku":"NOTE","quantity":%b}]}' % number.encode()
    data = await problem(client, body, path="/api/quotes")
    assert data["status"] == 422
    assert [(error["pointer"], error["code"]) for error in data["errors"]] == [("/items/0/quantity", "wrong_type")]


@pytest.mark.parametrize(("path", "limit"), [(CHECKOUT, 64 * 1024), ("/api/webhook", MEBIBYTE)])
async def test_a_body_one_byte_over_the_limit_is_refused(client: Client, path: str, limit: int) -> None:
    assert (await problem(client, b" " * limit, path=path))["status"] == 400  # read, and found to be nothing
    data = await problem(client, b" " * (limit + 1), path=path)
    assert (data["status"], data["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("path", [CHECKOUT, "/api/webhook"])
async def test_a_body_that_announces_its_size_is_refused_before_it_is_sent(client: Client, path: str) -> None:
    sent = head(path, "Content-Length: 10000000000")
    answer = await send_raw(client, sent)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"\r\nconnection: close\r\n" in answer.lower()


@pytest.mark.parametrize(("path", "limit"), [(CHECKOUT, 64 * 1024), ("/api/webhook", MEBIBYTE)])
async def test_a_chunked_body_is_refused_as_soon_as_it_is_too_large(client: Client, path: str, limit: int) -> None:
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    sent = head(path, "Transfer-Encoding: chunked") + chunk * (limit // 65536 + 1)  # and it never ends
    assert (await send_raw(client, sent)).startswith(b"HTTP/1.1 413 ")


async def test_chunks_that_are_not_chunks_are_refused(client: Client) -> None:
    answer = await send_raw(client, head(CHECKOUT, "Transfer-Encoding: chunked") + b"zz\r\n{}\r\n")
    assert b" 400 " in answer.splitlines()[0]


@pytest.mark.parametrize("path", [CHECKOUT, "/api/webhook"])
async def test_a_body_that_does_not_come_is_not_waited_for_for_ever(
    client: Client, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr("checkout_daemon.web.bodies.BODY_TIMEOUT_SECONDS", 0.05)
    sent = head(path, "Content-Length: 10") + b"{"
    assert (await send_raw(client, sent)).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("key", ["", "k" * 256, "käse", "a\tb"])
async def test_an_idempotency_key_must_be_short_and_printable(client: Client, key: str) -> None:
    data = await problem(client, json.dumps(checkout_body()).encode(), JSON | {"Idempotency-Key": key})
    assert data["status"] == 422
    assert [error["code"] for error in data["errors"]] == ["invalid_idempotency_key"]


async def test_two_idempotency_keys_are_refused(client: Client) -> None:
    body = json.dumps(checkout_body()).encode()
    sent = head(CHECKOUT, "Idempotency-Key: a", "Idempotency-Key: b", f"Content-Length: {len(body)}") + body
    assert (await send_raw(client, sent)).startswith(b"HTTP/1.1 422 ")


def head(path: str, *lines: str) -> bytes:
    fixed = (f"POST {path} HTTP/1.1", "Host: shop", "Content-Type: application/json")
    return "\r\n".join([*fixed, *lines, "", ""]).encode()
