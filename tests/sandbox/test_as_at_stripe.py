"""What Stripe refuses, hides or keeps where one might expect otherwise."""

from __future__ import annotations

import base64
import json
from typing import Any

import aiohttp
import pytest
import stripe
from aiohttp.test_utils import TestServer

from tests.sandbox.conftest import KEY, Ask, Receiver, confirm, open_session
from tests.sandbox.test_clock import advance, control


async def test_what_checkout_authorized_is_released_by_canceling_its_intent(client: stripe.StripeClient) -> None:
    session = await open_session(client, payment_intent_data={"capture_method": "manual"})
    answer = await confirm(client, session.id, payment_method="pm_card_visa")
    canceled = await client.v1.payment_intents.cancel_async(answer["payment_intent"]["id"])
    assert (canceled.status, canceled.amount_capturable) == ("canceled", 0)
    held = await client.v1.checkout.sessions.retrieve_async(session.id)
    assert (held.status, held.payment_status) == ("complete", "unpaid")


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"payment_method_types[]": "card", "statement_descriptor": "SHOP"}, "statement_descriptor"),
        ({"return_url": "https://shop.example/back"}, "return_url"),
        ({"error_on_requires_action": "true"}, "error_on_requires_action"),
    ],
)
async def test_an_intent_that_stripe_would_not_create(ask: Ask, more: dict[str, str], param: str) -> None:
    body = await ask("POST", "/v1/payment_intents", {"amount": 2000, "currency": "usd", **more}, status=400)
    assert body["error"]["param"] == param


async def test_a_card_payments_descriptor_cannot_be_set_later_either(ask: Ask) -> None:
    made = await ask("POST", "/v1/payment_intents", {"amount": 2000, "currency": "usd"})
    body = await ask("POST", f"/v1/payment_intents/{made['id']}", {"statement_descriptor": "SHOP"}, status=400)
    assert "statement_descriptor_suffix" in body["error"]["message"]


async def test_an_archived_product_is_not_sold(client: stripe.StripeClient) -> None:
    product = await client.v1.products.create_async(params={"name": "Cup"})
    price = await client.v1.prices.create_async(params={"currency": "usd", "unit_amount": 900, "product": product.id})
    await client.v1.products.update_async(product.id, params={"active": False})
    with pytest.raises(stripe.InvalidRequestError, match="its product is not active") as caught:
        await open_session(client, line_items=[{"price": price.id, "quantity": 1}])
    assert caught.value.param == "line_items[0][price]"


async def test_prices_are_listed_if_they_are_active_and_not_of_a_session(client: stripe.StripeClient) -> None:
    await open_session(client)  # its price is described in the session
    product = await client.v1.products.create_async(params={"name": "Cup"})
    terms: Any = {"currency": "usd", "unit_amount": 900, "product": product.id}
    active = await client.v1.prices.create_async(params=terms)
    archived = await client.v1.prices.create_async(params=terms | {"active": False})
    assert [price.id for price in (await client.v1.prices.list_async()).data] == [active.id]
    page = await client.v1.prices.list_async(params={"active": False})
    assert [price.id for price in page.data] == [archived.id]


async def test_an_endpoint_that_is_enabled_again_gets_what_was_owed_to_it(
    client: stripe.StripeClient, receiver: Receiver
) -> None:
    receiver.answers = [503]
    params: Any = {"url": receiver.url, "enabled_events": ["checkout.session.expired"]}
    endpoint = await client.v1.webhook_endpoints.create_async(params=params)
    session = await open_session(client)
    await client.v1.checkout.sessions.expire_async(session.id)
    await receiver.wait(1, 8.0)
    for disabled in (True, False):
        await client.v1.webhook_endpoints.update_async(endpoint.id, params={"disabled": disabled})
    await receiver.wait(2, 8.0)
    assert [json.loads(body)["data"]["object"]["id"] for _, body in receiver.got] == [session.id] * 2


async def test_events_are_shown_for_thirty_days(client: stripe.StripeClient, server: TestServer) -> None:
    await client.v1.products.create_async(params={"name": "Cup"})
    (old,) = (await client.v1.events.list_async()).data
    await advance(server, "29d")
    assert (await client.v1.events.retrieve_async(old.id)).id == old.id
    await advance(server, "2d")
    assert (await client.v1.events.list_async()).data == []
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.events.retrieve_async(old.id)
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")


async def test_a_customer_is_deleted_once(client: stripe.StripeClient) -> None:
    customer = await client.v1.customers.create_async()
    assert (await client.v1.customers.delete_async(customer.id)).deleted
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.customers.delete_async(customer.id)
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")


async def test_a_payment_method_without_a_customer_cannot_be_changed(client: stripe.StripeClient) -> None:
    card: Any = {"type": "card", "card": {"token": "tok_visa"}}
    method = await client.v1.payment_methods.create_async(params=card)
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.payment_methods.update_async(method.id, params={"metadata": {"a": "b"}})
    customer = await client.v1.customers.create_async()
    await client.v1.payment_methods.attach_async(method.id, params={"customer": customer.id})
    changed = await client.v1.payment_methods.update_async(method.id, params={"metadata": {"a": "b"}})
    assert changed.to_dict()["metadata"] == {"a": "b"}


