"""Every URL in an object shows a page in a browser."""

from __future__ import annotations

import re
from typing import Any

import aiohttp
import pytest
import stripe
from aiohttp.test_utils import TestServer

from tests.sandbox.conftest import Ask, confirm


async def visit(server: TestServer, url: str) -> tuple[int, str, str]:
    """Return the status, the final URL and the text, as a browser without a key sees them."""
    path = re.sub(r"^http://[^/]+", "", url)
    async with aiohttp.ClientSession() as browser, browser.get(server.make_url(path)) as answer:
        assert answer.content_type == "text/html", await answer.text()
        return answer.status, answer.url.path, await answer.text()


async def payment_link(client: stripe.StripeClient, **more: Any) -> stripe.PaymentLink:
    product: Any = {"name": "Mug"}
    price = await client.v1.prices.create_async(
        params={"currency": "eur", "unit_amount": 1500, "product_data": product}
    )
    params: Any = {"line_items": [{"price": price.id, "quantity": 2}], **more}
    return await client.v1.payment_links.create_async(params=params)


async def test_a_payment_link_opens_a_session_that_can_be_paid(client: stripe.StripeClient, server: TestServer) -> None:
    link = await payment_link(client, metadata={"a": "b"})
    status, path, html = await visit(server, link.url)
    assert (status, "30.00 EUR" in html) == (200, True)
    session = await client.v1.checkout.sessions.retrieve_async(path.removeprefix("/c/pay/"))
    assert (session.payment_link, session.amount_total) == (link.id, 3000)
    assert session.metadata is not None
    assert session.metadata["a"] == "b"
    assert (await visit(server, str(session.success_url)))[0] == 200
    await client.v1.payment_links.update_async(link.id, params={"active": False})
    assert (await visit(server, link.url))[0] == 410


async def opened(client: stripe.StripeClient, server: TestServer, url: str) -> stripe.checkout.Session:
    """Return the session that a link opens."""
    status, path, html = await visit(server, url)
    assert status == 200, html
    return await client.v1.checkout.sessions.retrieve_async(path.removeprefix("/c/pay/"))


async def test_a_link_gives_its_settings_to_its_sessions(client: stripe.StripeClient, server: TestServer) -> None:
    settings = {
        "allow_promotion_codes": True,
        "custom_fields": [{"key": "size", "type": "text", "label": {"type": "custom", "custom": "Size"}}],
        "customer_creation": "always",
        "payment_intent_data": {"metadata": {"order": "42"}},
        "payment_method_types": ["card"],
        "phone_number_collection": {"enabled": True},
        "shipping_address_collection": {"allowed_countries": ["AT"]},
    }
    link = await payment_link(client, **settings)
    session = (await opened(client, server, link.url)).to_dict()
    same = ("allow_promotion_codes", "customer_creation", "payment_method_types", "phone_number_collection")
    assert {name: session[name] for name in same} == {name: settings[name] for name in same}
    assert session["shipping_address_collection"] == settings["shipping_address_collection"]
    assert [field["key"] for field in session["custom_fields"]] == ["size"]
    paid = await confirm(client, session["id"], payment_method="pm_card_visa")
    assert paid["payment_intent"]["metadata"] == {"order": "42"}
    assert paid["customer"] is not None


async def test_the_url_of_a_link_has_values_for_its_session(client: stripe.StripeClient, server: TestServer) -> None:
    link = await payment_link(client, allow_promotion_codes=True)
    coupon = await client.v1.coupons.create_async(params={"percent_off": 10})
    promotion: Any = {"code": "TEN", "promotion": {"type": "coupon", "coupon": coupon.id}}
    await client.v1.promotion_codes.create_async(params=promotion)
    query = "client_reference_id=order_42&prefilled_email=a@b.example&prefilled_promo_code=ten&locale=de"
    session = await opened(client, server, f"{link.url}?{query}")
    assert (session.client_reference_id, session.locale, session.amount_total) == ("order_42", "de", 2700)
    assert 'value="a@b.example"' in (await visit(server, f"/c/pay/{session.id}"))[2]
    locked = await opened(client, server, f"{link.url}?locked_prefilled_email=a@b.example")
    assert locked.customer_email == "a@b.example"
    plain = await opened(client, server, f"{link.url}?client_reference_id=a%20b&prefilled_promo_code=NO&locale=xx")
    assert (plain.client_reference_id, plain.locale, plain.amount_total) == (None, None, 3000)


