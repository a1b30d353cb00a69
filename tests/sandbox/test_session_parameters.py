"""What the creator of a session may ask for, and what Checkout then does."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.sandbox.conftest import confirm, event_types, open_session, wait_for
from tests.sandbox.test_hosted import CARD, browser, get, names, path_of, post

__all__ = ["browser"]

ADDRESS = {"line1": "1 Main St", "city": "Springfield", "postal_code": "12345", "state": "IL", "country": "US"}


def rate(name: str, amount: int, currency: str = "usd") -> dict[str, Any]:
    return {"shipping_rate_data": {"display_name": name, "fixed_amount": {"amount": amount, "currency": currency}}}


async def refusal(client: stripe.StripeClient, **session: Any) -> stripe.InvalidRequestError:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await open_session(client, **session)
    return caught.value


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"mode": "setup"}, "mode"),
        ({"mode": "subscription"}, "mode"),
        ({"ui_mode": "embedded_page"}, "ui_mode"),
        ({"invoice_creation": {"enabled": True}}, "invoice_creation[enabled]"),
        ({"ui_mode": "elements"}, "ui_mode"),
        ({"ui_mode": "embedded"}, "ui_mode"),
        ({"ui_mode": "custom"}, "ui_mode"),
        ({"automatic_tax": {"enabled": True}}, "automatic_tax[enabled]"),
        ({"managed_payments": {"enabled": True}}, "managed_payments[enabled]"),
        ({"submit_type": "subscribe"}, "submit_type"),
        ({"locale": "xx"}, "locale"),
        ({"customer_update": {"name": "auto"}}, "customer_update"),
        ({"customer_email": "nobody"}, "customer_email"),
        ({"payment_intent_data": {"receipt_email": "nobody"}}, "payment_intent_data[receipt_email]"),
        ({"success_url": "shop.example"}, "success_url"),
        ({"payment_method_types": ["klarna"]}, "payment_method_types[0]"),
        ({"payment_method_types": ["sepa_debit"]}, "payment_method_types"),
        ({"payment_method_types": ["us_bank_account"], "currency": "eur"}, "payment_method_types"),
        ({"shipping_address_collection": {"allowed_countries": ["usa"]}}, None),
        ({"shipping_options": [{}, rate("Post", 5, "eur")]}, None),
        ({"shipping_options": [{"shipping_rate": "shr_no"}]}, "shipping_options[0][shipping_rate]"),
        ({"custom_fields": [{"key": "a b", "type": "text", "label": {"type": "custom", "custom": "x"}}]}, None),
        ({"custom_fields": [{"key": "a", "type": "dropdown", "label": {"type": "custom", "custom": "x"}}]}, None),
        ({"expires_at": 1}, "expires_at"),
        ({"customer": "cus_no"}, "customer"),
        ({"currency": "gbp", "line_items": [{"quantity": 1, "price": "price_no"}]}, "line_items[0][price]"),
        ({"payment_intent_data": {"application_fee_amount": 5}}, "payment_intent_data[application_fee_amount]"),
        ({"payment_intent_data": {"statement_descriptor": "x" * 23}}, "payment_intent_data[statement_descriptor]"),
        ({"payment_intent_data": {"statement_descriptor": "SHOP"}}, "payment_intent_data[statement_descriptor]"),
        ({"permissions": {"update_shipping_details": "server_only"}}, "permissions"),
        ({"payment_method_collection": "always"}, "payment_method_collection"),
        ({"client_reference_id": "x" * 201}, "client_reference_id"),
        ({"allowed_payment_method_types": ["klarna"]}, None),
    ],
)
async def test_what_is_refused(client: stripe.StripeClient, params: dict[str, Any], param: str | None) -> None:
    error = await refusal(client, **params)
    assert error.http_status == 400
    assert param is None or error.param == param
    assert await event_types(client) == []


@pytest.mark.parametrize(
    ("params", "both"),
    [
        ({"customer_email": "a@example.com", "customer": "CUS"}, "customer, customer_email"),
        ({"customer_creation": "always", "customer": "CUS"}, "customer, customer_creation"),
        ({"payment_method_types": ["card"], "payment_method_configuration": "pmc_1"}, "payment_method_types"),
        ({"payment_method_types": ["card"], "excluded_payment_method_types": ["card"]}, "payment_method_types"),
    ],
)
async def test_what_does_not_go_together(client: stripe.StripeClient, params: dict[str, Any], both: str) -> None:
    customer = await client.v1.customers.create_async()
    params = {name: customer.id if value == "CUS" else value for name, value in params.items()}
    assert both in str((await refusal(client, **params)).user_message)


async def test_requested_values_are_in_the_answer(client: stripe.StripeClient) -> None:
    asked: dict[str, Any] = {
        "locale": "de",
        "submit_type": "book",
        "consent_collection": {"terms_of_service": "required"},
        "custom_text": {"submit": {"message": "Thank you"}},
        "saved_payment_method_options": {"payment_method_save": "enabled"},
        "wallet_options": {"link": {"display": "never"}},
        "billing_address_collection": "required",
        "name_collection": {"business": {"enabled": True}},
    }
    invoice = {"enabled": False, "invoice_data": {"footer": "Bye", "metadata": {"a": "b"}}}
    session = await open_session(
        client, **asked, invoice_creation=invoice, payment_method_configuration="pmc_1", origin_context="web"
    )
    shown = session.to_dict()
    for name, value in asked.items():
        assert includes(shown[name], value), name
    assert shown["invoice_creation"]["invoice_data"]["footer"] == "Bye"
    assert shown["payment_method_configuration_details"] == {"id": "pmc_1", "parent": None}
    assert shown["name_collection"]["business"]["optional"] is False


def includes(whole: Any, part: Any) -> bool:
    if isinstance(part, dict):
        return all(includes(whole[name], value) for name, value in part.items())
    return bool(whole == part)


async def test_payment_intent_data_reaches_the_intent_and_its_charge(client: stripe.StripeClient) -> None:
    session = await open_session(
        client,
        payment_intent_data={
            "capture_method": "manual",
            "description": "Order 7",
            "metadata": {"order": "7"},
            "receipt_email": "ana@example.com",
            "statement_descriptor_suffix": "ORDER7",
            "transfer_group": "G7",
            "shipping": {"name": "Ana", "address": ADDRESS},
        },
    )
    answer = await confirm(client, session.id, payment_method="pm_card_visa")
    intent = answer["payment_intent"]
    assert (intent["status"], intent["capture_method"]) == ("requires_capture", "manual")
    assert intent["description"] == "Order 7"
    assert (intent["metadata"], intent["transfer_group"]) == ({"order": "7"}, "G7")
    assert (intent["shipping"]["address"]["city"], intent["receipt_email"]) == ("Springfield", "ana@example.com")
    assert (answer["status"], answer["payment_status"]) == ("complete", "unpaid")
    captured = await client.v1.payment_intents.capture_async(intent["id"])
    assert captured.status == "succeeded"


async def test_customers_are_created_always_or_when_needed(client: stripe.StripeClient) -> None:
    guest = await open_session(client)
    assert (await confirm(client, guest.id, payment_method="pm_card_visa"))["customer"] is None
    always = await open_session(client, customer_creation="always", customer_email="ana@example.com")
    customer = (await confirm(client, always.id, payment_method="pm_card_visa"))["customer"]
    assert (await client.v1.customers.retrieve_async(customer)).email == "ana@example.com"
    saving = await open_session(client, payment_intent_data={"setup_future_usage": "off_session"})
    answer = await confirm(client, saving.id, payment_method="pm_card_visa")
    assert answer["payment_intent"]["customer"] == answer["customer"]
    kept = await client.v1.payment_methods.list_async(params={"customer": answer["customer"]})
    assert [item.id for item in kept.data] == [answer["payment_intent"]["payment_method"]]
    assert (await event_types(client)).count("customer.created") == 2


async def test_a_known_customer_is_updated_where_that_is_wished(client: stripe.StripeClient, browser: Any) -> None:
    known = await client.v1.customers.create_async(params={"email": "ana@example.com", "name": "Ana"})
    session = await open_session(
        client,
        customer=known.id,
        billing_address_collection="required",
        customer_update={"address": "auto", "name": "never"},
    )
    _, html = await get(browser, path_of(session))
    assert "ana@example.com" in html
    assert "Email" not in names(html, "label")
    form = {**CARD, **ADDRESS, "name": "Ana Berg"}
    assert (await post(browser, path_of(session), form))[0] == 303
    kept = await client.v1.customers.retrieve_async(known.id)
    assert kept.address is not None
    assert (kept.address.line1, kept.name) == ("1 Main St", "Ana")
    event = await wait_for(client, "customer.updated")
    assert event.data.previous_attributes is not None
    assert event.data.previous_attributes.to_dict() == {"address": None}


async def test_shipping_is_chosen_and_paid(client: stripe.StripeClient, browser: Any) -> None:
    session = await open_session(
        client,
        shipping_options=[rate("Post", 500), rate("Express", 1500)],
        shipping_address_collection={"allowed_countries": ["US", "CA"]},
    )
    assert (session.amount_subtotal, session.amount_total) == (2000, 2500)
    assert session.total_details is not None
    assert session.total_details.amount_shipping == 500
    express = session.shipping_options[1].shipping_rate
    form = {**CARD, "shipping_rate": str(express), "shipping_name": "Ana Berg"}
    form |= {f"shipping_{name}": value for name, value in ADDRESS.items()}
    status, _, html = await post(browser, path_of(session), form)
    assert (status, "The total is now 35.00 USD." in html) == (200, True)
    status, _, html = await post(browser, path_of(session), {**form, "shipping_country": "AT"})
    assert (status, "does not deliver to this country" in html) == (402, True)
    assert (await post(browser, path_of(session), form))[0] == 303
    paid = await client.v1.checkout.sessions.retrieve_async(
        session.id, params={"expand": ["payment_intent", "shipping_cost.shipping_rate"]}
    )
    assert isinstance(paid.payment_intent, stripe.PaymentIntent)
    assert (paid.amount_total, paid.payment_intent.amount_received) == (3500, 3500)
    assert paid.collected_information is not None
    assert paid.collected_information.shipping_details is not None
    assert paid.collected_information.shipping_details.address.city == "Springfield"
    assert paid.payment_intent.shipping is not None
    assert paid.payment_intent.shipping.name == "Ana Berg"
    assert paid.shipping_cost is not None
    assert isinstance(paid.shipping_cost.shipping_rate, stripe.ShippingRate)
    assert paid.shipping_cost.shipping_rate.display_name == "Express"


async def test_shipping_rates_that_exist_already(client: stripe.StripeClient) -> None:
    made = await client.v1.shipping_rates.create_async(
        params={"display_name": "Post", "type": "fixed_amount", "fixed_amount": {"amount": 700, "currency": "usd"}}
    )
    session = await open_session(client, shipping_options=[{"shipping_rate": made.id}])
    assert session.amount_total == 2700
    updated = await client.v1.checkout.sessions.update_async(session.id, params={"shipping_options": ""})
    assert (updated.amount_total, updated.shipping_options) == (2000, [])
    assert (await refusal(client, currency="eur", shipping_options=[{"shipping_rate": made.id}])).http_status == 400


async def test_quantities_are_adjusted_within_their_bounds(client: stripe.StripeClient, browser: Any) -> None:
    price = {"currency": "usd", "unit_amount": 1000, "product_data": {"name": "Mug"}}
    line = {"quantity": 2, "price_data": price, "adjustable_quantity": {"enabled": True, "minimum": 1, "maximum": 5}}
    session = await open_session(client, line_items=[line])
    item = (await client.v1.checkout.sessions.line_items.list_async(session.id)).data[0]
    status, _, html = await post(browser, path_of(session), {**CARD, f"quantity_{item.id}": "9"})
    assert (status, "between 1 and 5" in html) == (402, True)
    status, _, html = await post(browser, path_of(session), {f"quantity_{item.id}": "4", "action": "update"})
    assert (status, "The total is now 40.00 USD." in html) == (200, True)
    assert (await post(browser, path_of(session), CARD))[0] == 303
    items = await client.v1.checkout.sessions.line_items.list_async(session.id)
    assert (items.data[0].quantity, items.data[0].amount_total) == (4, 4000)
    error = await refusal(client, line_items=[{**line, "quantity": 6}])
    assert error.param == "line_items[0][adjustable_quantity]"


@pytest.mark.parametrize("number", ["000123456789", "000111111116"])
async def test_a_us_bank_account_pays_later(client: stripe.StripeClient, browser: Any, number: str) -> None:
    session = await open_session(client, payment_method_types=["us_bank_account"])
    _, html = await get(browser, path_of(session))
    assert names(html, "label")[2:] == ["Name on the account", "Routing number", "Account number", "Account type"]
    form = {"email": "ana@example.com", "method": "us_bank_account", "account_name": "Ana Berg"}
    form |= {"routing_number": "110000000", "account_number": number}
    wrong = {**form, "routing_number": "123"}
    status, _, html = await post(browser, path_of(session), wrong)
    assert status == 402
    assert 'value="Ana Berg"' in html
    assert (await post(browser, path_of(session), form))[0] == 303
    kept = await client.v1.checkout.sessions.retrieve_async(session.id)
    assert (kept.status, kept.payment_status) == ("complete", "unpaid")
    outcome = "succeeded" if number.endswith("9") else "failed"
    event = await wait_for(client, f"checkout.session.async_payment_{outcome}")
    assert event.data.object["id"] == session.id


async def test_everything_that_a_page_can_ask_for(client: stripe.StripeClient, browser: Any) -> None:
    label = {"type": "custom", "custom": "Engraving"}
    size = {"options": [{"label": "Small", "value": "s"}, {"label": "Large", "value": "l"}]}
    session = await open_session(
        client,
        phone_number_collection={"enabled": True},
        name_collection={"individual": {"enabled": True}},
        consent_collection={"terms_of_service": "required", "promotions": "auto"},
        custom_fields=[
            {"key": "words", "type": "text", "label": label, "text": {"maximum_length": 5}},
            {"key": "size", "type": "dropdown", "label": {"type": "custom", "custom": "Size"}, "dropdown": size},
        ],
        submit_type="donate",
    )
    _, html = await get(browser, path_of(session))
    assert names(html, "button") == ["Donate"]
    form = {
        **CARD,
        "phone": "+1 201 555 0123",
        "individual_name": "Ana Berg",
        "custom_words": "Hello",
        "custom_size": "l",
        "terms": "yes",
    }
    for name, value, text in (
        ("email", "", "Enter your email address."),
        ("email", "nobody", "not a valid email address"),
        ("phone", "12", "not a valid phone number"),
        ("individual_name", "", "Enter the individual name."),
        ("custom_words", "too long", "between 0 and 5 characters"),
        ("custom_size", "xl", "choose an option from the list"),
        ("terms", "", "Agree to the terms"),
    ):
        status, _, html = await post(browser, path_of(session), {**form, name: value})
        assert (status, text in html) == (402, True), name
        assert f'href="#f-{name}"' in html
    assert (await post(browser, path_of(session), form))[0] == 303
    paid = await client.v1.checkout.sessions.retrieve_async(session.id)
    assert paid.customer_details is not None
    assert paid.customer_details.phone == "+12015550123"
    assert paid.customer_details.individual_name == "Ana Berg"
    assert paid.custom_fields[0].text is not None
    assert paid.custom_fields[0].text.value == "Hello"
    assert paid.custom_fields[1].dropdown is not None
    assert paid.custom_fields[1].dropdown.value == "l"
    assert paid.consent is not None
    assert (paid.consent.terms_of_service, paid.consent.promotions) == ("accepted", "opt_out")


@pytest.mark.parametrize(
    ("currency", "amount", "text"),
    [("usd", 123456, "1,234.56 USD"), ("jpy", 5000, "5,000 JPY"), ("kwd", 12340, "12.340 KWD")],
)
async def test_amounts_have_their_currencys_decimals(
    client: stripe.StripeClient, browser: Any, currency: str, amount: int, text: str
) -> None:
    session = await open_session(client, amount, currency)
    assert text in (await get(browser, path_of(session)))[1]


async def test_a_total_that_cannot_be_charged_is_refused(client: stripe.StripeClient) -> None:
    least = await refusal(client, amount=49)
    assert (least.code, least.user_message) == (
        "amount_too_small",
        "The Checkout Session's total amount due must add up to at least $0.50 usd",
    )
    assert (await refusal(client, amount=100_000_000)).code == "amount_too_large"
    assert (await refusal(client, amount=12_345, currency="kwd")).code == "invalid_charge_amount"


@pytest.mark.parametrize("name", ["hosted", "hosted_page"])
async def test_the_hosted_page_has_two_names(client: stripe.StripeClient, name: str) -> None:
    assert (await open_session(client, ui_mode=name)).url
