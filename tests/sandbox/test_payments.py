"""PaymentIntents: every state, how it is reached and left, and its events."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
import stripe
from aiohttp.test_utils import TestServer

from checkout_daemon.sandbox.payments.stripe_test_methods import CARDS, NOT_MODELLED, passes_luhn
from tests.sandbox.conftest import confirm, event_types, open_session
from tests.sandbox.payment_steps import advance, becomes, booked, pay, types_about


async def customer(client: stripe.StripeClient) -> str:
    return (await client.v1.customers.create_async(params={"email": "a@example.com"})).id


async def refused(client: stripe.StripeClient, method: str, **more: Any) -> Any:
    """Return the error of a refused payment."""
    with pytest.raises(stripe.CardError) as caught:
        await pay(client, method, **more)
    assert caught.value.http_status == 402
    return caught.value.error


async def authenticate(server: TestServer, intent: stripe.PaymentIntent, outcome: str = "complete") -> None:
    """Complete or fail 3-D Secure on the bank's page."""
    url = server.make_url(f"/c/authenticate/{intent.id}")
    async with aiohttp.ClientSession() as http, http.post(url, data={"outcome": outcome}, allow_redirects=False) as got:
        assert got.status < 500


async def test_an_intent_walks_through_its_states(client: stripe.StripeClient) -> None:
    intents = client.v1.payment_intents
    params: Any = {"amount": 900, "currency": "usd", "payment_method_types": ["card"]}
    intent = await intents.create_async(params=params)
    assert intent.status == "requires_payment_method"
    with pytest.raises(stripe.InvalidRequestError, match="missing a payment method"):
        await intents.confirm_async(intent.id)
    changed: Any = {"payment_method": "pm_card_visa", "amount": 950, "currency": "eur", "metadata": {"a": "b"}}
    updated = await intents.update_async(intent.id, params=changed)
    assert (updated.status, updated.amount, updated.currency) == ("requires_confirmation", 950, "eur")
    paid = await intents.confirm_async(intent.id, params={"receipt_email": "r@example.com"})
    assert (paid.status, paid.amount_received, paid.receipt_email) == ("succeeded", 950, "r@example.com")
    assert await types_about(client, intent.id) == ["payment_intent.created", "payment_intent.succeeded"]
    noted = await intents.update_async(intent.id, params={"metadata": {"c": "d"}, "description": "late"})
    assert (noted.metadata.to_dict(), noted.description) == ({"a": "b", "c": "d"}, "late")


async def test_an_empty_payment_method_is_unset(client: stripe.StripeClient) -> None:
    params: Any = {"amount": 900, "currency": "usd", "payment_method": "pm_card_visa"}
    intent = await client.v1.payment_intents.create_async(params=params)
    unset = await client.v1.payment_intents.update_async(intent.id, params={"payment_method": ""})
    assert (intent.status, unset.status, unset.payment_method) == (
        "requires_confirmation",
        "requires_payment_method",
        None,
    )


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ("confirm", "already succeeded"),
        ("cancel", "Only a PaymentIntent with one of the following statuses may be canceled"),
        ("capture", "could not be captured because it has a status of succeeded"),
    ],
)
async def test_what_has_succeeded_stays(client: stripe.StripeClient, action: str, message: str) -> None:
    paid = await pay(client)
    with pytest.raises(stripe.InvalidRequestError, match=message) as caught:
        await getattr(client.v1.payment_intents, f"{action}_async")(paid.id)
    assert caught.value.code == "payment_intent_unexpected_state"
    assert caught.value.error is not None
    assert caught.value.error.payment_intent is not None
    assert caught.value.error.payment_intent.id == paid.id


@pytest.mark.parametrize("change", [{"amount": 5000}, {"currency": "eur"}, {"payment_method": "pm_card_visa"}])
async def test_what_was_paid_does_not_change(client: stripe.StripeClient, change: Any) -> None:
    paid = await pay(client)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.payment_intents.update_async(paid.id, params=change)
    assert (caught.value.code, caught.value.param) == ("payment_intent_unexpected_state", next(iter(change)))


@pytest.mark.parametrize(
    ("method", "code", "decline_code", "advice"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline", "try_again_later"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds", "try_again_later"),
        ("pm_card_chargeDeclinedLostCard", "card_declined", "lost_card", "do_not_try_again"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card", "confirm_card_data"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc", "confirm_card_data"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error", "try_again_later"),
    ],
)
async def test_a_refusal_has_a_reason(
    client: stripe.StripeClient, method: str, code: str, decline_code: str, advice: str
) -> None:
    error = await refused(client, method)
    assert (error.type, error.code, error.decline_code, error.advice_code) == ("card_error", code, decline_code, advice)
    assert error.payment_intent.status == "requires_payment_method"
    assert error.payment_intent.last_payment_error.code == code
    assert error.payment_intent.payment_method is None
    charge = await client.v1.charges.retrieve_async(error.charge)
    assert (charge.status, charge.failure_code, charge.paid) == ("failed", code, False)
    assert charge.outcome is not None
    assert (charge.outcome.type, charge.outcome.advice_code) == ("issuer_declined", advice)
    retried = await client.v1.payment_intents.confirm_async(
        error.payment_intent.id, params={"payment_method": "pm_card_visa"}
    )
    assert (retried.status, retried.last_payment_error) == ("succeeded", None)
    assert retried.latest_charge != charge.id


