"""A fraud warning whose decision or refund waits is settled once, and holds up neither others nor the operator."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.errors import StripeUnavailable
from checkout_daemon.ledger.facts import Link, LinkRank
from checkout_daemon.ledger.fraud_facts import FraudWarning
from checkout_daemon.ledger.merge import Update, merge
from checkout_daemon.messages.delivering import deliver_due
from checkout_daemon.messages.outcomes import NotYet, attention_of
from checkout_daemon.model.messages import Channel
from checkout_daemon.orders.explaining import explain_order
from checkout_daemon.orders.fraud_warnings import decide_fraud_warnings
from checkout_daemon.orders.notes import acknowledge
from checkout_daemon.orders.refund_rules import RefundOptions
from checkout_daemon.orders.refunding import begin_refund, refund, resume_refunds
from checkout_daemon.orders.todo import read_todo
from checkout_daemon.outbox.outbox_store import ClaimedMessage
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_sync.comparing import sync_order
from tests.orders.test_fraud_warnings import (
    ADA,
    NOW,
    REFUNDS,
    WARNING,
    at_stripe,
    report,
    state,
    view_of,
    with_policy,
)
from tests.support.flaky_stripe import FlakyStripe, Request, Trouble
from tests.support.payments import paid
from tests.support.receiver import SECRET, Receiver
from tests.support.shopping import paid_order
from tests.support.stripe_events import insert_order


@pytest.fixture
async def order(runtime: Runtime, connection: asyncpg.Connection) -> CheckoutAnswer:
    """Return a paid order of 33.99 eur."""
    return await paid_order(runtime)


def at_refunds(trouble: Trouble) -> Any:
    def plan(number: int, request: Request) -> Trouble | None:
        return trouble if (request.method, request.path) == ("POST", REFUNDS) else None

    return plan


async def test_a_key_that_may_not_refund_closes_the_request_and_leaves_the_operator_free(
    runtime: Runtime, order: CheckoutAnswer, stripe: FlakyStripe
) -> None:
    shop = with_policy(runtime)
    await report(shop, order)
    stripe.plan = lambda number, request: "deny_401" if request.path == REFUNDS else None
    assert await decide_fraud_warnings(shop) == 1
    assert stripe.asked(REFUNDS, "GET") == []  # nothing was sent before, so there is nothing to look for
    assert (await state(shop, order))[:2] == ("completed", ("fraud_warning",))
    stripe.plan = lambda number, request: None
    await refund(shop, str(order.order_id), RefundOptions(), operator=ADA)
    assert await at_stripe(shop, order) == [(3399, None)]


async def test_one_request_is_sent_without_looking_for_it(
    runtime: Runtime, order: CheckoutAnswer, stripe: FlakyStripe
) -> None:
    shop = with_policy(runtime)
    await report(shop, order)
    await decide_fraud_warnings(shop)
    assert (len(stripe.asked(REFUNDS)), stripe.asked(REFUNDS, "GET")) == (1, [])


async def test_what_was_acknowledged_while_the_decision_waited_is_not_refunded(
    runtime: Runtime, order: CheckoutAnswer
) -> None:
    shop = with_policy(runtime)
    asked = await shop.database.run(
        begin_refund, str(order.order_id), RefundOptions(amount=1000), ADA, "", livemode=False
    )
    await report(shop, order)
    waited = await decide_fraud_warnings(shop)
    await acknowledge(shop.database, str(order.order_id), "fraud_warning", operator=ADA)
    await refund(shop, str(order.order_id), RefundOptions(), operator=ADA, request_id=asked.id)

    assert (waited, await decide_fraud_warnings(shop)) == (0, 1)
    assert await at_stripe(shop, order) == [(1000, None)]
    assert (await state(shop, order))[1:] == ((), ["settled"])


async def test_the_alert_waits_for_the_refund_but_not_for_long(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    shop = with_policy(runtime)
    await report(shop, order)
    stripe.plan = at_refunds("lose_request")
    with pytest.raises(StripeUnavailable):
        await decide_fraud_warnings(shop)
    row = await connection.fetchrow("SELECT * FROM outbox WHERE kind = 'order.attention' AND channel = 'alert'")
    assert row is not None
    message = ClaimedMessage(**{name: row[name] for name in ClaimedMessage.__dataclass_fields__ if name in row})
    view = await view_of(shop, order)
    with pytest.raises(NotYet):
        await attention_of(connection, view.order, message)
    late = replace(message, created_at=message.created_at - timedelta(minutes=16))
    assert (await attention_of(connection, view.order, late))[1] == WARNING


async def test_what_waits_for_the_daemon_is_no_failed_attempt(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection
) -> None:
    receiver = Receiver()
    url = await receiver.start()
    shop = with_policy(runtime, shop_webhook_url=url, shop_webhook_secrets=(SECRET,))
    await report(shop, order)
    await deliver_due(shop, Channel.WEBHOOK)
    held = "SELECT status, attempts, last_error FROM outbox WHERE kind = 'order.attention' AND channel = 'webhook'"
    assert [tuple(row) for row in await connection.fetch(held)] == [
        ("queued", 0, "the payment may be refunded without a person")
    ]
    await decide_fraud_warnings(with_policy(shop, "ask"))
    await connection.execute("UPDATE outbox SET next_attempt_at = now() WHERE status = 'queued'")
    await deliver_due(shop, Channel.WEBHOOK)
    await receiver.stop()
    assert [tuple(row) for row in await connection.fetch(held)] == [("sent", 1, None)]


async def test_a_payment_that_is_not_reported_yet_is_waited_for(runtime: Runtime, database_url: str) -> None:
    shop = with_policy(runtime, "ask")
    order_id = await insert_order(database_url)
    warning = FraudWarning(WARNING, False, "pi_2", "misc", True, NOW, NOW, "evt_1")
    link = Link("pi_2", order_id, LinkRank.METADATA)
    updates = [paid(order_id, "pi_1"), Update("test", "stripe", subject_id="pi_2", links=[link], facts=[warning])]
    await shop.database.run(merge, updates)
    before = await decide_fraud_warnings(shop)
    await shop.database.run(merge, [paid(order_id, "pi_2")])

    assert (before, await decide_fraud_warnings(shop)) == (0, 1)
    async with shop.database.connection() as connection:
        rows = await connection.fetch("SELECT decision, attention FROM fraud_warnings, orders")
    assert [tuple(row) for row in rows] == [("ask", ["fraud_warning", "paid_twice"])]
    explained = await explain_order(shop.database, order_id)
    number = explained.number
    wanted = f"checkout orders refund {number} --payment pi_2 --reason fraudulent"
    of_codes = {finding.code: finding.command for finding in explained.findings}
    assert (of_codes["fraud_warning"], of_codes["paid_twice"]) == (wanted, wanted)
    items = (await read_todo(shop.database, shop.settings)).items
    assert {item.kind: item.command for item in items} == dict.fromkeys(("fraud_warning", "paid_twice"), wanted)


@pytest.mark.parametrize("first", ["pi_1", "pi_2"])
async def test_the_command_names_the_payment_that_was_warned_about_and_no_refunded_one(
    runtime: Runtime, database_url: str, first: str
) -> None:
    shop = with_policy(runtime, "ask")
    order_id = await insert_order(database_url)
    second = {"pi_1": "pi_2", "pi_2": "pi_1"}[first]
    warnings = [
        FraudWarning(f"issfr_{payment}", False, payment, "misc", True, NOW, NOW, f"evt_{payment}")
        for payment in ("pi_1", "pi_2")
    ]
    updates = [paid(order_id, "pi_1", "pi_2")]
    updates += [Update("test", "stripe", subject_id=fact.payment_id, facts=[fact]) for fact in warnings]
    await shop.database.run(merge, updates)
    async with shop.database.connection() as connection:
        await connection.execute(
            "INSERT INTO refunds (id, livemode, payment_id, status, amount, currency)"
            " VALUES ('re_1', false, $1, 'succeeded', 5000, 'eur')",
            first,
        )
    explained = await explain_order(shop.database, order_id)
    (finding,) = [found for found in explained.findings if found.code == "fraud_warning"]
    assert finding.description.endswith(f": issfr_{second}.")
    assert finding.command is not None
    assert f"--payment {second} " in finding.command


async def test_a_warning_that_cannot_be_decided_holds_up_no_other(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection
) -> None:
    shop = with_policy(runtime)
    other = await paid_order(runtime)
    await report(shop, order)
    payment = (await view_of(shop, other)).payments[0].id
    warning = FraudWarning("issfr_2", False, payment, "misc", True, NOW, NOW, "evt_2")
    await report(shop, other, lambda payment: warning)
    await connection.execute("UPDATE fraud_warnings SET created_at = now() - interval '1 day' WHERE id = $1", WARNING)
    await connection.execute(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$"
    )
    await connection.execute(
        f"CREATE TRIGGER fails BEFORE INSERT ON refund_requests FOR EACH ROW WHEN (NEW.order_id = '{order.order_id}')"
        " EXECUTE FUNCTION fail()"
    )
    with pytest.raises(asyncpg.RaiseError):
        await decide_fraud_warnings(shop)
    assert (await state(shop, order))[2] == [None]
    assert await at_stripe(shop, other) == [(3399, "fraudulent")]


async def test_a_refund_without_an_answer_holds_up_no_other_warning(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    shop = with_policy(runtime)
    other = await paid_order(runtime)
    await report(shop, order)
    await report(shop, other, lambda payment: FraudWarning("issfr_2", False, payment, "misc", True, NOW, NOW, "evt_2"))
    stripe.plan = at_refunds("fail_500")
    with pytest.raises(StripeUnavailable):
        await decide_fraud_warnings(shop)
    assert [(await state(shop, one))[2] for one in (order, other)] == [["refund"], ["refund"]]
    stripe.plan = lambda number, request: None
    await connection.execute("UPDATE refund_requests SET next_attempt_at = now(), parameters = parameters")
    assert await resume_refunds(shop) == 2


async def test_an_attention_that_an_older_release_dropped_comes_back_with_the_next_comparison(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection
) -> None:
    shop = with_policy(runtime, "ask")
    await report(shop, order)
    await decide_fraud_warnings(shop)
    await connection.execute("UPDATE orders SET attention = '{}'")
    await sync_order(shop, str(order.order_id), cause="reconcile", actor=ADA, apply=False)
    assert (await state(shop, order))[1] == ("fraud_warning",)
