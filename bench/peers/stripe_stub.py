"""A stand-in for the few Stripe API calls of a checkout: it answers after a fixed delay and keeps nothing.

One process, one protocol class, no HTTP library, so that a server's own cost shows. POST /delay/MILLISECONDS sets the
delay.

    stripe_stub.py PORT
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from pathlib import Path
from typing import cast
from urllib.parse import parse_qsl

import uvloop

PAYLOAD = Path(__file__).resolve().parents[1] / "payloads/checkout.session.completed.json"
CREATED = int(time.time())
ACCOUNT = {"id": "acct_bench", "object": "account", "country": "US", "default_currency": "usd", "charges_enabled": True}
EMPTY_LIST = b'{"object": "list", "data": [], "has_more": false, "url": "/v1/empty"}'


def session_template() -> bytes:
    """Return an open session with a token for its id."""
    text = PAYLOAD.read_text(encoding="utf-8").replace("$NOW", str(CREATED)).replace("$LATER", str(CREATED + 86_400))
    session = json.loads(text.replace("$TOTAL", "0"))["data"]["object"]
    session |= {"id": "@ID@", "url": "https://checkout.stripe.com/c/pay/@ID@", "status": "open"}
    session |= {"payment_status": "unpaid", "payment_intent": None}
    return json.dumps(session).encode()


SESSION = session_template()


class Stub(asyncio.Protocol):
    """A connection."""

    delay = 0.0
    numbers = itertools.count(1)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._received = bytearray()

    def data_received(self, data: bytes) -> None:
        """Answer every complete request."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._received[:end])
            place = head.lower().find(b"\r\ncontent-length:")
            length = int(head[place + 17 :].partition(b"\r\n")[0]) if place >= 0 else 0
            if len(self._received) < end + 4 + length:
                return
            form = bytes(self._received[end + 4 : end + 4 + length])
            del self._received[: end + 4 + length]
            method, target, _ = head.partition(b"\r\n")[0].decode().split(" ", 2)
            body = self._answer(method, target.partition("?")[0], form)
            answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nRequest-Id: req_bench\r\n"
            answer += b"Content-Length: %d\r\n\r\n" % len(body) + body
            if Stub.delay:
                asyncio.get_running_loop().call_later(Stub.delay, self._reply, answer)
            else:
                self._reply(answer)

    def _reply(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)

    def _answer(self, method: str, path: str, form: bytes) -> bytes:
        if path.startswith("/delay/"):
            Stub.delay = int(path.rpartition("/")[2]) / 1000
            return b"{}"
        if path == "/v1/checkout/sessions" and method == "POST":
            return create_session(form, next(Stub.numbers))
        if path.startswith("/v1/checkout/sessions/"):
            return SESSION.replace(b"@ID@", path.rpartition("/")[2].encode())
        if path == "/v1/account":
            return json.dumps(ACCOUNT).encode()
        return EMPTY_LIST


def create_session(form: bytes, number: int) -> bytes:
    """Return a session with the total and the references that the caller asked for."""
    fields = dict(parse_qsl(form.decode()))
    lines = [name.removesuffix("[quantity]") for name in fields if name.endswith("][quantity]")]
    total = sum(int(fields[f"{line}[quantity]"]) * int(fields[f"{line}[price_data][unit_amount]"]) for line in lines)
    session = json.loads(SESSION.replace(b"@ID@", b"cs_test_b%058d" % number))
    session["amount_total"] = session["amount_subtotal"] = total
    session["client_reference_id"] = fields.get("client_reference_id")
    session["metadata"] = {name[9:-1]: value for name, value in fields.items() if name.startswith("metadata[")}
    return json.dumps(session).encode()


async def main(port: int) -> None:
    """Serve."""
    server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
