"""Checkout sessions, paid and refused, through Stripe's own SDK."""

from __future__ import annotations

import time
from typing import Any

import pytest
import stripe

from tests.sandbox.conftest import confirm, event_types, open_session, wait_for
from tests.sandbox.payment_steps import pay

FAILING_IBAN = "IT60X0542811101000000123456"
SUCCEEDING_IBAN = "AT611904300234573201"
PAID = ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"]


async def debit(client: stripe.StripeClient, iban: str) -> str:
    method = await client.v1.payment_methods.create_async(params={"type": "sepa_debit", "sepa_debit": {"iban": iban}})
    return method.id


async def test_a_card_pays(client: stripe.StripeClient) -> None:
    metadata = {"order_id": "o1"}
    session = await open_session(
        client, 1999, metadata=metadata, payment_intent_data={"metadata": metadata}, customer_email="a@example.com"
    )
    assert session.payment_intent is None
    assert session.url is not None
    assert session.url.endswith(f"/c/pay/{session.id}")
    assert (session.amount_subtotal, session.amount_total, session.payment_status) == (1999, 1999, "unpaid")
    answer = await confirm(client, session.id, payment_method="pm_card_visa", expected_amount=1999)
    assert answer["payment_intent"]["status"] == "succeeded"
    paid = await client.v1.checkout.sessions.retrieve_async(
        session.id, params={"expand": ["payment_intent.latest_charge", "line_items"]}
    )
    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    intent = paid.payment_intent
    assert isinstance(intent, stripe.PaymentIntent)
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert intent.latest_charge.metadata["order_id"] == "o1"
    assert intent.amount_received == 1999
    assert paid.line_items is not None
    assert [item.description for item in paid.line_items.data] == ["Mug"]
    assert await event_types(client) == PAID


async def test_a_refused_card_leaves_the_session_open_for_another(client: stripe.StripeClient) -> None:
    session = await open_session(client)
    method = await client.v1.payment_methods.create_async(
        params={"type": "card", "card": {"token": "tok_chargeDeclinedInsufficientFunds"}}
    )
    with pytest.raises(stripe.CardError) as caught:
        await confirm(client, session.id, payment_method=method.id)
    assert caught.value.http_status == 402
    assert caught.value.code == "card_declined"
    assert caught.value.error is not None
    assert caught.value.error.decline_code == "insufficient_funds"
    assert caught.value.error.payment_intent is not None
    intent_id = caught.value.error.payment_intent.id
    kept = await client.v1.checkout.sessions.retrieve_async(session.id)
    assert (kept.status, kept.payment_intent) == ("open", intent_id)
    refused = ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]
    assert await event_types(client) == refused
    answer = await confirm(client, session.id, payment_method="pm_card_visa")
    assert answer["payment_intent"]["id"] == intent_id
    assert await event_types(client) == refused + PAID[1:]


