"""The buyer of a Checkout session: known details, and the customer created from them."""

from __future__ import annotations

from typing import Any

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.objects.shapes import new_body, new_part
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.changes import add, update_and_emit


def customer_details(**fields: Any) -> Body:
    """Return a session's `customer_details` with these fields."""
    return new_part("checkout.session.customer_details", **fields)


def final_details(body: Body, method: Stored | None) -> Body:
    """Return the details that were typed or known, completed from the payment method."""
    details = method.body["billing_details"] if method else {}
    known = body["customer_details"] or customer_details()
    found = {name: known.get(name) or details.get(name) for name in ("email", "name", "phone")}
    return {**known, **found, "address": details.get("address") or known.get("address")}


def session_customer(box: Box, session: Stored, method: Stored | None) -> str | None:
    """Return the session's customer, and create one if requested or needed to save the payment method."""
    body, private = session.body, session.private
    requested = body["customer_creation"] == "always" or private["intent"].get("setup_future_usage")
    if body["customer"] is not None or not requested:
        return body["customer"]  # type: ignore[no-any-return]
    if "made_customer" not in private:
        details = final_details(body, method)
        found = {name: details[name] for name in ("email", "name", "phone", "address")}
        found |= {name: details[name] for name in ("business_name", "individual_name") if details[name]}
        made = new_customer(**found, shipping=collected_shipping(body))
        add(box, made, "customer.created")
        private["made_customer"] = made["id"]
    return str(private["made_customer"])


def update_customer(box: Box, session: Stored) -> None:
    """Update the customer with the collected details that `customer_update` names."""
    requested = [name for name, when in session.private.get("customer_update", {}).items() if when == "auto"]
    details = {**session.body["customer_details"], "shipping": collected_shipping(session.body)}
    if not requested:
        return
    customer = box.get(session.body["customer"], "customer")
    changed = {name: details[name] for name in requested if details[name] and details[name] != customer.body.get(name)}
    if changed:
        update_and_emit(box, customer, "customer.updated", **changed)


def collected_shipping(body: Body) -> Body | None:
    """Return the collected shipping address in the form that customers have, or None."""
    shipped = (body["collected_information"] or {}).get("shipping_details")
    phone = (body["customer_details"] or {}).get("phone")
    return shipped and {"address": shipped["address"], "name": shipped["name"], "phone": phone}


def new_customer(**fields: object) -> Body:
    """Return a new customer with these fields."""
    body = new_body("customer", "cus_")
    body["invoice_prefix"] = body["id"][-8:].upper()
    return body | fields
