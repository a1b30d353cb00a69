"""The webhook's own way answers byte for byte as the router and the middleware do, which a query leads to."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from checkout_daemon.ledger.signature import sign
from checkout_daemon.observability.logs import JsonFormatter
from tests.support.stripe_events import SECRET, event_body, signed
from tests.web.conftest import Client, OpenClient
from tests.web.wire import connection_to

BODY = event_body("customer.created", {"id": "cus_1"})
LARGE = event_body("customer.created", {"id": "cus_1", "filler": "x" * 100_000})
TOO_LARGE = b"x" * (1024 * 1024 + 1)
OWN, ROUTED = b"/api/webhook", b"/api/webhook?"

_ID = re.compile(rb"X-Request-Id: ([0-9a-f]{17})\r\n")
_DATE = re.compile(rb"Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n")


def delivery(
    *fields: str,
    body: bytes = BODY,
    signature: str | None = "",
    version: str = "1.1",
    method: str = "POST",
    host: str | None = "shop",
    sent: bytes | None = None,
) -> Callable[[bytes], bytes]:
    """Return what makes a request to a path: signed then, unless another signature is given, None for none."""

    def request(path: bytes) -> bytes:
        lines = [] if host is None else [f"Host: {host}"]
        if signature is not None:
            lines.append(f"Stripe-Signature: {signature or signed(body)}")
        if not any(field.startswith("Transfer-Encoding") for field in fields):
            lines.append(f"Content-Length: {len(body)}")
        head = "\r\n".join([*lines, *fields, "", ""]).encode("latin-1")
        return b"%b %b HTTP/%b\r\n%b%b" % (
            method.encode(), path, version.encode(), head, body if sent is None else sent
        )  # fmt: skip

    return request


def chunks(body: bytes) -> bytes:
    middle = len(body) // 2
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:middle], body[middle:], b""))


OLD = int(time.time()) - 1000
CHUNKED = "Transfer-Encoding: chunked"
REQUESTS = {
    "stored": delivery(),
    "stored, in chunks": delivery(CHUNKED, sent=chunks(BODY)),
    "stored, large": delivery(body=LARGE),
    "stored, connection closes": delivery("Connection: close"),
    "stored, HTTP/1.0": delivery(version="1.0", host=None),
    "stored, HTTP/1.0 stays open": delivery("Connection: keep-alive", version="1.0", host=None),
    "stored, identity coding": delivery("Content-Encoding: identity"),
    "stored, an origin": delivery("Origin: https://shop.example"),
    "stored, a type": delivery("Content-Type: text/plain"),
    "stored, host with port": delivery(host="[::1]:8000"),
    "not an event": delivery(body=b"{}"),
    "no signature": delivery(signature=None),
    "empty signature": delivery(signature=" "),
    "unreadable signature": delivery(signature="nonsense"),
    "long signature": delivery(signature="t=1,v1=" + "0" * 3000),
    "forged": delivery(signature=f"t={int(time.time())},v1=00"),
    "forged, closes": delivery("Connection: close", signature=f"t={int(time.time())},v1=00"),
    "forged, HTTP/1.0": delivery(signature=f"t={int(time.time())},v1=00", version="1.0"),
    "forged, large": delivery(signature=f"t={int(time.time())},v1=00", body=LARGE),
    "other secret": delivery(signature=sign(BODY, "whsec_other", int(time.time()))),
    "too old": delivery(signature=sign(BODY, SECRET, OLD)),
    "too old, large": delivery(signature=sign(LARGE, SECRET, OLD), body=LARGE),
    "not JSON": delivery(body=b"{"),
    "empty": delivery(body=b""),
    "deep": delivery(body=b"[" * 100_000),
    "too large": delivery(body=TOO_LARGE),
    "too large, in chunks": delivery(CHUNKED, body=TOO_LARGE, sent=chunks(TOO_LARGE)),
    "compressed": delivery("Content-Encoding: gzip"),
    "broken chunks": delivery(CHUNKED, sent=b"zz\r\n"),
    "chunks that break off": delivery(CHUNKED, sent=b"2\r\n{}XX0\r\n\r\n"),
    "bad host": delivery(host="shop/@"),
    "no host": delivery(host=None),
    "two hosts": delivery("Host: other"),
    "an unknown expectation": delivery("Expect: more"),
    "an expectation of HTTP/1.0": delivery("Expect: more", version="1.0"),
    "an empty expectation": delivery("Expect: "),
    "expects to be asked": delivery("Expect: 100-continue"),
    "expects to be asked, forged": delivery("Expect: 100-continue", signature="t=1,v1=00"),
    "expects to be asked, too large": delivery("Expect: 100-continue", body=TOO_LARGE),
    "two lengths": delivery("Content-Length: 1"),
    **{method: delivery(method=method) for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "post")},
    "preflight": delivery("Origin: https://shop.example", "Access-Control-Request-Method: POST", method="OPTIONS"),
    "upgrade": delivery("Connection: upgrade", "Upgrade: websocket"),
}  # fmt: skip


async def answers(client: Client, *requests: bytes) -> bytes:
    """Return all that comes back for these requests, until another request on the connection is answered."""
    end = b"GET /healthz HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n"
    async with connection_to(client) as (reader, writer):
        writer.writelines([*requests, end])
        return await reader.read()


def same(answer: bytes) -> bytes:
    """Return the answer without what differs from request to request."""
    return _DATE.sub(b"Date: now\r\n", _ID.sub(b"X-Request-Id: one\r\n", answer))


@pytest.fixture
async def daemon(open_client: OpenClient, database_url: str) -> Client:
    return await open_client(
        DATABASE_URL=database_url, CHECKOUT_CORS_ORIGINS="https://shop.example", CHECKOUT_RATE_LIMIT="0"
    )


@pytest.fixture
def routed(daemon: Client, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that aiohttp's router was asked for."""
    router = daemon.server.app.router  # type: ignore[attr-defined]
    resolve, asked = router.resolve, []

    async def noting(request: Any) -> Any:
        asked.append(request.raw_path)
        return await resolve(request)

    monkeypatch.setattr(router, "resolve", noting)
    return asked


