"""Kinds that the sandbox stores rather than models: requests, events, consequences."""

from __future__ import annotations

import time
from typing import Any

import pytest
import stripe

from checkout_daemon.sandbox.generic.kind_table import KINDS
from checkout_daemon.sandbox.generic.stored_kinds import StoredKind
from checkout_daemon.sandbox.objects.shapes import new_body
from checkout_daemon.sandbox.parameters.stripe_types import Shape, parameters
from tests.sandbox.billing_steps import attached, fund, invoice
from tests.sandbox.conftest import Ask, event_types, wait_for
from tests.sandbox.samples import required

STRANGE = ("text", {"[a]": "b"}, {"[0]": "x", "[1]": "y"}, "-1", "true", "")
DAY = 86_400
HOLDER = {
    "name": "n",
    **{f"billing[address][{name}]": "x" for name in ("city", "line1", "postal_code")},
    "billing[address][country]": "US",
}
VAT = {"display_name": "VAT", "inclusive": "false", "percentage": "19.5"}


async def test_lists_come_in_pages_and_by_date(ask: Ask) -> None:
    made = [await ask("POST", "/v1/tax_rates", {**VAT, "display_name": name}) for name in ("a", "b", "c")]

    first = await ask("GET", "/v1/tax_rates", {"limit": 2})
    second = await ask("GET", "/v1/tax_rates", {"limit": 2, "starting_after": first["data"][-1]["id"]})
    later = await ask("GET", "/v1/tax_rates", {"created[gt]": made[-1]["created"] + 60})

    assert [item["display_name"] for item in first["data"]] == ["c", "b"]
    assert first["has_more"]
    assert [item["id"] for item in second["data"]] == [made[0]["id"]]
    assert not second["has_more"]
    assert later["data"] == []


async def test_lists_are_filtered_by_fields(ask: Ask, customer: str) -> None:
    other = await ask("POST", "/v1/customers", {})
    await ask("POST", "/v1/invoices", {"customer": other["id"]})
    mine = await ask("POST", "/v1/invoices", {"customer": customer})

    page = await ask("GET", "/v1/invoices", {"customer": customer, "status": "draft"})

    assert [item["id"] for item in page["data"]] == [mine["id"]]


async def test_an_update_merges_metadata_and_reports_the_previous_values(ask: Ask, client: stripe.StripeClient) -> None:
    rate = await ask("POST", "/v1/tax_rates", {**VAT, "metadata[a]": "1", "metadata[b]": "2"})

    changed = await ask("POST", f"/v1/tax_rates/{rate['id']}", {"active": "false", "metadata[a]": "", "metadata[c]": 3})

    assert changed["metadata"] == {"b": "2", "c": "3"}
    event = await wait_for(client, "tax_rate.updated")
    assert event.data.to_dict()["previous_attributes"] == {"active": True, "metadata": {"a": "1", "b": "2"}}
    assert await ask("GET", f"/v1/tax_rates/{rate['id']}") == changed


async def test_values_get_the_types_that_stripe_gives_them(ask: Ask) -> None:
    holder = {
        **HOLDER,
        "phone_number": "34666777888",
        "billing[address][postal_code]": "94111",
        "individual[card_issuing][user_terms_acceptance][date]": "1470266163",
        "individual[first_name]": "My",
        "spending_controls[blocked_categories][]": "taxicabs_limousines",
    }
    made = await ask("POST", "/v1/issuing/cardholders", holder)

    assert made["phone_number"] == "34666777888"
    assert made["billing"]["address"] == {
        "city": "x",
        "country": "US",
        "line1": "x",
        "line2": None,
        "state": None,
        "postal_code": "94111",
    }
    assert made["individual"]["card_issuing"]["user_terms_acceptance"]["date"] == 1_470_266_163
    assert made["spending_controls"]["blocked_categories"] == ["taxicabs_limousines"]


@pytest.mark.parametrize(
    ("params", "param", "code"),
    [
        ({"currency": "usd", "destination": "acct_none"}, "amount", "parameter_missing"),
        ({"amount": "x", "currency": "usd", "destination": "acct_none"}, "amount", "parameter_invalid_integer"),
        ({"amount": 1, "currency": "usd", "destination": "acct_none"}, "destination", "resource_missing"),
    ],
)
async def test_bad_parameters_are_refused(ask: Ask, params: dict[str, Any], param: str, code: str) -> None:
    error = (await ask("POST", "/v1/transfers", params, status=400))["error"]

    assert (error["param"], error["code"]) == (param, code)


