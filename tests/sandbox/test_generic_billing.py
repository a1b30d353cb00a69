"""Billing with the stored kinds: invoices, credit notes, subscriptions, quotes and test clocks."""

from __future__ import annotations

import time
from typing import Any

import stripe

from tests.sandbox.billing_steps import attached, invoice
from tests.sandbox.conftest import Ask, event_types

DAY = 86_400


async def test_an_invoice_is_paid_through_an_intent_of_its_own(
    ask: Ask, client: stripe.StripeClient, customer: str
) -> None:
    draft = await invoice(ask, customer)

    paid = await ask("POST", f"/v1/invoices/{draft['id']}/pay")

    assert (paid["status"], paid["amount_paid"], paid["amount_remaining"]) == ("paid", 2000, 0)
    assert paid["number"].endswith("-0001")
    payment = (await ask("GET", "/v1/invoice_payments", {"invoice": paid["id"]}))["data"][0]
    intent = await ask("GET", f"/v1/payment_intents/{payment['payment']['payment_intent']}")
    assert (intent["status"], intent["amount"], intent["customer"]) == ("succeeded", 2000, customer)
    events = [event for event in await event_types(client) if not event.startswith("customer")]
    assert events == [
        "invoiceitem.created",
        "invoice.created",
        "invoice.updated",
        "invoice.finalized",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice_payment.paid",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
    ]


async def test_a_refused_invoice_stays_open_until_another_card_pays(ask: Ask, customer: str) -> None:
    bad, good = await attached(ask, "chargeCustomerFail", customer), await attached(ask, "visa", customer)
    path = f"/v1/invoices/{(await invoice(ask, customer))['id']}"

    refused = await ask("POST", f"{path}/pay", {"payment_method": bad}, status=402)
    waiting = await ask("GET", path)
    paid = await ask("POST", f"{path}/pay", {"payment_method": good})

    assert refused["error"]["type"] == "card_error"
    assert (waiting["status"], waiting["attempt_count"], waiting["attempted"]) == ("open", 1, True)
    assert (paid["status"], paid["attempt_count"]) == ("paid", 2)
    assert len((await ask("GET", "/v1/payment_intents", {"customer": customer}))["data"]) == 1


async def test_only_drafts_are_deleted(ask: Ask, customer: str) -> None:
    draft = await invoice(ask, customer)
    await ask("POST", f"/v1/invoices/{draft['id']}/finalize")

    await ask("DELETE", f"/v1/invoices/{draft['id']}", status=400)

    assert (await ask("GET", f"/v1/invoices/{draft['id']}"))["status"] == "open"


async def test_a_credit_note_takes_from_what_is_owed_until_it_is_voided(ask: Ask, customer: str) -> None:
    path = f"/v1/invoices/{(await invoice(ask, customer))['id']}"
    owed = await ask("POST", f"{path}/finalize")

    note = await ask("POST", "/v1/credit_notes", {"invoice": owed["id"], "amount": 500})
    assert (await ask("GET", path))["amount_remaining"] == 1500
    too_much = await ask("POST", "/v1/credit_notes", {"invoice": owed["id"], "amount": 1501}, status=400)
    await ask("POST", f"/v1/credit_notes/{note['id']}/void")

    assert note["number"] == f"{owed['number']}-CN-01"
    assert too_much["error"]["param"] == "amount"
    assert (await ask("GET", path))["amount_remaining"] == 2000


async def test_a_refused_subscription_is_incomplete_until_its_invoice_is_paid(
    ask: Ask, price: str, client: stripe.StripeClient
) -> None:
    customer = (await ask("POST", "/v1/customers", {}))["id"]
    bad, good = await attached(ask, "chargeCustomerFail", customer), await attached(ask, "visa", customer)
    wanted = {"customer": customer, "items[0][price]": price, "items[0][quantity]": 2, "default_payment_method": bad}

    started = await ask("POST", "/v1/subscriptions", wanted)
    paid = await ask("POST", f"/v1/invoices/{started['latest_invoice']}/pay", {"payment_method": good})

    assert started["status"] == "incomplete"
    assert paid["amount_paid"] == 3000
    assert paid["parent"]["subscription_details"]["subscription"] == started["id"]
    assert (await ask("GET", f"/v1/subscriptions/{started['id']}"))["status"] == "active"
    assert (await event_types(client))[-1] == "customer.subscription.updated"


async def test_a_subscription_that_must_be_paid_leaves_nothing_when_it_is_not(ask: Ask, price: str) -> None:
    customer = (await ask("POST", "/v1/customers", {}))["id"]
    wanted = {"customer": customer, "items[0][price]": price}

    nobody = await ask("POST", "/v1/subscriptions", wanted, status=400)
    bad = await attached(ask, "chargeCustomerFail", customer)
    wanted |= {"default_payment_method": bad, "payment_behavior": "error_if_incomplete"}
    await ask("POST", "/v1/subscriptions", wanted, status=402)

    assert nobody["error"]["code"] == "resource_missing"
    assert (await ask("GET", "/v1/subscriptions"))["data"] == []
    assert (await ask("GET", "/v1/invoices"))["data"] == []


async def test_a_subscription_lasts_a_month_of_its_calendar(ask: Ask, customer: str, price: str) -> None:
    started = await ask("POST", "/v1/subscriptions", {"customer": customer, "items[0][price]": price})
    expanded = await ask("GET", f"/v1/subscriptions/{started['id']}", {"expand[]": "latest_invoice"})

    item = started["items"]["data"][0]
    assert 28 * DAY <= item["current_period_end"] - item["current_period_start"] <= 31 * DAY
    assert item["plan"]["id"] == price
    assert expanded["latest_invoice"]["status"] == "paid"


