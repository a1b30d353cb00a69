"""The hosted pages, as a browser without JavaScript uses them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape
from typing import Any

import aiohttp
import pytest
import stripe
from aiohttp.test_utils import TestServer

from tests.sandbox.conftest import event_types, open_session

CARD = {"email": "ana@example.com", "method": "card", "number": "4242 4242 4242 4242", "expiry": "12/34", "cvc": "123"}

LABELS = [
    *("Email", "Card", "Bank debit", "Card number", "Expiry", "CVC", "Name on card", "Country or region", "ZIP"),
    *("IBAN", "Name on account"),
]


@pytest.fixture
async def browser(server: TestServer) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(str(server.make_url("/"))) as session:
        yield session


async def get(browser: aiohttp.ClientSession, path: str) -> tuple[int, str]:
    async with browser.get(path) as response:
        return response.status, unescape(await response.text())


async def post(browser: aiohttp.ClientSession, path: str, form: dict[str, str]) -> tuple[int, str, str]:
    """Return the status, the redirect, and the page's text. A redirect back to the page is followed."""
    async with browser.post(path, data=form, allow_redirects=False) as response:
        location = response.headers.get("Location", "")
        if response.status == 303 and "?attempt=" in location:
            status, html = await get(browser, location)
            return status, "", html
        return response.status, location, unescape(await response.text())


def path_of(session: stripe.checkout.Session) -> str:
    return f"/c/pay/{session.id}"


def names(html: str, tag: str) -> list[str]:
    """Return the accessible names of the labels, buttons or links of a page."""
    found = re.findall(rf"<{tag}\b[^>]*>(.*?)</{tag}>", html, re.DOTALL)
    return [re.sub(r"<[^>]+>", "", part).strip() for part in found]


async def test_the_page_shows_what_is_paid_and_with_what(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    session = await open_session(client, 3000, "eur")
    status, html = await get(browser, path_of(session))
    assert status == 200
    assert names(html, "label") == LABELS
    assert names(html, "button") == ["Pay"]
    assert '<a class="back" href="https://shop.example/cancel">Back</a>' in html
    for text in ("Mug", "30.00 EUR", "Offline sandbox", "It is not Stripe", "<script"):
        assert (text in html) is (text != "<script")
    for number in ("4242 4242 4242 4242", "4000 0000 0000 9995", "AT611904300234573201"):
        assert number in html
    assert (await get(browser, "/c/sandbox.css"))[0] == 200


async def test_html_in_a_product_is_text(client: stripe.StripeClient, browser: aiohttp.ClientSession) -> None:
    evil = '</title><script>alert(1)</script><b onclick="alert(2)">'
    price = {"currency": "eur", "unit_amount": 3000, "product_data": {"name": evil, "description": evil}}
    session = await open_session(client, line_items=[{"quantity": 1, "price_data": price}])
    async with browser.get(path_of(session)) as response:
        html = await response.text()
    assert evil in unescape(html)
    assert "<script" not in html
    assert "<b " not in html


async def test_a_product_has_its_picture_if_it_comes_over_https(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    def line(url: str) -> dict[str, Any]:
        product = {"name": "Mug", "images": [url]}
        return {"quantity": 1, "price_data": {"currency": "eur", "unit_amount": 3000, "product_data": product}}

    urls = ["https://pics.example/mug.png?a=1&b=2", "http://pics.example/mug.png"]
    session = await open_session(client, line_items=[line(url) for url in urls])
    async with browser.get(path_of(session)) as response:
        html = await response.text()
        assert "img-src https:;" in response.headers["Content-Security-Policy"]
    assert html.count("<img ") == 1
    assert 'src="https://pics.example/mug.png?a=1&amp;b=2"' in html


async def test_a_card_pays_and_leads_back(client: stripe.StripeClient, browser: aiohttp.ClientSession) -> None:
    session = await open_session(client)
    assert await post(browser, path_of(session), CARD) == (
        303,
        f"https://shop.example/ok?session={session.id}",
        "303: See Other",
    )
    assert (await event_types(client))[-1] == "checkout.session.completed"
    status, html = await get(browser, path_of(session))
    assert (status, "already paid" in html) == (200, True)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"number": "4000 0000 0000 9995"}, "Your card has insufficient funds."),
        ({"number": "4000000000000127"}, "Your card's security code is incorrect."),
        ({"number": "4242 4242 4242 4241"}, "Your card number is incorrect."),
        ({"number": "4111111111111111"}, "used a non test card"),
        ({"number": ""}, "Your card number is incorrect."),
        ({"expiry": "01/20"}, "expiration year is invalid"),
        ({"expiry": "nonsense"}, "MM/YY"),
        ({"cvc": "x"}, "security code is invalid"),
        ({"method": "sepa_debit"}, "IBAN you entered is invalid"),
    ],
)
async def test_errors_are_shown_on_the_page(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, change: dict[str, str], text: str
) -> None:
    session = await open_session(client, currency="eur")
    status, _, html = await post(browser, path_of(session), {**CARD, **change})
    assert status == 402
    assert text in html
    assert "4000 0000 0000 9995" in html
    assert (await post(browser, path_of(session), CARD))[0] == 303


