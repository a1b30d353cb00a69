"""What follows a payment: refunds, failing refunds, disputes."""

from __future__ import annotations

import asyncio

import pytest
import stripe

from tests.sandbox.conftest import confirm, event_types, open_session, wait_for


async def paid(client: stripe.StripeClient, card: str = "visa", amount: int = 2000) -> str:
    """Pay a session with this test card and return its intent."""
    session = await open_session(client, amount)
    answer = await confirm(client, session.id, payment_method=f"pm_card_{card}")
    return str(answer["payment_intent"]["id"])


async def disputed(client: stripe.StripeClient, card: str) -> stripe.Dispute:
    intent_id = await paid(client, card)
    async with asyncio.timeout(2):
        while True:
            found = await client.v1.disputes.list_async(params={"payment_intent": intent_id})
            if found.data:
                return found.data[0]
            await asyncio.sleep(0.01)


async def test_part_and_then_the_rest_is_refunded(client: stripe.StripeClient) -> None:
    intent_id = await paid(client)
    part = await client.v1.refunds.create_async(
        params={"payment_intent": intent_id, "amount": 500, "metadata": {"n": "1"}}
    )
    assert (part.status, part.amount, part.metadata and part.metadata["n"]) == ("succeeded", 500, "1")
    event = await wait_for(client, "charge.refunded")
    assert (event.data.object["amount_refunded"], event.data.object["refunded"]) == (500, False)
    assert "refunds" not in event.data.object
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.refunds.create_async(params={"payment_intent": intent_id, "amount": 1501})
    assert caught.value.param == "amount"
    rest = await client.v1.refunds.create_async(params={"payment_intent": intent_id})
    assert rest.amount == 1500
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.refunds.create_async(params={"payment_intent": intent_id})
    assert caught.value.code == "charge_already_refunded"
    await client.v1.refunds.update_async(rest.id, params={"metadata": {"order": "o"}})
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.refunds.cancel_async(rest.id)
    listed = await client.v1.refunds.list_async(params={"payment_intent": intent_id})
    assert [item.id for item in listed.data] == [rest.id, part.id]
    charge = await client.v1.charges.retrieve_async(str(rest.charge), params={"expand": ["refunds"]})
    assert (charge.refunded, charge.amount_refunded) == (True, 2000)
    assert charge.refunds is not None
    assert len(charge.refunds.data) == 2
    made = ["refund.created", "charge.refunded"]
    assert (await event_types(client))[4:] == [*made, *made, "refund.updated", "charge.refund.updated"]


async def test_a_refund_fails_later(client: stripe.StripeClient) -> None:
    intent_id = await paid(client, "refundFail")
    refund = await client.v1.refunds.create_async(params={"payment_intent": intent_id})
    assert refund.status == "succeeded"
    await wait_for(client, "refund.failed")
    event = await wait_for(client, "charge.refund.updated")
    assert event.data.object["status"] == "failed"
    failed = await client.v1.refunds.retrieve_async(refund.id, params={"expand": ["charge"]})
    assert failed.failure_reason is not None
    assert isinstance(failed.charge, stripe.Charge)
    assert (failed.charge.amount_refunded, failed.charge.refunded) == (0, False)


async def test_a_pending_refund_succeeds_later(client: stripe.StripeClient) -> None:
    refund = await client.v1.refunds.create_async(params={"payment_intent": await paid(client, "pendingRefund")})
    assert refund.status == "pending"
    event = await wait_for(client, "refund.updated")
    assert event.data.object["status"] == "succeeded"
