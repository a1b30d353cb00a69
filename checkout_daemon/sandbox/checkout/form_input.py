"""Read what a shopper types and chooses on the hosted page, check it, and write it to the session."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.checkout.buyers import customer_details
from checkout_daemon.sandbox.checkout.form_fields import named_countries
from checkout_daemon.sandbox.checkout.promotions import Buyer, shown_discounts, typed_discount
from checkout_daemon.sandbox.checkout.totals import set_totals, shipping_cost
from checkout_daemon.sandbox.errors import ApiError
from checkout_daemon.sandbox.payments import methods
from checkout_daemon.sandbox.storage import Body, Stored

Typed = Mapping[str, str]

_ADDRESS = ("line1", "line2", "city", "state", "postal_code", "country")
_ESSENTIAL = {"line1": "address", "city": "city", "postal_code": "postal code", "country": "country"}
_LONGEST_EMAIL = 500


def take_choices(box: Box, session: Stored, form: Typed) -> bool:
    """Set quantities, shipping and promotion code. Return whether the total changed, which the shopper must see."""
    body, private = session.body, session.private
    private.setdefault("discount", None)
    before = (body["amount_total"], body["total_details"])
    lines = _quantities(box, session, form)
    for option in body["shipping_options"]:
        if option["shipping_rate"] == form.get("shipping_rate"):
            body["shipping_cost"] = shipping_cost(option)
    if form.get("action") == "remove_code" and body["allow_promotion_codes"]:
        private["discount"] = None
    elif (text := form.get("promotion_code", "").strip()) and body["allow_promotion_codes"]:
        subtotal = sum(line.body["price"]["unit_amount"] * line.body["quantity"] for line in lines)
        buyer = Buyer(body["customer"], becomes_customer=body["customer_creation"] == "always")
        private["discount"] = typed_discount(box, text, body["currency"], subtotal, buyer)
    body["discounts"] = shown_discounts(private["discount"])
    set_totals(body, private["discount"] and private["discount"]["coupon"], lines)
    for line in lines:
        box.storage.save(line)
    box.storage.save(session)
    return (body["amount_total"], body["total_details"]) != before


def take_details(box: Box, session: Stored, form: Typed) -> None:
    """Write the buyer and the shipping address to the session. Raise ApiError for the first invalid field."""
    body = session.body
    known = body["customer_details"] or customer_details()
    details = {**known, "email": known["email"] or _email(form)}
    if body["phone_number_collection"]["enabled"]:
        details["phone"] = _phone(form) or known["phone"]
    names = body.get("name_collection") or {}
    for kind in ("business", "individual"):
        if kind in names and names[kind]["enabled"]:
            label = f"{kind}_name"
            optional = names[kind]["optional"]
            details[label] = (
                form.get(label, "").strip() or None if optional else _needed(form, label, f"the {kind} name")
            )
    if body["billing_address_collection"] == "required":
        details["name"] = _needed(form, "name", "your name")
        details["address"] = _address(form, "")
    body["customer_details"] = details
    shipped = None
    if collection := body["shipping_address_collection"]:
        address = _address(form, "shipping_", collection["allowed_countries"])
        shipped = {"address": address, "name": _needed(form, "shipping_name", "the recipient's name")}
    if shipped or names:
        body["collected_information"] = {
            "business_name": details["business_name"],
            "individual_name": details["individual_name"],
            "shipping_details": shipped,
        }
    for field in body["custom_fields"]:
        _take_custom(field, form)
    body["consent"] = _consent(body["consent_collection"], form)
    box.storage.save(session)


def typed_method(session: Body, form: Typed) -> Stored:
    """Return the typed payment method, not stored yet. Raise ApiError."""
    types = session["payment_method_types"]
    chosen = form.get("method") or types[0]
    known = session["customer_details"] or {}
    details = {name: known.get(name) for name in ("email", "name", "phone", "address")}
    details["name"] = details["name"] or form.get("account_name", "").strip() or None
    if session["billing_address_collection"] != "required":
        _take_holder(details, chosen, form)
    if chosen == "sepa_debit":
        return _typed("iban", lambda: methods.debit_method(form.get("iban", ""), details))
    if chosen == "us_bank_account":
        _needed(form, "account_name", "the name on the account")
        number, routing = (form.get(name, "").replace(" ", "") for name in ("account_number", "routing_number"))
        kind = "savings" if form.get("account_type") == "savings" else "checking"
        return _typed("account_number", lambda: methods.us_bank_method(number, routing, details, account_type=kind))
    month, slash, year = form.get("expiry", "").replace(" ", "").partition("/")
    if not (
        slash and month.isascii() and month.isdigit() and year.isascii() and year.isdigit() and len(year) in (2, 4)
    ):
        raise fault("expiry", "Your card's expiration date is incomplete. Use the form MM/YY.")
    number, cvc = form.get("number", ""), form.get("cvc", "").strip()
    method = _typed("number", lambda: methods.card_from_number(number, int(month), int(year), cvc, details))
    if (wallet := form.get("wallet", "")) in _WALLETS:
        # A wallet shows its own number, that of the device, and Stripe reports both.
        method.body["card"]["wallet"] = {wallet: {}, "dynamic_last4": "4321", "type": wallet}
    return method


def _take_holder(details: Body, method: str, form: Typed) -> None:
    """Read the holder of the card or account. A program that posts the form without these fields pays anonymously."""
    if method == "sepa_debit" and "iban_name" in form:
        details["name"] = _needed(form, "iban_name", "the name on the account")
    if method != "card" or "card_name" not in form:
        return
    details["name"] = _needed(form, "card_name", "the name on the card")
    country = form.get("card_country", "")
    if country not in {code for code, _ in named_countries()}:
        raise fault("card_country", "Choose a country.")
    code = _needed(form, "card_postal_code", "the ZIP or postal code") if country in WITH_POSTAL_CODE else None
    details["address"] = {**dict.fromkeys(_ADDRESS), "country": country, "postal_code": code}


_WALLETS = ("apple_pay", "google_pay", "link")
"""The page has no field for a wallet, because it has none of their buttons. A program can post one."""

WITH_POSTAL_CODE = ("US", "CA", "GB")
"""The countries whose cards need a postal code on Stripe's page. hosted.css shows the field for the same ones."""


