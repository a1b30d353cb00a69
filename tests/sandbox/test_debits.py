"""PaymentIntents paid by bank debit: in progress, settled, failed later, and the outcome by account number."""

from __future__ import annotations

from typing import Any

import pytest
import stripe
from aiohttp.test_utils import TestServer

from checkout_daemon.sandbox.errors import ApiError
from checkout_daemon.sandbox.payments import debits, stripe_test_methods
from tests.sandbox.conftest import confirm, open_session
from tests.sandbox.payment_steps import act, advance, becomes, booked, debit, pay, types_about


@pytest.mark.parametrize("method", ["pm_sepaDebit_success_at", "pm_sepaDebit_success_ie", "pm_usBankAccount_success"])
async def test_a_debit_is_processing_until_it_settles(client: stripe.StripeClient, method: str) -> None:
    intent = await debit(client, method)
    assert (intent.status, intent.amount_received) == ("processing", 0)
    paid = await becomes(client, intent.id, "succeeded")
    assert (paid.amount_received, paid.latest_charge.paid) == (2000, True)
    assert await types_about(client, intent.id) == [
        "payment_intent.created",
        "payment_intent.processing",
        "payment_intent.succeeded",
    ]
    assert await types_about(client, paid.latest_charge.id) == ["charge.pending", "charge.succeeded"]


async def test_a_slow_debit_settles_after_a_later_one(client: stripe.StripeClient, server: TestServer) -> None:
    slow = await debit(client, "pm_sepaDebit_successDelayed_de")
    quick = await debit(client, "pm_sepaDebit_success_de")
    await advance(server, "1m")
    page = await client.v1.events.list_async(params={"type": "payment_intent.succeeded"})
    assert [event.data.object["id"] for event in reversed(page.data)] == [quick.id, slow.id]


@pytest.mark.parametrize(
    ("method", "code", "failure_code"),
    [
        ("pm_sepaDebit_failed_fr", "payment_intent_payment_attempt_failed", "bank_account_restricted"),
        ("pm_sepaDebit_failedDelayed_at", "payment_intent_payment_attempt_failed", "bank_account_restricted"),
        ("pm_usBankAccount_accountClosed", "account_closed", "account_closed"),
        ("pm_usBankAccount_noAccount", "no_account", "no_account"),
        ("pm_usBankAccount_insufficientFunds", "insufficient_funds", "insufficient_funds"),
        ("pm_usBankAccount_debitNotAuthorized", "debit_not_authorized", "debit_not_authorized"),
        ("pm_usBankAccount_weeklyLimitExceeded", "charge_exceeds_source_limit", "charge_exceeds_source_limit"),
    ],
)
async def test_a_debit_fails_later(client: stripe.StripeClient, method: str, code: str, failure_code: str) -> None:
    intent = await debit(client, method)
    assert intent.status == "processing"
    failed = await becomes(client, intent.id, "requires_payment_method")
    assert failed.last_payment_error.code == code
    assert (failed.latest_charge.status, failed.latest_charge.failure_code) == ("failed", failure_code)
    assert await types_about(client, failed.latest_charge.id) == ["charge.pending", "charge.failed"]
    assert await booked(client, failed.latest_charge.id) == []


async def test_an_account_number_decides_the_outcome(client: stripe.StripeClient) -> None:
    data: Any = {
        "type": "us_bank_account",
        "us_bank_account": {"account_number": "000222222227", "routing_number": "110000000"},
    }
    params: Any = {"amount": 700, "currency": "usd", "payment_method_data": data, "confirm": True}
    params["payment_method_types"] = ["us_bank_account"]
    intent = await client.v1.payment_intents.create_async(params=params)
    failed = await becomes(client, intent.id, "requires_payment_method")
    assert failed.last_payment_error.code == "insufficient_funds"
    data["us_bank_account"]["routing_number"] = "110000001"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.payment_methods.create_async(params=data)
    assert caught.value.code == "routing_number_invalid"