async def test_a_bank_debit_is_started(client: stripe.StripeClient, browser: aiohttp.ClientSession) -> None:
    session = await open_session(client, currency="eur")
    form = {"email": "ana@example.com", "method": "sepa_debit", "iban": "AT61 1904 3002 3457 3201"}
    assert (await post(browser, path_of(session), form))[0] == 303
    kept = await client.v1.checkout.sessions.retrieve_async(session.id)
    assert (kept.status, kept.payment_status) == ("complete", "unpaid")


async def test_a_total_of_nothing_has_only_a_button(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    coupon = await client.v1.coupons.create_async(params={"percent_off": 100})
    session = await open_session(client, discounts=[{"coupon": coupon.id}])
    _, html = await get(browser, path_of(session))
    assert (names(html, "label"), names(html, "button")) == (["Email"], ["Pay"])
    assert (await post(browser, path_of(session), {}))[0] == 402
    assert (await post(browser, path_of(session), {"email": "ana@example.com"}))[0] == 303


@pytest.mark.parametrize(("outcome", "status"), [("complete", "complete"), ("fail", "open")])
async def test_three_d_secure(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, outcome: str, status: str
) -> None:
    session = await open_session(client)
    code, location, _ = await post(browser, path_of(session), {**CARD, "number": "4000002760003184"})
    assert (code, location.startswith("/c/authenticate/pi_")) == (303, True)
    _, html = await get(browser, location)
    assert names(html, "button") == ["Complete authentication", "Fail authentication"]
    code, after, html = await post(browser, location, {"outcome": outcome})
    assert (await client.v1.checkout.sessions.retrieve_async(session.id)).status == status
    if outcome == "complete":
        assert (code, after) == (303, f"https://shop.example/ok?session={session.id}")
    else:
        assert "unable to authenticate" in html
        assert (await post(browser, path_of(session), CARD))[0] == 303


async def test_an_expired_session_cannot_be_paid(client: stripe.StripeClient, browser: aiohttp.ClientSession) -> None:
    session = await open_session(client)
    await client.v1.checkout.sessions.expire_async(session.id)
    assert (await get(browser, path_of(session)))[0] == 410
    assert (await post(browser, path_of(session), CARD))[0] == 410
    assert (await get(browser, "/c/pay/cs_no"))[0] == 404


async def test_text_of_clients_is_escaped(client: stripe.StripeClient, browser: aiohttp.ClientSession) -> None:
    line = {"quantity": 1, "price_data": {"currency": "usd", "unit_amount": 500, "product_data": {"name": "<b>x</b>"}}}
    session = await open_session(client, line_items=[line])
    async with browser.get(path_of(session)) as response:
        assert "&lt;b&gt;x&lt;/b&gt;" in await response.text()


async def test_the_name_and_country_of_a_card_reach_the_session(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    session = await open_session(client, locale="de")
    _, html = await get(browser, path_of(session))
    assert 'value="Jenny Rosen"' in html
    assert '<option value="DE" selected>Germany</option>' in html
    owner = {"card_name": "Ana Berg", "card_country": "US", "card_postal_code": "10115"}
    for missing, text in (("card_name", "name on the card"), ("card_postal_code", "postal code")):
        assert text in (await post(browser, path_of(session), {**CARD, **owner, missing: " "}))[2]
    assert (await post(browser, path_of(session), {**CARD, **owner, "card_country": "XX"}))[2].count("a country") == 2
    assert (await post(browser, path_of(session), {**CARD, **owner}))[0] == 303
    paid = await client.v1.checkout.sessions.retrieve_async(
        session.id, params={"expand": ["payment_intent.latest_charge"]}
    )
    assert paid.customer_details is not None
    address = dict.fromkeys(("line1", "line2", "city", "state")) | {"country": "US", "postal_code": "10115"}
    assert paid.customer_details.address is not None
    assert (paid.customer_details.name, paid.customer_details.address.to_dict()) == ("Ana Berg", address)
    intent = paid.payment_intent
    assert isinstance(intent, stripe.PaymentIntent)
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert intent.latest_charge.billing_details.name == "Ana Berg"


async def test_reloading_after_a_decline_pays_nothing(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    session = await open_session(client)
    declined = {**CARD, "number": "4000000000000002"}
    async with browser.post(path_of(session), data=declined, allow_redirects=False) as response:
        assert response.status == 303
        page = response.headers["Location"]
    for _ in range(2):
        status, html = await get(browser, page)
        assert (status, "Your card was declined." in html) == (402, True)
        assert 'role="alert" tabindex="-1" autofocus' in html
    assert (await event_types(client)).count("charge.failed") == 1
    assert "123" not in re.findall(r'name="cvc"[^>]*', html)[0]


async def test_a_form_may_name_a_wallet(client: stripe.StripeClient, browser: aiohttp.ClientSession) -> None:
    session = await open_session(client, 3000, "eur")
    assert (await post(browser, path_of(session), {**CARD, "wallet": "apple_pay"}))[0] == 303
    page = await client.v1.charges.list_async()
    details = page.data[0].payment_method_details
    assert details is not None
    assert details.card is not None
    assert details.card.wallet is not None
    assert (details.card.wallet.type, details.card.last4) == ("apple_pay", "4242")
