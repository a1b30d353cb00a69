"""Stripe does not answer: shoppers wait a bounded time, later not at all, and their orders are kept."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from checkout_daemon.stripe_api import breaker
from tests.support.flaky_stripe import FlakyStripe, Request
from tests.support.waiting import until
from tests.web.conftest import Client, checkout_body

# The promise is 8 s; a loaded machine may take longer, but not the 25 s that a call to Stripe may take without a bound.
MOST_SECONDS = 14.0


async def checkout(client: Client, key: str) -> tuple[int, dict[str, Any], float]:
    started = time.monotonic()
    async with client.post(
        "/api/stripe-checkout", json=checkout_body(insist=True), headers={"Idempotency-Key": key}
    ) as answer:
        data = json.loads(await answer.read())
        if answer.status == 503:
            assert data["code"] == "stripe_unavailable"
            assert int(answer.headers["Retry-After"]) > 0
        return answer.status, data, time.monotonic() - started


async def metric(client: Client, line: str) -> bool:
    async with client.get("/metrics") as answer:
        return line in (await answer.text()).splitlines()


async def test_shoppers_wait_a_bounded_time_and_then_the_breaker_opens(
    paying_shop: Client, stripe: FlakyStripe, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(breaker, "PAUSE_SECONDS", 1.0)
    frozen = asyncio.Event()

    async def wait(request: Request) -> None:
        await frozen.wait()

    stripe.before_answer = wait
    keys = [f"key-{number}" for number in range(breaker.FAILURES)]
    answers = await asyncio.gather(*(checkout(paying_shop, key) for key in keys))
    assert {status for status, _, _ in answers} == {503}
    assert max(seconds for _, _, seconds in answers) < MOST_SECONDS
    asked = len(stripe.requests)
    status, _, _ = await checkout(paying_shop, "refused")
    assert (status, len(stripe.requests)) == (503, asked)
    assert await metric(paying_shop, "checkout_stripe_breaker_open 1.0")
    refusals = 'checkout_stripe_calls_total{method="checkout.sessions.create",outcome="not_asked"} 1.0'
    assert await metric(paying_shop, refusals)

    frozen.set()

    async def finished_now() -> bool:
        return (await checkout(paying_shop, "refused"))[0] == 200

    await until(finished_now)
    finished = await asyncio.gather(*(checkout(paying_shop, key) for key in keys))
    assert {status for status, _, _ in finished} == {200}
    assert len({data["session_id"] for _, data, _ in finished}) == len(keys)
    assert await metric(paying_shop, "checkout_stripe_breaker_open 0.0")
    messages = [record.getMessage() for record in caplog.records if record.name == breaker.log.name]
    assert len(messages) == 2