async def test_radar_blocks_what_it_holds_for_fraud(client: stripe.StripeClient) -> None:
    error = await refused(client, "pm_card_radarBlock")
    charge = await client.v1.charges.retrieve_async(error.charge)
    assert charge.outcome is not None
    assert (charge.outcome.type, charge.outcome.risk_level) == ("blocked", "highest")
    assert charge.outcome.risk_score in range(75, 100)


@pytest.mark.parametrize(
    ("method", "card", "risk", "scores"),
    [
        ("pm_card_visa", ("visa", "4242", "credit", "US", "visa"), "normal", range(1, 65)),
        ("pm_card_mastercard_prepaid", ("mastercard", "5100", "prepaid", "US", "mastercard"), "normal", range(1, 65)),
        ("pm_card_at", ("visa", "0008", "credit", "AT", "visa"), "normal", range(1, 65)),
        ("pm_card_riskLevelElevated", ("visa", "9235", "credit", "US", "visa"), "elevated", range(65, 75)),
    ],
)
async def test_a_charge_reports_its_card_and_risk(
    client: stripe.StripeClient, method: str, card: tuple[str, ...], risk: str, scores: range
) -> None:
    paid = await pay(client, method, expand=["latest_charge"])
    charge: Any = paid.latest_charge
    details = charge.payment_method_details.card
    assert (details.brand, details.last4, details.funding, details.country, details.network) == card
    assert charge.outcome.risk_level == risk
    assert charge.outcome.risk_score in scores


async def test_the_customer_authenticates(client: stripe.StripeClient, server: TestServer) -> None:
    intent = await pay(client, "pm_card_authenticationRequired", return_url="https://shop.example/back")
    assert intent.status == "requires_action"
    assert intent.next_action is not None
    assert intent.next_action.type == "redirect_to_url"
    await authenticate(server, intent)
    paid = await becomes(client, intent.id, "succeeded")
    assert paid.next_action is None
    assert paid.latest_charge.payment_method_details.card.three_d_secure.result == "authenticated"
    states = ["created", "requires_action", "succeeded"]
    assert await types_about(client, intent.id) == [f"payment_intent.{status}" for status in states]


async def test_the_customer_fails_to_authenticate(client: stripe.StripeClient, server: TestServer) -> None:
    intent = await pay(client, "pm_card_threeDSecure2Required")
    await authenticate(server, intent, "fail")
    failed = await becomes(client, intent.id, "requires_payment_method")
    assert failed.last_payment_error.code == "payment_intent_authentication_failure"
    assert failed.latest_charge is None


async def test_the_bank_refuses_after_authentication(client: stripe.StripeClient, server: TestServer) -> None:
    intent = await pay(client, "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds")
    await authenticate(server, intent)
    failed = await becomes(client, intent.id, "requires_payment_method")
    assert failed.last_payment_error.decline_code == "insufficient_funds"


async def test_authentication_is_asked_for_where_the_merchant_wants_it(client: stripe.StripeClient) -> None:
    assert (await pay(client, "pm_card_threeDSecureOptional")).status == "succeeded"
    asked = {"card": {"request_three_d_secure": "any"}}
    held = await pay(client, "pm_card_threeDSecureOptional", payment_method_options=asked)
    assert held.status == "requires_action"
    assert (await pay(client, "pm_card_visa", payment_method_options=asked)).status == "succeeded"


async def test_without_the_customer_an_authentication_is_refused(client: stripe.StripeClient) -> None:
    error = await refused(client, "pm_card_authenticationRequired", off_session=True)
    assert (error.code, error.decline_code) == ("authentication_required", "authentication_required")
    assert error.payment_method.id == error.payment_intent.last_payment_error.payment_method.id
    assert error.payment_intent.status == "requires_payment_method"
    error = await refused(client, "pm_card_authenticationRequired", error_on_requires_action=True)
    assert (error.code, error.decline_code) == ("authentication_required", "authentication_not_handled")
    assert (
        await pay(client, "pm_card_authenticationRequiredSetupForOffSession", off_session=True)
    ).status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError, match="only be used when confirm"):
        await pay(client, off_session=True, confirm=False)


