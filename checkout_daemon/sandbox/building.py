"""Build a Checkout session from what its creator asks for."""

from __future__ import annotations

from typing import Any

from checkout_daemon.sandbox import totals
from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.catalog import build_price, build_product, currency_code
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.errors import ApiError, bad_parameter, invalid
from checkout_daemon.sandbox.events import emit
from checkout_daemon.sandbox.ids import new_id
from checkout_daemon.sandbox.params import Params, merge_metadata
from checkout_daemon.sandbox.sessions import customer_details
from checkout_daemon.sandbox.shapes import method_options, new_object
from checkout_daemon.sandbox.storage import Body, Record
from checkout_daemon.sandbox.urls import check_url

_SHORTEST_SECONDS = 30 * 60
_LONGEST_SECONDS = 24 * 3600
_GRACE_SECONDS = 10  # between the client's reckoning and ours


def build_session(box: Box, params: Params) -> tuple[Body, dict[str, Any], list[Record]]:
    """The session, what to remember about it, and its line items; all without the session's id."""
    _check(params)
    moment = stamp()
    lines = [_line(box, given, index) for index, given in enumerate(params["line_items"])]
    currency = _currency(params, lines)
    types = _method_types(params, currency)
    subtotals = [price["unit_amount"] * quantity for _, price, quantity in lines]
    coupon = _coupon(box, params, currency, moment)
    discount = totals.discount_amount(coupon, sum(subtotals)) if coupon else 0
    total = sum(subtotals) - discount
    totals.check_total(total, currency)
    items = [
        _item(box, given, price, quantity, off)
        for (given, price, quantity), off in zip(lines, totals.spread(discount, subtotals), strict=True)
    ]
    email, customer = params.get("customer_email"), params.get("customer")
    details = customer_details(email=email, name=None, phone=None, address=None) if email else None
    if customer:
        known = box.get(customer, "customer", "customer").body
        names = ("email", "name", "phone", "address")
        details = customer_details(**{name: known[name] for name in names})
    body = new_object(
        "cs_test_a1",
        "checkout.session",
        adaptive_pricing={"enabled": (params.get("adaptive_pricing") or {}).get("enabled", True)},
        after_expiration=None,
        allow_promotion_codes=params.get("allow_promotion_codes"),
        amount_subtotal=sum(subtotals),
        amount_total=total,
        automatic_tax={"enabled": False, "liability": None, "provider": None, "status": None},
        billing_address_collection=params.get("billing_address_collection"),
        branding_settings=None,
        cancel_url=params.get("cancel_url"),
        client_reference_id=params.get("client_reference_id"),
        client_secret=None,
        collected_information=None,
        consent=None,
        consent_collection=None,
        currency=currency,
        currency_conversion=None,
        custom_fields=[],
        custom_text=dict.fromkeys(("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")),
        customer=customer,
        customer_account=None,
        customer_creation=None if customer else params.get("customer_creation") or "if_required",
        customer_details=details,
        customer_email=email,
        discounts=[{"coupon": coupon["id"], "promotion_code": None}] if coupon else [],
        expires_at=params.get("expires_at") or moment + _LONGEST_SECONDS,
        integration_identifier=params.get("integration_identifier"),
        invoice=None,
        invoice_creation={
            "enabled": False,
            "invoice_data": {
                "account_tax_ids": None,
                "custom_fields": None,
                "description": None,
                "footer": None,
                "issuer": None,
                "metadata": {},
                "rendering_options": None,
            },
        },
        locale=params.get("locale"),
        managed_payments={"enabled": False},
        metadata=merge_metadata({}, params.get("metadata")),
        mode="payment",
        origin_context=params.get("origin_context"),
        payment_intent=None,
        payment_link=None,
        payment_method_collection=params.get("payment_method_collection") or "if_required",
        payment_method_configuration_details=None,
        payment_method_options=method_options(types, params.get("payment_method_options"), session=True),
        payment_method_types=types,
        payment_status="unpaid",
        permissions=None,
        phone_number_collection={"enabled": (params.get("phone_number_collection") or {}).get("enabled", False)},
        presentment_details=None,
        recovered_from=None,
        saved_payment_method_options=None,
        setup_intent=None,
        shipping_address_collection=None,
        shipping_cost=None,
        shipping_options=[],
        status="open",
        submit_type=params.get("submit_type"),
        subscription=None,
        success_url=params["success_url"],
        total_details={"amount_discount": discount, "amount_shipping": 0, "amount_tax": 0},
        ui_mode="hosted_page",
        url=None,
        wallet_options=None,
    )
    private = {
        "intent": params.get("payment_intent_data") or {},
        "method_options": params.get("payment_method_options") or {},
        "coupons": [coupon["id"]] if coupon else [],
    }
    return body, private, items


