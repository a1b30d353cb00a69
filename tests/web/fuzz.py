"""Generate malformed requests from a seed, close enough to real ones to get far."""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.support.stripe_events import event_body, refund_object, session_object, signed
from tests.web.conftest import checkout_body

_STRINGS = (
    *("", " ", "\0", "a", "NOTE", "TEN", "eur", "EUR", "€", "pi_1", "cs_1", "ch_1", "paid", "open", "succeeded", "-0"),
    *("\u202e", "\ud800", "\U0001f600", "'; DROP TABLE orders; --", "../../etc/passwd", "x" * 300, "1e999", "null"),
)
_NUMBERS = (0, 1, -1, 2**31, 2**63, -(2**63) - 1, 10**40, 0.5, 1e308, -0.0, 999, 1000, 1_790_000_000)
_TYPES = (
    *("checkout.session.completed", "checkout.session.async_payment_failed", "checkout.session.expired"),
    *("payment_intent.succeeded", "payment_intent.payment_failed", "charge.succeeded", "charge.refunded"),
    *("charge.dispute.created", "charge.dispute.closed", "refund.created", "refund.failed", "charge.refund.updated"),
)
_PATHS = (
    *("/", "/api/products", "/api/quotes", "/api/stripe-checkout", "/api/stripe-checkout/cs_1", "/healthz", "/metrics"),
    *("/api/stripe-checkout/ORDER", "/api/stripe-checkout/ORDER/retry", "/api/webhook", "/openapi.json"),
    *("/api/orders", "/api/orders/ORDER", "/api/orders/ORDER/refunds", "/api/orders/1001/notes"),
    *("/api/proposals/1", "/api/proposals/1/approve", "/api/proposals/1/reject"),
)
# Not those that say where a request ends: of such a request no answer need come.
_HEADERS = (
    *("Accept", "Accept-Encoding", "Access-Control-Request-Method", "Authorization", "Connection", "Content-Encoding"),
    *("Content-Type", "Cookie", "Forwarded", "Idempotency-Key", "If-Modified-Since", "If-None-Match", "Origin"),
    *("Range", "Referer", "Stripe-Signature", "Upgrade", "User-Agent", "X-Forwarded-For", "X-Forwarded-Host"),
)
_VALUES = (
    *("", "*", "*/*", "gzip", "gzip;q=0", "identity", "close", "application/json", "application/json; charset=x"),
    *("text/html", "bytes=0-1", "https://shop.example", "null", "::1", "1.2.3.4, ::ffff:1.2.3.4", "t=1,v1=", "t=,v1=,"),
    *("x" * 4000, "\x7f", "é", "a, b;c=d", "0", "-1", "multipart/form-data", "=?utf-8?q?a?=", "upgrade", "websocket"),
    *("POST", '"', "W/"),
)
_PATH_PARTS = ("%00", "%ff", "%2e%2e", "/", "//", "?", "?a=%zz", "#", ";", "%", "é", "\\", "x" * 2000, "{ref}", "*")


@dataclass(frozen=True)
class Sent:
    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def wire(self) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers)]
        head = "\r\n".join([*lines, f"Content-Length: {len(self.body)}", "", ""])
        return head.encode("latin-1", "replace") + self.body


def any_request(rng: Random, order_id: str) -> Sent:
    """Return a request with any method, path, headers and body."""
    path = rng.choice(_PATHS).replace("ORDER", order_id)
    if rng.random() < 0.2:
        path = _spoil_path(rng, path)
    method = rng.choice(("GET", "POST", "POST", "HEAD", "PUT", "DELETE", "OPTIONS"))
    body = _spoil(rng, rng.choice((_quote, _checkout))(rng)) if rng.random() < 0.7 else b""
    headers = [("Host", "shop"), *((rng.choice(_HEADERS), rng.choice(_VALUES)) for _ in range(rng.randrange(5)))]
    return Sent(method, path, tuple(headers), body)


def shop_request(rng: Random, order_id: str) -> Sent:
    """Return a quote or a checkout with a fault in it."""
    path, make = rng.choice((("/api/quotes", _quote), ("/api/stripe-checkout", _checkout)))
    body = make(rng)
    return Sent("POST", path, (("Host", "shop"), ("Content-Type", "application/json")), _spoil(rng, body, 0.3))