@pytest.mark.parametrize("name", REQUESTS)
async def test_both_ways_give_the_same_answer(daemon: Client, name: str) -> None:
    make = REQUESTS[name]
    own, general = await answers(daemon, make(OWN)), await answers(daemon, make(ROUTED))
    assert same(own) == same(general)
    assert own.startswith((b"HTTP/1.1 ", b"HTTP/1.0 "))
    assert len(_ID.findall(own)) == len(set(_ID.findall(own)))


async def test_a_delivery_does_not_ask_the_router(daemon: Client, routed: list[str]) -> None:
    await answers(daemon, REQUESTS["stored"](OWN), REQUESTS["forged"](OWN), REQUESTS["stored"](ROUTED))
    assert routed == ["/api/webhook?", "/healthz"]


@pytest.mark.parametrize(
    "names", [["stored"] * 20, ["forged"] * 20, ["stored", "forged", "not JSON", "GET"], ["stored, in chunks"] * 3]
)
async def test_pipelined_deliveries_are_answered_in_order(daemon: Client, names: list[str]) -> None:
    own = await answers(daemon, *(REQUESTS[name](OWN) for name in names))
    general = await answers(daemon, *(REQUESTS[name](ROUTED) for name in names))
    assert same(own) == same(general)
    assert own.count(b"HTTP/1.1 ") == len(names) + 1
    assert len(set(_ID.findall(own))) == len(names) + 1


@pytest.mark.parametrize("path", [b"/api/webhook/", b"/api//webhook", b"/api/webhoo%6b", b"http://shop/api/webhook"])
async def test_other_spellings_are_left_to_the_router(daemon: Client, routed: list[str], path: bytes) -> None:
    await answers(daemon, REQUESTS["stored"](path))
    assert routed == [path.decode(), "/healthz"]


async def test_both_ways_count_the_same(daemon: Client) -> None:
    async def counted(path: bytes) -> set[str]:
        async with daemon.get("/metrics") as answer:
            before = set((await answer.text()).splitlines())
        for name in ("stored", "forged", "not JSON", "compressed", "bad host", "GET"):
            await answers(daemon, REQUESTS[name](path))
        async with daemon.get("/metrics") as answer:
            after = set((await answer.text()).splitlines())
        names = ("checkout_http_requests_total", "checkout_webhook_refusals_total", "checkout_webhook_secret_matches_t")
        return {line for line in after - before if line.startswith(names)}

    first, second = await counted(OWN), await counted(ROUTED)
    assert {line.rpartition(" ")[0] for line in first} == {line.rpartition(" ")[0] for line in second}
    assert 'checkout_http_requests_total{method="POST",route="/api/webhook",status="200"} 1.0' in first
    assert 'checkout_http_requests_total{method="POST",route="/api/webhook",status="200"} 2.0' in second
    assert 'checkout_http_requests_total{method="POST",route="/api/webhook",status="400"} 3.0' in first
    assert 'checkout_http_requests_total{method="POST",route="/api/webhook",status="400"} 6.0' in second


@pytest.mark.parametrize("path", [OWN, ROUTED])
async def test_the_lines_of_a_request_bear_its_id(
    daemon: Client, path: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "checkout_daemon.web")
    caplog.handler.setFormatter(JsonFormatter())
    answer = await answers(daemon, REQUESTS["forged"](path))
    [request_id, _] = _ID.findall(answer)
    [line] = [line for line in caplog.text.splitlines() if "a delivery was refused" in line]
    assert json.loads(line)["request_id"] == request_id.decode()


@pytest.mark.parametrize("path", [OWN, ROUTED])
async def test_a_body_is_asked_for_only_if_it_is_wanted(daemon: Client, path: bytes) -> None:
    head, _, body = REQUESTS["expects to be asked"](path).partition(b"\r\n\r\n")
    async with connection_to(daemon) as (reader, writer):
        writer.write(head + b"\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("path", [OWN, ROUTED])
async def test_a_client_that_goes_away_leaves_nothing(daemon: Client, path: bytes) -> None:
    for name in ("stored", "forged", "stored, large"):
        async with connection_to(daemon) as (_, writer):
            writer.write(REQUESTS[name](path)[:-1] if name == "stored, large" else REQUESTS[name](path))
            await asyncio.sleep(0)
            writer.transport.abort()
    assert (await answers(daemon, REQUESTS["stored"](path))).startswith(b"HTTP/1.1 200 OK\r\n")
