"""Checkout sessions, and the payment pages through which clients without a browser pay them."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box, Expandable, Timers, on_object
from checkout_daemon.sandbox.checkout import sessions
from checkout_daemon.sandbox.checkout.building import create_session
from checkout_daemon.sandbox.checkout.promotions import discounted
from checkout_daemon.sandbox.checkout.totals import build_options, set_totals, shipping_cost
from checkout_daemon.sandbox.errors import invalid
from checkout_daemon.sandbox.objects.operations import acting, listing, listing_inside, operation, retrieving
from checkout_daemon.sandbox.objects.paging import first_page
from checkout_daemon.sandbox.parameters.specs import (
    EXPAND,
    Fields,
    Flag,
    Integer,
    Map,
    Params,
    StripeType,
    Text,
    merge_metadata,
)
from checkout_daemon.sandbox.parameters.stripe_fields import Rules
from checkout_daemon.sandbox.resources.checkout_session_params import CREATE, NO_ACCOUNTS_V2, SESSIONS, UPDATE
from checkout_daemon.sandbox.resources.payment_methods import FIELDS as METHOD
from checkout_daemon.sandbox.resources.payment_methods import chosen_method
from checkout_daemon.sandbox.storage import Body, Storage, Stored


def _create(box: Box, params: Params, _: str) -> Body:
    return create_session(box, params).body


def _update(box: Box, record: Stored, params: Params) -> None:
    """Update a session: its metadata at any time, everything else while it is open."""
    body = record.body
    if set(params) - {"metadata"}:
        sessions.check_open(body)
    body["metadata"] = merge_metadata(body["metadata"], params.get("metadata"))
    if "shipping_options" in params:
        options = build_options(box, params["shipping_options"], body["currency"])
        body |= {"shipping_cost": shipping_cost(options[0] if options else None), "shipping_options": options}
        discount = record.private.get("discount")
        lines = box.storage.children(record.id, "item")
        set_totals(body, discount and discount["coupon"], lines)
    box.storage.save(record)


def _lines(box: Box, session: Stored) -> list[Body]:
    return [line.body for line in box.storage.children(session.id, "item")]


def _expire(box: Box, record: Stored, _: Params) -> None:
    if record.body["status"] != "open":
        raise invalid(
            'Only Checkout Sessions with a status in ["open"] can be expired. '
            f"This Checkout Session has a status of {record.body['status']}.",
            param="session",
        )
    sessions.expire(box, record)


def _first_lines(storage: Storage, session: Body) -> Body:
    return first_page(storage.children(session["id"], "item"), f"{SESSIONS}/{session['id']}/line_items")


def _breakdown(storage: Storage, session: Body) -> Body:
    amount = session["total_details"]["amount_discount"]
    return {"discounts": discounted(storage.find(session["id"]), amount), "taxes": []}


def _line_discounts(storage: Storage, line: Body) -> list[Body]:
    record = storage.find(line["id"])
    return discounted(record and storage.find(record.parent or ""), line["amount_discount"])


def _confirm(box: Box, params: Params, object_id: str) -> Body:
    """Pay a session, and return it with its intent, which may require an action first."""
    session = box.get(object_id, "checkout.session")
    sessions.confirm_session(
        box, session, chosen_method(box, params), params.get("expected_amount"), params.get("return_url")
    )
    body = session.body
    if body["payment_intent"] is not None:
        body = {**body, "payment_intent": box.get(body["payment_intent"], "payment_intent").body}
    return body


_PAGES = "/v1/payment_pages"
_CONFIRM: Fields = {
    **EXPAND,
    **dict.fromkeys(("eid", "expected_payment_method_type", "key", "payment_method", "return_url"), Text()),
    "consent": StripeType("a"),
    "expected_amount": Integer(minimum=0),
    "payment_method_data": Map(METHOD),
    "use_stripe_sdk": Flag(),
}
OPERATIONS = (
    operation(f"POST {SESSIONS}", _create, CREATE),
    retrieving(SESSIONS, "checkout.session"),
    acting(f"POST {SESSIONS}/{{id}}", "checkout.session", _update, UPDATE),
    listing(
        SESSIONS,
        "checkout.session",
        columns={"customer": "customer", "payment_intent": "intent"},
        rules=Rules(refuse={NO_ACCOUNTS_V2: "customer_account"}),
    ),
    listing_inside(f"{SESSIONS}/{{id}}/line_items", "checkout.session", "line item", _lines),
    acting(f"POST {SESSIONS}/{{id}}/expire", "checkout.session", _expire),
    retrieving(_PAGES, "checkout.session", Rules(own={**EXPAND, "key": Text()})),
    operation(f"POST {_PAGES}/{{id}}/confirm", _confirm, Rules(own=_CONFIRM)),
)
EXPANDABLE: Expandable = {
    ("checkout.session", "line_items"): _first_lines,
    ("checkout.session", "total_details.breakdown"): _breakdown,
    ("item", "discounts"): _line_discounts,
    ("item", "taxes"): lambda *_: [],
}
TIMERS: Timers = {"expire": on_object("session", "checkout.session", sessions.expire_if_open)}
