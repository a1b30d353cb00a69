"""Expired sessions: their time, their intent, and their recovery URL."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

import pytest
import stripe
from aiohttp.test_utils import TestServer

from checkout_daemon.sandbox.app import create_app
from checkout_daemon.sandbox.main import SandboxSettings
from tests.sandbox.conftest import Connect, open_session
from tests.sandbox.test_clock import advance
from tests.sandbox.test_hosted import CARD, browser, get, names, path_of, post

__all__ = ["browser"]

DAY = 86_400
RECOVERY: dict[str, Any] = {"after_expiration": {"recovery": {"enabled": True}}}


def recovery_of(session: stripe.checkout.Session) -> stripe.checkout.Session.AfterExpiration.Recovery:
    assert session.after_expiration is not None
    assert session.after_expiration.recovery is not None
    return session.after_expiration.recovery


async def recovered(client: stripe.StripeClient, browser: Any, expired: stripe.checkout.Session) -> str:
    """Visit the recovery URL, and return the id of the session that it leads to."""
    url = recovery_of(expired).url
    assert url is not None
    async with browser.get(urlsplit(url).path, allow_redirects=False) as answer:
        assert answer.status == 303
        return str(answer.headers["Location"]).removeprefix("/c/pay/")


async def test_an_open_session_has_no_address_yet(client: stripe.StripeClient) -> None:
    session = await open_session(client, **RECOVERY)
    recovery = recovery_of(session)
    assert (recovery.enabled, recovery.allow_promotion_codes, recovery.url, recovery.expires_at) == (
        True,
        False,
        None,
        None,
    )


async def test_expiry_gives_the_address_and_its_time(client: stripe.StripeClient, server: TestServer) -> None:
    session = await open_session(client, **RECOVERY, expires_at=int(time.time()) + 1860)
    await advance(server, "32m")
    event = (await client.v1.events.list_async(params={"type": "checkout.session.expired"})).data[0]
    shown = event.data.object["after_expiration"]["recovery"]
    kept = await client.v1.checkout.sessions.retrieve_async(session.id)
    assert kept.status == "expired"
    assert shown["url"] == recovery_of(kept).url
    assert shown["url"].startswith(str(server.make_url("/c/recover/")))
    assert abs(shown["expires_at"] - session.expires_at - 30 * DAY) <= 2


async def test_the_address_leads_to_a_session_like_the_old_one(client: stripe.StripeClient, browser: Any) -> None:
    old = await open_session(client, **RECOVERY, metadata={"order": "7"}, client_reference_id="o7")
    assert (await post(browser, path_of(old), {**CARD, "number": "4000000000000002"}))[0] == 402
    expired = await client.v1.checkout.sessions.expire_async(old.id)
    new_id = await recovered(client, browser, expired)
    new = await client.v1.checkout.sessions.retrieve_async(new_id, params={"expand": ["line_items"]})
    assert (new.recovered_from, new.status, new.payment_intent) == (old.id, "open", None)
    assert (new.amount_total, new.client_reference_id, new.to_dict()["metadata"]["order"]) == (2000, "o7", "7")
    assert new.line_items is not None
    assert [line.description for line in new.line_items.data] == ["Mug"]
    assert new.expires_at - new.created == DAY
    assert recovery_of(new).url is None
    status, _, _ = await post(browser, path_of(new), CARD)
    assert status == 303
    assert (await client.v1.checkout.sessions.retrieve_async(new_id)).payment_status == "paid"
    assert (await client.v1.checkout.sessions.retrieve_async(old.id)).status == "expired"


async def test_every_visit_leads_to_the_same_session_until_it_ends(client: stripe.StripeClient, browser: Any) -> None:
    expired = await client.v1.checkout.sessions.expire_async((await open_session(client, **RECOVERY)).id)
    first = await recovered(client, browser, expired)
    assert await recovered(client, browser, expired) == first
    await client.v1.checkout.sessions.expire_async(first)
    second = await recovered(client, browser, expired)
    assert second != first
    await post(browser, f"/c/pay/{second}", CARD)
    url = recovery_of(expired).url
    assert url is not None
    status, html = await get(browser, urlsplit(url).path)
    assert (status, "already paid" in html) == (400, True)


@pytest.mark.parametrize("allowed", [True, False])
async def test_promotion_codes_on_recovery(client: stripe.StripeClient, browser: Any, allowed: bool) -> None:
    coupon = await client.v1.coupons.create_async(params={"percent_off": 50})
    recovery = {"recovery": {"enabled": True, "allow_promotion_codes": allowed}}
    old = await open_session(client, after_expiration=recovery, discounts=[{"coupon": coupon.id}])
    expired = await client.v1.checkout.sessions.expire_async(old.id)
    new_id = await recovered(client, browser, expired)
    new = await client.v1.checkout.sessions.retrieve_async(new_id)
    _, html = await get(browser, f"/c/pay/{new_id}")
    assert ("Apply" in names(html, "button")) is allowed
    assert new.amount_total == (2000 if allowed else 1000)


async def test_the_address_ends_after_a_month(client: stripe.StripeClient, server: TestServer, browser: Any) -> None:
    expired = await client.v1.checkout.sessions.expire_async((await open_session(client, **RECOVERY)).id)
    path = urlsplit(str(recovery_of(expired).url)).path
    await advance(server, "29d")
    async with browser.get(path, allow_redirects=False) as answer:
        assert answer.status == 303
    await advance(server, "2d")
    assert (await get(browser, path))[0] == 410
    assert (await get(browser, "/c/recover/nothing"))[0] == 404


async def test_without_recovery_there_is_no_recovery_url(client: stripe.StripeClient) -> None:
    plain = await client.v1.checkout.sessions.expire_async((await open_session(client)).id)
    assert plain.after_expiration is None
    off = await open_session(client, after_expiration={"recovery": {"enabled": False}})
    assert recovery_of(await client.v1.checkout.sessions.expire_async(off.id)).url is None
    with pytest.raises(stripe.InvalidRequestError):
        await open_session(client, after_expiration={"recovery": {"enabled": False, "allow_promotion_codes": True}})


async def test_a_session_whose_time_came_while_the_sandbox_was_down_expires_when_it_is_back(
    settings: SandboxSettings, connect: Connect
) -> None:
    async with TestServer(create_app(settings)) as server:
        client = connect(server)
        session = await open_session(client, **RECOVERY, expires_at=int(time.time()) + 1860)
        base = str(session.url).partition("/c/")[0]
        paid = await open_session(client, expires_at=int(time.time()) + 1860)
        await client.raw_request_async("post", f"/v1/payment_pages/{paid.id}/confirm", payment_method="pm_card_visa")
    again = TestServer(create_app(settings))
    await again.start_server()
    try:
        client = connect(again)
        await advance(again, "1h")
        expired_one = await client.v1.checkout.sessions.retrieve_async(session.id)
        assert expired_one.status == "expired"
        assert str(recovery_of(expired_one).url).startswith(f"{base}/c/recover/")
        assert (await client.v1.checkout.sessions.retrieve_async(paid.id)).status == "complete"
        expired = await client.v1.events.list_async(params={"type": "checkout.session.expired"})
        assert [event.data.object["id"] for event in expired.data] == [session.id]
    finally:
        await again.close()
