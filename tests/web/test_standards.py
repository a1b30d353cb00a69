"""Header fields by RFC 9110; refusals by aiohttp are problems that do not repeat the request."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import asyncpg
import pytest

from checkout_daemon.ledger.signature import sign
from tests.support.stripe_events import SECRET, event_body
from tests.web.conftest import Client, checkout_body
from tests.web.wire import connection_to

MARK = b"zebra-crossing"  # must not come back
BODY = event_body("customer.created", {"id": "cus_1"})


async def exchange(client: Client, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    """Return the status, headers (lower case) and body of the only answer to these bytes."""
    async with connection_to(client) as (reader, writer):
        writer.write(sent)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), {name.lower(): value for name, value in headers.items()}, body


def request(line: str, *headers: str, body: bytes = b"") -> bytes:
    length = (f"Content-Length: {len(body)}",) if body else ()
    return "\r\n".join([line, "Host: shop", "Connection: close", *headers, *length, "", ""]).encode("latin-1") + body


def signature(secret: str = SECRET, at: int | None = None) -> tuple[str, str]:
    moment, value = sign(BODY, secret, int(time.time()) if at is None else at).split(",")
    return moment, value


async def test_a_signature_may_come_in_several_lines(shop: Client) -> None:
    moment, value = signature()
    for lines in (
        (moment, value),
        (value, moment),
        (f"{moment},v1=00", value),
        ("t=1,v1=00", f"{moment}, {value}"),
        ("", f"{moment},{value}"),
        (f"{moment},v0=1", "", value),
    ):
        headers = [f"stripe-signature: {line}" for line in lines]
        status, _, body = await exchange(shop, request("POST /api/webhook HTTP/1.1", *headers, body=BODY))
        assert (status, body) == (200, b'{"received":true}'), lines


@pytest.mark.parametrize(
    "codings", [["Identity"], ["IDENTITY"], [""], [" , "], ["identity", "Identity,"], ["identity, identity"]]
)
async def test_no_coding_is_no_coding_however_it_is_written(shop: Client, codings: list[str]) -> None:
    headers = [f"Content-Encoding: {coding}" for coding in codings]
    signed = f"Stripe-Signature: {','.join(signature())}"
    status, _, _ = await exchange(shop, request("POST /api/webhook HTTP/1.1", signed, *headers, body=BODY))
    assert status == 200
    json_type = "Content-Type: application/json"
    status, _, _ = await exchange(shop, request("POST /api/quotes HTTP/1.1", json_type, *headers, body=b"{}"))
    assert status == 422


@pytest.mark.parametrize("codings", [["gzip"], ["identity", "br"], ["identity, GZIP"], ["identity;q=1"], ["x"]])
@pytest.mark.parametrize("path", ["/api/webhook", "/api/quotes"])
async def test_another_coding_is_refused_with_the_accepted_one(client: Client, path: str, codings: list[str]) -> None:
    headers = ["Content-Type: application/json", *(f"Content-Encoding: {coding}" for coding in codings)]
    status, answered, body = await exchange(client, request(f"POST {path} HTTP/1.1", *headers, body=b"{}"))
    assert (status, json.loads(body)["code"]) == (415, "unsupported_media_type")
    assert answered["accept-encoding"] == "identity"


async def test_a_language_may_come_in_several_lines(paying_shop: Client, connection: asyncpg.Connection) -> None:
    headers = ["Content-Type: application/json", "Accept-Language: en;q=0.2", "Accept-Language: de-AT;q=0.9"]
    body = json.dumps(checkout_body()).encode()
    status, _, body = await exchange(paying_shop, request("POST /api/stripe-checkout HTTP/1.1", *headers, body=body))
    assert status == 201
    assert await connection.fetchval("SELECT locale FROM orders") == "de-AT"


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"GET /" + MARK * 1000 + b" HTTP/1.1\r\nHost: shop\r\n\r\n", 414, "uri_too_long"),
        (b"GET /?" + MARK * 1000 + b" HTTP/1.1\r\nHost: shop\r\n\r\n", 414, "uri_too_long"),
        (b"GET / HTTP/1.1\r\nHost: shop\r\nX-A: " + MARK * 1000 + b"\r\n\r\n", 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\nHost: shop\r\n" + MARK * 1000 + b": a\r\n\r\n", 431, "headers_too_large"),
        (
            b"GET / HTTP/1.1\r\nHost: shop\r\n" + b"".join(b"X-%d: %b\r\n" % (n, MARK) for n in range(200)) + b"\r\n",
            431,
            "headers_too_large",
        ),
        (b"%b / HTTP/1.1\r\nHost: shop\r\n\r\n" % MARK, 400, "bad_request"),
        (b"GET / HTTP/1.1 %b\r\nHost: shop\r\n\r\n" % MARK, 400, "bad_request"),
        (b"GET / HTTP/9.9\r\nHost: %b\r\n\r\n" % MARK, 400, "bad_request"),
        (b"GET /%b HTTP/1.1\r\n\r\n" % MARK, 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nHost: shop\r\nHost: %b\r\n\r\n" % MARK, 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nHost: %b/@\r\nConnection: close\r\n\r\n" % MARK, 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nHost: shop\r\n%b\r\n\r\n" % MARK, 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nHost: shop\r\nX-A: %b\x00\r\n\r\n" % MARK, 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nHost: shop\r\nX-A: a\r\n %b\r\n\r\n" % MARK, 400, "bad_request"),
        (b"POST /api/quotes HTTP/1.1\r\nHost: shop\r\nContent-Length: %b\r\n\r\n" % MARK, 400, "bad_request"),
        (
            b"POST /api/quotes HTTP/1.1\r\nHost: shop\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n" + MARK,
            400,
            "bad_request",
        ),
        (
            b"POST /api/quotes HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
            b"Content-Type: %b/json\r\nContent-Length: 2\r\n\r\n{}" % MARK,
            400,
            "bad_request",
        ),
        (
            b"POST /api/quotes HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\nz%b\r\n" % MARK,
            400,
            "bad_request",
        ),
        (b"POST /api/quotes HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: %b\r\n\r\n" % MARK, 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nExpect: %b\r\n\r\n" % MARK, 417, "unknown_expectation"),
        (
            b"GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nExpect: %b\xff\r\n\r\n" % MARK,
            417,
            "unknown_expectation",
        ),
        (
            b"PUT /healthz HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nExpect: \xff\r\n\r\n",
            417,
            "unknown_expectation",
        ),
        (
            b"GET /healthz HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nExpect: 100-continue, %b\r\n\r\n" % MARK,
            417,
            "unknown_expectation",
        ),
        (b"PUT /healthz?%b HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n" % MARK, 405, "method_not_allowed"),
        (b"GET /%b HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n" % MARK, 404, "not_found"),
        (b"GET /api/%b HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n" % MARK, 404, "not_found"),
        (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + MARK, 400, "bad_request"),
    ],
)
async def test_every_refusal_is_a_problem_that_repeats_nothing(
    client: Client, sent: bytes, status: int, code: str
) -> None:
    got, headers, body = await exchange(client, sent)
    data = json.loads(body)
    assert (got, data["status"], data["code"]) == (status, status, code)
    assert headers["content-type"] == "application/problem+json"
    assert headers["server"] == "checkout-daemon"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-length"] == str(len(body))
    assert MARK.decode() not in json.dumps(headers) + body.decode()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/quotes", {"items": [{"sku": MARK.decode(), "quantity": 1}]}),
        ("/api/quotes", {"items": [{"sku": f"{MARK.decode()}!", "quantity": 1}]}),
        ("/api/quotes", {"items": checkout_body()["items"], "discount_code": MARK.decode()}),
        ("/api/quotes", {"items": checkout_body()["items"], "discount_code": f"{MARK.decode()}!"}),
        ("/api/quotes", {"items": MARK.decode()}),
        ("/api/stripe-checkout", checkout_body(customer={"name": f"{MARK.decode()}\x07", "email": "", "phone": ""})),
        ("/api/stripe-checkout", checkout_body(customer={"name": "", "email": MARK.decode(), "phone": ""})),
        ("/api/stripe-checkout", checkout_body(customer={"name": "", "email": "", "phone": MARK.decode()})),
        ("/api/stripe-checkout", checkout_body(expected_total=MARK.decode())),
        (f"/api/stripe-checkout/{MARK.decode()}/retry", {}),
        (f"/api/stripe-checkout/{MARK.decode()}", {}),
    ],
)
async def test_no_refusal_of_the_shop_repeats_what_was_sent(shop: Client, path: str, body: dict[str, Any]) -> None:
    async with shop.post(f"{path}?{MARK.decode()}", json=body, headers={"X-A": MARK.decode()}) as answer:
        assert 400 <= answer.status < 500
        assert MARK.decode().lower() not in (await answer.text()).lower()


async def test_refusals_are_one_line_of_the_log_without_what_was_sent(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    await exchange(client, b"GET / HTTP/1.1\r\nHost: shop\r\n%b\r\n\r\n" % MARK)
    assert MARK.decode() not in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"GET / HTTP/1.1\r\nHost: shop\r\nHost: shop\r\n\r\n", "twice"),
        (b"GET / HTTP/1.1\r\n\r\n", "the Host header is missing"),
        (b"FETCH / HTTP/1.1\r\nHost: shop\r\n\r\n", "a method"),
    ],
)
async def test_a_refusal_states_what_is_wrong(client: Client, sent: bytes, words: str) -> None:
    _, _, body = await exchange(client, sent)
    assert words in json.loads(body)["detail"]


@pytest.mark.parametrize("path", ["/api/quotes", "/api/webhook"])
@pytest.mark.parametrize("chunk", [b"zz\r\n{}\r\n", b"2\r\n{}XX0\r\n\r\n", b"-1\r\n\r\n", b"2\n{}\n0\n\n"])
async def test_chunks_that_break_off_later_are_refused_once_and_at_once(
    client: Client, path: str, chunk: bytes
) -> None:
    head = ("Content-Type: application/json", "Transfer-Encoding: chunked")
    async with connection_to(client) as (reader, writer):
        writer.write(request(f"POST {path} HTTP/1.1", *head).replace(b"Connection: close\r\n", b""))
        await writer.drain()
        await asyncio.sleep(0.1)  # so that the body is being read
        writer.write(chunk)
        answer = await reader.read()
    assert answer.count(b"HTTP/1.") == 1
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"malformed_json"' in answer


async def test_an_unknown_field_is_not_repeated_in_words(client: Client) -> None:
    async with client.post("/api/quotes", json={"items": [], MARK.decode(): 1}) as answer:
        data = json.loads(await answer.read())
    assert data["errors"][0]["pointer"] == f"/{MARK.decode()}"
    assert MARK.decode() not in data["detail"] + data["errors"][0]["detail"]


async def test_http_1_0_needs_no_host(client: Client) -> None:
    assert (await exchange(client, b"GET /healthz HTTP/1.0\r\n\r\n"))[0] == 200
    assert (await exchange(client, b"GET /healthz HTTP/1.0\r\nExpect: anything\r\n\r\n"))[0] == 200


@pytest.mark.parametrize("host", ["", "shop.example:8000", "[::1]:8000", "[::1]", "127.0.0.1", "under_score", "a:"])
async def test_hosts_of_every_kind_pass(client: Client, host: str) -> None:
    sent = f"GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    assert (await exchange(client, sent))[0] == 200


async def test_a_body_that_waits_to_be_asked_for_is_asked_for(client: Client) -> None:
    async with connection_to(client) as (reader, writer):
        head = ("Expect: 100-Continue", "Content-Type: application/json", "Content-Length: 2")
        writer.write(request("POST /api/quotes HTTP/1.1", *head))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"{}")
        assert (await reader.read()).startswith(b"HTTP/1.1 422 ")


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/api/quotes", ("Content-Type: application/json", "Content-Length: 70000"), b"413"),
        ("/api/quotes", ("Content-Type: text/plain", "Content-Length: 2"), b"415"),
        ("/api/webhook", ("Content-Encoding: gzip", "Content-Length: 2"), b"415"),
    ],
)
async def test_a_body_that_is_refused_anyway_is_not_asked_for(
    client: Client, path: str, headers: tuple[str, ...], status: bytes
) -> None:
    async with connection_to(client) as (reader, writer):
        writer.write(request(f"POST {path} HTTP/1.1", "Expect: 100-continue", *headers))
        answer = await reader.readuntil(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 " + status)