async def test_a_text_that_is_too_long_is_shown_by_its_ends(ask: Ask) -> None:
    name = "Lottery Relief for all who are in a waiting line"
    body = await ask("POST", "/v1/coupons", {"percent_off": 5, "name": name}, status=400)
    shown = "Invalid string: Lottery Re...iting line; must be at most 40 characters"
    assert body["error"]["message"] == shown
    assert "code" not in body["error"]


async def test_what_is_denied_binds_a_restricted_key_however_it_is_sent(server: TestServer) -> None:
    await control(server, "chaos", {"denied": "rak_event_read"})
    for key, status in (("rk_test_restricted0123", 403), (KEY, 200)):
        basic = f"Basic {base64.b64encode(f'{key}:'.encode()).decode()}"
        async with (
            aiohttp.ClientSession(headers={"Authorization": basic}) as http,
            http.get(server.make_url("/v1/events")) as answer,
        ):
            assert answer.status == status


async def test_an_event_has_the_changed_parts_as_they_were(ask: Ask) -> None:
    given = {"metadata[a]": "1", "address[city]": "Graz", "address[country]": "AT"}
    path = f"/v1/customers/{(await ask('POST', '/v1/customers', given))['id']}"
    await ask("POST", path, {"metadata[invoice]": "x", "address[city]": "Linz", "address[country]": "AT"})
    moved = await ask("POST", path, {"address": "", "preferred_locales[]": "de"})
    assert moved["address"] is None
    events = (await ask("GET", "/v1/events", {"type": "customer.updated"}))["data"]
    last, first = (event["data"]["previous_attributes"] for event in events)
    assert first == {"address": {"city": "Graz"}, "metadata": {"invoice": None}}
    whole = {**dict.fromkeys(("line1", "line2", "postal_code", "state")), "city": "Linz", "country": "AT"}
    assert last == {"address": whole, "preferred_locales": []}


async def test_an_update_keeps_the_parts_of_an_address_that_it_does_not_name(ask: Ask) -> None:
    home = {"address[city]": "Graz", "address[country]": "AT"}
    parcel = {"shipping[name]": "Ada", "shipping[phone]": "1", "shipping[address][line1]": "Main 1"}
    path = f"/v1/customers/{(await ask('POST', '/v1/customers', {**home, **parcel}))['id']}"
    to = {"shipping[name]": "Eve", "shipping[address][city]": "Graz"}
    moved = await ask("POST", path, {"address[city]": "Linz", **to})
    unset = await ask("POST", path, {"address[city]": "", "shipping": ""})
    assert (moved["address"]["city"], moved["address"]["country"]) == ("Linz", "AT")
    shipped = moved["shipping"]
    assert (shipped["name"], shipped["phone"], shipped["address"]["line1"]) == ("Eve", "1", "Main 1")
    assert shipped["address"]["city"] == "Graz"
    assert (unset["address"]["city"], unset["address"]["country"], unset["shipping"]) == (None, "AT", None)


async def test_an_intent_and_its_charge_keep_the_parts_of_an_address(ask: Ask) -> None:
    parcel = {"shipping[name]": "Ada", "shipping[address][line1]": "Main 1", "shipping[address][country]": "AT"}
    paid = {"amount": 900, "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa"}
    intent = await ask("POST", "/v1/payment_intents", {**paid, **parcel, "payment_method_types[]": "card"})
    to = {"shipping[name]": "Ada", "shipping[address][line1]": "Main 2"}
    changed = await ask("POST", f"/v1/payment_intents/{intent['id']}", to)
    charge = await ask("POST", f"/v1/charges/{intent['latest_charge']}", to)
    one, other = (body["shipping"]["address"] for body in (changed, charge))
    assert (one["line1"], one["country"], other) == ("Main 2", "AT", one)


async def test_billing_details_keep_what_an_update_does_not_name(ask: Ask, customer: str) -> None:
    owner = {"billing_details[name]": "Ada", "billing_details[address][city]": "Graz"}
    owner |= {"billing_details[address][country]": "AT", "type": "card", "card[token]": "tok_visa"}
    path = f"/v1/payment_methods/{(await ask('POST', '/v1/payment_methods', owner))['id']}"
    await ask("POST", f"{path}/attach", {"customer": customer})
    moved = (await ask("POST", path, {"billing_details[address][city]": "Linz"}))["billing_details"]
    unset = (await ask("POST", path, {"billing_details[address]": ""}))["billing_details"]
    assert (moved["name"], moved["address"]["city"], moved["address"]["country"]) == ("Ada", "Linz", "AT")
    assert (unset["name"], set(unset["address"].values())) == ("Ada", {None})


async def test_payment_methods_are_listed_only_for_a_customer(ask: Ask, customer: str) -> None:
    method = await ask("POST", "/v1/payment_methods/pm_card_visa/attach", {"customer": customer})
    everyones = await ask("GET", "/v1/payment_methods")
    theirs = await ask("GET", "/v1/payment_methods", {"customer": customer})
    assert (everyones["data"], [found["id"] for found in theirs["data"]]) == ([], [method["id"]])


