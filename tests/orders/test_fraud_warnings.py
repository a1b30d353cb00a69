"""An early fraud warning is refunded once, left to a person or ignored, as set; and never after a dispute."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from checkout_daemon.audit import audit_store
from checkout_daemon.audit.audit_log import verify
from checkout_daemon.audit.operators import Operator
from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.errors import StripeUnavailable
from checkout_daemon.ledger.facts import DisputeFact, DisputeStatus
from checkout_daemon.ledger.fraud_facts import FraudWarning
from checkout_daemon.ledger.merge import Update, merge
from checkout_daemon.messages.outcomes import NotNeeded, NotYet, attention_of
from checkout_daemon.orders.explaining import explain_order
from checkout_daemon.orders.fraud_warnings import decide_fraud_warnings
from checkout_daemon.orders.order_lists import OrderView
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.orders.refund_rules import RefundOptions
from checkout_daemon.orders.refunding import begin_refund, refund, resume_refunds
from checkout_daemon.orders.todo import read_todo
from checkout_daemon.outbox.outbox_store import ClaimedMessage
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.payments import list_refunds
from tests.support.flaky_stripe import FlakyStripe
from tests.support.shopping import first, paid_order

NOW = datetime(2026, 5, 1, tzinfo=UTC)
ADA = Operator("ada", "shop1")
WARNING = "issfr_1abc"
REFUNDS = "/v1/refunds"


@pytest.fixture
async def order(runtime: Runtime, connection: asyncpg.Connection) -> CheckoutAnswer:
    """Return a paid order of 33.99 eur."""
    return await paid_order(runtime)


def with_policy(runtime: Runtime, policy: str = "refund", **settings: Any) -> Runtime:
    return replace(runtime, settings=replace(runtime.settings, fraud_warning=policy, **settings))


async def view_of(runtime: Runtime, order: CheckoutAnswer) -> OrderView:
    return await show_order(runtime.database, str(order.order_id))


async def report(runtime: Runtime, order: CheckoutAnswer, *facts: Any, **changes: Any) -> None:
    """Merge a warning about the order's payment, or other facts about it."""
    payment = (await view_of(runtime, order)).payments[0].id
    warning: dict[str, Any] = {"fraud_type": "made_with_stolen_card", "actionable": True, "observed_at": NOW} | changes
    reported = [fact(payment) for fact in facts] or [
        FraudWarning(WARNING, False, payment, warned_at=NOW, event_id="evt_1", **warning)
    ]
    await runtime.database.run(merge, [Update("test", "stripe", subject_id=payment, facts=reported)])


def dispute(payment: str) -> DisputeFact:
    return DisputeFact(
        "dp_1", False, payment, DisputeStatus.NEEDS_RESPONSE, None, 3399, "eur", "fraudulent", NOW, "evt_2"
    )


async def at_stripe(runtime: Runtime, order: CheckoutAnswer) -> list[tuple[int, str | None]]:
    payment = (await view_of(runtime, order)).payments[0].id
    return [(made.object["amount"], made.object["reason"]) for made in await list_refunds(runtime.gateway, payment)]


async def entries(runtime: Runtime, order: CheckoutAnswer) -> list[tuple[str, str, str]]:
    async with runtime.database.connection() as connection:
        found = await audit_store.read_entries(connection, str(order.order_id))
    return [(entry.kind, entry.operator, json.loads(entry.personal or "{}").get("note", "")) for entry in found]


async def state(runtime: Runtime, order: CheckoutAnswer) -> tuple[str, tuple[str, ...], list[str | None]]:
    view = await view_of(runtime, order)
    return view.order.status, view.order.attention, [warning.decision for warning in view.fraud_warnings]


async def test_it_is_refunded_once_and_noted_as_such(runtime: Runtime, order: CheckoutAnswer) -> None:
    shop = with_policy(runtime)
    await report(shop, order)
    assert await state(shop, order) == ("completed", ("fraud_warning",), [None])
    turns = await asyncio.gather(*(decide_fraud_warnings(shop) for _ in range(3)))
    await report(shop, order, observed_at=NOW.replace(hour=1))  # repeated

    assert sum(turns) == 1
    assert await decide_fraud_warnings(shop) == 0
    assert await state(shop, order) == ("refunded", (), ["refund"])
    assert await at_stripe(shop, order) == [(3399, "fraudulent")]
    note = "refunded because of an early fraud warning: issfr_1abc (made with stolen card)"
    assert await entries(shop, order) == [
        ("refund.requested", "checkout-daemon", note),
        ("refund.made", "checkout-daemon", ""),
    ]
    assert (await verify(shop.database)).faults == []