async def test_unknown_objects_and_wrong_statuses_are_refused(ask: Ask, customer: str) -> None:
    draft = await invoice(ask, customer)

    missing = await ask("GET", "/v1/invoices/in_none", status=404)
    void = await ask("POST", f"/v1/invoices/{draft['id']}/void", status=400)

    assert missing["error"]["code"] == "resource_missing"
    assert "its status is draft" in void["error"]["message"]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.creates], ids=lambda kind: kind.object)
async def test_strange_values_never_break_the_sandbox(ask: Ask, customer: str, price: str, kind: StoredKind) -> None:
    await fund(ask, 90_000)
    account = await ask("POST", "/v1/accounts")
    owed = await ask("POST", f"/v1/invoices/{(await invoice(ask, customer))['id']}/finalize")
    holder = await ask("POST", "/v1/issuing/cardholders", HOLDER)
    shape = parameters("POST", kind.path) or {}
    plausible = {
        "amount": "500",
        "currency": "usd",
        "customer": customer,
        "destination": account["id"],
        "fixed_amount[amount]": "5",
        "fixed_amount[currency]": "usd",
        "invoice": owed["id"] if kind.object == "credit_note" else "",
        "cardholder": holder["id"],
        "items[0][price]": price,
        "line_items[0][price]": price,
        "phases[0][items][0][price]": price,
        "product[name]": "p",
    }
    kept = {name: value for name, value in plausible.items() if _used(kind, shape, name)}
    good = required(shape) | kept
    fields = [name for name in new_body(kind.object, "x_") if name not in ("id", "object")]
    tried = {*fields, *kind.takes, "items", "lines", "line_items", "phases", "metadata", "product", "pricing", "period"}

    plain = await ask("POST", kind.path, good)
    answers = [
        await ask("POST", kind.path, _with(good, field, value), status=None)
        for field in sorted(tried)
        for value in STRANGE
    ]

    assert plain["object"] == kind.object
    assert not [
        answer for answer in answers if answer.get("object") != kind.object and answer["error"]["type"] == "api_error"
    ]


def _used(kind: StoredKind, shape: Shape, name: str) -> bool:
    """Return whether the kind takes the parameter. A test clock's customer, for example, is refused."""
    first = name.partition("[")[0]
    fields = new_body(kind.object, kind.prefix)
    return first in shape and (first in fields or first in kind.takes or first in kind.uses)


def _with(params: dict[str, Any], field: str, value: str | dict[str, str]) -> dict[str, str]:
    """Return the parameters with this one replaced, written as `name[key]` if it is a map."""
    kept = {name: value for name, value in params.items() if name != field and not name.startswith(f"{field}[")}
    inner = value if isinstance(value, dict) else {"": value}
    return kept | {f"{field}{key}": value for key, value in inner.items()}


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


async def test_a_refused_setup_has_a_reason_and_can_be_retried(ask: Ask, customer: str) -> None:
    setup = await ask("POST", "/v1/setup_intents", {"customer": customer, "payment_method_types[]": "card"})
    path = f"/v1/setup_intents/{setup['id']}"

    refused = await ask("POST", f"{path}/confirm", {"payment_method": "pm_card_chargeDeclined"}, status=402)
    waiting = await ask("GET", path)
    done = await ask("POST", f"{path}/confirm", {"payment_method": "pm_card_visa"})

    assert refused["error"]["setup_intent"]["id"] == setup["id"]
    assert waiting["last_setup_error"]["decline_code"] == "generic_decline"
    assert (done["status"], done["last_setup_error"]) == ("succeeded", None)
    assert (await ask("GET", f"/v1/payment_methods/{done['payment_method']}"))["customer"] == customer


