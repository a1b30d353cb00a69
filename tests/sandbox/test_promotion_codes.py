"""Promotion codes: created, limited, redeemed through the API and typed on the hosted page."""

from __future__ import annotations

import time
from typing import Any

import pytest
import stripe
from aiohttp.test_utils import TestServer

from tests.sandbox.conftest import confirm, event_types, open_session
from tests.sandbox.test_clock import advance
from tests.sandbox.test_hosted import CARD, browser, get, names, path_of, post

__all__ = ["browser"]


async def make(client: stripe.StripeClient, coupon: dict[str, Any] | None = None, **more: Any) -> stripe.PromotionCode:
    terms: Any = {"percent_off": 25, **(coupon or {})}
    made = await client.v1.coupons.create_async(params=terms)
    params: Any = {"promotion": {"type": "coupon", "coupon": made.id}, "code": "SPRING25", **more}
    return await client.v1.promotion_codes.create_async(params=params)


def code_of(code: stripe.PromotionCode) -> list[dict[str, str]]:
    return [{"promotion_code": code.id}]


async def refusal(client: stripe.StripeClient, **session: Any) -> stripe.InvalidRequestError:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await open_session(client, **session)
    return caught.value


async def test_a_code_gives_its_coupons_discount(client: stripe.StripeClient) -> None:
    code = await make(client)
    assert (code.active, code.times_redeemed, code.promotion.type) == (True, 0, "coupon")
    session = await open_session(client, 2000, discounts=code_of(code))
    assert (session.amount_subtotal, session.amount_total) == (2000, 1500)
    assert session.discounts is not None
    assert session.discounts[0].promotion_code == code.id
    assert session.discounts[0].coupon is None
    await confirm(client, session.id, payment_method="pm_card_visa", expected_amount=1500)
    used = await client.v1.promotion_codes.retrieve_async(code.id, params={"expand": ["promotion.coupon"]})
    assert used.times_redeemed == 1
    assert isinstance(used.promotion.coupon, stripe.Coupon)
    assert used.promotion.coupon.times_redeemed == 1
    assert (await event_types(client))[:2] == ["coupon.created", "promotion_code.created"]


async def test_the_clis_older_way_to_name_the_coupon(client: stripe.StripeClient) -> None:
    coupon = await client.v1.coupons.create_async(params={"percent_off": 20})
    answer = await client.raw_request_async("post", "/v1/promotion_codes", coupon=coupon.id)
    assert isinstance(answer.data, dict)
    assert answer.data["promotion"] == {"coupon": coupon.id, "type": "coupon"}
    assert len(answer.data["code"]) == 8


