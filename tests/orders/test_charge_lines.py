"""What Stripe reports about the charges of an order is kept and shown, from events and from what is fetched."""

from __future__ import annotations

import json
import random
from typing import Any

import asyncpg
import pytest

from checkout_daemon.errors import StripeRejected
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.model.charges import PaidWith
from checkout_daemon.model.payment_names import method_name
from checkout_daemon.orders.charge_lines import ChargeLine, read_paid_with
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_sync.comparing import sync_order
from tests.support.orders import NOW, add_charge, add_order
from tests.support.shopping import check_out, pay
from tests.support.stripe_events import SECRET, deliver

pytestmark = pytest.mark.usefixtures("connection")  # with the products


async def deliver_events(runtime: Runtime, *left_out: str) -> None:
    """Deliver all of Stripe's events but some types, in any order."""
    listed = await runtime.gateway.call("list", lambda client: client.v1.events.list_async(params={"limit": 100}))
    events = [event for event in listed.object["data"] if event["type"] not in left_out]
    random.Random(1).shuffle(events)
    intake = Intake(runtime.database, lambda: (SECRET,))
    await intake.start()
    for event in events:
        await deliver(intake, json.dumps(event).encode())
    await intake.close()


def summary(line: ChargeLine) -> tuple[Any, ...]:
    return (line.status, line.described, line.declined, line.risk)


@pytest.mark.parametrize("left_out", [(), ("charge.failed",), ("payment_intent.payment_failed",)])
async def test_declined_and_paying_cards_are_kept_from_events(
    runtime: Runtime, connection: asyncpg.Connection, left_out: tuple[str, ...]
) -> None:
    order = await check_out(runtime)
    for token in ("tok_chargeDeclinedInsufficientFunds", "tok_mastercard_debit"):
        card = {"type": "card", "card": {"token": token}}
        if "Declined" in token:
            with pytest.raises(StripeRejected):
                await pay(runtime, order.session_id, order.amount_total, **card)
        else:
            await pay(runtime, order.session_id, order.amount_total, **card)
    await deliver_events(runtime, *left_out)
    view = await show_order(runtime.database, str(order.number))
    risk = "" if "charge.failed" in left_out else "normal risk (12)"
    assert sorted(map(summary, view.charges)) == [  # both may be of the same second
        ("failed", "Visa 9995, credit, US", "Your card has insufficient funds (insufficient_funds)", risk),
        ("succeeded", "Mastercard 8210, debit, US", "", "normal risk (51)"),
    ]
    paid = (await read_paid_with(connection, [view.order.id]))[view.order.id]
    assert (paid.name, paid.risk_score) == ("Mastercard 8210", 51)


async def test_a_blocked_card_has_the_code_of_its_payment(runtime: Runtime) -> None:
    order = await check_out(runtime)
    with pytest.raises(StripeRejected):
        await pay(runtime, order.session_id, order.amount_total, type="card", card={"token": "tok_radarBlock"})
    await deliver_events(runtime, "payment_intent.payment_failed")
    (line,) = (await show_order(runtime.database, str(order.number))).charges
    assert (line.decline_code, line.risk_level) == ("card_declined", "highest")
    await deliver_events(runtime)
    (line,) = (await show_order(runtime.database, str(order.number))).charges
    assert (line.decline_code, line.risk_level) == ("fraudulent", "highest")


async def test_what_is_fetched_tells_of_the_last_charge_as_well(runtime: Runtime) -> None:
    order = await check_out(runtime)
    with pytest.raises(StripeRejected):
        await pay(
            runtime, order.session_id, order.amount_total, type="card", card={"token": "tok_chargeDeclinedLostCard"}
        )
    await sync_order(runtime, str(order.order_id), cause="test", actor="test")
    (line,) = (await show_order(runtime.database, str(order.number))).charges
    assert summary(line) == (
        "failed",
        "Visa 9987, credit, US",
        "Your card was declined (lost_card)",
        "normal risk (4)",
    )
    await pay(runtime, order.session_id, order.amount_total)
    await sync_order(runtime, str(order.order_id), cause="test", actor="test")
    lines = (await show_order(runtime.database, str(order.number))).charges
    (line,) = [line for line in lines if line.status == "succeeded"]
    assert summary(line) == ("succeeded", "Visa 4242, credit, US", "", "normal risk (51)")


@pytest.mark.parametrize(
    ("iban", "status", "declined"),
    [
        ("AT611904300234573201", "succeeded", ""),
        ("AT861904300235473202", "failed", "The payment failed (bank_account_restricted)"),
    ],
)
async def test_a_debit_has_the_last_digits_of_its_account(
    runtime: Runtime, iban: str, status: str, declined: str
) -> None:
    order = await check_out(runtime)
    method = {"type": "sepa_debit", "sepa_debit": {"iban": iban}, "billing_details": {"name": "A", "email": "a@b.at"}}
    await pay(runtime, order.session_id, order.amount_total, **method)
    while True:
        await deliver_events(runtime)
        view = await show_order(runtime.database, str(order.number))
        if view.charges:
            break
    (line,) = view.charges
    assert (line.status, line.name, line.country, line.declined) == (status, f"SEPA debit {iban[-4:]}", "AT", declined)


async def test_a_list_shows_what_paid_an_order_or_else_its_last_attempt(connection: asyncpg.Connection) -> None:
    paid, declined, none, live = [await add_order(connection, livemode=live) for live in (False, False, False, True)]
    failed = {"status": "failed", "decline_code": "lost_card"}
    await add_charge(connection, paid, last4="1111")
    await add_charge(connection, paid, last4="2222", **failed)
    await add_charge(connection, declined, id="ch_x1", last4="3333", **failed)
    await add_charge(connection, declined, id="ch_x2", last4="4444", **failed)
    await add_charge(connection, live, last4="5555")  # of the other mode
    found = await read_paid_with(connection, [paid, declined, none, live])
    assert {order_id: shown.name for order_id, shown in found.items()} == {
        paid: "Visa 1111", declined: "Visa 4444, lost card", none: "", live: "",
    }  # fmt: skip
    assert found[none] == PaidWith()


def test_what_is_not_known_is_left_out() -> None:
    assert [method_name(*known) for known in ((None, None, None), ("link", None, None), ("card", "unknown", "1"))] == [
        *("", "Link", "Card 1"),
    ]
    line = ChargeLine("ch_1", "pi_1", "failed", NOW, network="cartes_bancaires", brand="visa", wallet="google_pay")
    assert line.described == "Visa, Google Pay, over Cartes bancaires"
    assert (line.declined, line.risk) == ("", "")