async def test_bank_transfers_pay_what_waits_for_them(ask: Ask, customer: str, client: stripe.StripeClient) -> None:
    fund = f"/v1/test_helpers/customers/{customer}/fund_cash_balance"
    wanted = {
        "amount": 3000,
        "currency": "eur",
        "customer": customer,
        "confirm": "true",
        "payment_method_types[]": "customer_balance",
        "payment_method_data[type]": "customer_balance",
        "payment_method_options[customer_balance][funding_type]": "bank_transfer",
        "payment_method_options[customer_balance][bank_transfer][type]": "eu_bank_transfer",
    }
    waiting = await ask("POST", "/v1/payment_intents", wanted)
    await ask("POST", fund, {"amount": 1000, "currency": "eur"})
    partly = await ask("GET", f"/v1/payment_intents/{waiting['id']}")
    await ask("POST", fund, {"amount": 2500, "currency": "eur"})
    paid = await ask("GET", f"/v1/payment_intents/{waiting['id']}", {"expand[]": "latest_charge"})
    left = await ask("GET", f"/v1/customers/{customer}/cash_balance")
    moves = await ask("GET", f"/v1/customers/{customer}/cash_balance_transactions")

    assert partly["next_action"]["display_bank_transfer_instructions"]["amount_remaining"] == 2000
    assert (paid["status"], paid["amount_received"], paid["latest_charge"]["amount"]) == ("succeeded", 3000, 3000)
    assert left["available"] == {"eur": 500}
    assert [move["net_amount"] for move in moves["data"]] == [-2000, 2500, -1000, 1000]
    assert (await event_types(client))[-1] == "payment_intent.succeeded"


async def test_a_source_belongs_to_its_customer_alone(ask: Ask, customer: str) -> None:
    other = (await ask("POST", "/v1/customers", {}))["id"]
    second = await ask("POST", f"/v1/customers/{customer}/sources", {"source": "tok_mastercard"})
    first = (await ask("GET", f"/v1/customers/{customer}"))["default_source"]

    await ask("GET", f"/v1/customers/{other}/sources/{first}", status=404)
    await ask("DELETE", f"/v1/customers/{customer}/sources/{first}")

    assert (await ask("GET", f"/v1/customers/{customer}/sources/{second['id']}"))["brand"] == "MasterCard"
    assert (await ask("GET", f"/v1/customers/{customer}"))["default_source"] == second["id"]


async def test_a_coupon_stays_with_the_customer_until_it_is_taken_away(ask: Ask) -> None:
    coupon = await ask("POST", "/v1/coupons", {"percent_off": 20})
    customer = await ask("POST", "/v1/customers", {"coupon": coupon["id"]})
    path = f"/v1/customers/{customer['id']}"

    assert customer["discount"]["source"] == {"coupon": coupon["id"], "type": "coupon"}
    assert (await ask("GET", f"/v1/coupons/{coupon['id']}"))["times_redeemed"] == 1
    assert (await ask("DELETE", f"{path}/discount"))["deleted"]
    assert (await ask("GET", path))["discount"] is None
    await ask("GET", f"{path}/discount", status=404)


async def test_a_default_payment_method_must_be_the_customers(ask: Ask, customer: str) -> None:
    stranger = await ask("POST", "/v1/payment_methods", {"type": "card", "card[token]": "tok_visa"})
    chosen = {"invoice_settings[default_payment_method]": stranger["id"]}

    error = await ask("POST", f"/v1/customers/{customer}", chosen, status=400)

    assert error["error"]["param"] == "invoice_settings[default_payment_method]"


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


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/v1/entitlements/features", {"lookup_key": "a", "name": "n"}),
        ("/v1/radar/value_lists", {"alias": "a", "name": "n"}),
        ("/v1/billing/meters", {"display_name": "d", "event_name": "e", "default_aggregation[formula]": "sum"}),
        ("/v1/prices", {"currency": "usd", "unit_amount": 5, "product_data[name]": "P", "lookup_key": "gold"}),
    ],
)
async def test_keys_are_given_once(ask: Ask, path: str, form: dict[str, Any]) -> None:
    await ask("POST", path, form)

    error = (await ask("POST", path, form, status=400))["error"]

    assert error["code"] == "resource_already_exists"
    assert len((await ask("GET", path))["data"]) == 1


async def test_a_lookup_key_moves_to_the_price_that_takes_it_over(ask: Ask) -> None:
    given = {"currency": "usd", "unit_amount": 5, "product_data[name]": "P", "lookup_key": "gold"}
    first = await ask("POST", "/v1/prices", given)
    second = await ask("POST", "/v1/prices", {**given, "transfer_lookup_key": "true"})
    taken = await ask("POST", f"/v1/prices/{first['id']}", {"lookup_key": "gold"}, status=400)

    page = await ask("GET", "/v1/prices", {"lookup_keys[]": "gold"})
    back = await ask("POST", f"/v1/prices/{first['id']}", {"lookup_key": "gold", "transfer_lookup_key": "true"})
    same = await ask("POST", f"/v1/prices/{first['id']}", {"lookup_key": "gold"})

    assert [item["id"] for item in page["data"]] == [second["id"]]
    assert "already uses that lookup key" in taken["error"]["message"]
    assert (back["lookup_key"], same["lookup_key"]) == ("gold", "gold")
    assert (await ask("GET", f"/v1/prices/{second['id']}"))["lookup_key"] is None


