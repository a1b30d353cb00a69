"""Disputes: opened, answered, won, lost, appealed, missed; and inquiries that may become disputes."""

from __future__ import annotations

import time
from typing import Any

import pytest
import stripe
from aiohttp.test_utils import TestServer

from checkout_daemon.sandbox.errors import ApiError
from checkout_daemon.sandbox.payments import disputing
from checkout_daemon.sandbox.payments.evidence import LONG_TEXTS
from tests.sandbox.conftest import wait_for
from tests.sandbox.payment_steps import (
    act,
    advance,
    becomes,
    booked,
    debit,
    dispute_becomes,
    dispute_of,
    pay,
    refund_becomes,
    types_about,
)

DAY = 86_400
OPENED = ["charge.dispute.created", "charge.dispute.funds_withdrawn"]


async def disputed(client: stripe.StripeClient, card: str = "createDispute") -> stripe.Dispute:
    return await dispute_of(client, (await pay(client, f"pm_card_{card}")).id)


async def answer(client: stripe.StripeClient, dispute: stripe.Dispute, text: str) -> stripe.Dispute:
    return await client.v1.disputes.update_async(dispute.id, params={"evidence": {"uncategorized_text": text}})


@pytest.mark.parametrize(
    ("card", "reason", "code"),
    [("createDispute", "fraudulent", "10.4"), ("createDisputeProductNotReceived", "product_not_received", "13.1")],
)
async def test_a_chargeback_takes_the_money_and_a_fee(
    client: stripe.StripeClient, card: str, reason: str, code: str
) -> None:
    dispute = await disputed(client, card)
    assert (dispute.status, dispute.amount, dispute.reason) == ("needs_response", 2000, reason)
    assert dispute.payment_method_details is not None
    details = dispute.payment_method_details.card
    assert details is not None
    assert (details.case_type, details.network_reason_code) == ("chargeback", code)
    assert not dispute.is_charge_refundable
    due_by = dispute.evidence_details.due_by
    assert due_by is not None
    assert 7 * DAY < due_by - time.time() < 10 * DAY
    assert await types_about(client, dispute.id) == OPENED
    assert await booked(client, dispute.id) == [("adjustment", -2000, 1500)]
    assert (await client.v1.charges.retrieve_async(str(dispute.charge))).disputed
    changes = await client.v1.events.list_async(params={"type": "charge.updated"})
    changed = [name for event in changes.data for name in event.to_dict()["data"].get("previous_attributes", {})]
    assert "disputed" in changed
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.refunds.create_async(params={"charge": str(dispute.charge)})
    assert caught.value.code == "charge_disputed"


async def test_any_payment_is_disputed_at_our_word_and_only_once(client: stripe.StripeClient) -> None:
    intent = await pay(client, "pm_card_visa")
    path = f"/v1/test_helpers/charges/{intent.latest_charge}/dispute"
    made = await client.raw_request_async("post", path, reason="product_not_received")
    dispute = await client.v1.disputes.retrieve_async(made.data["id"])
    assert (dispute.status, dispute.amount, dispute.reason) == ("needs_response", 2000, "product_not_received")
    assert await types_about(client, dispute.id) == OPENED
    with pytest.raises(stripe.InvalidRequestError):
        client.deserialize(await client.raw_request_async("post", path), api_mode="V1")


async def test_evidence_wins_the_money_back_once(client: stripe.StripeClient) -> None:
    dispute = await disputed(client)
    answered = await answer(client, dispute, "winning_evidence")
    assert answered.status == "under_review"
    assert (answered.evidence_details.submission_count, answered.evidence_details.has_evidence) == (1, True)
    won = await dispute_becomes(client, dispute.id, "won")
    assert won.is_charge_refundable
    closing = ["charge.dispute.updated", "charge.dispute.funds_reinstated", "charge.dispute.closed"]
    assert await types_about(client, dispute.id) == [*OPENED, *closing]
    assert [transaction.amount for transaction in won.balance_transactions] == [-2000, 2000]
    assert await booked(client, dispute.id) == [("adjustment", -2000, 1500), ("adjustment", 2000, 0)]
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        await answer(client, dispute, "losing_evidence")
    refund = await client.v1.refunds.create_async(params={"charge": str(dispute.charge)})
    assert refund.status == "succeeded"


async def test_evidence_that_loses_moves_no_more_money(client: stripe.StripeClient) -> None:
    dispute = await disputed(client)
    await answer(client, dispute, "losing_evidence")
    await dispute_becomes(client, dispute.id, "lost")
    assert await types_about(client, dispute.id) == [*OPENED, "charge.dispute.updated", "charge.dispute.closed"]
    assert len(await booked(client, dispute.id)) == 1


