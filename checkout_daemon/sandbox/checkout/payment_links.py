"""Payment links: the sessions that they open, and how many of these may be completed."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.checkout.building import create_session
from checkout_daemon.sandbox.checkout.form_input import is_email, take_choices
from checkout_daemon.sandbox.checkout.session_rules import check_session, method_types
from checkout_daemon.sandbox.errors import ApiError, not_modelled
from checkout_daemon.sandbox.objects.shapes import METHOD_CURRENCIES
from checkout_daemon.sandbox.parameters.specs import Params, check_url
from checkout_daemon.sandbox.parameters.stripe_types import choices, parameters
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.changes import changing

_SHARED = (
    "allow_promotion_codes automatic_tax billing_address_collection consent_collection currency custom_fields "
    "custom_text customer_creation invoice_creation managed_payments metadata payment_intent_data "
    "payment_method_options payment_method_types phone_number_collection shipping_address_collection submit_type"
)
"""The settings of a link that are those of its sessions."""
_REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)


def check_link(box: Box, link: Stored) -> None:
    """Raise ApiError for the first setting of a link that its sessions would not take."""
    for index, kind in enumerate(link.body["payment_method_types"] or []):
        if kind not in METHOD_CURRENCIES:
            at, advice = f"payment_method_types[{index}]", f"Use one of: {', '.join(METHOD_CURRENCIES)}."
            raise not_modelled(f"{at}={kind}", at, advice)
    if link.body["after_completion"]["type"] == "redirect":
        check_url(_redirect(link.body), "after_completion[redirect][url]")
    params = _session_params(box, link)
    check_session(params)
    method_types(params, link.body["currency"])


def open_link(box: Box, link: Stored, query: Mapping[str, str]) -> Stored:
    """Create a session from a link and the query of its URL. Raise ApiError if it cannot be sold.

    As at Stripe, values of the query that are not valid have no effect.
    https://docs.stripe.com/payment-links/url-parameters
    """
    session = create_session(box, {**_session_params(box, link), **_query_params(query)})
    session.body["payment_link"] = link.id
    if is_email(email := query.get("prefilled_email", "")):
        session.private["prefilled"] = {"email": email}
    box.storage.save(session)
    if code := query.get("prefilled_promo_code"):
        with contextlib.suppress(ApiError):
            take_choices(box, session, {"promotion_code": code})
    return session


def count_completed(box: Box, link_id: str | None) -> None:
    """Count a completed session of a link with a limit. The last one deactivates the link."""
    link = box.storage.find(link_id or "", "payment_link")
    if link is None or not link.body["restrictions"]:
        return
    with changing(box, link, "payment_link.updated") as body:
        completed = body["restrictions"]["completed_sessions"]
        completed["count"] += 1
        if completed["count"] >= completed["limit"]:
            body["active"] = False


def _session_params(box: Box, link: Stored) -> Params:
    body = link.body
    returns = body["after_completion"]["type"] == "redirect"
    return {
        **{name: body[name] for name in _SHARED.split()},
        "mode": "payment",
        "line_items": [_line(item) for item in link.private["items"]],
        "success_url": _redirect(body) if returns else f"{box.url}/c/thanks?link={link.id}",
    }


def _redirect(link: Body) -> str:
    return str((link["after_completion"].get("redirect") or {}).get("url") or "")


def _line(item: Body) -> Params:
    """Return what a session sells for an item of a link. A price that the link described is described again."""
    price = item["price"]
    line = {"quantity": item["quantity"], "adjustable_quantity": item["adjustable_quantity"]}
    if price["active"]:
        return {**line, "price": price["id"]}
    described = {name: price[name] for name in ("currency", "product", "tax_behavior", "unit_amount")}
    return {**line, "price_data": described}


def _query_params(query: Mapping[str, str]) -> Params:
    given: Params = {}
    if _REFERENCE.fullmatch(reference := query.get("client_reference_id", "")):
        given["client_reference_id"] = reference
    if is_email(email := query.get("locked_prefilled_email", "")):
        given["customer_email"] = email
    if (locale := query.get("locale")) in choices((parameters("POST", "/v1/checkout/sessions") or {})["locale"]):
        given["locale"] = locale
    return given