async def test_subscriptions_are_listed_as_documented(ask: Ask, customer: str, price: str) -> None:
    kept = await ask("POST", "/v1/subscriptions", {"customer": customer, "items[0][price]": price})
    gone = await ask("POST", "/v1/subscriptions", {"customer": customer, "items[0][price]": price})
    await ask("DELETE", f"/v1/subscriptions/{gone['id']}")
    ends = kept["items"]["data"][0]["current_period_end"]

    async def listed(path: str = "/v1/subscriptions", **params: Any) -> list[str]:
        return [item["id"] for item in (await ask("GET", path, params))["data"]]

    assert await listed() == [kept["id"]]
    assert await listed(status="all") == [gone["id"], kept["id"]]
    assert await listed(status="ended") == [gone["id"]]
    assert await listed(status="canceled") == [gone["id"]]
    assert await listed(price=price, status="all") == [gone["id"], kept["id"]]
    assert await listed(**{"current_period_end[gt]": ends}) == []
    assert await listed(**{"current_period_end[lte]": ends}) == [kept["id"]]
    assert await listed("/v1/invoices", subscription=kept["id"]) == [kept["latest_invoice"]]
    assert (await ask("GET", "/v1/subscriptions", {"status": "al"}, status=400))["error"]["param"] == "status"


@pytest.mark.parametrize(
    "path", ["/v1/payment_methods", "/v1/charges", "/v1/subscriptions", "/v1/invoices", "/v1/checkout/sessions"]
)
async def test_a_list_for_an_unknown_object_is_refused(ask: Ask, path: str) -> None:
    error = (await ask("GET", path, {"customer": "cus_nobody"}, status=400))["error"]

    assert (error["code"], error["param"]) == ("resource_missing", "customer")


async def test_lists_of_stored_objects_take_their_filters(ask: Ask, customer: str, price: str) -> None:
    on = await ask("POST", "/v1/tax_rates", VAT)
    await ask("POST", "/v1/tax_rates", {**VAT, "active": "false"})
    item = await ask("POST", "/v1/invoiceitems", {"amount": 5, "currency": "usd", "customer": customer})
    await ask("POST", "/v1/invoices", {"customer": customer, "pending_invoice_items_behavior": "include"})
    waiting = await ask("POST", "/v1/invoiceitems", {"amount": 6, "currency": "usd", "customer": customer})

    async def listed(path: str, **params: Any) -> list[str]:
        return [item["id"] for item in (await ask("GET", path, params))["data"]]

    assert await listed("/v1/tax_rates", active="true") == [on["id"]]
    assert await listed("/v1/invoiceitems", pending="true") == [waiting["id"]]
    assert await listed("/v1/invoiceitems", pending="false") == [item["id"]]
    assert await listed("/v1/plans", active="true") == []
    assert await listed("/v1/prices", **{"recurring[interval]": "month", "recurring[usage_type]": "licensed"}) == [
        price
    ]
    assert await listed("/v1/prices", **{"recurring[interval]": "year"}) == []
    assert await listed("/v1/issuing/cards", last4="1234") == []


@pytest.mark.parametrize("path", ["/v1/tax_ids", "/v1/radar/early_fraud_warnings", "/v1/reviews", "/v1/files"])
async def test_lists_of_unsupported_objects_are_empty(ask: Ask, path: str) -> None:
    page = await ask("GET", path, {"limit": 3})
    missing = await ask("GET", f"{path}/x_1", status=404)

    assert (page["data"], page["has_more"], page["url"]) == ([], False, path)
    assert missing["error"]["code"] == "resource_missing"


async def test_a_customers_tax_ids_and_a_products_features_are_empty(ask: Ask, customer: str) -> None:
    product = (await ask("POST", "/v1/products", {"name": "P"}))["id"]

    assert (await ask("GET", f"/v1/customers/{customer}/tax_ids"))["data"] == []
    assert (await ask("GET", f"/v1/products/{product}/features"))["data"] == []
    await ask("GET", "/v1/products/prod_none/features", status=404)
    refused = await ask("POST", f"/v1/products/{product}/features", {"entitlement_feature": "feat_1"}, status=404)
    assert refused["error"]["message"].startswith("Stripe has POST /v1/products/")