async def test_a_link_can_be_paid_as_often_as_it_allows(client: stripe.StripeClient, server: TestServer) -> None:
    limit = {"completed_sessions": {"limit": 2}}
    link = await payment_link(client, restrictions=limit, inactive_message="Sold out.")
    for _ in range(2):
        session = await opened(client, server, link.url)
        await confirm(client, session.id, payment_method="pm_card_visa")
    status, _, html = await visit(server, link.url)
    assert (status, "Sold out." in html) == (410, True)
    ended = await client.v1.payment_links.retrieve_async(link.id)
    assert ended.to_dict()["restrictions"] == {"completed_sessions": {"count": 2, "limit": 2}}
    assert not ended.active


async def test_a_link_describes_what_it_sells(client: stripe.StripeClient, server: TestServer) -> None:
    line = {
        "adjustable_quantity": {"enabled": True, "maximum": 5},
        "price_data": {"currency": "eur", "unit_amount": 700, "product_data": {"name": "Tea"}},
        "quantity": 1,
    }
    thanks = {"type": "hosted_confirmation", "hosted_confirmation": {"custom_message": "See you."}}
    link = await payment_link(client, line_items=[line], after_completion=thanks)
    session = await opened(client, server, link.url)
    (item,) = (await client.v1.checkout.sessions.line_items.list_async(session.id)).data
    sold = item.to_dict()
    assert (sold["description"], sold["amount_total"]) == ("Tea", 700)
    assert sold["adjustable_quantity"] == {"enabled": True, "maximum": 5, "minimum": 0}
    assert "See you." in (await visit(server, str(session.success_url)))[2]


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"automatic_tax[enabled]": "true"}, "automatic_tax[enabled]"),
        ({"transfer_data[destination]": "acct_1"}, "transfer_data"),
        ({"subscription_data[trial_period_days]": "7"}, "subscription_data"),
        ({"payment_method_types[]": "klarna"}, "payment_method_types[0]"),
        ({"payment_intent_data[statement_descriptor]": "SHOP"}, "payment_intent_data[statement_descriptor]"),
        ({"after_completion[type]": "redirect"}, "after_completion[redirect][url]"),
    ],
)
async def test_a_link_refuses_what_its_sessions_would_not_take(
    ask: Ask, client: stripe.StripeClient, form: dict[str, str], param: str
) -> None:
    link = await payment_link(client)
    price = (await ask("GET", f"/v1/payment_links/{link.id}/line_items"))["data"][0]["price"]["id"]
    line = {"line_items[0][price]": price, "line_items[0][quantity]": 1}
    assert (await ask("POST", "/v1/payment_links", {**line, **form}, status=400))["error"]["param"] == param
    assert (await ask("POST", f"/v1/payment_links/{link.id}", form, status=400))["error"]["param"] == param


async def test_an_invoice_has_its_page(ask: Ask, client: stripe.StripeClient, server: TestServer) -> None:
    customer = await ask("POST", "/v1/customers", {"email": "a@example.com"})
    invoice = await ask("POST", "/v1/invoices", {"customer": customer["id"]})
    await ask("POST", "/v1/invoiceitems", {"customer": customer["id"], "amount": 700, "currency": "usd"})
    done = await ask("POST", f"/v1/invoices/{invoice['id']}/finalize")
    for name in ("hosted_invoice_url", "invoice_pdf"):
        status, _, html = await visit(server, done[name])
        assert (status, done["number"] in html) == (200, True)
    assert (await visit(server, done["hosted_invoice_url"] + "x"))[0] == 404


@pytest.mark.parametrize(
    ("path", "form", "words"),
    [
        ("/v1/billing_portal/sessions", {"customer": "CUS"}, "customer portal"),
        ("/v1/identity/verification_sessions", {"type": "document"}, "identity check"),
    ],
)
async def test_a_page_that_is_not_imitated_names_the_gap(
    ask: Ask, server: TestServer, path: str, form: dict[str, str], words: str
) -> None:
    customer = await ask("POST", "/v1/customers", {"email": "a@example.com"})
    form = {name: customer["id"] if value == "CUS" else value for name, value in form.items()}
    made = await ask("POST", path, form)
    status, _, html = await visit(server, made["url"])
    assert (status, words in html, "The offline Stripe has no such page" in html) == (200, True, True)
