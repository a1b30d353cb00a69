"""Ten thousand malformed requests: all are answered, none with 500."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import jsonschema_rs
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from yarl import URL

from checkout_daemon.web.openapi import EVERY_ROUTE, describe
from tests.support.flaky_stripe import FlakyStripe
from tests.web.conftest import Client, OpenClient, checkout_body
from tests.web.fuzz import Sent, any_request, delivery, shop_request
from tests.web.wire import connection_to

REQUESTS_PER_SEED = 200
CONNECTIONS = 8
PER_OPERATION = 20


def fuzzed(examples: int) -> settings:
    """A failing seed is the whole failing case: smaller numbers are other cases, not simpler ones."""
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


seeds = st.integers(0, 2**64 - 1)
DOCUMENT: dict[str, Any] = json.loads(describe(EVERY_ROUTE))
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)


@dataclass(frozen=True)
class Target:
    """Run the whole shop without a limit on checkouts, with one order."""

    client: Client
    order_id: str


@pytest.fixture
async def target(
    open_client: OpenClient,
    database_url: str,
    connection: asyncpg.Connection,
    stripe: FlakyStripe,
    tmp_path: Path,
) -> Target:
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "index.html").write_text("<!doctype html>")
    client = await open_client(pages, DATABASE_URL=database_url, STRIPE_API_BASE=stripe.base, CHECKOUT_RATE_LIMIT="0")
    async with client.post("/api/stripe-checkout", json=checkout_body()) as answer:
        assert answer.status == 201
        return Target(client, (await answer.json())["order_id"])


@fuzzed(13)
@given(seed=seeds)
async def test_any_request_at_all_is_answered(target: Target, seed: int) -> None:
    await send_all(target, any_request, seed)


@fuzzed(14)
@given(seed=seeds)
async def test_faulty_quotes_and_checkouts_are_answered(target: Target, seed: int) -> None:
    await send_all(target, shop_request, seed)


@fuzzed(23)
@given(seed=seeds)
async def test_faulty_events_rightly_signed_are_answered(target: Target, seed: int) -> None:
    await send_all(target, delivery, seed)


async def test_requests_made_from_the_description_are_answered_as_it_states(target: Target) -> None:
    answered = 0
    for path, item in DOCUMENT["paths"].items():
        for method in item:
            for mode in GenerationMode.POSITIVE, GenerationMode.NEGATIVE:
                for case in generate(path, method.upper(), mode):
                    await send_case(target.client, case)
                    answered += 1
    assert answered > 200


async def send_all(target: Target, make: Callable[[Random, str], Sent], seed: int) -> None:
    rng = Random(seed)
    left = [make(rng, target.order_id) for _ in range(REQUESTS_PER_SEED)]
    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(send_some(target.client, left, seed))


async def send_some(client: Client, left: list[Sent], seed: int) -> None:
    """Send requests until none is left, over one connection, or a new one where it was closed."""
    while left:
        async with connection_to(client) as (reader, writer):
            while left:
                sent = left.pop()
                writer.write(sent.wire())
                head = await read_answer(reader, sent.method)
                status = int(head.split(b" ", 2)[1])
                assert status < 500, (seed, sent, head)
                # Without an id it was refused before it came to us: what is no HTTP, or expects what nobody has.
                assert b"X-Request-Id" in head or status in (400, 417), (seed, sent, head)
                if b"connection: close" in head.lower() or b"X-Request-Id" not in head:
                    break


async def read_answer(reader: asyncio.StreamReader, method: str) -> bytes:
    """Read the next answer, and return its head."""
    while (head := await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 1"):
        pass
    if method != "HEAD" and (length := re.search(rb"(?i)\r\ncontent-length: (\d+)", head)) is not None:
        await reader.readexactly(int(length[1]))
    return head


def generate(path: str, method: str, mode: GenerationMode) -> list[Case[Any]]:
    """Return requests for an operation that follow its description or break it."""
    cases: list[Case[Any]] = []
    strategy = SCHEMA[path][method].as_strategy(generation_mode=mode)

    @settings(fuzzed(PER_OPERATION), derandomize=True)
    @given(case=strategy)
    def keep(case: Case[Any]) -> None:
        cases.append(case)

    try:
        keep()
    except Unsatisfiable:  # nothing can be wrong in a request without parameters
        assert mode is GenerationMode.NEGATIVE
    return cases


async def send_case(client: Client, case: Case[Any]) -> None:
    """Send it, and hold the answer against the description."""
    arguments = case.as_transport_kwargs(base_url=str(client.make_url("")).rstrip("/"))
    names = ("method", "url", "headers", "params", "json", "data")
    prepared = requests.Request(**{name: arguments.get(name) for name in names}).prepare()
    assert prepared.method is not None
    assert prepared.url is not None
    sent = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body or b""
    assert isinstance(sent, bytes)
    headers = {name: value for name, value in prepared.headers.items() if isinstance(value, str)}
    url = URL(prepared.url, encoded=True)
    async with client.session.request(prepared.method, url, headers=headers, data=BytesIO(sent)) as answer:
        body = await answer.read()
    described = case.operation.definition.raw["responses"]
    assert str(answer.status) in described, (case, answer.status, body)
    content = described[str(answer.status)].get("content")
    if content is None:
        assert body == b""
        return
    assert answer.content_type in content, (case, answer.content_type)
    if answer.content_type.endswith("json") and content[answer.content_type]["schema"]:
        schema = content[answer.content_type]["schema"] | {"components": DOCUMENT["components"]}
        jsonschema_rs.validate(schema, json.loads(body))
