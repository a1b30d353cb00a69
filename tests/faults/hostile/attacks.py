"""The attacks, each in a process of its own, so that it delays nobody who measures.

`python -m tests.faults.hostile.attacks NAME` reads its arguments as JSON and writes what it counted as JSON.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

from bench.support.events import SECRET, deliveries
from bench.support.load import request
from bench.support.load import run as send_all
from bench.support.targets import daemon
from checkout_daemon.ledger.signature import sign
from tests.faults.hostile.flood import ADDRESSES, Counts, flood, hold, raise_descriptors, upload

Attack = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
ATTACKS: dict[str, Attack] = {}
JSON_HEAD = {"Content-Type": "application/json"}
WEBHOOK, QUOTES = "/api/webhook", "/api/quotes"


def attack(function: Attack) -> Attack:
    """Register an attack by its name."""
    ATTACKS[function.__name__] = function
    return function


def shown(counts: Counts) -> dict[str, Any]:
    """Return what is worth reporting."""
    report: dict[str, Any] = {"sent": counts.sent, "connections": counts.opened, "answers": dict(counts.statuses)}
    for status in counts.seconds:
        report[f"p50_{status}_ms"] = round(1000 * counts.slowest(status, 0.5))
        report[f"p99_{status}_ms"] = round(1000 * counts.slowest(status))
    for name in ("unsent", "refused", "closed"):
        if value := getattr(counts, name):
            report[name] = value
    return report


async def new_events(given: dict[str, Any]) -> list[bytes]:
    """Return deliveries for the newest orders that wait to be paid; the good deliveries pay the oldest."""
    store = daemon().store
    assert store is not None
    orders = await store.orders(given["url"], 10_000_000)
    return [delivery.request for delivery in deliveries(orders[-given["orders"] :])]


@attack
async def sustainable(given: dict[str, Any]) -> dict[str, Any]:
    """Send new events as fast as they are answered."""
    bodies = await new_events(given)
    result = await send_all(given["port"], bodies, 64, seconds=given["seconds"])
    return {"per_second": round(result.per_second), "p99_ms": round(result.p99_ms), "sent": result.sent}


@attack
async def overload(given: dict[str, Any]) -> dict[str, Any]:
    """Send new events at a rate that cannot be sustained, over as many connections as that takes."""
    bodies = await new_events(given)
    counts = await flood(given["port"], bodies, most=given["most"], seconds=given["seconds"], rate=given["rate"])
    return shown(counts) | {"rate": given["rate"], "different": len(bodies)}


@attack
async def signatures(given: dict[str, Any]) -> dict[str, Any]:
    """Send deliveries with signatures of another secret."""
    now = int(time.time())
    bodies = []
    for number in range(1000):
        body = b'{"id":"evt_%d","object":"event","padding":"%b"}' % (number, b"x" * 3000)
        bodies.append(request(WEBHOOK, body, {"Stripe-Signature": sign(body, "whsec_another", now)}))
    return shown(await flood(given["port"], bodies, most=given["most"], seconds=given["seconds"], total=given["total"]))


@attack
async def slow_heads(given: dict[str, Any]) -> dict[str, Any]:
    """Begin requests, and send a byte of a header a second."""
    first = f"POST {WEBHOOK} HTTP/1.1\r\nHost: shop\r\nX-A: ".encode()
    return shown(await hold(given["port"], given["count"], first, b"a", every=1.0, seconds=given["seconds"]))


@attack
async def slow_bodies(given: dict[str, Any]) -> dict[str, Any]:
    """Send whole heads, and a byte of the body a second."""
    first = request(WEBHOOK, b"", {})[:-4].replace(b"Content-Length: 0", b"Content-Length: 60000") + b"\r\n\r\n{"
    return shown(await hold(given["port"], given["count"], first, b" ", every=1.0, seconds=given["seconds"]))


@attack
async def idle(given: dict[str, Any]) -> dict[str, Any]:
    """Open connections and say nothing."""
    return shown(await hold(given["port"], given["count"], b"", b"", every=0.5, seconds=given["seconds"]))


@attack
async def uploads(given: dict[str, Any]) -> dict[str, Any]:
    """Send a gigabyte in chunks, to the webhook and to the shop, until the server stops."""
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    heads = [
        f"POST {path} HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n".encode()
        for path in (WEBHOOK, QUOTES)
    ]
    end = time.monotonic() + given["seconds"]
    statuses: Counter[str] = Counter()
    most = 0
    while time.monotonic() < end:
        sending = [upload(given["port"], heads[n % 2], chunk, 1 << 30, ADDRESSES[n]) for n in range(given["count"])]
        for status, sent in await asyncio.gather(*sending):
            statuses[status] += 1
            most = max(most, sent)
    return {"uploads": statuses.total(), "answers": dict(statuses), "most_taken_kb": most // 1024}


@attack
async def bombs(given: dict[str, Any]) -> dict[str, Any]:
    """Send compressed bodies of 16 KB that would expand a thousandfold, signed and not."""
    bomb = gzip.compress(b" " * (16 << 20), 9)
    signed = {"Stripe-Signature": sign(bomb, SECRET, int(time.time()))}
    bodies = [
        request(path, bomb, {"Content-Encoding": coding, **extra})
        for coding in ("gzip", "deflate", "br", "zstd", "identity, gzip", "GZIP")
        for path, extra in ((WEBHOOK, signed), (QUOTES, JSON_HEAD))
    ]
    return shown(await flood(given["port"], bodies, most=given["most"], seconds=given["seconds"]))


@attack
async def headers(given: dict[str, Any]) -> dict[str, Any]:
    """Send heads with thousands of lines, with long lines, and without an end."""
    many = "".join(f"X-{number}: {number}\r\n" for number in range(5000))
    floods = [
        f"GET / HTTP/1.1\r\nHost: shop\r\n{many}\r\n",
        f"GET / HTTP/1.1\r\nHost: shop\r\nX-A: {'a' * 200_000}\r\n\r\n",
        f"GET /{'a' * 200_000} HTTP/1.1\r\nHost: shop\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: shop\r\n" + ("X-A: " + "a" * 8000 + "\r\n") * 50,
        "GET / HTTP/1.1\r\nHost: shop\r\n" + "Cookie: a=b\r\n" * 5000 + "\r\n",
    ]
    bodies = [text.encode() for text in floods]
    return shown(await flood(given["port"], bodies, most=given["most"], seconds=given["seconds"]))


@attack
async def nesting(given: dict[str, Any]) -> dict[str, Any]:
    """Send JSON nested 100,000 deep: signed events, forged ones, and bodies of the shop."""
    deep = b"[" * 100_000 + b"]" * 100_000
    event = (
        b'{"id":"evt_deep","object":"event","type":"charge.succeeded","data":{"object":{"id":"ch_1","x":%b}}}' % deep
    )
    now = int(time.time())
    bodies = [
        request(WEBHOOK, event, {"Stripe-Signature": sign(event, SECRET, now)}),
        request(WEBHOOK, deep, {"Stripe-Signature": sign(deep, SECRET, now)}),
        request(WEBHOOK, deep, {"Stripe-Signature": sign(deep, "whsec_another", now)}),
        request(QUOTES, deep[:32_000] + deep[-32_000:], JSON_HEAD),
        request(QUOTES, b'{"items":' + b'{"a":' * 10_000, JSON_HEAD),
    ]
    return shown(await flood(given["port"], bodies, most=given["most"], seconds=given["seconds"]))


def main() -> None:
    """Run the attack that is named."""
    raise_descriptors()
    given = json.loads(sys.stdin.read())
    sys.stdout.write(json.dumps(uvloop.run(ATTACKS[sys.argv[1]](given))))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