async def test_an_accepted_quote_starts_its_subscription(ask: Ask, customer: str, price: str) -> None:
    offered = {"customer": customer, "line_items[0][price]": price, "line_items[0][quantity]": 3}
    quote = await ask("POST", "/v1/quotes", offered)
    await ask("POST", f"/v1/quotes/{quote['id']}/finalize")

    accepted = await ask("POST", f"/v1/quotes/{quote['id']}/accept")

    assert accepted["amount_total"] == 4500
    started = await ask("GET", f"/v1/subscriptions/{accepted['subscription']}")
    assert (started["status"], started["latest_invoice"]) == ("active", accepted["invoice"])


async def test_a_clock_does_not_pass_the_end_of_a_subscriptions_period(ask: Ask, client: stripe.StripeClient) -> None:
    now = int(time.time())
    clock = await ask("POST", "/v1/test_helpers/test_clocks", {"frozen_time": now})
    customer = await ask(
        "POST", "/v1/customers", {"email": "a@example.com", "test_clock": clock["id"], "source": "tok_visa"}
    )
    price = await ask(
        "POST",
        "/v1/prices",
        {"currency": "usd", "unit_amount": 500, "recurring[interval]": "month", "product_data[name]": "Box"},
    )
    made = await ask("POST", "/v1/subscriptions", {"customer": customer["id"], "items[0][price]": price["id"]})
    path = f"/v1/test_helpers/test_clocks/{clock['id']}/advance"
    refused = await ask("POST", path, {"frozen_time": now + 100 * 86_400}, status=400)
    assert "does not" in refused["error"]["message"]
    assert made["id"] in refused["error"]["message"]
    await ask("POST", path, {"frozen_time": now + 86_400})


async def on_a_clock(ask: Ask, frozen_time: int, price: str, **more: str) -> tuple[str, dict[str, Any]]:
    """Start a subscription on a test clock. Return the path that advances the clock, and the subscription."""
    clock = await ask("POST", "/v1/test_helpers/test_clocks", {"frozen_time": frozen_time})
    customer = (await ask("POST", "/v1/customers", {"test_clock": clock["id"]}))["id"]
    wanted = {"customer": customer, "items[0][price]": price}
    if "payment_behavior" not in more:
        wanted["default_payment_method"] = await attached(ask, "visa", customer)
    made = await ask("POST", "/v1/subscriptions", {**wanted, **more})
    return f"/v1/test_helpers/test_clocks/{clock['id']}/advance", made


async def test_a_subscription_keeps_the_time_of_its_clock(ask: Ask, price: str) -> None:
    january, next_year = 1_577_836_800, int(time.time()) + 365 * DAY
    path, past = await on_a_clock(ask, january, price)
    item = past["items"]["data"][0]
    assert (past["start_date"], past["billing_cycle_anchor"]) == (january, january)
    assert (item["current_period_start"], item["current_period_end"]) == (january, january + 31 * DAY)
    refused = await ask("POST", path, {"frozen_time": january + 100 * DAY}, status=400)
    assert past["id"] in refused["error"]["message"]

    path, trial = await on_a_clock(ask, next_year, price, trial_period_days="7")
    assert (trial["trial_start"], trial["trial_end"]) == (next_year, next_year + 7 * DAY)
    await ask("POST", path, {"frozen_time": next_year + 3600})


async def test_a_clock_does_not_pass_the_end_of_a_subscription(ask: Ask, price: str) -> None:
    january = 1_577_836_800
    path, ends = await on_a_clock(ask, january, price, cancel_at=str(january + 5 * DAY))
    refused = await ask("POST", path, {"frozen_time": january + 6 * DAY}, status=400)
    assert f"{ends['id']} is due at {january + 5 * DAY}" in refused["error"]["message"]

    path, unpaid = await on_a_clock(ask, january, price, payment_behavior="default_incomplete")
    assert unpaid["status"] == "incomplete"
    refused = await ask("POST", path, {"frozen_time": january + DAY}, status=400)
    assert unpaid["id"] in refused["error"]["message"]


async def test_a_canceled_subscription_keeps_the_reason_and_refuses_what_is_lacking(
    ask: Ask, customer: str, price: str
) -> None:
    started = await ask("POST", "/v1/subscriptions", {"customer": customer, "items[0][price]": price})
    path = f"/v1/subscriptions/{started['id']}"

    refused = await ask("DELETE", path, {"invoice_now": "true"}, status=400)
    canceled = await ask("DELETE", path, {"cancellation_details[comment]": "dear", "prorate": "false"})

    assert refused["error"]["message"] == "Stripe has the parameter invoice_now; the offline Stripe does not."
    details = {"comment": "dear", "feedback": None, "feedback_option": None, "reason": "cancellation_requested"}
    assert (canceled["status"], canceled["cancellation_details"]) == ("canceled", details)


async def test_subscriptions_end_with_their_customer(
    ask: Ask, client: stripe.StripeClient, customer: str, price: str
) -> None:
    wanted = {"customer": customer, "items[0][price]": price}
    gone, kept = [await ask("POST", "/v1/subscriptions", wanted) for _ in range(2)]
    await ask("DELETE", f"/v1/subscriptions/{gone['id']}")

    await ask("DELETE", f"/v1/customers/{customer}")

    assert (await ask("GET", f"/v1/subscriptions/{kept['id']}"))["status"] == "canceled"
    ended = [event for event in await event_types(client) if event.endswith(".deleted")]
    assert ended == ["customer.subscription.deleted", "customer.subscription.deleted", "customer.deleted"]
