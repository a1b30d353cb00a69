"""Early fraud warnings: by test card, by hand, listed, and no longer actionable after a refund or dispute."""

from __future__ import annotations

import asyncio

import pytest
import stripe

from tests.sandbox.payment_steps import debit, dispute_of, pay, types_about

CREATED, UPDATED = "radar.early_fraud_warning.created", "radar.early_fraud_warning.updated"


async def warning_of(client: stripe.StripeClient, intent_id: str) -> stripe.radar.EarlyFraudWarning:
    """Return the warning about an intent, as soon as it exists."""
    async with asyncio.timeout(5.0):
        while True:
            found = await client.v1.radar.early_fraud_warnings.list_async(params={"payment_intent": intent_id})
            if found.data:
                return found.data[0]
            await asyncio.sleep(0.02)


async def read(client: stripe.StripeClient, warning_id: str) -> stripe.radar.EarlyFraudWarning:
    return await client.v1.radar.early_fraud_warnings.retrieve_async(warning_id)


async def warn(client: stripe.StripeClient, charge_id: str, fraud_type: str) -> str:
    path = f"/v1/test_helpers/charges/{charge_id}/early_fraud_warning"
    made = await client.raw_request_async("post", path, fraud_type=fraud_type)
    client.deserialize(made, api_mode="V1")
    return str(made.data["id"])


async def test_a_test_card_leads_to_a_warning_about_its_charge(client: stripe.StripeClient) -> None:
    intent = await pay(client, "pm_card_createIssuerFraudRecord")
    warning = await warning_of(client, intent.id)
    listed = await client.v1.radar.early_fraud_warnings.list_async(params={"charge": str(intent.latest_charge)})
    other = await pay(client)
    none = await client.v1.radar.early_fraud_warnings.list_async(params={"limit": 1, "payment_intent": other.id})

    assert warning.id.startswith("issfr_")
    assert (warning.charge, warning.payment_intent) == (intent.latest_charge, intent.id)
    assert (warning.actionable, warning.fraud_type, warning.livemode) == (True, "misc", False)
    assert [found.id for found in listed.data] == [warning.id]
    assert none.data == []
    assert (await read(client, warning.id)).id == warning.id
    assert await types_about(client, warning.id) == [CREATED]


async def test_only_a_full_refund_ends_what_can_be_done(client: stripe.StripeClient) -> None:
    intent = await pay(client, "pm_card_createIssuerFraudRecord")
    warning = await warning_of(client, intent.id)
    await client.v1.refunds.create_async(params={"payment_intent": intent.id, "amount": 500})
    partly = await read(client, warning.id)
    await client.v1.refunds.create_async(params={"payment_intent": intent.id})

    assert partly.actionable
    assert not (await read(client, warning.id)).actionable
    assert await types_about(client, warning.id) == [CREATED, UPDATED]


async def test_a_dispute_ends_what_can_be_done(client: stripe.StripeClient) -> None:
    intent = await pay(client, "pm_card_visa")
    warning_id = await warn(client, str(intent.latest_charge), "made_with_stolen_card")
    before = await read(client, warning_id)
    await client.raw_request_async("post", f"/v1/test_helpers/charges/{intent.latest_charge}/dispute")
    await dispute_of(client, intent.id)

    assert (before.actionable, before.fraud_type) == (True, "made_with_stolen_card")
    assert not (await read(client, warning_id)).actionable
    assert await types_about(client, warning_id) == [CREATED, UPDATED]


async def test_a_warning_about_a_charge_that_is_refunded_is_not_actionable(client: stripe.StripeClient) -> None:
    intent = await pay(client, "pm_card_visa")
    await client.v1.refunds.create_async(params={"payment_intent": intent.id})
    warning_id = await warn(client, str(intent.latest_charge), "misc")

    assert not (await read(client, warning_id)).actionable


async def test_a_bank_debit_has_no_warning(client: stripe.StripeClient) -> None:
    intent = await debit(client, "pm_sepaDebit_success_de")
    with pytest.raises(stripe.InvalidRequestError, match="not a card's charge"):
        await warn(client, str(intent.latest_charge), "misc")