async def test_a_draft_is_handed_in_when_it_is_ready(client: stripe.StripeClient) -> None:
    dispute = await disputed(client)
    params: Any = {"evidence": {"customer_name": "A. Person"}, "submit": False, "metadata": {"a": "b"}}
    draft = await client.v1.disputes.update_async(dispute.id, params=params)
    assert (draft.status, draft.evidence_details.submission_count) == ("needs_response", 0)
    assert draft.evidence_details.has_evidence
    noted = await client.v1.disputes.update_async(dispute.id, params={"metadata": {"c": "d"}})
    assert (noted.status, noted.metadata.to_dict()) == ("needs_response", {"a": "b", "c": "d"})
    handed_in = await client.v1.disputes.update_async(dispute.id, params={"submit": True})
    assert (handed_in.status, handed_in.evidence.customer_name) == ("under_review", "A. Person")
    with pytest.raises(stripe.InvalidRequestError, match="already been submitted"):
        await answer(client, dispute, "more")


async def test_the_event_of_an_answer_has_what_it_replaced(client: stripe.StripeClient) -> None:
    dispute = await disputed(client)
    await answer(client, dispute, "Here is why.")
    event = await wait_for(client, "charge.dispute.updated")
    assert event.to_dict()["data"]["previous_attributes"] == {
        "evidence": {"uncategorized_text": None},
        "evidence_details": {"has_evidence": False, "submission_count": 0, "submission_method": "not_submitted"},
        "status": "needs_response",
    }
    await client.v1.disputes.update_async(dispute.id, params={"submit": False})
    assert await types_about(client, dispute.id) == [*OPENED, "charge.dispute.updated"]


async def test_too_much_evidence_is_refused(client: stripe.StripeClient) -> None:
    dispute = await disputed(client)
    params: Any = {"evidence": dict.fromkeys(LONG_TEXTS, "x" * 20_000)}
    with pytest.raises(stripe.InvalidRequestError, match="150000"):
        await client.v1.disputes.update_async(dispute.id, params=params)


async def test_a_dispute_is_given_up(client: stripe.StripeClient) -> None:
    dispute = await disputed(client, "createDisputeProductNotReceived")
    assert (await client.v1.disputes.close_async(dispute.id)).status == "lost"
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        await client.v1.disputes.close_async(dispute.id)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.disputes.retrieve_async("du_none")
    assert (caught.value.http_status, caught.value.param) == (404, "dispute")


async def test_no_answer_in_time_loses(client: stripe.StripeClient, server: TestServer) -> None:
    dispute = await disputed(client)
    await advance(server, "7d")
    assert (await client.v1.disputes.retrieve_async(dispute.id)).status == "needs_response"
    await advance(server, "2d")
    late = await client.v1.disputes.retrieve_async(dispute.id)
    assert (late.status, late.evidence_details.past_due) == ("lost", True)
    assert len(await booked(client, dispute.id)) == 1


async def test_evidence_in_time_keeps_the_dispute_open(client: stripe.StripeClient, server: TestServer) -> None:
    dispute = await disputed(client)
    await answer(client, dispute, "Here is why.")
    await advance(server, "60d")
    assert (await client.v1.disputes.retrieve_async(dispute.id)).status == "under_review"


@pytest.mark.parametrize("won", [True, False])
async def test_a_lost_dispute_is_appealed(client: stripe.StripeClient, server: TestServer, *, won: bool) -> None:
    dispute = await disputed(client)
    appeal: Any = {"evidence": {"appeal": {"card": {"reason_for_filing": "Look again."}}}, "submit": True}
    with pytest.raises(stripe.InvalidRequestError, match="once there is an appeal"):
        await client.v1.disputes.update_async(dispute.id, appeal)
    await client.v1.disputes.close_async(dispute.id)
    act(server, dispute.id, disputing.appeal_dispute)
    appealed = await client.v1.disputes.retrieve_async(dispute.id)
    assert appealed.status == "appeal_needs_response"
    argued = await client.v1.disputes.update_async(dispute.id, appeal)
    assert argued.status == "appeal_under_review"
    assert argued.evidence.to_dict()["appeal"] == {"card": {"reason_for_filing": "Look again."}}
    act(server, dispute.id, lambda box, record: disputing.end_dispute(box, record, won))
    ended = await client.v1.disputes.retrieve_async(dispute.id)
    assert ended.status == ("won" if won else "lost")
    reinstated = ["charge.dispute.funds_reinstated"] if won else []
    types = await types_about(client, dispute.id)
    assert types == [
        *OPENED,
        "charge.dispute.closed",
        "charge.dispute.updated",
        "charge.dispute.updated",
        *reinstated,
        "charge.dispute.closed",
    ]
    assert [amount for _, amount, _ in await booked(client, dispute.id)] == ([-2000, 2000] if won else [-2000])
    with pytest.raises(ApiError, match=r"appealed|lost"):
        act(server, dispute.id, disputing.appeal_dispute)


async def test_an_appeal_without_evidence_is_lost(client: stripe.StripeClient, server: TestServer) -> None:
    dispute = await disputed(client)
    await client.v1.disputes.close_async(dispute.id)
    act(server, dispute.id, disputing.appeal_dispute)
    await advance(server, "9d")
    assert (await client.v1.disputes.retrieve_async(dispute.id)).status == "lost"


