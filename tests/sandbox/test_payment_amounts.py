"""Amounts, currencies and payment method types of PaymentIntents."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.sandbox.payment_steps import pay


@pytest.mark.parametrize(
    ("amount", "currency", "code", "message"),
    [
        (49, "usd", "amount_too_small", "Amount must be at least $0.50 usd"),
        (29, "gbp", "amount_too_small", "Amount must be at least £0.30 gbp"),
        (49, "jpy", "amount_too_small", "Amount must be at least ¥50 jpy"),
        (299, "sek", "amount_too_small", "Amount must be at least 3.00 sek"),
        (100_000_000, "usd", "amount_too_large", "Amount must be no more than $999,999.99"),
        (100_000_000, "jpy", "amount_too_large", "Amount must be no more than ¥99,999,999"),
        (5125, "kwd", "invalid_charge_amount", "Invalid amount: amounts in kwd must be evenly divisible by 10."),
        (550, "isk", "invalid_charge_amount", "Invalid amount: amounts in isk must be evenly divisible by 100."),
    ],
)
async def test_an_amount_must_fit_its_currency(
    client: stripe.StripeClient, amount: int, currency: str, code: str, message: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await pay(client, amount=amount, currency=currency)
    assert (caught.value.code, caught.value.param, caught.value.user_message) == (code, "amount", message)


@pytest.mark.parametrize(("amount", "currency"), [(50, "usd"), (99_999_999, "usd"), (50, "jpy"), (5120, "kwd")])
async def test_the_smallest_and_the_largest_amounts_are_taken(
    client: stripe.StripeClient, amount: int, currency: str
) -> None:
    assert (await pay(client, amount=amount, currency=currency)).status == "succeeded"


@pytest.mark.parametrize(
    ("currency", "params", "types"),
    [
        ("eur", {}, ["card", "sepa_debit"]),
        ("usd", {}, ["card", "us_bank_account"]),
        ("chf", {}, ["card"]),
        ("eur", {"excluded_payment_method_types": ["card"]}, ["sepa_debit"]),
        ("eur", {"allowed_payment_method_types": ["us_bank_account", "sepa_debit"]}, ["sepa_debit"]),
    ],
)
async def test_an_intent_offers_what_its_currency_can_be_paid_with(
    client: stripe.StripeClient, currency: str, params: Any, types: list[str]
) -> None:
    given: Any = {"amount": 900, "currency": currency, **params}
    intent = await client.v1.payment_intents.create_async(params=given)
    assert intent.payment_method_types == types


async def test_an_intent_needs_something_to_be_paid_with(client: stripe.StripeClient) -> None:
    params: Any = {"amount": 900, "currency": "usd", "allowed_payment_method_types": ["sepa_debit"]}
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.payment_intents.create_async(params=params)
    assert caught.value.param == "allowed_payment_method_types"
    params |= {"automatic_payment_methods": {"enabled": True}}
    with pytest.raises(stripe.InvalidRequestError, match="only specify one"):
        await client.v1.payment_intents.create_async(params=params)


@pytest.mark.parametrize("currency", ["xxq", "eu", "ｅｕｒ", ""])
async def test_a_currency_that_there_is_not_is_refused(client: stripe.StripeClient, currency: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.payment_intents.create_async(params={"amount": 1000, "currency": currency})
    assert caught.value.param == "currency"
