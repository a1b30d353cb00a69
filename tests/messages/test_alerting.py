"""Dead letters, missing events and a disabled endpoint are reported once, whichever daemon sees them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import aiohttp
import asyncpg
import msgspec
import pytest

from checkout_daemon.ledger.facts import DisputeFact, DisputeStatus
from checkout_daemon.ledger.merge import Update, merge
from checkout_daemon.messages import alerting
from checkout_daemon.messages.alerting import (
    alert_about_dead_letters,
    alert_about_disabled_endpoint,
    alert_about_key,
    alert_about_silence,
)
from checkout_daemon.model.messages import Alert
from checkout_daemon.runtime import Runtime, open_runtime
from checkout_daemon.stripe_sync import catching_up
from checkout_daemon.stripe_sync.catching_up import catch_up, last_comparison
from tests.support.fixtures import KEY
from tests.support.flaky_stripe import FlakyStripe, deny
from tests.support.orders import NOW, add_order
from tests.support.payments import paid

DEAD_EVENT = (
    "INSERT INTO stripe_events (id, type, status, received_at, body_hash)"
    " VALUES ($1, 'charge.refunded', 'dead', now(), '')"
)
CHARGE = {
    "amount": "1000",
    "currency": "eur",
    "payment_method": "pm_card_visa",
    "confirm": "true",
    "automatic_payment_methods[enabled]": "true",
    "automatic_payment_methods[allow_redirects]": "never",
}


async def alerts_of(connection: asyncpg.Connection, kind: str) -> list[Alert]:
    rows = await connection.fetch(
        "SELECT payload FROM outbox WHERE kind = $1 AND channel = 'alert' ORDER BY created_at", kind
    )
    return [msgspec.json.decode(row["payload"], type=Alert) for row in rows]


async def test_dead_events_are_reported_once_together_and_again_when_they_die_again(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    for event_id in ("evt_1", "evt_2"):
        await connection.execute(DEAD_EVENT, event_id)
    await asyncio.gather(*(alert_about_dead_letters(runtime) for _ in range(5)))
    (alert,) = await alerts_of(connection, "events.dead")
    assert (alert.count, alert.subjects) == (2, ("evt_1", "evt_2"))
    assert alert.command == "checkout events list --status dead"
    assert await connection.fetchval("SELECT count(*) FROM outbox WHERE channel = 'webhook'") == 1

    await connection.execute("UPDATE stripe_events SET status = 'applied' WHERE id = 'evt_1'")
    await alert_about_dead_letters(runtime)
    await connection.execute("UPDATE stripe_events SET status = 'dead' WHERE id = 'evt_1'")
    await alert_about_dead_letters(runtime)
    assert [alert.subjects for alert in await alerts_of(connection, "events.dead")] == [("evt_1", "evt_2"), ("evt_1",)]


async def test_a_second_dispute_is_reported_though_the_order_has_that_attention_already(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order_id = await add_order(connection, amount_subtotal=5000, amount_total=5000)
    asked = DisputeStatus.NEEDS_RESPONSE
    disputes = [
        DisputeFact(f"dp_{n}", False, "pi_1", asked, None, 5000, "eur", "fraudulent", NOW, f"evt_{n}") for n in (1, 2)
    ]
    updates = [
        paid(order_id, "pi_1"),
        *(Update("charge.dispute.created", "stripe", subject_id="pi_1", facts=[dispute]) for dispute in disputes),
    ]
    for update in updates:
        await runtime.database.run(merge, [update])
    subjects = await connection.fetch("SELECT subject_id FROM outbox WHERE channel = 'alert' ORDER BY subject_id")
    assert [row["subject_id"] for row in subjects] == [
        "dispute_needs_response:dp_1",
        "dispute_needs_response:dp_2",
    ]


async def test_a_dead_message_is_reported_but_a_dead_alert_never(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order_id = await add_order(connection)
    await connection.execute(
        "INSERT INTO outbox (order_id, kind, channel, status) VALUES ($1, 'order.completed', 'webhook', 'dead')",
        order_id,
    )
    for _ in range(3):
        await alert_about_dead_letters(runtime)
        await connection.execute("UPDATE outbox SET status = 'dead'")
    (alert,) = await alerts_of(connection, "outbox.dead")
    assert (alert.count, alert.command) == (1, "checkout outbox list --status dead")


async def test_what_is_dead_of_test_mode_alarms_nobody_under_a_live_key(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order_id = await add_order(connection)
    await connection.execute(
        "INSERT INTO outbox (order_id, kind, channel, status) VALUES ($1, 'order.completed', 'webhook', 'dead')",
        order_id,
    )
    await connection.execute(DEAD_EVENT, "evt_1")
    await connection.execute("UPDATE stripe_events SET livemode = false")
    live = replace(runtime, settings=replace(runtime.settings, stripe_api_key="sk_live_0123456789"))
    assert await alert_about_dead_letters(live) == 0
    assert await alert_about_dead_letters(runtime) == 2


async def test_events_that_do_not_arrive_are_reported_once_until_they_are_held(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as http,
        http.post(f"{stripe.base}/v1/payment_intents", data=CHARGE) as answer,
    ):
        assert answer.status == 200
    assert await alert_about_silence(runtime) == 0  # they may still be on their way
    monkeypatch.setattr(alerting, "SILENCE", timedelta(seconds=-5))
    missing = 0
    for _ in range(2):
        missing = await alert_about_silence(runtime)
    assert missing >= 2
    (alert,) = await alerts_of(connection, "events.silent")
    assert (alert.count, alert.command) == (missing, "checkout events backfill --since 3d")
    for event_id in alert.subjects:
        await connection.execute(DEAD_EVENT, event_id)
    assert await alert_about_silence(runtime) == 0
    assert len(await alerts_of(connection, "events.silent")) == 1
    await connection.execute("DELETE FROM stripe_events")
    await alert_about_silence(runtime)
    assert len(await alerts_of(connection, "events.silent")) == 2


async def test_events_that_had_to_be_fetched_are_one_silence_that_ends_after_a_while(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as http:

        async def post(path: str, **sent: object) -> None:
            async with http.post(f"{stripe.base}{path}", **sent) as answer:  # type: ignore[arg-type]
                assert answer.status == 200, await answer.text()

        async def miss(clock: str) -> tuple[int, int]:
            """Create events at Stripe, let time pass, and fetch them. Return how many were fetched and reported."""
            await post("/v1/payment_intents", data=CHARGE)
            await post("/sandbox/clock", json={"advance": clock})
            return await catch_up(runtime), await alert_about_silence(runtime)

        before_the_first_look = await miss("1m")
        assert before_the_first_look[0] > 0
        assert before_the_first_look[1] == 0
        first, second = await miss("2m"), await miss("2m")
        assert first[0] == first[1] > 0
        assert second[1] > 0
        (alert,) = await alerts_of(connection, "events.silent")
        assert (alert.count, alert.command) == (first[0], "checkout doctor")
        assert "the daemon has fetched" in alert.text

        await post("/sandbox/clock", json={"advance": "20m"})
        assert (await catch_up(runtime), await alert_about_silence(runtime)) == (0, 0)
        await miss("2m")
        assert len(await alerts_of(connection, "events.silent")) == 2


async def test_events_that_a_daemon_fetched_before_it_died_are_reported(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are stored, and how many there were is not saved yet: for the next daemon none is missing."""

    def die(*_: object) -> None:
        raise ConnectionResetError

    await catch_up(runtime)
    compared = await last_comparison(connection)
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as http:
        for path, sent in (("/v1/payment_intents", {"data": CHARGE}), ("/sandbox/clock", {"json": {"advance": "2m"}})):
            async with http.post(f"{stripe.base}{path}", **sent) as answer:  # type: ignore[arg-type]
                assert answer.status == 200
    with monkeypatch.context() as patch:
        patch.setattr(catching_up, "_after", die)
        with pytest.raises(ConnectionResetError):
            await catch_up(runtime)
    fetched = await connection.fetchval("SELECT count(*) FROM stripe_events")
    assert fetched > 0
    assert (await last_comparison(connection))[1] == compared[1], "that comparison has not ended"
    assert (await catch_up(runtime), await alert_about_silence(runtime)) == (0, fetched)