async def test_a_card_saved_for_later_pays_without_its_holder(client: stripe.StripeClient, server: TestServer) -> None:
    buyer = await customer(client)
    first = await pay(client, "pm_card_authenticationRequiredOnSetup", customer=buyer, setup_future_usage="off_session")
    await authenticate(server, first)
    paid = await becomes(client, first.id, "succeeded")
    method = str(paid.payment_method)
    assert "payment_method.attached" in await types_about(client, method)
    assert (await client.v1.payment_methods.retrieve_async(method)).customer == buyer
    assert (await pay(client, method, customer=buyer, off_session=True)).status == "succeeded"


async def test_a_method_can_be_used_once_unless_it_is_saved(client: stripe.StripeClient) -> None:
    method = str((await pay(client)).payment_method)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        await pay(client, method)
    buyer = await customer(client)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        await client.v1.payment_methods.attach_async(method, params={"customer": buyer})


async def test_a_method_pays_only_for_its_own_customer(client: stripe.StripeClient) -> None:
    buyer, other = await customer(client), await customer(client)
    method = (await client.v1.payment_methods.attach_async("pm_card_visa", params={"customer": buyer})).id
    with pytest.raises(stripe.InvalidRequestError, match="include the Customer"):
        await pay(client, method)
    with pytest.raises(stripe.InvalidRequestError, match="must be attached to the customer"):
        await pay(client, method, customer=other)
    assert (await pay(client, method, customer=buyer)).status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError, match="already been attached"):
        await client.v1.payment_methods.attach_async(method, params={"customer": other})
    await client.v1.payment_methods.detach_async(method)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        await pay(client, method)


async def test_a_declining_card_is_not_attached(client: stripe.StripeClient) -> None:
    buyer = await customer(client)
    with pytest.raises(stripe.CardError) as caught:
        await client.v1.payment_methods.attach_async("pm_card_chargeDeclined", params={"customer": buyer})
    assert caught.value.code == "card_declined"
    kept = await client.v1.payment_methods.attach_async("pm_card_chargeCustomerFail", params={"customer": buyer})
    assert (await refused(client, kept.id, customer=buyer)).decline_code == "generic_decline"


async def test_confirmed_by_hand_an_intent_comes_back_to_the_merchant(
    client: stripe.StripeClient, server: TestServer
) -> None:
    intent = await pay(client, "pm_card_authenticationRequired", confirmation_method="manual")
    await authenticate(server, intent)
    waiting = await becomes(client, intent.id, "requires_confirmation")
    assert waiting.latest_charge is None
    assert (await client.v1.payment_intents.confirm_async(intent.id)).status == "succeeded"


async def test_a_part_is_captured_and_the_rest_released(client: stripe.StripeClient) -> None:
    held = await pay(client, capture_method="manual")
    assert (held.status, held.amount_capturable, held.amount_received) == ("requires_capture", 2000, 0)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.payment_intents.capture_async(held.id, params={"amount_to_capture": 2001})
    assert caught.value.code == "amount_too_large"
    with pytest.raises(stripe.InvalidRequestError, match="more than once"):
        await client.v1.payment_intents.capture_async(held.id, params={"final_capture": False})
    taken = await client.v1.payment_intents.capture_async(held.id, params={"amount_to_capture": 1500})
    assert (taken.status, taken.amount_received, taken.amount_capturable) == ("succeeded", 1500, 0)
    charge = await client.v1.charges.retrieve_async(str(taken.latest_charge))
    assert (charge.amount_captured, charge.amount_refunded, charge.refunded) == (1500, 0, False)
    assert charge.captured
    assert [amount for _, amount, _ in await booked(client, charge.id)] == [1500]
    states = ["created", "amount_capturable_updated", "succeeded"]
    assert await types_about(client, held.id) == [f"payment_intent.{status}" for status in states]
    assert await types_about(client, charge.id) == ["charge.succeeded", "charge.captured"]


async def test_what_is_held_is_released_by_cancelling(client: stripe.StripeClient) -> None:
    held = await pay(client, payment_method_options={"card": {"capture_method": "manual"}})
    params: Any = {"cancellation_reason": "requested_by_customer"}
    canceled = await client.v1.payment_intents.cancel_async(held.id, params=params)
    assert (canceled.status, canceled.cancellation_reason, canceled.amount_capturable) == (
        "canceled",
        "requested_by_customer",
        0,
    )
    charge = await client.v1.charges.retrieve_async(str(held.latest_charge))
    assert (charge.refunded, charge.amount_captured) == (True, 0)
    assert await booked(client, charge.id) == []
    assert (await event_types(client))[-2:] == ["charge.refunded", "payment_intent.canceled"]


