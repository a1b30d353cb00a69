"""Refunds: full, partial, pending, failing later, waiting for the customer, canceled, refused."""

from __future__ import annotations

from typing import Any

import pytest
import stripe
from aiohttp.test_utils import TestServer

from checkout_daemon.sandbox.payments import refunding
from tests.sandbox.conftest import wait_for
from tests.sandbox.payment_steps import act, advance, becomes, booked, debit, pay, refund_becomes, types_about


async def refund(client: stripe.StripeClient, intent_id: str, **more: Any) -> stripe.Refund:
    params: Any = {"payment_intent": intent_id, **more}
    return await client.v1.refunds.create_async(params=params)


async def charge_of(client: stripe.StripeClient, intent: stripe.PaymentIntent) -> stripe.Charge:
    return await client.v1.charges.retrieve_async(str(intent.latest_charge), params={"expand": ["refunds"]})


async def test_several_refunds_add_up_to_the_whole(client: stripe.StripeClient) -> None:
    intent = await pay(client)
    part = await refund(client, intent.id, amount=500, reason="requested_by_customer", metadata={"n": "1"})
    assert (part.status, part.reason, part.metadata and part.metadata.to_dict()) == (
        "succeeded",
        "requested_by_customer",
        {"n": "1"},
    )
    rest = await refund(client, intent.id, reason="duplicate")
    assert rest.amount == 1500
    charge = await charge_of(client, intent)
    assert (charge.refunded, charge.amount_refunded) == (True, 2000)
    assert charge.refunds is not None
    assert [refund.id for refund in charge.refunds.data] == [rest.id, part.id]
    listed = await client.v1.refunds.list_async(params={"charge": charge.id})
    assert [item.id for item in listed.data] == [rest.id, part.id]
    assert await booked(client, rest.id) == [("refund", -1500, 0)]


async def test_the_event_of_a_refund_lists_no_refunds(client: stripe.StripeClient) -> None:
    intent = await pay(client)
    await refund(client, intent.id, amount=500)
    event = await wait_for(client, "charge.refunded")
    assert "refunds" not in event.data.object
    assert (event.data.object["amount_refunded"], event.data.object["refunded"]) == (500, False)
    assert event.to_dict()["data"]["previous_attributes"] == {"amount_refunded": 0}


@pytest.mark.parametrize(
    ("currency", "total", "message"),
    [
        ("usd", 2000, "Refund amount ($15.01) is greater than unrefunded amount on charge ($15.00)"),
        ("jpy", 2000, "Refund amount (¥1,501) is greater than unrefunded amount on charge (¥1,500)"),
    ],
)
async def test_more_than_was_paid_is_not_refunded(
    client: stripe.StripeClient, currency: str, total: int, message: str
) -> None:
    intent = await pay(client, amount=total, currency=currency)
    await refund(client, intent.id, amount=500)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await refund(client, intent.id, amount=1501)
    assert (caught.value.param, caught.value.user_message) == ("amount", message)
    await refund(client, intent.id)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await refund(client, intent.id)
    assert caught.value.code == "charge_already_refunded"


async def test_a_refund_needs_something_that_was_paid(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="payment_intent or charge"):
        await client.v1.refunds.create_async(params={"amount": 5})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.refunds.create_async(params={"charge": "ch_none"})
    assert (caught.value.code, caught.value.http_status, caught.value.param) == ("resource_missing", 404, "id")
    held = await pay(client, capture_method="manual")
    with pytest.raises(stripe.InvalidRequestError, match="You must cancel the PaymentIntent"):
        await refund(client, held.id)
    started = await debit(client, "pm_usBankAccount_success")
    with pytest.raises(stripe.InvalidRequestError, match="successful charge"):
        await refund(client, started.id)
    with pytest.raises(stripe.InvalidRequestError, match="still pending"):
        await client.v1.refunds.create_async(params={"charge": str(started.latest_charge)})


async def test_an_idempotency_key_refunds_once(client: stripe.StripeClient) -> None:
    intent = await pay(client)
    made = [
        await client.v1.refunds.create_async(
            params={"payment_intent": intent.id, "amount": 700}, options={"idempotency_key": "one"}
        )
        for _ in range(2)
    ]
    assert made[0].id == made[1].id
    assert (await charge_of(client, intent)).amount_refunded == 700


async def test_a_refund_fails_later_and_the_money_comes_back(client: stripe.StripeClient) -> None:
    intent = await pay(client, "pm_card_refundFail")
    made = await refund(client, intent.id)
    assert made.status == "succeeded"
    failed = await refund_becomes(client, made.id, "failed")
    assert failed.failure_reason == "expired_or_canceled_card"
    assert (failed.charge.amount_refunded, failed.charge.refunded) == (0, False)
    assert await types_about(client, made.id) == [
        "refund.created",
        "refund.failed",
        "refund.updated",
        "charge.refund.updated",
    ]
    assert await booked(client, made.id) == [("refund", -2000, 0), ("refund_failure", 2000, 0)]
    assert (await refund(client, intent.id)).amount == 2000


