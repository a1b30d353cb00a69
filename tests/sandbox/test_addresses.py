"""Every URL in an object shows a page in a browser."""

from __future__ import annotations

import re
from typing import Any

import aiohttp
import pytest
import stripe
from aiohttp.test_utils import TestServer

from tests.sandbox.conftest import Ask


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