def delivery(rng: Random, order_id: str) -> Sent:
    """Return an event with a fault in it and a valid signature."""
    body = _spoil(rng, _event(rng, order_id), 0.2)
    return Sent("POST", "/api/webhook", (("Host", "shop"), ("Stripe-Signature", signed(body))), body)


def _quote(rng: Random) -> bytes:
    return _json(_mutate(rng, {"items": checkout_body()["items"], "discount_code": "TEN"}))


def _checkout(rng: Random) -> bytes:
    return _json(_mutate(rng, checkout_body(discount_code=None, expected_total=2400)))


def _event(rng: Random, order_id: str) -> bytes:
    number = rng.randrange(20)
    subject = rng.choice(
        (
            session_object(order_id, f"cs_{number}", f"pi_{number}"),
            refund_object(f"re_{number}", f"pi_{number}", 100),
            {"id": f"pi_{number}", "amount": 5000, "amount_received": 5000, "currency": "eur", "latest_charge": "ch_1"},
            {"id": f"ch_{number}", "amount": 5000, "currency": "eur", "amount_refunded": 1, "refunds": {"data": [{}]}},
            {"id": f"dp_{number}", "charge": "ch_1", "payment_intent": "pi_1", "status": "lost", "amount": 1},
        )
    )
    event = json.loads(event_body(rng.choice(_TYPES), subject, event_id=f"evt_{rng.randrange(3000)}"))
    if rng.random() < 0.7:
        event["data"]["object"] = _mutate(rng, event["data"]["object"])
        return _json(event)
    return _json(_mutate(rng, event))


def _mutate(rng: Random, value: Any) -> Any:
    """Return the value with one to three places changed."""
    copy = json.loads(json.dumps(value))
    for _ in range(rng.randrange(1, 4)):
        copy = _change(rng, copy)
    return copy


def _change(rng: Random, value: Any) -> Any:
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(list(value))
        match rng.randrange(4):
            case 0:
                del value[key]
            case 1:
                value[rng.choice((*_STRINGS, *value))] = _junk(rng)
            case _:
                value[key] = _change(rng, value[key])
        return value
    if isinstance(value, list) and value and rng.random() < 0.8:
        index = rng.randrange(len(value))
        value[index] = _change(rng, value[index])
        return value * rng.choice((1, 1, 1, 2, 101))
    return _junk(rng)


def _junk(rng: Random, depth: int = 0) -> Any:
    match rng.randrange(8 if depth < 4 else 4):
        case 0 | 1:
            return rng.choice(_STRINGS)
        case 2:
            return rng.choice(_NUMBERS)
        case 3:
            return rng.choice((None, True, False))
        case 4:
            return "".join(
                chr(rng.choice((rng.randrange(128), rng.randrange(0xD800)))) for _ in range(rng.randrange(9))
            )
        case 5:
            return rng.randrange(-(10**12), 10**12)
        case 6:
            return [_junk(rng, depth + 1) for _ in range(rng.randrange(4))]
        case _:
            return {str(rng.choice(_STRINGS)): _junk(rng, depth + 1) for _ in range(rng.randrange(4))}


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _spoil(rng: Random, body: bytes, likely: float = 0.5) -> bytes:
    """Return the bytes unchanged, or with some of them cut, doubled or changed."""
    if rng.random() >= likely or not body:
        return body
    at = rng.randrange(len(body))
    match rng.randrange(6):
        case 0:
            return body[:at]
        case 1:
            return body[:at] + rng.randbytes(rng.randrange(1, 5)) + body[at:]
        case 2:
            return body[:at] + bytes([rng.randrange(256)]) + body[at + 1 :]
        case 3:
            return body + body[at:]
        case 4:
            return b"[" * rng.randrange(1, 5000) + body
        case _:
            return rng.randbytes(rng.randrange(60))


def _spoil_path(rng: Random, path: str) -> str:
    at = rng.randrange(len(path) + 1)
    return path[:at] + rng.choice(_PATH_PARTS) + path[at:]