@pytest.mark.parametrize("host", ["localhost", "LocalHost"])
async def test_an_endpoint_is_reported_whenever_stripe_disables_it(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe, host: str
) -> None:
    shop = replace(runtime, settings=replace(runtime.settings, public_url="http://localhost:8000"))
    headers = {"Authorization": f"Bearer {KEY}"}
    form = {"url": f"http://{host}:8000/api/webhook", "enabled_events[]": "*"}
    async with aiohttp.ClientSession(headers=headers) as http:
        async with http.post(f"{stripe.base}/v1/webhook_endpoints", data=form) as answer:
            endpoint_id = (await answer.json())["id"]
        for disabled in ("true", "true", "false", "true"):
            url = f"{stripe.base}/v1/webhook_endpoints/{endpoint_id}"
            async with http.post(url, data={"disabled": disabled}) as answer:
                assert answer.status == 200
            assert await alert_about_disabled_endpoint(shop) == (disabled == "true")
    alerts = await alerts_of(connection, "endpoint.disabled")
    assert [alert.subjects for alert in alerts] == [(endpoint_id,)] * 2


async def test_a_restricted_key_is_reported_once_for_the_permissions_that_it_lacks(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    settings = replace(runtime.settings, stripe_api_key="rk_test_alerts0123456789")
    async with open_runtime(settings) as restricted:
        for denied, lacking in (("rak_coupon_write,rak_webhook_write", 1), ("rak_coupon_read", 1), ("", 0)):
            await deny(stripe, denied)
            assert await alert_about_key(restricted) == lacking
    (alert,) = await alerts_of(connection, "key.denied")
    assert alert.text == "STRIPE_API_KEY lacks permissions: Write on Coupons"
    assert alert.subjects == ("rak_coupon_write",)


async def test_a_key_that_stripe_does_not_accept_is_reported(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    stripe.plan = lambda number, request: "deny_401"
    assert [await alert_about_key(runtime) for _ in range(2)] == [1, 1]
    stripe.plan = lambda number, request: None
    assert await alert_about_key(runtime) == 0
    (alert,) = await alerts_of(connection, "key.denied")
    assert "does not accept STRIPE_API_KEY" in alert.text
