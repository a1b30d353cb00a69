"""Build a Checkout session from the parameters of its creator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.checkout.buyers import customer_details
from checkout_daemon.sandbox.checkout.lines import build_line, common_currency
from checkout_daemon.sandbox.checkout.promotions import Buyer, asked_discount, shown_discounts
from checkout_daemon.sandbox.checkout.session_rules import LONGEST_SECONDS, check_session, method_types
from checkout_daemon.sandbox.checkout.totals import build_options, set_totals, shipping_cost
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.ids import token
from checkout_daemon.sandbox.objects.shapes import new_body, new_part
from checkout_daemon.sandbox.parameters.specs import Params, merge_metadata
from checkout_daemon.sandbox.storage import Body, Stored

_AS_GIVEN = (
    "allow_promotion_codes billing_address_collection cancel_url client_reference_id customer customer_email "
    "integration_identifier locale origin_context shipping_address_collection submit_type success_url "
    "wallet_options"
)
_TEXTS = ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
_ADDRESSED = ("email", "name", "phone", "address")


def create_session(box: Box, params: Params) -> Stored:
    """Create a session with its lines. Raise ApiError if it cannot be sold, or the sandbox does not support it."""
    check_session(params)
    lines = [build_line(box, given, index) for index, given in enumerate(params["line_items"])]
    currency = common_currency(lines, params.get("currency"))
    customer = params.get("customer")
    details = _known_details(box, customer, params.get("customer_email"))
    discount = None
    if asked := params.get("discounts"):
        subtotal = sum(line.body["amount_subtotal"] for line in lines)
        buyer = Buyer(customer, becomes_customer=params.get("customer_creation") == "always")
        discount = asked_discount(box, asked[0], currency, subtotal, buyer)
    options = build_options(box, params.get("shipping_options") or [], currency)
    body = _body(params, currency, details)
    body |= {
        "discounts": shown_discounts(discount),
        "shipping_cost": shipping_cost(options[0] if options else None),
        "shipping_options": options,
    }
    set_totals(body, discount and discount["coupon"], lines)
    private = {
        "intent": params.get("payment_intent_data") or {},
        "method_options": params.get("payment_method_options") or {},
        "redisplay": (params.get("payment_method_data") or {}).get("allow_redisplay"),
        "discount": discount,
        "customer_update": params.get("customer_update") or {},
    }
    return open_session(box, Stored(body, private, customer=customer), lines)


def open_session(box: Box, session: Stored, lines: Iterable[Stored]) -> Stored:
    """Give a session its id and URL, and store it with its lines and a timer for its expiry."""
    body = session.body
    body["id"] = f"cs_test_a1{token(56)}"
    body["url"] = f"{box.url}/c/pay/{body['id']}"
    for line in lines:
        line.parent = session.id
        box.storage.add(line)
    box.storage.add(session)
    box.storage.add_timer("expire", body["expires_at"], {"session": session.id})
    return session


def _known_details(box: Box, customer: str | None, email: str | None) -> Body | None:
    """Return `customer_details` as known before the shopper types anything."""
    if customer:
        known = box.get(customer, "customer", "customer").body
        return customer_details(**{name: known[name] for name in _ADDRESSED})
    return customer_details(email=email) if email else None


def _body(params: Params, currency: str, details: Body | None) -> Body:
    moment = stamp()
    types = method_types(params, currency)
    customer = params.get("customer")
    body = new_body(
        "checkout.session",
        "cs_test_a1",
        **{name: params.get(name) for name in _AS_GIVEN.split()},
        adaptive_pricing={"enabled": (params.get("adaptive_pricing") or {}).get("enabled", True)},
        after_expiration=_after_expiration(params.get("after_expiration")),
        allowed_payment_method_types=params.get("allowed_payment_method_types") or None,
        consent_collection=_keys(
            params.get("consent_collection"), "payment_method_reuse_agreement", "promotions", "terms_of_service"
        ),
        currency=currency,
        custom_fields=[_custom_field(field) for field in params.get("custom_fields") or []],
        custom_text=_keys(params.get("custom_text") or dict.fromkeys(_TEXTS), *_TEXTS),
        customer_creation=None if customer else params.get("customer_creation") or "if_required",
        customer_details=details,
        expires_at=params.get("expires_at") or moment + LONGEST_SECONDS,
        invoice_creation=_invoice_creation(params.get("invoice_creation") or {"enabled": False}),
        metadata=merge_metadata({}, params.get("metadata")),
        payment_method_collection="if_required",
        payment_method_options=_method_options(types, params.get("payment_method_options") or {}),
        payment_method_types=types,
        phone_number_collection={"enabled": (params.get("phone_number_collection") or {}).get("enabled", False)},
        saved_payment_method_options=_keys(
            params.get("saved_payment_method_options"),
            "allow_redisplay_filters",
            "payment_method_remove",
            "payment_method_save",
        ),
    )
    if configuration := params.get("payment_method_configuration"):
        body["payment_method_configuration_details"] = {"id": configuration, "parent": None}
    if excluded := params.get("excluded_payment_method_types"):
        body["excluded_payment_method_types"] = excluded
    if branding := params.get("branding_settings"):
        given = {name: value for name, value in branding.items() if value is not None}
        body["branding_settings"] = new_part("checkout.session.branding_settings", **given)
    if names := params.get("name_collection"):
        body["name_collection"] = {
            name: {"enabled": given["enabled"], "optional": given.get("optional", False)}
            for name, given in names.items()
            if given
        }
    return body


def _keys(given: Mapping[str, Any] | None, *names: str) -> Body | None:
    """Return an object with all of these keys, null where not given."""
    return None if given is None else {name: given.get(name) for name in names}


def _after_expiration(given: Params | None) -> Body | None:
    if (recovery := (given or {}).get("recovery")) is None:
        return None
    return {"recovery": {"allow_promotion_codes": False, "expires_at": None, "url": None, **recovery}}


def _custom_field(given: Params) -> Body:
    kind = given["type"]
    names = (
        ("default_value", "options") if kind == "dropdown" else ("default_value", "maximum_length", "minimum_length")
    )
    return {
        "key": given["key"],
        "label": given["label"],
        "optional": given.get("optional", False),
        "type": kind,
        kind: _keys(given.get(kind) or {}, *names, "value"),
    }


def _invoice_creation(given: Params) -> Body:
    names = ("account_tax_ids", "custom_fields", "description", "footer", "issuer", "metadata", "rendering_options")
    data = _keys(given.get("invoice_data") or {}, *names) or {}
    issuer = data["issuer"]
    return {
        "enabled": given["enabled"],
        "invoice_data": data
        | {
            "issuer": issuer and {"type": issuer["type"]},
            "metadata": merge_metadata({}, data["metadata"]),
            "rendering_options": _keys(data["rendering_options"], "amount_tax_display", "template"),
        },
    }


def _method_options(types: list[str], given: Params) -> Body:
    options: Body = {kind: dict(given.get(kind) or {}) for kind in types}
    if "card" in options:
        options["card"].setdefault("installments", {"enabled": False})
        options["card"].setdefault("request_three_d_secure", "automatic")
    if "us_bank_account" in options:
        options["us_bank_account"].setdefault("verification_method", "automatic")
    return options