@pytest.mark.parametrize(
    ("token", "code", "decline_code"),
    [
        ("tok_chargeDeclined", "card_declined", "generic_decline"),
        ("tok_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("tok_chargeCustomerFail", "card_declined", "generic_decline"),
        ("tok_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("tok_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("tok_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ],
)
async def test_declines(client: stripe.StripeClient, token: str, code: str, decline_code: str) -> None:
    method = await client.v1.payment_methods.create_async(params={"type": "card", "card": {"token": token}})
    for payment_method in (method.id, token.replace("tok_", "pm_card_")):
        with pytest.raises(stripe.CardError) as caught:
            await pay(client, payment_method, payment_method_types=["card"])
        assert caught.value.error is not None
        assert (caught.value.code, caught.value.error.decline_code) == (code, decline_code)


@pytest.mark.parametrize(
    ("iban", "outcome", "status"), [(SUCCEEDING_IBAN, "succeeded", "paid"), (FAILING_IBAN, "failed", "unpaid")]
)
async def test_a_delayed_debit(client: stripe.StripeClient, iban: str, outcome: str, status: str) -> None:
    session = await open_session(client, 3000, "eur")
    assert session.payment_method_types == ["card", "sepa_debit"]
    answer = await confirm(client, session.id, payment_method=await debit(client, iban), expected_amount=3000)
    assert (answer["status"], answer["payment_status"]) == ("complete", "unpaid")
    assert answer["payment_intent"]["status"] == "processing"
    completed = await wait_for(client, "checkout.session.completed")
    assert completed.data.object["payment_status"] == "unpaid"
    event = await wait_for(client, f"checkout.session.async_payment_{outcome}")
    assert event.data.object["payment_status"] == status
    types = await event_types(client)
    last = ["charge.succeeded", "payment_intent.succeeded"]
    if outcome == "failed":
        last = ["charge.failed", "payment_intent.payment_failed"]
    assert types[-3:] == [*last, f"checkout.session.async_payment_{outcome}"]
    assert types[:2] == ["payment_intent.created", "payment_intent.processing"]


async def test_a_debit_is_for_eur_only(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        await open_session(client, payment_method_types=["sepa_debit"])
    session = await open_session(client)
    with pytest.raises(stripe.InvalidRequestError):
        await confirm(client, session.id, payment_method=await debit(client, SUCCEEDING_IBAN))


async def test_a_total_of_nothing_needs_no_payment(client: stripe.StripeClient) -> None:
    coupon = await client.v1.coupons.create_async(params={"percent_off": 100, "duration": "once"})
    session = await open_session(client, discounts=[{"coupon": coupon.id}])
    assert session.amount_total == 0
    answer = await confirm(client, session.id, expected_amount=0)
    assert (answer["payment_status"], answer["payment_intent"]) == ("no_payment_required", None)
    assert "payment_intent.created" not in await event_types(client)
    assert (await client.v1.coupons.retrieve_async(coupon.id)).times_redeemed == 1


async def test_a_discount_is_spread_over_the_lines_to_the_cent(client: stripe.StripeClient) -> None:
    coupon = await client.v1.coupons.create_async(
        params={"id": "TEN", "amount_off": 1000, "currency": "usd", "duration": "once"}
    )
    product = await client.v1.products.create_async(params={"name": "Cup"})
    price = await client.v1.prices.create_async(params={"currency": "usd", "unit_amount": 333, "product": product.id})
    lines = [{"price": price.id, "quantity": quantity} for quantity in (1, 2, 4)]
    session = await open_session(client, line_items=lines, discounts=[{"coupon": coupon.id}])
    assert session.amount_subtotal == 2331
    assert session.amount_total == 1331
    assert session.total_details is not None
    assert session.total_details.amount_discount == 1000
    items = await client.v1.checkout.sessions.line_items.list_async(session.id)
    assert [item.amount_discount for item in items.data] == [143, 286, 571]
    assert sum(item.amount_total for item in items.data) == 1331
    page = await client.v1.checkout.sessions.line_items.list_async(session.id, params={"limit": 2})
    assert (len(page.data), page.has_more) == (2, True)
    assert [item.id async for item in page.auto_paging_iter()] == [item.id for item in items.data]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.coupons.create_async(params={"id": "TEN", "percent_off": 5})
    assert (caught.value.code, caught.value.param) == ("resource_already_exists", None)


async def test_a_session_expires_only_while_open(client: stripe.StripeClient) -> None:
    session = await open_session(client)
    with pytest.raises(stripe.CardError):
        await confirm(client, session.id, payment_method="pm_card_chargeDeclined")
    expired = await client.v1.checkout.sessions.expire_async(session.id)
    assert (expired.status, expired.url) == ("expired", None)
    assert (await event_types(client))[-2:] == ["payment_intent.canceled", "checkout.session.expired"]
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.checkout.sessions.expire_async(session.id)
    with pytest.raises(stripe.InvalidRequestError):
        await confirm(client, session.id, payment_method="pm_card_visa")


async def test_how_long_a_session_may_be_open(client: stripe.StripeClient) -> None:
    session = await open_session(client)
    assert session.expires_at - session.created == 24 * 3600
    now = int(time.time())
    assert (await open_session(client, expires_at=now + 1800)).expires_at == now + 1800
    for seconds in (1700, 25 * 3600):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await open_session(client, expires_at=now + seconds)
        assert caught.value.param == "expires_at"


async def test_the_expected_amount_must_be_right(client: stripe.StripeClient) -> None:
    session = await open_session(client)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await confirm(client, session.id, payment_method="pm_card_visa", expected_amount=1)
    assert caught.value.param == "expected_amount"
    assert await event_types(client) == []


async def test_three_d_secure_asks_first(client: stripe.StripeClient) -> None:
    session = await open_session(client)
    answer = await confirm(client, session.id, payment_method="pm_card_authenticationRequired")
    assert (answer["status"], answer["payment_intent"]["status"]) == ("open", "requires_action")
    assert await event_types(client) == ["payment_intent.created", "payment_intent.requires_action"]


async def test_sessions_are_listed_newest_first_in_pages(client: stripe.StripeClient) -> None:
    made = [(await open_session(client)).id for _ in range(5)]
    page = await client.v1.checkout.sessions.list_async(params={"limit": 2})
    assert page.url == "/v1/checkout/sessions"
    assert [item.id async for item in page.auto_paging_iter()] == made[::-1]
    before = await client.v1.checkout.sessions.list_async(params={"limit": 2, "ending_before": made[1]})
    assert [item.id for item in before.data] == [made[3], made[2]]
    assert before.has_more
    later = int(time.time()) + 60
    none = await client.v1.checkout.sessions.list_async(params={"created": {"gte": later}})
    assert none.data == []


async def test_events_are_listed_by_type(client: stripe.StripeClient) -> None:
    session = await open_session(client)
    await confirm(client, session.id, payment_method="pm_card_visa")
    types: list[Any] = ["charge.succeeded", "checkout.session.completed"]
    page = await client.v1.events.list_async(params={"types": types})
    assert [event.type for event in page.data] == types[::-1]
    again = await client.v1.events.retrieve_async(page.data[0].id)
    assert again.data.object["id"] == session.id
    assert again.request is not None
    assert again.request.id is not None


async def test_intents_are_captured_and_canceled(client: stripe.StripeClient) -> None:
    params: Any = {"amount": 900, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"}
    params |= {"capture_method": "manual", "payment_method_types": ["card"]}
    held = await client.v1.payment_intents.create_async(params=params)
    assert (held.status, held.amount_capturable) == ("requires_capture", 900)
    captured = await client.v1.payment_intents.capture_async(held.id)
    assert (captured.status, captured.amount_received) == ("succeeded", 900)
    waiting = await client.v1.payment_intents.create_async(params={"amount": 900, "currency": "usd"})
    assert (await client.v1.payment_intents.cancel_async(waiting.id)).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.payment_intents.confirm_async(waiting.id, params={"payment_method": "pm_card_visa"})
    assert caught.value.code == "payment_intent_unexpected_state"


async def test_a_deleted_customer_is_not_there_for_what_comes_after(client: stripe.StripeClient) -> None:
    customer = await client.v1.customers.create_async()
    await client.v1.customers.delete_async(customer.id)
    with pytest.raises(stripe.InvalidRequestError, match="No such customer") as caught:
        await client.v1.customers.update_async(customer.id, params={"name": "N"})
    assert caught.value.http_status == 404
    with pytest.raises(stripe.InvalidRequestError, match="No such customer") as caught:
        await open_session(client, customer=customer.id)
    assert (caught.value.http_status, caught.value.param) == (400, "customer")
