"""Play lives of orders at the offline Stripe once, to deliver their events under many names."""

from __future__ import annotations

import random
import re
from pathlib import Path

import aiohttp
from aiohttp.test_utils import TestServer

from checkout_daemon.sandbox.app import BOX, create_app
from checkout_daemon.sandbox.box import Box, SandboxSettings
from checkout_daemon.sandbox.pretty import pretty
from tests.faults.lives import DAYS, SCRIPTS, Life, Script, Shopper

_DAY = "26h"  # a session is open for 24 hours
_DEBIT_SECONDS = 3600.0
_ID = re.compile(r'"((?:evt|cs|pi|ch|py|re|pyr|du|txn|pm|prod|price|cus|coupon)_[0-9A-Za-z_]+)"')
_EVENT_ID = re.compile(rb'"(evt_[0-9A-Za-z_]+)~copy~"')
_NAMED_BY = ("both", "both", "both", "reference", "metadata")
"""What names the order: `client_reference_id`, the metadata of session and PaymentIntent, or both."""
_ORDER, _COPY = b"~order~", b"~copy~"


async def play(directory: Path, variants: int, seed: int) -> tuple[list[Life], list[bytes]]:
    """Play every script `variants` times, and return the lives, and the events that are about no order."""
    chance = random.Random(seed)
    settings = SandboxSettings(state_dir=directory, port=0, settle_seconds=_DEBIT_SECONDS)
    app = create_app(settings)
    server = TestServer(app)
    await server.start_server()
    base = str(server.make_url("")).rstrip("/")
    try:
        async with aiohttp.ClientSession() as http:
            lives = [_life(script, chance) for script in SCRIPTS for _ in range(variants)]
            playing = [life.script.play(Shopper(http, base, life)) for life in lives]
            for _ in range(DAYS):
                for steps in playing:
                    await anext(steps, None)
                async with http.post(f"{base}/sandbox/clock", data={"advance": _DAY}) as answer:
                    assert answer.status == 200
            for steps in playing:
                await anext(steps, None)
        ours = [life for life in lives if life.named_by != "nobody"]
        return ours, _collect(app[BOX], ours)
    finally:
        await server.close()


def _life(script: Script, chance: random.Random) -> Life:
    return Life(
        script,
        total=0 if script.free else chance.randrange(1_000, 90_000),
        currency=script.currency or chance.choice(("eur", "eur", "usd", "jpy")),
        named_by=script.named_by or chance.choice(_NAMED_BY),
    )


def _collect(box: Box, lives: list[Life]) -> list[bytes]:
    """Give each life its events and its money, and return the other events."""
    life_of: dict[str, Life] = {life.order_id: life for life in lives}
    for life in lives:
        life_of |= dict.fromkeys(life.intents, life)
    for session in box.storage.select("checkout.session", ascending=True):
        named = session.body["client_reference_id"] or session.body["metadata"].get("order_id")
        if named is not None:
            life_of |= dict.fromkeys((session.id, session.body["payment_intent"] or session.id), life_of[named])
    for kind in ("charge", "refund", "dispute"):
        for record in box.storage.select(kind):
            if (owner := life_of.get(record.body["payment_intent"])) is not None:
                life_of[record.id] = owner
    for refund in box.storage.select("refund"):
        if refund.id in life_of:
            life_of[refund.id].refunds[refund.id] = refund.body["status"]
    for transaction in box.storage.select("balance_transaction"):
        if (source := transaction.body["source"]) not in life_of:
            continue
        life = life_of[source]
        match transaction.body["reporting_category"]:
            case "charge":
                life.charged += transaction.body["amount"]
            case "refund" | "refund_failure":
                life.returned -= transaction.body["amount"]
    others = []
    for event in box.storage.select("event", ascending=True):
        text = pretty(event.body)
        ids = [event.body["data"]["object"]["id"], *_ID.findall(text)]
        owner = next((life_of[known] for known in ids if known in life_of), None)
        template = _ID.sub(r'"\1~copy~"', text)
        if owner is None:
            others.append(template.encode())
        else:
            owner.events.append(template.replace(owner.order_id, "~order~").encode())
    return others


def body_of(template: bytes, copy: int, order_id: str = "") -> bytes:
    """Return an event of a copy of a life: with its own ids, about its own order."""
    return template.replace(_COPY, b"x%d" % copy).replace(_ORDER, order_id.encode())


def id_of(template: bytes, copy: int) -> str:
    """Return the event's id in a copy."""
    match = _EVENT_ID.search(template)
    assert match is not None
    return f"{match[1].decode()}x{copy}"