def fault(name: str, message: str) -> ApiError:
    """Return the error for an invalid field."""
    return ApiError(message, status=402, param=name)


_FIELDS = {
    "cvc": "cvc",
    "exp_month": "expiry",
    "exp_year": "expiry",
    "number": "number",
    "sepa_debit[iban]": "iban",
    "us_bank_account[account_number]": "account_number",
    "us_bank_account[routing_number]": "routing_number",
}
"""The page's field for each parameter that an error may name."""


def _typed(name: str, build: Callable[[], Stored]) -> Stored:
    try:
        return build()
    except ApiError as error:
        error.error["param"] = _FIELDS.get(error.error.get("param", ""), name)
        raise


def _quantities(box: Box, session: Stored, form: Typed) -> list[Stored]:
    """Return the session's lines with the typed quantities."""
    lines = box.storage.children(session.id, "item")
    for line in lines:
        bounds, name = line.body["adjustable_quantity"], f"quantity_{line.id}"
        if bounds is None or name not in form:
            continue
        least, most = max(bounds["minimum"], 1), bounds["maximum"]
        text = form[name].strip()
        if not (text.isascii() and text.isdigit() and len(text) < 7 and least <= int(text) <= most):
            raise fault(name, f"Choose a quantity between {least} and {most}.")
        line.body["quantity"] = int(text)
    return lines


def _needed(form: Typed, name: str, what: str) -> str:
    text = form.get(name, "").strip()
    if not text:
        raise fault(name, f"Enter {what}.")
    if len(text) > 500:
        raise fault(name, "This text is too long.")
    return text


def is_email(text: str) -> bool:
    """Return whether a text has the form of an email address."""
    return "@" in text[1:-1] and " " not in text and len(text) <= _LONGEST_EMAIL


def _email(form: Typed) -> str:
    text = _needed(form, "email", "your email address")
    if not is_email(text):
        raise fault("email", "This is not a valid email address. Use the form name@example.com.")
    return text


def _phone(form: Typed) -> str:
    text = "".join(character for character in _needed(form, "phone", "your phone number") if character not in " -()./")
    digits = text.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and 6 <= len(digits) <= 15):
        raise fault("phone", "This is not a valid phone number. Use the form +1 201 555 0123.")
    return text


def _address(form: Typed, prefix: str, countries: list[str] | None = None) -> Body:
    for name, what in _ESSENTIAL.items():
        _needed(form, f"{prefix}{name}", f"the {what}")
    address: Body = {name: form.get(f"{prefix}{name}", "").strip()[:500] or None for name in _ADDRESS}
    if countries and address["country"] not in countries:
        raise fault(f"{prefix}country", "The shop does not deliver to this country.")
    return address


def _take_custom(field: Body, form: Typed) -> None:
    name, label, kind = f"custom_{field['key']}", field["label"]["custom"], field["type"]
    text = form.get(name, "").strip()
    if not text and field["optional"]:
        field[kind]["value"] = None
        return
    _needed(form, name, label)
    if kind == "dropdown":
        if text not in [option["value"] for option in field["dropdown"]["options"]]:
            raise fault(name, f"{label}: choose an option from the list.")
    else:
        if kind == "numeric" and not (text.isascii() and text.isdigit()):
            raise fault(name, f"{label}: digits only.")
        least, most = field[kind]["minimum_length"] or 0, field[kind]["maximum_length"] or 255
        if not least <= len(text) <= most:
            raise fault(name, f"{label}: between {least} and {most} characters.")
    field[kind]["value"] = text


def _consent(asked: Body | None, form: Typed) -> Body | None:
    if asked is None:
        return None
    terms = asked["terms_of_service"] == "required"
    if terms and form.get("terms") != "yes":
        raise fault("terms", "Agree to the terms of service to continue.")
    promotions = None
    if asked["promotions"] == "auto":
        promotions = "opt_in" if form.get("promotions") == "yes" else "opt_out"
    return {"promotions": promotions, "terms_of_service": "accepted" if terms else None}
