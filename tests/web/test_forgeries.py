"""Unsigned deliveries are slowed and leave few log lines; signed ones from the same address are not slowed."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest

from tests.support.stripe_events import signed
from tests.web.conftest import Client, OpenClient


async def deliver(client: Client, signature: str) -> int:
    async with client.post("/api/webhook", data=b"[]", headers={"Stripe-Signature": signature}) as answer:
        return answer.status


async def test_forgeries_are_slowed_and_what_is_signed_is_not(
    shop: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("checkout_daemon.web.limits.WAIT_SECONDS", 60.0)
    caplog.set_level(logging.INFO, "checkout_daemon")
    forged = f"t={int(time.time())},v1=00"
    answered = 0
    while True:  # in the time that they take, a slow machine earns more of them
        slowed = asyncio.create_task(deliver(shop, forged))
        done, _ = await asyncio.wait([slowed], timeout=3)
        if not done:
            break
        assert slowed.result() == 400
        answered += 1
    assert answered >= 120
    assert await deliver(shop, signed(b"[]")) in (200, 400)
    slowed.cancel()
    refusals = [record for record in caplog.records if "a delivery was refused" in record.getMessage()]
    assert len(refusals) == answered


async def test_so_many_wait_and_no_more(
    open_client: OpenClient, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checkout_daemon.web.limits.FREE_FORGERIES_A_MINUTE", 1)
    monkeypatch.setattr("checkout_daemon.web.limits.WAIT_SECONDS", 1.5)
    monkeypatch.setattr("checkout_daemon.web.limits._MOST_WAITING", 2)
    shop = await open_client(DATABASE_URL=database_url)
    forged = f"t={int(time.time())},v1=00"
    waiting = {asyncio.create_task(deliver(shop, forged)) for _ in range(130)}
    while len(waiting) > 2:
        done, waiting = await asyncio.wait(waiting, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        assert {answered.result() for answered in done} == {400}
    for task in waiting:
        task.cancel()


async def test_forgeries_from_many_addresses_of_a_network_are_slowed(
    open_client: OpenClient, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checkout_daemon.web.limits.FREE_FORGERIES_A_MINUTE", 1)
    monkeypatch.setattr("checkout_daemon.web.limits.WAIT_SECONDS", 60.0)
    client = await open_client(DATABASE_URL=database_url, CHECKOUT_TRUSTED_PROXIES="127.0.0.1")
    signature = f"t={int(time.time())},v1=00"

    async def deliver_from(number: int) -> int:
        headers = {"Stripe-Signature": signature, "X-Forwarded-For": f"2001:db8:0:{number:x}::1"}
        async with client.post("/api/webhook", data=b"[]", headers=headers) as answer:
            return answer.status

    assert [await deliver_from(number) for number in range(4)] == [400] * 4  # the share of a /56
    slowed = asyncio.create_task(deliver_from(4))
    done, _ = await asyncio.wait([slowed], timeout=1)
    assert not done
    slowed.cancel()