async def test_a_refund_fails_on_request_and_only_once(client: stripe.StripeClient, server: TestServer) -> None:
    made = await refund(client, (await pay(client)).id, amount=300)
    act(server, made.id, refunding.fail_refund)
    act(server, made.id, refunding.fail_refund)
    assert (await client.v1.refunds.retrieve_async(made.id)).status == "failed"
    assert len(await booked(client, made.id)) == 2


@pytest.mark.parametrize("method", ["pm_sepaDebit_success_at", "pm_usBankAccount_success", "pm_card_pendingRefund"])
async def test_a_slow_refund_is_pending_first(client: stripe.StripeClient, method: str) -> None:
    intent = await (pay if "card" in method else debit)(client, method)
    await becomes(client, intent.id, "succeeded")
    made = await refund(client, intent.id)
    assert (made.status, made.pending_reason) == ("pending", "processing")
    assert made.id.startswith("re_" if "card" in method else "pyr_")
    await refund_becomes(client, made.id, "succeeded")
    assert await types_about(client, made.id) == ["refund.created", "refund.updated", "charge.refund.updated"]
    assert len(await booked(client, made.id)) == 1


async def waiting_refund(client: stripe.StripeClient, intent: stripe.PaymentIntent) -> stripe.Refund:
    made = await refund(client, intent.id, amount=800, instructions_email="a@example.com")
    assert made.status == "requires_action"
    assert made.next_action is not None
    assert made.next_action.display_details is not None
    assert made.next_action.display_details.email_sent.email_sent_to == "a@example.com"
    return made


async def test_a_refund_that_waits_for_the_customer_is_canceled(client: stripe.StripeClient) -> None:
    intent = await pay(client)
    made = await waiting_refund(client, intent)
    assert (await charge_of(client, intent)).amount_refunded == 800
    canceled = await client.v1.refunds.cancel_async(made.id)
    assert canceled.status == "canceled"
    assert (await charge_of(client, intent)).amount_refunded == 0
    assert await types_about(client, made.id) == ["refund.created", "refund.updated", "charge.refund.updated"]
    assert [amount for _, amount, _ in await booked(client, made.id)] == [-800, 800]
    with pytest.raises(stripe.InvalidRequestError, match="unsupported"):
        await client.v1.refunds.cancel_async(made.id)


async def test_a_refund_that_is_never_collected_fails(client: stripe.StripeClient, server: TestServer) -> None:
    made = await waiting_refund(client, await pay(client))
    await advance(server, "44d")
    assert (await client.v1.refunds.retrieve_async(made.id)).status == "requires_action"
    await advance(server, "2d")
    assert (await client.v1.refunds.retrieve_async(made.id)).status == "failed"


async def test_a_refund_that_is_collected_succeeds(client: stripe.StripeClient, server: TestServer) -> None:
    made = await waiting_refund(client, await pay(client))
    act(server, made.id, refunding.finish_refund)
    assert (await client.v1.refunds.retrieve_async(made.id)).status == "succeeded"


async def test_only_a_waiting_refund_is_canceled(client: stripe.StripeClient) -> None:
    made = await refund(client, (await pay(client)).id)
    with pytest.raises(stripe.InvalidRequestError, match="Canceling this refund is unsupported"):
        await client.v1.refunds.cancel_async(made.id)


async def test_metadata_is_all_that_changes(client: stripe.StripeClient) -> None:
    made = await refund(client, (await pay(client)).id, metadata={"a": "1"})
    changed = await client.v1.refunds.update_async(made.id, params={"metadata": {"b": "2"}})
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"a": "1", "b": "2"}
    event = await wait_for(client, "charge.refund.updated")
    assert event.to_dict()["data"]["previous_attributes"] == {"metadata": {"b": None}}


async def test_after_a_partial_capture_only_that_part_is_refunded(client: stripe.StripeClient) -> None:
    held = await pay(client, capture_method="manual")
    await client.v1.payment_intents.capture_async(held.id, params={"amount_to_capture": 1200})
    with pytest.raises(stripe.InvalidRequestError, match=r"\$12\.00"):
        await refund(client, held.id, amount=1201)
    await refund(client, held.id, amount=500)
    part = await charge_of(client, held)
    assert (await refund(client, held.id)).amount == 700
    whole = await charge_of(client, held)
    assert [(charge.amount_refunded, charge.refunded) for charge in (part, whole)] == [(500, False), (1200, True)]