async def test_an_inquiry_takes_no_money(client: stripe.StripeClient) -> None:
    inquiry = await disputed(client, "createDisputeInquiry")
    assert (inquiry.status, inquiry.is_charge_refundable) == ("warning_needs_response", True)
    refund = await client.v1.refunds.create_async(params={"charge": str(inquiry.charge), "amount": 500})
    assert refund.status == "succeeded"
    assert (await client.v1.disputes.close_async(inquiry.id)).status == "warning_closed"
    assert await types_about(client, inquiry.id) == ["charge.dispute.created", "charge.dispute.closed"]
    assert await booked(client, inquiry.id) == []


async def test_an_inquiry_is_answered_and_closes(client: stripe.StripeClient) -> None:
    inquiry = await disputed(client, "createDisputeInquiry")
    assert (await answer(client, inquiry, "losing_evidence")).status == "warning_under_review"
    await dispute_becomes(client, inquiry.id, "warning_closed")
    assert await booked(client, inquiry.id) == []


async def test_an_inquiry_ends_automatically_after_120_days(client: stripe.StripeClient, server: TestServer) -> None:
    inquiry = await disputed(client, "createDisputeInquiry")
    await advance(server, "119d")
    waiting = await client.v1.disputes.retrieve_async(inquiry.id)
    assert (waiting.status, waiting.evidence_details.past_due) == ("warning_needs_response", True)
    await advance(server, "2d")
    assert (await client.v1.disputes.retrieve_async(inquiry.id)).status == "warning_closed"


async def test_an_escalated_inquiry_is_a_chargeback(client: stripe.StripeClient) -> None:
    inquiry = await disputed(client, "createDisputeInquiry")
    refund = await client.v1.refunds.create_async(params={"charge": str(inquiry.charge), "amount": 500})
    await answer(client, inquiry, "escalate_inquiry_evidence")
    dispute = await dispute_becomes(client, inquiry.id, "needs_response")
    assert (dispute.amount, dispute.is_charge_refundable) == (2000, False)
    assert dispute.payment_method_details.card.case_type == "chargeback"
    assert await booked(client, inquiry.id) == [("adjustment", -2000, 1500)]
    assert (await types_about(client, inquiry.id))[-2:] == ["charge.dispute.updated", "charge.dispute.funds_withdrawn"]
    caught = await refund_becomes(client, refund.id, "failed")
    assert caught.failure_reason == "charge_for_pending_refund_disputed"
    assert caught.charge.amount_refunded == 0


async def test_a_refund_long_before_the_escalation_stays(client: stripe.StripeClient, server: TestServer) -> None:
    inquiry = await disputed(client, "createDisputeInquiry")
    refund = await client.v1.refunds.create_async(params={"charge": str(inquiry.charge), "amount": 500})
    await advance(server, "5m")
    act(server, inquiry.id, disputing.escalate_inquiry)
    assert (await client.v1.refunds.retrieve_async(refund.id)).status == "succeeded"
    with pytest.raises(ApiError, match="still open"):
        act(server, inquiry.id, disputing.escalate_inquiry)


async def test_a_prevented_dispute_moves_no_money(client: stripe.StripeClient, server: TestServer) -> None:
    intent = await pay(client)
    act(server, str(intent.latest_charge), lambda box, charge: disputing.open_dispute(box, charge, "prevented"))
    dispute = await dispute_of(client, intent.id)
    assert (dispute.status, await booked(client, dispute.id)) == ("prevented", [])
    assert await types_about(client, dispute.id) == ["charge.dispute.created", "charge.dispute.closed"]
    with pytest.raises(ApiError, match="already been disputed"):
        act(server, str(intent.latest_charge), lambda box, charge: disputing.open_dispute(box, charge, "fraudulent"))


async def test_several_disputes_share_the_charge(client: stripe.StripeClient) -> None:
    intent = await pay(client, "pm_card_createMultipleDisputes", amount=2001)
    await dispute_of(client, intent.id)
    found = await client.v1.disputes.list_async(params={"payment_intent": intent.id})
    assert sorted(item.amount for item in found.data) == [1000, 1001]


async def test_only_what_was_paid_can_be_disputed(client: stripe.StripeClient, server: TestServer) -> None:
    held = await pay(client, "pm_card_createDispute", capture_method="manual")
    with pytest.raises(ApiError, match="not paid and captured"):
        act(server, str(held.latest_charge), lambda box, charge: disputing.open_dispute(box, charge, "general"))
    await client.v1.payment_intents.capture_async(held.id, params={"amount_to_capture": 1200})
    assert (await dispute_of(client, held.id)).amount == 1200


@pytest.mark.parametrize("method", ["pm_sepaDebit_disputed_at", "pm_usBankAccount_dispute"])
async def test_the_dispute_of_a_debit_is_lost_at_once(
    client: stripe.StripeClient, server: TestServer, method: str
) -> None:
    intent = await debit(client, method)
    await becomes(client, intent.id, "succeeded")
    dispute = await dispute_of(client, intent.id)
    assert dispute.status == "lost"
    assert "payment_method_details" not in dispute
    assert await types_about(client, dispute.id) == [*OPENED, "charge.dispute.closed"]
    assert len(await booked(client, dispute.id)) == 1
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        await answer(client, dispute, "winning_evidence")
    with pytest.raises(ApiError, match="card's dispute"):
        act(server, dispute.id, disputing.appeal_dispute)