@pytest.mark.parametrize(
    ("path", "noun", "param"),
    [
        ("balance_transactions/txn_no", "balance transaction", "id"),
        ("charges/ch_no", "charge", "id"),
        ("coupons/NO", "coupon", "coupon"),
        ("customers/cus_no", "customer", "id"),
        ("payment_intents/pi_no", "payment_intent", "intent"),
        ("payouts/po_no", "payout", "payout"),
        ("prices/price_no", "price", "price"),
        ("products/prod_no", "product", "id"),
        ("setup_intents/seti_no", "setupintent", "intent"),
        ("tax_rates/txr_no", "tax rate", "id"),
    ],
)
async def test_what_is_not_there_has_stripes_name(ask: Ask, path: str, noun: str, param: str) -> None:
    error = (await ask("GET", f"/v1/{path}", status=404))["error"]
    assert (error["message"], error["param"]) == (f"No such {noun}: '{path.partition('/')[2]}'", param)


async def test_an_empty_id_is_not_found(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="non-empty") as caught:
        await client.v1.customers.retrieve_async("")
    assert caught.value.http_status == 404


@pytest.mark.parametrize(
    ("form", "param", "message"),
    [
        (
            {"product": "prod_1", "product_data[name]": "Cup"},
            "product",
            "You may only specify one of these parameters: product, product_data.",
        ),
        ({}, None, "You must specify either `product` or `product_data` when creating a price."),
        (
            {"product_data[name]": "Cup"},
            None,
            "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set.",
        ),
    ],
)
async def test_a_price_needs_one_product_and_an_amount(
    ask: Ask, form: dict[str, str], param: str | None, message: str
) -> None:
    error = (await ask("POST", "/v1/prices", {"currency": "usd", **form}, status=400))["error"]
    assert (error["message"], error.get("param"), error.get("code")) == (message, param, None)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "k" * 41,
            "v",
            "Metadata keys can have up to 40 characters, but you passed in a key that is 41 characters. "
            f"Invalid key: {'k' * 41}",
        ),
        (
            "k",
            "v" * 501,
            "Metadata values can have up to 500 characters, but you passed in a value that is 501 characters. "
            f"Invalid value: {'v' * 501}",
        ),
    ],
)
async def test_metadata_that_is_too_long_is_named(ask: Ask, key: str, value: str, message: str) -> None:
    error = (await ask("POST", "/v1/customers", {f"metadata[{key}]": value}, status=400))["error"]
    assert (error["message"], error["param"]) == (message, "metadata")


async def test_the_event_of_a_deleted_product_has_it_inactive(client: stripe.StripeClient) -> None:
    product = await client.v1.products.create_async(params={"name": "Cup"})
    await client.v1.products.delete_async(product.id)
    (event,) = (await client.v1.events.list_async(params={"type": "product.deleted"})).data
    assert event.data.object["active"] is False


async def test_an_update_that_changes_nothing_has_no_event(ask: Ask, server: TestServer) -> None:
    rate = {"display_name": "VAT", "inclusive": "false", "percentage": "19.5"}
    paid = {"amount": 900, "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa"}
    intent = await ask("POST", "/v1/payment_intents", {**paid, "payment_method_types[]": "card"})
    same = {"metadata[a]": "b"}
    made = {
        "/v1/products": await ask("POST", "/v1/products", {"name": "Cup", **same}),
        "/v1/tax_rates": await ask("POST", "/v1/tax_rates", {**rate, **same}),
        "/v1/refunds": await ask("POST", "/v1/refunds", {"payment_intent": intent["id"], **same}),
    }
    await advance(server, "1h")
    for path, body in made.items():
        assert await ask("POST", f"{path}/{body['id']}", same) == body  # the time of the last change as well
    events = (await ask("GET", "/v1/events", {"type": "*.updated"}))["data"]
    assert [event["type"] for event in events if event["type"] != "charge.updated"] == []


async def test_the_default_price_of_a_product_is_its_own_and_not_archived(client: stripe.StripeClient) -> None:
    params: Any = {"name": "Cup", "default_price_data": {"currency": "eur", "unit_amount": 700}}
    cup, pot = [await client.v1.products.create_async(params=params) for _ in range(2)]
    price = str(cup.default_price)
    with pytest.raises(stripe.InvalidRequestError, match="it is the default price of its product"):
        await client.v1.prices.update_async(price, params={"active": False})
    with pytest.raises(stripe.InvalidRequestError, match="another product") as caught:
        await client.v1.products.update_async(pot.id, params={"default_price": price})
    assert caught.value.param == "default_price"
    await client.v1.products.update_async(cup.id, params={"default_price": ""})
    assert not (await client.v1.prices.update_async(price, params={"active": False})).active


async def test_what_is_false_asks_for_nothing_that_is_lacking(ask: Ask) -> None:
    form = {"url": "http://127.0.0.1/hook", "enabled_events[]": "*", "connect": "false"}
    assert (await ask("POST", "/v1/webhook_endpoints", form))["status"] == "enabled"