def _check(params: Params) -> None:
    mode = params.get("mode")
    if mode is None:
        raise bad_parameter("Missing required param: mode.", "parameter_missing", "mode")
    if mode != "payment":
        raise invalid(f"The offline sandbox does not do mode={mode}, only payment.", param="mode")
    for name in ("success_url", "line_items"):
        if not params.get(name):
            raise bad_parameter(f"Missing required param: {name}.", "parameter_missing", name)
    for name in ("success_url", "cancel_url"):
        if params.get(name):
            check_url(params[name], name)
    if (params.get("automatic_tax") or {}).get("enabled"):
        raise invalid("The offline sandbox does not compute taxes.", param="automatic_tax[enabled]")
    if params.get("customer") and params.get("customer_email"):
        raise invalid("You may only specify one of these parameters: customer, customer_email.")
    if params.get("discounts") and params.get("allow_promotion_codes") is not None:
        raise invalid("You may only specify one of these parameters: allow_promotion_codes, discounts.")
    email = params.get("customer_email")
    if email is not None and ("@" not in email[1:-1] or " " in email):
        raise ApiError(f"Invalid email address: {email}", code="email_invalid", param="customer_email")
    if (expires_at := params.get("expires_at")) is not None:
        ahead = expires_at - stamp()
        if ahead < _SHORTEST_SECONDS - _GRACE_SECONDS:
            message = "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation."
            raise invalid(message, param="expires_at")
        if ahead > _LONGEST_SECONDS + _GRACE_SECONDS:
            message = "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation."
            raise invalid(message, param="expires_at")


def _line(box: Box, given: Params, index: int) -> tuple[Params, Body, int]:
    """A line's parameters, price and quantity."""
    at = f"line_items[{index}]"
    price_id, data = given.get("price"), given.get("price_data")
    if (price_id is None) == (data is None):
        if price_id is None:
            message = f"Missing required param: {at}[price]."
            raise bad_parameter(message, "parameter_missing", f"{at}[price]")
        raise invalid(f"You may only specify one of these parameters: {at}[price], {at}[price_data].")
    if given.get("quantity") is None:
        name = f"{at}[quantity]"
        raise bad_parameter(f"Missing required param: {name}.", "parameter_missing", name)
    if price_id is not None:
        price = box.get(price_id, "price", f"{at}[price]").body
        if not price["active"]:
            raise invalid(f"The price specified is inactive: {price_id}.", param=f"{at}[price]")
        if price["type"] == "recurring":
            raise invalid("You must use mode=subscription for recurring prices.", param=f"{at}[price]")
        return given, price, given["quantity"]
    return given, _inline_price(box, data or {}, f"{at}[price_data]"), given["quantity"]


def _inline_price(box: Box, data: Params, at: str) -> Body:
    """A price made for this session only, and its product where that is described too."""
    if "recurring" in data:
        raise invalid("You must use mode=subscription for recurring prices.", param=f"{at}[recurring]")
    described, product_id = data.get("product_data"), data.get("product")
    if (described is None) == (product_id is None):
        if product_id is None:
            name = f"{at}[product_data]"
            raise bad_parameter(f"Missing required param: {name}.", "parameter_missing", name)
        raise invalid(f"You may only specify one of these parameters: {at}[product], {at}[product_data].")
    price = build_price(data, product_id or new_id("prod_"), at)
    price["active"] = False
    if described is None:
        box.get(price["product"], "product", f"{at}[product]")
    else:
        product = build_product({**described, "active": False})
        product["id"] = price["product"]
        box.storage.add(Record(product, kind="inline"))
        emit(box, "product.created", product)
    box.storage.add(Record(price, parent=price["product"]))
    emit(box, "price.created", price)
    return price


def _item(box: Box, given: Params, price: Body, quantity: int, off: int) -> Record:
    subtotal = price["unit_amount"] * quantity
    product = box.storage.find(price["product"], "product")
    body: Body = {
        "id": new_id("li_1"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": off,
        "amount_subtotal": subtotal,
        "amount_tax": 0,
        "amount_total": subtotal - off,
        "currency": price["currency"],
        "description": product.body["name"] if product else None,
        "metadata": merge_metadata({}, given.get("metadata")),
        "price": price,
        "quantity": quantity,
    }
    return Record(body)


def _currency(params: Params, lines: list[tuple[Params, Body, int]]) -> str:
    found = {price["currency"] for _, price, _ in lines}
    if params.get("currency"):
        found.add(currency_code(params["currency"]))
    if len(found) > 1:
        raise invalid(f"All line items must have the same currency; found {', '.join(sorted(found))}.")
    return str(found.pop())


def _method_types(params: Params, currency: str) -> list[str]:
    types: list[str] = params.get("payment_method_types") or (["card", "sepa_debit"] if currency == "eur" else ["card"])
    for kind, only in (("sepa_debit", "eur"), ("us_bank_account", "usd")):
        if kind in types and currency != only:
            raise invalid(
                f"The payment method `{kind}` cannot be used with the currency {currency}: it takes {only} only.",
                param="payment_method_types",
            )
    return list(dict.fromkeys(types))


def _coupon(box: Box, params: Params, currency: str, moment: int) -> Body | None:
    given = (params.get("discounts") or [None])[0]
    if given is None:
        return None
    if given.get("promotion_code"):
        message = f"No such promotion code: '{given['promotion_code']}'"
        raise ApiError(message, code="resource_missing", param="discounts[0][promotion_code]")
    if not given.get("coupon"):
        name = "discounts[0][coupon]"
        raise bad_parameter(f"Missing required param: {name}.", "parameter_missing", name)
    return totals.usable_coupon(box, given["coupon"], currency, moment, "discounts[0][coupon]")