async def test_what_is_held_is_lost_after_a_week(client: stripe.StripeClient, server: TestServer) -> None:
    held = await pay(client, capture_method="manual")
    await advance(server, "6d")
    assert (await client.v1.payment_intents.retrieve_async(held.id)).status == "requires_capture"
    await advance(server, "2d")
    gone = await client.v1.payment_intents.retrieve_async(held.id)
    assert (gone.status, gone.cancellation_reason) == ("canceled", "automatic")
    assert "charge.expired" in await types_about(client, str(held.latest_charge))


async def test_a_session_is_paid_once_its_money_is_captured(client: stripe.StripeClient) -> None:
    session = await open_session(client, payment_intent_data={"capture_method": "manual"})
    answer = await confirm(client, session.id, payment_method="pm_card_visa")
    held = await client.v1.checkout.sessions.retrieve_async(session.id)
    assert (held.status, held.payment_status) == ("complete", "unpaid")
    await client.v1.payment_intents.capture_async(answer["payment_intent"]["id"])
    assert (await client.v1.checkout.sessions.retrieve_async(session.id)).payment_status == "paid"


@pytest.mark.parametrize(
    "automatic", [{}, {"automatic_payment_methods": {"enabled": True}}], ids=["by default", "asked for"]
)
async def test_a_payment_that_may_redirect_needs_a_way_back(client: stripe.StripeClient, automatic: Any) -> None:
    params: Any = {"amount": 900, "currency": "usd", "payment_method": "pm_card_visa", **automatic}
    with pytest.raises(stripe.InvalidRequestError, match="you must provide a `return_url`") as caught:
        await client.v1.payment_intents.create_async(params=params | {"confirm": True})
    assert caught.value.param == "return_url"
    intent = await client.v1.payment_intents.create_async(params=params)
    with pytest.raises(stripe.InvalidRequestError, match="you must provide a `return_url`"):
        await client.v1.payment_intents.confirm_async(intent.id)
    paid = await client.v1.payment_intents.confirm_async(intent.id, params={"return_url": "https://shop.example/"})
    assert paid.status == "succeeded"


async def test_a_payment_that_cannot_redirect_needs_no_return_url(client: stripe.StripeClient) -> None:
    for limit in (
        {"payment_method_types": ["card"]},
        {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}},
    ):
        params: Any = {"amount": 900, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True, **limit}
        assert (await client.v1.payment_intents.create_async(params=params)).status == "succeeded"


async def test_an_asynchronous_capture_names_its_booking_a_moment_later(client: stripe.StripeClient) -> None:
    intent = await pay(client)
    charge_id = str(intent.latest_charge)
    first = await client.v1.charges.retrieve_async(charge_id)
    assert (first.paid, first.balance_transaction) == (True, None)
    booked = await updated(client, charge_id)
    assert booked["balance_transaction"].startswith("txn_")
    synchronous = await pay(client, capture_method="automatic")
    charge = await client.v1.charges.retrieve_async(str(synchronous.latest_charge))
    assert charge.balance_transaction is not None


async def updated(client: stripe.StripeClient, charge_id: str) -> Any:
    """Return the charge of the first `charge.updated`."""
    async with asyncio.timeout(10):
        while True:
            page = await client.v1.events.list_async(params={"type": "charge.updated"})
            for event in page.data:
                if event.data.object["id"] == charge_id:
                    return event.data.object
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("method", "country", "checks"),
    [
        ("pm_card_ie", "IE", {"cvc_check": "pass"}),
        ("pm_card_cvcCheckFail", "US", {"cvc_check": "fail"}),
        ("pm_card_avsFail", "US", {"address_line1_check": "fail", "address_postal_code_check": "fail"}),
        ("pm_card_avsLine1Fail", "US", {"address_line1_check": "fail", "address_postal_code_check": None}),
        ("pm_card_avsZipFail", "US", {"address_line1_check": None, "address_postal_code_check": "fail"}),
        ("pm_card_avsUnchecked", "US", {"address_line1_check": "unavailable"}),
    ],
)
async def test_a_card_that_pays_shows_its_country_and_checks(
    client: stripe.StripeClient, method: str, country: str, checks: dict[str, str | None]
) -> None:
    intent = await pay(client, method, expand=["latest_charge"])
    assert isinstance(intent.latest_charge, stripe.Charge)
    card = intent.latest_charge.to_dict()["payment_method_details"]["card"]
    assert (intent.status, card["country"]) == ("succeeded", country)
    assert {name: card["checks"][name] for name in checks} == checks


def test_every_test_card_has_a_number_that_a_form_takes() -> None:
    numbers = [card.number for card in CARDS.values() if card.decline != "incorrect_number"]
    assert [number for number in (*numbers, *NOT_MODELLED.values()) if not passes_luhn(number)] == []
    assert {"2223003122003222", "4000003720000005", "4000000000000101"} <= set(numbers)
