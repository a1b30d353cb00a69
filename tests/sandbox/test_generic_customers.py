"""Customers and the stored kinds that belong to them: setups, cash balances, sources, discounts."""

from __future__ import annotations

import stripe

from tests.sandbox.conftest import Ask, event_types


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


async def test_an_empty_payment_method_is_unset_before_a_setup_succeeds(ask: Ask, customer: str) -> None:
    form = {"customer": customer, "payment_method": "pm_card_visa", "payment_method_types[]": "card"}
    setup = await ask("POST", "/v1/setup_intents", form)
    path = f"/v1/setup_intents/{setup['id']}"

    unset = await ask("POST", path, {"payment_method": ""})
    done = await ask("POST", f"{path}/confirm", {"payment_method": "pm_card_visa"})
    await ask("POST", path, {"payment_method": ""}, status=400)

    assert setup["status"] == "requires_confirmation"
    assert (unset["payment_method"], unset["status"]) == (None, "requires_payment_method")
    assert await ask("GET", path) == done


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


async def test_a_customer_without_a_currency_takes_a_coupon_in_any(ask: Ask) -> None:
    coupon = await ask("POST", "/v1/coupons", {"amount_off": 500, "currency": "eur"})
    customer = await ask("POST", "/v1/customers", {"coupon": coupon["id"]})
    assert customer["discount"]["source"]["coupon"] == coupon["id"]


async def test_a_default_payment_method_must_be_the_customers(ask: Ask, customer: str) -> None:
    stranger = await ask("POST", "/v1/payment_methods", {"type": "card", "card[token]": "tok_visa"})
    chosen = {"invoice_settings[default_payment_method]": stranger["id"]}

    error = await ask("POST", f"/v1/customers/{customer}", chosen, status=400)

    assert error["error"]["param"] == "invoice_settings[default_payment_method]"


async def test_invoice_settings_have_stripes_shape_and_can_be_unset(ask: Ask, customer: str) -> None:
    path = f"/v1/customers/{customer}"
    chosen = {
        "invoice_settings[custom_fields][0][name]": "PO",
        "invoice_settings[custom_fields][0][value]": "7",
        "invoice_settings[rendering_options][amount_tax_display]": "exclude_tax",
    }

    settings = (await ask("POST", path, chosen))["invoice_settings"]
    unset = {"invoice_settings[custom_fields]": "", "invoice_settings[rendering_options]": ""}
    cleared = (await ask("POST", path, unset))["invoice_settings"]

    assert settings["custom_fields"] == [{"name": "PO", "value": "7"}]
    assert settings["rendering_options"] == {"amount_tax_display": "exclude_tax", "template": None}
    assert (cleared["custom_fields"], cleared["rendering_options"]) == (None, None)
