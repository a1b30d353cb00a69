"""Every input takes time that grows at most linearly with its size, and blocks the loop only briefly."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from tests.support.growth import growth_fault_of
from tests.web.conftest import Client, OpenClient, checkout_body
from tests.web.wire import send_raw

# A line may have 8,190 bytes, all of them 64 KiB.
_LINE = 7_900
_ORDER = checkout_body()


def request(method: str, path: str, lines: list[str], body: bytes = b"") -> bytes:
    signature = f"Stripe-Signature: t={int(time.time())},v1=00"
    named = {line.partition(":")[0].lower() for line in lines}
    fixed = [line for line in ("Host: shop", signature, "Content-Type: application/json") if _name(line) not in named]
    head = [f"{method} {path} HTTP/1.1", *fixed, *lines, f"Content-Length: {len(body)}", "Connection: close", "", ""]
    return "\r\n".join(head).encode() + body


def _name(line: str) -> str:
    return line.partition(":")[0].lower()


def field(name: str, unit: str, path: str = "/", method: str = "GET") -> Callable[[int], bytes]:
    """Return a header of many units, in as many lines as it needs."""

    def made(length: int) -> bytes:
        line = f"{name}: {unit * (min(length, _LINE) // len(unit))}"
        body = json.dumps(_ORDER).encode() if method == "POST" else b""
        return request(method, path, [line] * max(1, min(length, 55_000) // _LINE), body)

    return made


def address(unit: str, end: str = "") -> Callable[[int], bytes]:
    return lambda length: request("GET", "/" + unit * (min(length, _LINE) // len(unit)) + end, [])


def body(path: str, make: Callable[[int], str]) -> Callable[[int], bytes]:
    return lambda length: request("POST", path, [], make(length).encode("utf-8", "surrogatepass"))


def text_in(make_body: Callable[[str], object], unit: str) -> Callable[[int], str]:
    """Return a body with a field that repeats the unit."""

    def made(length: int) -> str:
        count = length // len(json.dumps(unit, ensure_ascii=False).encode("utf-8", "surrogatepass")[1:-1])
        return json.dumps(make_body(unit * count), ensure_ascii=False)

    return made


def customer(name: str) -> Callable[[str], object]:
    return lambda text: _ORDER | {"customer": _ORDER["customer"] | {name: text}}


def marks(length: int) -> str:
    """Return combining marks in the wrong order."""
    return "a" + "\u0301" * (length // 2) + "\u0323" * (length // 2)


def item(text: str) -> object:
    return {"items": [{"sku": text, "quantity": 1}]}


def code(text: str) -> object:
    return {"items": _ORDER["items"], "discount_code": text}


QUOTES, CHECKOUT, WEBHOOK = "/api/quotes", "/api/stripe-checkout", "/api/webhook"
LOCAL = "127.0.0.1,"

WAYS_IN: dict[str, Callable[[int], bytes]] = {
    "path of slashes": address("/"),
    "path of parts": address("a/"),
    "path of dots": address("../"),
    "path of escapes": address("%2e%2f"),
    "path of spoilt escapes": address("%"),
    "path of a file": address("a.", "js"),
    "path of an order": address("a"),
    "query of names": address("?a&"),
    "query of escapes": address("?a=%20&"),
    "Accept": field("Accept", "text/html;q=0.1,"),
    "Accept-Encoding": field("Accept-Encoding", "gzip;q=0.001,"),
    "Accept-Encoding of blanks": field("Accept-Encoding", " ;"),
    "Accept-Language": field("Accept-Language", "de-AT;q=0.1,", CHECKOUT, "POST"),
    "Accept-Language of hyphens": field("Accept-Language", "a-", CHECKOUT, "POST"),
    "If-None-Match": field("If-None-Match", '"a",'),
    "If-None-Match of quotes": field("If-None-Match", '"'),
    "Range": field("Range", "bytes=0-1,"),
    "Cookie": field("Cookie", "a=b; "),
    "Origin": field("Origin", "https://a.", QUOTES, "POST"),
    "Host": field("Host", "a."),
    "Expect": field("Expect", "100-continue,", QUOTES, "POST"),
    "Connection": field("Connection", "close,"),
    "Content-Type": field("Content-Type", "application/json;a=", QUOTES, "POST"),
    "Content-Type of quotes": field("Content-Type", 'a/b;a="\\"', QUOTES, "POST"),
    "Content-Encoding": field("Content-Encoding", "identity,", QUOTES, "POST"),
    "Transfer-Encoding": field("Transfer-Encoding", "chunked,", QUOTES, "POST"),
    "Idempotency-Key": field("Idempotency-Key", "a", CHECKOUT, "POST"),
    "X-Forwarded-For": field("X-Forwarded-For", LOCAL, CHECKOUT, "POST"),
    "X-Forwarded-For of blanks": field("X-Forwarded-For", " ", CHECKOUT, "POST"),
    "Authorization": field("Authorization", "Bearer ", "/metrics"),
    "Checkout-Challenge": field("Checkout-Challenge", "a", QUOTES, "POST"),
    "Stripe-Signature": field("Stripe-Signature", "v1=0,", WEBHOOK, "POST"),
    "Stripe-Signature of times": field("Stripe-Signature", "t=1,", WEBHOOK, "POST"),
    "many headers": lambda length: request("GET", "/", [f"X-{number}: a" for number in range(length // 600)]),
    "name": body(CHECKOUT, text_in(customer("name"), "a")),
    "name of marks": body(
        CHECKOUT,
        lambda length: json.dumps(customer("name")("a" + "\u0301" * (length // 12) + "\u0323" * (length // 12))),
    ),
    "name of raw marks": body(
        CHECKOUT,
        lambda length: json.dumps(
            customer("name")("a" + "\u0301" * (length // 4) + "\u0323" * (length // 4)), ensure_ascii=False
        ),
    ),
    "name of blanks": body(CHECKOUT, text_in(customer("name"), " ")),
    "name of unseen": body(CHECKOUT, text_in(customer("name"), "\u200b")),
    "email of dots": body(CHECKOUT, text_in(customer("email"), "a.")),
    "email of signs": body(CHECKOUT, text_in(customer("email"), "a@")),
    "email of umlauts": body(CHECKOUT, text_in(customer("email"), "a@\u00fc")),
    "email of unseen": body(CHECKOUT, text_in(customer("email"), "\u200b")),
    "phone of digits": body(CHECKOUT, text_in(customer("phone"), "1 ")),
    "phone of extensions": body(CHECKOUT, text_in(customer("phone"), ";ext=")),
    "phone of full-width forms": body(CHECKOUT, text_in(customer("phone"), "\uff11")),
    "sku": body(QUOTES, text_in(item, "a")),
    "discount code": body(QUOTES, text_in(code, "\u00df")),
    "discount code of marks": body(QUOTES, text_in(code, "\u0323\u0301")),
    "many lines": body(QUOTES, lambda length: json.dumps({"items": [{"sku": "A", "quantity": 1}] * (length // 30)})),
    "many keys": body(QUOTES, lambda length: json.dumps({f"k{number}": 1 for number in range(length // 12)})),
    "one key over and over": body(QUOTES, lambda length: "{" + '"items":[],' * (length // 12) + '"a":1}'),
    "a long key": body(QUOTES, lambda length: json.dumps({"k" * length: 1})),
    "nesting": body(QUOTES, lambda length: "[" * length),
    "closed nesting": body(QUOTES, lambda length: '{"items":' + "[" * (length // 2) + "]" * (length // 2) + "}"),
    "nested objects": body(QUOTES, lambda length: '{"a":' * (length // 5)),
    "a long number": body(QUOTES, lambda length: '{"items":[{"sku":"A","quantity":' + "9" * length + "}]}"),
    "a long fraction": body(QUOTES, lambda length: '{"items":[{"sku":"A","quantity":1.' + "0" * length + "}]}"),
    "a long exponent": body(QUOTES, lambda length: '{"items":[{"sku":"A","quantity":1e' + "9" * length + "}]}"),
    "escapes": body(QUOTES, lambda length: '{"discount_code":"' + "\\u0061" * (length // 6) + '"}'),
    "lone surrogates": body(QUOTES, lambda length: '{"discount_code":"' + "\\ud800" * (length // 6) + '"}'),
    "an open string": body(QUOTES, lambda length: '{"discount_code":"' + "a" * length),
    "blanks": body(QUOTES, lambda length: " " * length),
    "backslashes": body(QUOTES, lambda length: '{"discount_code":"' + "\\" * length),
    "a delivery": body(WEBHOOK, lambda length: "a" * length),
}


@pytest.fixture
async def reached(open_client: OpenClient) -> Client:
    """The application behind a trusted proxy, with CORS and without limits."""
    return await open_client(
        CHECKOUT_TRUSTED_PROXIES="127.0.0.1", CHECKOUT_CORS_ORIGINS="https://a.example", CHECKOUT_METRICS_TOKEN="t"
    )


@pytest.mark.parametrize("way", WAYS_IN)
async def test_no_way_in_takes_longer_than_what_is_sent_asks_for(reached: Client, way: str) -> None:
    async def send(length: int) -> None:
        answer = await send_raw(reached, WAYS_IN[way](min(length, 64_000)))
        assert answer.startswith(b"HTTP/1.")
        assert b" 500 " not in answer.splitlines()[0]

    assert await growth_fault_of(send) is None