@pytest.mark.parametrize(
    ("iban", "code"),
    [
        ("AT271904300000055555", "sepa_unsupported_account"),
        ("DE18370400440000066666", "bank_account_unusable"),
        ("AT611904300234573202", "invalid_bank_account_iban"),
    ],
)
async def test_some_accounts_cannot_be_debited_at_all(client: stripe.StripeClient, iban: str, code: str) -> None:
    data: Any = {"type": "sepa_debit", "sepa_debit": {"iban": iban}}
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.payment_methods.create_async(params=data)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("iban", "code"),
    [
        ("AT981904300000343434", "charge_exceeds_source_limit"),
        ("FR5920041010050000000121212", "charge_exceeds_weekly_limit"),
        ("GB70WEST12345602222227", "insufficient_funds"),
        ("IT60X0542811101000000123456", "payment_intent_payment_attempt_failed"),
    ],
)
async def test_an_iban_decides_the_outcome(client: stripe.StripeClient, iban: str, code: str) -> None:
    params: Any = {
        "amount": 700,
        "currency": "eur",
        "payment_method_data": {"type": "sepa_debit", "sepa_debit": {"iban": iban}},
        "payment_method_types": ["sepa_debit"],
        "confirm": True,
    }
    intent = await client.v1.payment_intents.create_async(params=params)
    failed = await becomes(client, intent.id, "requires_payment_method")
    assert failed.last_payment_error.code == code


def test_every_test_iban_is_one() -> None:
    assert [iban for iban in stripe_test_methods.IBANS if not stripe_test_methods.is_iban(iban)] == []
    assert len(stripe_test_methods.IBANS) == 96


@pytest.mark.parametrize(
    ("method", "currency"), [("pm_usBankAccount_success", "eur"), ("pm_sepaDebit_success_at", "usd")]
)
async def test_a_debit_has_its_own_currency(client: stripe.StripeClient, method: str, currency: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await pay(client, method, currency=currency)
    assert caught.value.code == "payment_method_currency_mismatch"


async def test_an_endless_debit_can_be_canceled(client: stripe.StripeClient, server: TestServer) -> None:
    intent = await debit(client, "pm_usBankAccount_processing")
    await advance(server, "30d")
    assert (await client.v1.payment_intents.retrieve_async(intent.id)).status == "processing"
    canceled = await client.v1.payment_intents.cancel_async(intent.id)
    assert canceled.status == "canceled"
    assert (await client.v1.charges.retrieve_async(str(intent.latest_charge))).status == "failed"
    sepa = await debit(client, "pm_sepaDebit_successDelayed_at")
    with pytest.raises(stripe.InvalidRequestError, match="status of processing"):
        await client.v1.payment_intents.cancel_async(sepa.id)


@pytest.mark.parametrize("came", [True, False])
async def test_a_debit_settles_on_request(client: stripe.StripeClient, server: TestServer, *, came: bool) -> None:
    session = await open_session(client, payment_method_types=["us_bank_account"])
    answer = await confirm(client, session.id, payment_method="pm_usBankAccount_processing")
    intent_id = answer["payment_intent"]["id"]
    act(server, intent_id, lambda box, intent: debits.settle_now(box, intent, came))
    settled = await client.v1.checkout.sessions.retrieve_async(session.id)
    assert settled.payment_status == ("paid" if came else "unpaid")
    ended = "succeeded" if came else "failed"
    assert (await types_about(client, session.id))[-1] == f"checkout.session.async_payment_{ended}"
    with pytest.raises(ApiError, match="You cannot settle"):
        act(server, intent_id, lambda box, intent: debits.settle_now(box, intent, came))


async def test_a_debit_settled_early_is_not_settled_again(client: stripe.StripeClient, server: TestServer) -> None:
    intent = await debit(client, "pm_usBankAccount_success")
    act(server, intent.id, lambda box, record: debits.settle_now(box, record, False))
    again = await client.v1.payment_intents.confirm_async(
        intent.id, params={"payment_method": "pm_usBankAccount_processing"}
    )
    assert again.status == "processing"
    await advance(server, "1d")
    assert (await client.v1.payment_intents.retrieve_async(intent.id)).status == "processing"
