"""Signed deliveries of the events that Stripe sends for a payment. The bodies are templates in bench/payloads."""

from __future__ import annotations

import itertools
import random
import re
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench.support.load import request
from checkout_daemon.ledger.signature import sign

SECRET = "whsec_bench"
FIRST = "checkout.session.completed"
# As Stripe sends them to an endpoint that `checkout webhook create` made: a card payment, then its refund.
PAYMENT = (
    "charge.succeeded",
    "payment_intent.succeeded",
    FIRST,
    "refund.created",
    "charge.refunded",
    "refund.updated",
    "charge.refund.updated",
)
_PAYLOADS = Path(__file__).resolve().parents[1] / "payloads"
_TOKEN = re.compile(r"\$([A-Z]+)")
_RUN = secrets.token_hex(6)
_NUMBERS = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Order:
    """An order that waits to be paid, as a server under measurement knows it."""

    id: str
    session_id: str
    amount_total: int
    number: int
    shop: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One HTTP request. With an event, its id and that of its session."""

    request: bytes
    event_id: str = ""
    session_id: str = ""


def deliveries(orders: Iterable[Order], types: Sequence[str] = (FIRST,), *, secret: str = SECRET) -> Iterator[Delivery]:
    """Yield a delivery of each type for each order: the first type for every order, then the next type."""
    listed = list(orders)
    for kind in types:
        for order in listed:
            event_id = f"evt_3{_RUN}{next(_NUMBERS):011d}"
            body = render(kind, event_id, order)
            yield Delivery(signed(body, secret), event_id, order.session_id)


def interleaved(orders: Sequence[Order], types: Sequence[str], at_once: int) -> Iterator[Delivery]:
    """Yield all events of payments, of which so many happen at the same time."""
    for start in range(0, len(orders), at_once):
        yield from deliveries(orders[start : start + at_once], types)


def render(kind: str, event_id: str, order: Order) -> bytes:
    """Return the body of an event, as Stripe prints it."""
    tail, now = order.session_id[-22:], int(time.time())
    values = {
        "EVENT": event_id,
        "SESSION": order.session_id,
        "INTENT": f"pi_3{tail}",
        "CHARGE": f"ch_3{tail}",
        "REFUND": f"re_3{tail}",
        "ORDER": order.id,
        "NUMBER": str(order.number),
        "SHOP": order.shop,
        "TOTAL": str(order.amount_total),
        "NOW": str(now),
        "LATER": str(now + 86_400),
    }
    texts, names = _template(kind)
    parts = [texts[0]]
    for name, text in zip(names, texts[1:], strict=True):
        parts += (values[name], text)
    return "".join(parts).encode()


def signed(body: bytes, secret: str = SECRET, path: str = "/api/webhook") -> bytes:
    """Return the request of a delivery, with the headers that Stripe sends."""
    headers = {
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "Accept": "*/*; q=0.5, application/xml",
        "Cache-Control": "no-cache",
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": sign(body, secret, int(time.time())),
    }
    return request(path, body, headers)


def with_duplicates(items: Sequence[Delivery], share: float, near: int, *, seed: int = 7) -> list[Delivery]:
    """Repeat some, so that this share of the result was sent before.

    Half of the repeats follow their original so closely that both are likely to be under way at once.
    """
    generator = random.Random(seed)
    result: list[Delivery] = []
    for place, item in enumerate(items):
        result.append(item)
        if share and generator.random() < share / (1 - share):
            close = generator.random() < 0.5
            back = generator.randint(0, max(1, near // 2)) if close else generator.randint(near * 2, near * 20)
            result.append(items[max(0, place - back)])
    return result


@cache
def _template(kind: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the texts between the tokens of a payload, and the names of the tokens."""
    parts = _TOKEN.split((_PAYLOADS / f"{kind}.json").read_text(encoding="utf-8").rstrip("\n"))
    return tuple(parts[::2]), tuple(parts[1::2])