@pytest.mark.parametrize(
    ("coupon", "code", "param"),
    [
        ({}, {"code": "NO SPACES"}, "code"),
        ({"max_redemptions": 2}, {"max_redemptions": 3}, "max_redemptions"),
        ({}, {"restrictions": {"minimum_amount": 500}}, "restrictions[minimum_amount_currency]"),
        ({}, {"expires_at": 1_000_000_000}, "expires_at"),
        ({"redeem_by": 4_000_000_000}, {"expires_at": 4_100_000_000}, "expires_at"),
        ({}, {"customer": "cus_no"}, "customer"),
        ({}, {"promotion": {"type": "coupon"}}, "promotion[coupon]"),
        ({}, {"promotion": {"type": "coupon", "coupon": "NO"}}, "promotion[coupon]"),
    ],
)
async def test_what_no_code_can_be(
    client: stripe.StripeClient, coupon: dict[str, Any], code: dict[str, Any], param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await make(client, coupon, **code)
    assert caught.value.param == param


async def test_a_code_is_unique_among_the_active_ones_whatever_its_case(client: stripe.StripeClient) -> None:
    first = await make(client)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await make(client, code="Spring25")
    assert caught.value.code == "resource_already_exists"
    updated = await client.v1.promotion_codes.update_async(first.id, params={"active": False, "metadata": {"a": "b"}})
    assert (updated.active, updated.to_dict()["metadata"]["a"]) == (False, "b")
    assert (await event_types(client))[-1] == "promotion_code.updated"
    await make(client, code="Spring25")
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.promotion_codes.update_async(first.id, params={"active": True})


async def test_the_lists_filters(client: stripe.StripeClient) -> None:
    customer = await client.v1.customers.create_async()
    plain = await make(client)
    own = await make(client, code="MINE", customer=customer.id, active=False)
    assert plain.promotion.coupon is not None

    async def listed(**params: Any) -> list[str]:
        page = await client.v1.promotion_codes.list_async(params=params)  # type: ignore[arg-type]
        return [item.id for item in page.data]

    assert await listed() == [own.id, plain.id]
    assert await listed(code="spring25") == [plain.id]
    assert await listed(active=True) == [plain.id]
    assert await listed(active=False) == [own.id]
    assert await listed(customer=customer.id) == [own.id]
    assert await listed(coupon=plain.promotion.coupon) == [plain.id]
    assert await listed(created={"gt": int(time.time()) + 100}) == []


async def test_a_minimum_amount_is_enforced(client: stripe.StripeClient) -> None:
    code = await make(client, restrictions={"minimum_amount": 3000, "minimum_amount_currency": "usd"})
    error = await refusal(client, amount=2999, discounts=code_of(code))
    assert (error.code, error.param) == (None, "discounts[0][promotion_code]")
    assert "$30.00" in str(error.user_message)
    assert (await refusal(client, amount=3000, currency="eur", discounts=code_of(code))).http_status == 400
    assert (await open_session(client, 3000, discounts=code_of(code))).amount_total == 2250


async def test_a_code_for_the_first_purchase_only(client: stripe.StripeClient) -> None:
    code = await make(client, restrictions={"first_time_transaction": True})
    customer = await client.v1.customers.create_async()
    session = await open_session(client, customer=customer.id, discounts=code_of(code))
    await confirm(client, session.id, payment_method="pm_card_visa")
    error = await refusal(client, customer=customer.id, discounts=code_of(code))
    assert "associated customer has prior transactions" in str(error.user_message)
    # A guest may have bought before; who becomes a customer by this purchase has not.
    assert "prior transactions" in str((await refusal(client, discounts=code_of(code))).user_message)
    made = await open_session(client, discounts=code_of(code), customer_creation="always")
    assert made.amount_total == 1500


async def test_a_code_of_one_customer_is_refused_to_others(client: stripe.StripeClient) -> None:
    owner = await client.v1.customers.create_async()
    code = await make(client, customer=owner.id)
    assert "restricted to another customer" in str((await refusal(client, discounts=code_of(code))).user_message)
    assert (await open_session(client, customer=owner.id, discounts=code_of(code))).amount_total == 1500


async def test_a_code_ends_with_its_last_redemption(client: stripe.StripeClient) -> None:
    code = await make(client, max_redemptions=1)
    session = await open_session(client, discounts=code_of(code))
    await confirm(client, session.id, payment_method="pm_card_visa")
    assert not (await client.v1.promotion_codes.retrieve_async(code.id)).active
    assert "no longer active" in str((await refusal(client, discounts=code_of(code))).user_message)
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.promotion_codes.update_async(code.id, params={"active": True})


async def test_codes_end_with_their_coupon(client: stripe.StripeClient) -> None:
    code = await make(client)
    await client.v1.coupons.delete_async(str(code.promotion.coupon))
    assert not (await client.v1.promotion_codes.retrieve_async(code.id)).active


@pytest.mark.parametrize("where", ["code", "coupon"])
async def test_codes_end_at_their_time(client: stripe.StripeClient, server: TestServer, where: str) -> None:
    soon = int(time.time()) + 3600
    coupon = {"redeem_by": soon} if where == "coupon" else {}
    code = await make(client, coupon, **({"expires_at": soon} if where == "code" else {}))
    assert code.expires_at == soon
    await advance(server, "2h")
    assert not (await client.v1.promotion_codes.retrieve_async(code.id)).active
    assert [item.id for item in (await client.v1.promotion_codes.list_async(params={"active": True})).data] == []
    valid = (await client.v1.coupons.retrieve_async(str(code.promotion.coupon))).valid
    assert valid is (where == "code")


async def test_a_coupon_for_some_products_discounts_only_these(client: stripe.StripeClient) -> None:
    product = await client.v1.products.create_async(params={"name": "Cup"})
    code = await make(client, {"applies_to": {"products": [product.id]}})
    lines = [
        {"quantity": 1, "price_data": {"currency": "usd", "unit_amount": 1000, "product": product.id}},
        {"quantity": 1, "price_data": {"currency": "usd", "unit_amount": 1000, "product_data": {"name": "Mug"}}},
    ]
    session = await open_session(client, line_items=lines, discounts=code_of(code))
    items = await client.v1.checkout.sessions.line_items.list_async(session.id)
    assert [line.amount_discount for line in items.data] == [250, 0]
    assert session.amount_total == 1750


@pytest.mark.parametrize(
    "discounts",
    [[{"coupon": "C", "promotion_code": "promo_x"}], [{"promotion_code": "promo_no"}], [{"coupon": "NO"}]],
)
async def test_a_discount_is_one_coupon_or_one_code(client: stripe.StripeClient, discounts: list[Any]) -> None:
    assert (await refusal(client, discounts=discounts)).http_status == 400
    error = await refusal(client, discounts=[{"coupon": "C"}], allow_promotion_codes=True)
    assert "allow_promotion_codes" in str(error.user_message)


async def test_a_shopper_types_a_code_and_sees_the_new_total(client: stripe.StripeClient, browser: Any) -> None:
    code = await make(client)
    session = await open_session(client, allow_promotion_codes=True)
    _, html = await get(browser, path_of(session))
    assert names(html, "button") == ["Apply", "Pay"]
    form = {**CARD, "promotion_code": " spring25 ", "action": "apply"}
    status, _, html = await post(browser, path_of(session), form)
    assert (status, "The total is now 15.00 USD." in html, "Discount (SPRING25)" in html) == (200, True, True)
    assert 'value="4242 4242 4242 4242"' in html
    shown = await client.v1.checkout.sessions.retrieve_async(session.id)
    assert (shown.amount_total, shown.status) == (1500, "open")
    assert (await post(browser, path_of(session), CARD))[0] == 303
    paid = await client.v1.checkout.sessions.retrieve_async(session.id, params={"expand": ["payment_intent"]})
    assert isinstance(paid.payment_intent, stripe.PaymentIntent)
    assert paid.payment_intent.amount_received == 1500
    assert (await client.v1.promotion_codes.retrieve_async(code.id)).times_redeemed == 1


async def test_a_changed_total_is_shown_before_it_is_paid(client: stripe.StripeClient, browser: Any) -> None:
    await make(client)
    session = await open_session(client, allow_promotion_codes=True)
    status, _, html = await post(browser, path_of(session), {**CARD, "promotion_code": "SPRING25", "action": "pay"})
    assert (status, "Please check it, then pay." in html) == (200, True)
    assert (await client.v1.checkout.sessions.retrieve_async(session.id)).status == "open"
    status, _, html = await post(browser, path_of(session), {**CARD, "action": "remove_code"})
    assert (status, "The total is now 20.00 USD." in html) == (200, True)
    assert (await client.v1.checkout.sessions.retrieve_async(session.id)).discounts == []


@pytest.mark.parametrize(
    ("restrictions", "text"),
    [
        (None, "This code is invalid."),
        ({"minimum_amount": 9900, "minimum_amount_currency": "usd"}, "at least $99.00"),
    ],
)
async def test_a_code_that_does_not_work_is_reported_at_its_field(
    client: stripe.StripeClient, browser: Any, restrictions: Any, text: str
) -> None:
    if restrictions:
        await make(client, restrictions=restrictions)
    session = await open_session(client, allow_promotion_codes=True)
    status, _, html = await post(browser, path_of(session), {**CARD, "promotion_code": "SPRING25", "action": "apply"})
    assert (status, text in html) == (402, True)
    field = html[html.index('id="f-promotion_code"') :]
    assert 'value="SPRING25"' in field[:300]
    assert 'aria-invalid="true"' in field[:400]
    assert (await client.v1.checkout.sessions.retrieve_async(session.id)).amount_total == 2000


async def test_codes_are_taken_only_where_that_is_allowed(client: stripe.StripeClient, browser: Any) -> None:
    await make(client)
    session = await open_session(client)
    assert "Promotion code" not in (await get(browser, path_of(session)))[1]
    assert (await post(browser, path_of(session), {**CARD, "promotion_code": "SPRING25"}))[0] == 303
    assert (await client.v1.checkout.sessions.retrieve_async(session.id)).amount_total == 2000


async def test_an_attempt_after_a_code_takes_the_new_amount(client: stripe.StripeClient, browser: Any) -> None:
    await make(client)
    session = await open_session(client, allow_promotion_codes=True)
    declined = {**CARD, "number": "4000000000000002"}
    assert (await post(browser, path_of(session), declined))[0] == 402
    await post(browser, path_of(session), {**CARD, "promotion_code": "SPRING25", "action": "apply"})
    assert (await post(browser, path_of(session), CARD))[0] == 303
    paid = await client.v1.checkout.sessions.retrieve_async(session.id, params={"expand": ["payment_intent"]})
    assert isinstance(paid.payment_intent, stripe.PaymentIntent)
    assert (paid.amount_total, paid.payment_intent.amount, paid.payment_intent.amount_received) == (1500, 1500, 1500)


@pytest.mark.parametrize(
    ("terms", "param", "message"),
    [
        ({"duration": "once"}, None, "Must provide percent_off or amount_off."),
        (
            {"percent_off": 25, "amount_off": 5, "currency": "usd"},
            None,
            "Received both percent_off and amount_off parameters. Please pass in only one.",
        ),
        ({"amount_off": 5}, "currency", "You must pass currency when passing amount_off"),
        (
            {"percent_off": 25, "duration": "repeating"},
            "duration",
            "The duration_in_months param must be set when creating a coupon with a repeating duration",
        ),
        (
            {"percent_off": 25, "duration": "once", "duration_in_months": 3},
            "duration_in_months",
            "The duration_in_months param can only be set when creating a coupon with a repeating duration",
        ),
        (
            {"percent_off": 0},
            "percent_off",
            "This value must be greater than or equal to 0.01 (it currently is '0.0').",
        ),
        (
            {"percent_off": 101},
            "percent_off",
            "This value must be less than or equal to 100 (it currently is '101.0').",
        ),
        (
            {"percent_off": 25, "redeem_by": 1000},
            "redeem_by",
            "The parameter `redeem_by` expects a unix timestamp representing a date and time in the future. "
            "You specified the value `1000` which is in the past.",
        ),
    ],
)
async def test_what_no_coupon_can_be(client: stripe.StripeClient, terms: Any, param: str | None, message: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.coupons.create_async(params=terms)
    code = None if "amount_off" in terms or "percent_off" in terms else "parameter_missing"
    assert (caught.value.user_message, caught.value.param, caught.value.code) == (message, param, code)