async def test_a_second_warning_about_a_refunded_payment_refunds_nothing(
    runtime: Runtime, order: CheckoutAnswer
) -> None:
    shop = with_policy(runtime)
    await report(shop, order)
    await decide_fraud_warnings(shop)
    await report(shop, order, lambda payment: FraudWarning("issfr_2", False, payment, "misc", True, NOW, NOW, "evt_3"))
    assert await decide_fraud_warnings(shop) == 1
    assert await state(shop, order) == ("refunded", (), ["refund", "settled"])
    assert await at_stripe(shop, order) == [(3399, "fraudulent")]


async def test_what_is_left_after_another_refund_is_refunded(runtime: Runtime, order: CheckoutAnswer) -> None:
    shop = with_policy(runtime)
    await refund(shop, str(order.order_id), RefundOptions(amount=1000), operator=ADA)
    await report(shop, order)
    await decide_fraud_warnings(shop)
    assert await at_stripe(shop, order) == [(2399, "fraudulent"), (1000, None)]


async def test_a_refund_that_is_under_way_is_waited_for(runtime: Runtime, order: CheckoutAnswer) -> None:
    shop = with_policy(runtime)
    asked = await shop.database.run(
        begin_refund, str(order.order_id), RefundOptions(amount=1000), ADA, "", livemode=False
    )
    await report(shop, order)
    waited = await decide_fraud_warnings(shop)
    await refund(shop, str(order.order_id), RefundOptions(), operator=ADA, request_id=asked.id)

    assert (waited, await decide_fraud_warnings(shop)) == (0, 1)
    assert await at_stripe(shop, order) == [(2399, "fraudulent"), (1000, None)]


async def test_a_disputed_payment_is_not_refunded_and_the_note_says_why(
    runtime: Runtime, order: CheckoutAnswer, stripe: FlakyStripe
) -> None:
    shop = with_policy(runtime)
    await report(shop, order, dispute)
    await report(shop, order)
    await decide_fraud_warnings(shop)
    assert await state(shop, order) == ("disputed", ("dispute_needs_response",), ["settled"])
    assert stripe.asked(REFUNDS) == []
    note = "issfr_1abc (made with stolen card): not refunded, because it is disputed already"
    assert await entries(shop, order) == [("order.noted", "checkout-daemon", note)]


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"fraud_refund_up_to": ("eur:3398",)}, "€33.99 is more than the €33.98 of CHECKOUT_FRAUD_REFUND_UP_TO"),
        ({"fraud_refund_up_to": ("usd:9999",)}, "CHECKOUT_FRAUD_REFUND_UP_TO names no amount in EUR"),
        (
            {"fraud_refund_risk": "elevated"},
            "the risk that Stripe had assessed is normal, and CHECKOUT_FRAUD_REFUND_RISK is elevated",
        ),
    ],
)
async def test_what_the_settings_do_not_allow_is_left_to_a_person(
    runtime: Runtime, order: CheckoutAnswer, settings: dict[str, Any], why: str
) -> None:
    shop = with_policy(runtime, **settings)
    await report(shop, order)
    assert [await decide_fraud_warnings(shop) for _ in range(2)] == [1, 0]
    assert await state(shop, order) == ("completed", ("fraud_warning",), ["ask"])
    note = f"issfr_1abc (made with stolen card): left to a person, because {why}"
    assert await entries(shop, order) == [("order.noted", "checkout-daemon", note)]
    assert await at_stripe(shop, order) == []


@pytest.mark.parametrize(("level", "decision"), [("normal", "ask"), ("elevated", "refund"), ("highest", "refund")])
async def test_the_risk_decides_where_one_is_set(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection, level: str, decision: str
) -> None:
    shop = with_policy(runtime, fraud_refund_risk="elevated", fraud_refund_up_to=("eur:3399",))
    payment = (await view_of(shop, order)).payments[0].id
    await connection.execute("DELETE FROM charges")
    await connection.execute(
        "INSERT INTO charges (payment_id, id, livemode, order_id, created_at, status, assessed_at, risk_level)"
        " VALUES ($1, 'ch_1', false, $2, now(), 'succeeded', now(), $3)",
        payment, order.order_id, level,
    )  # fmt: skip
    await report(shop, order)
    await decide_fraud_warnings(shop)
    assert (await state(shop, order))[2] == [decision]


async def test_asked_for_a_person_it_is_explained_listed_and_alerted(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection
) -> None:
    shop = with_policy(runtime, "ask")
    await report(shop, order)
    message = await connection.fetchrow("SELECT * FROM outbox WHERE kind = 'order.attention' AND channel = 'alert'")
    assert message is not None
    claimed = ClaimedMessage(**{name: message[name] for name in ClaimedMessage.__dataclass_fields__ if name in message})
    with pytest.raises(NotYet, match="may be refunded without a person"):
        await attention_of(connection, (await view_of(shop, order)).order, claimed)
    await decide_fraud_warnings(shop)
    assert (await attention_of(connection, (await view_of(shop, order)).order, claimed))[1] == WARNING
    number = (await view_of(shop, order)).order.number
    (finding,) = [
        found for found in (await explain_order(shop.database, str(number))).findings if found.code == "fraud_warning"
    ]
    (item,) = [item for item in (await read_todo(shop.database, shop.settings)).items if item.kind == "fraud_warning"]

    assert finding.description == f"The card's issuer reports its payment as fraudulent: {WARNING}."
    assert finding.next is not None
    assert "refund it before that happens" in finding.next
    assert f"checkout orders ack {number} fraud_warning" in finding.next
    payment = (await view_of(shop, order)).payments[0].id
    assert finding.command == item.command == f"checkout orders refund {number} --payment {payment} --reason fraudulent"
    assert (item.amount, item.currency, item.subject) == (3399, "eur", WARNING)
    await refund(shop, str(order.order_id), RefundOptions(), operator=ADA)
    with pytest.raises(NotNeeded):
        await attention_of(connection, (await view_of(shop, order)).order, claimed)


async def test_ignored_it_is_acknowledged_by_the_daemon(runtime: Runtime, order: CheckoutAnswer) -> None:
    shop = with_policy(runtime, "ignore")
    await report(shop, order)
    await decide_fraud_warnings(shop)
    assert await state(shop, order) == ("completed", (), ["ignore"])
    assert await entries(shop, order) == [("order.acknowledged", "checkout-daemon", "CHECKOUT_FRAUD_WARNING is ignore")]


@pytest.mark.parametrize("trouble", ["lose_request", "lose_answer"])
async def test_without_an_answer_of_stripe_it_is_refunded_once(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection, stripe: FlakyStripe, trouble: Any
) -> None:
    shop = with_policy(runtime)
    await report(shop, order)
    stripe.plan = lambda number, request: trouble if request.path == REFUNDS else None
    with pytest.raises(StripeUnavailable):
        await decide_fraud_warnings(shop)
    stripe.plan = first("refuse_429", "/none")
    assert await decide_fraud_warnings(shop) == 0
    await connection.execute("UPDATE refund_requests SET next_attempt_at = now()")
    assert await resume_refunds(shop) == 1
    assert await at_stripe(shop, order) == [(3399, "fraudulent")]
    assert (await state(shop, order))[0] == "refunded"


async def test_a_warning_about_no_known_order_waits_for_it(runtime: Runtime, connection: asyncpg.Connection) -> None:
    shop = with_policy(runtime)
    warning = FraudWarning(WARNING, False, "pi_elsewhere", "misc", True, NOW, NOW, "evt_1")
    await shop.database.run(merge, [Update("test", "stripe", subject_id="pi_elsewhere", facts=[warning])])
    assert await decide_fraud_warnings(shop) == 0
    assert await connection.fetchval("SELECT decided_at IS NULL FROM fraud_warnings") is True
