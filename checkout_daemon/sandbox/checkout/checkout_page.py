"""Render the Checkout page of an open session."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import Any

from checkout_daemon.sandbox.checkout.form_fields import Form, home_country, named_countries
from checkout_daemon.sandbox.checkout.render import money, page
from checkout_daemon.sandbox.payments.stripe_test_methods import (
    FAILING_IBAN,
    PAGE_CARDS,
    ROUTING_NUMBER,
    SUCCEEDING_IBAN,
)

_PAGE_ACCOUNTS = (
    ("000123456789", "succeeds later"),
    ("000111111116", "fails later: no account"),
    ("000222222227", "fails later: insufficient funds"),
)
_SUBMIT = {"book": "Book", "donate": "Donate"}


@dataclass(frozen=True, slots=True)
class Bill:
    """What the page shows of a session: its lines, the shipping rates by id, the promotion code in use."""

    session: dict[str, Any]
    items: list[dict[str, Any]]
    rates: dict[str, dict[str, Any]] = field(default_factory=dict)
    code: str | None = None
    pictures: dict[str, str] = field(default_factory=dict)
    """The first picture of each product that has one, by the product's id."""


def checkout(bill: Bill, form: Form, error: str | None = None, notice: str | None = None) -> str:
    """Return the HTML of the Checkout page."""
    session = bill.session
    free = session["amount_total"] == 0
    alert = ""
    if error:
        text = escape(error)
        alert = f'<a href="#f-{escape(form.fault)}">{text}</a>' if form.fault else text
        focus = "" if form.fault else ' tabindex="-1" autofocus'
        alert = f'<p class="error" role="alert"{focus}>{alert}</p>'
    elif notice:
        alert = f'<p class="notice" role="status">{escape(notice)}</p>'
    back = f'<a class="back" href="{escape(session["cancel_url"])}">Back</a>' if session["cancel_url"] else ""
    name = (session.get("branding_settings") or {}).get("display_name")
    brand = f'<p class="brand">{escape(name)}</p>\n' if name else ""
    text = _SUBMIT.get(session["submit_type"] or "", "Pay")
    methods = "" if free else _fields(session, form)
    return page(
        "Checkout",
        f"""{back}
{brand}<h1>Checkout</h1>
{alert}
<form method="post" action="/c/pay/{escape(session["id"])}" class="columns" novalidate>
<input type="submit" name="action" value="pay" hidden>
<section class="summary" aria-label="Your order">
{_table(bill, form)}
{_codes(bill, form)}
</section>
<section class="details" aria-label="Your details">
{_details(session, form)}
{_delivery(bill, form)}
{methods}
{_custom(session, form)}
{_consent(session, form)}
{_message(session, "submit")}
<button type="submit" name="action" value="pay">{text}</button>
{_message(session, "after_submit")}
</section>
</form>
{"" if free else _test_values(session["payment_method_types"])}""",
    )


def _table(bill: Bill, form: Form) -> str:
    session = bill.session
    currency = session["currency"]
    rows = "".join(
        f"<tr><td>{_picture(bill, item)}{escape(item['description'] or 'Item')}</td><td>{_quantity(item, form)}</td>"
        f"<td>{money(item['amount_subtotal'], currency)}</td></tr>"
        for item in bill.items
    )
    sums = []
    if off := session["total_details"]["amount_discount"]:
        name = f"Discount ({escape(bill.code)})" if bill.code else "Discount"
        sums.append((name, f"−{money(off, currency)}"))
    if session["shipping_cost"]:
        sums.append(("Delivery", money(session["shipping_cost"]["amount_total"], currency)))
    foot = "".join(f'<tr><th scope="row" colspan="2">{name}</th><td>{amount}</td></tr>' for name, amount in sums)
    total = money(session["amount_total"], currency)
    update = ""
    if any(item["adjustable_quantity"] for item in bill.items):
        update = '<button type="submit" name="action" value="update" class="second">Update quantities</button>'
    return f"""<table><caption>Your order</caption>
<thead><tr><th scope="col">Item</th><th scope="col">Quantity</th><th scope="col">Amount</th></tr></thead>
<tbody>{rows}</tbody>
<tfoot>{foot}<tr class="total"><th scope="row" colspan="2">Total</th><td>{total}</td></tr></tfoot>
</table>{update}"""


def _picture(bill: Bill, item: dict[str, Any]) -> str:
    url = bill.pictures.get(item["price"]["product"], "")
    if not url.startswith("https://"):  # what the page's policy allows
        return ""
    return f'<img class="item" src="{escape(url)}" alt="" width="48" height="48" referrerpolicy="no-referrer">'


def _quantity(item: dict[str, Any], form: Form) -> str:
    bounds, name = item["adjustable_quantity"], f"quantity_{item['id']}"
    if bounds is None:
        return str(item["quantity"])
    return form.text(
        name, f"Quantity of {item['description']}", value=str(item["quantity"]), required=True, inputmode="numeric"
    )


def _codes(bill: Bill, form: Form) -> str:
    if not bill.session["allow_promotion_codes"]:
        return ""
    if bill.code:
        button = '<button type="submit" name="action" value="remove_code" class="second">Remove</button>'
        return f'<p class="code">Promotion code <strong>{escape(bill.code)}</strong> {button}</p>'
    typed = form.text("promotion_code", "Promotion code", maxlength="500", autocapitalize="characters")
    button = '<button type="submit" name="action" value="apply" class="second">Apply</button>'
    return f'<div class="code">{typed}{button}</div>'


def _details(session: dict[str, Any], form: Form) -> str:
    known = session["customer_details"] or {}
    parts = []
    if session["customer_email"] or known.get("email"):
        parts.append(f'<p class="known">Email <strong>{escape(known.get("email") or "")}</strong></p>')
    else:
        parts.append(form.text("email", "Email", kind="email", required=True, autocomplete="email"))
    if session["phone_number_collection"]["enabled"]:
        phone = known.get("phone")
        parts.append(form.text("phone", "Phone", value=phone, kind="tel", required=True, autocomplete="tel"))
    for kind, label, token in (("individual", "Full name", "name"), ("business", "Business name", "organization")):
        asked = (session.get("name_collection") or {}).get(kind)
        if asked and asked["enabled"]:
            parts.append(form.text(f"{kind}_name", label, required=not asked["optional"], autocomplete=token))
    if session["billing_address_collection"] == "required":
        name = form.text("name", "Name", value=known.get("name"), required=True, autocomplete="billing name")
        address = form.address("", known=known.get("address"))
        parts.append(f"<fieldset><legend>Billing address</legend>{name}{address}</fieldset>")
    return "".join(parts)


def _delivery(bill: Bill, form: Form) -> str:
    session, parts = bill.session, []
    if collection := session["shipping_address_collection"]:
        name = form.text("shipping_name", "Name", required=True, autocomplete="shipping name")
        address = form.address("shipping_", collection["allowed_countries"])
        hint = _message(session, "shipping_address")
        parts.append(f"<fieldset><legend>Deliver to</legend>{hint}{name}{address}</fieldset>")
    if session["shipping_options"]:
        options = [
            (
                option["shipping_rate"],
                f"{escape(bill.rates[option['shipping_rate']]['display_name'])} "
                f"<span>{money(option['shipping_amount'], session['currency'])}</span>",
            )
            for option in session["shipping_options"]
        ]
        parts.append(form.radios("shipping_rate", "Delivery", options, session["shipping_cost"]["shipping_rate"]))
    return "".join(parts)


def _custom(session: dict[str, Any], form: Form) -> str:
    parts = []
    for custom in session["custom_fields"]:
        name, label, kind = f"custom_{custom['key']}", custom["label"]["custom"], custom["type"]
        value = custom[kind]["value"] or custom[kind]["default_value"]
        if kind == "dropdown":
            options = [("", "Choose…"), *((option["value"], option["label"]) for option in custom[kind]["options"])]
            parts.append(form.select(name, label, options, value=value, required=not custom["optional"]))
        else:
            mode = "numeric" if kind == "numeric" else "text"
            parts.append(form.text(name, label, value=value, required=not custom["optional"], inputmode=mode))
    return "".join(parts)


def _consent(session: dict[str, Any], form: Form) -> str:
    asked = session["consent_collection"] or {}
    parts = []
    if asked.get("terms_of_service") == "required":
        text = session["custom_text"]["terms_of_service_acceptance"]
        label = text["message"] if text else "I agree to the terms of service"
        parts.append(form.checkbox("terms", label, required=True))
    if asked.get("promotions") == "auto":
        parts.append(form.checkbox("promotions", "Tell me about offers by email"))
    return "".join(parts)


def _message(session: dict[str, Any], name: str) -> str:
    text = session["custom_text"][name]
    return f'<p class="hint">{escape(text["message"])}</p>' if text else ""


def _fields(session: dict[str, Any], form: Form) -> str:
    types = session["payment_method_types"]
    billed = session["billing_address_collection"] == "required"  # the page asks for it above
    given = form.values.get("method", "")
    chosen = given if given in types else types[0]
    parts = [form.radios("method", "Pay by", [(kind, _NAMES[kind]) for kind in types], chosen)]
    if "card" in types:
        number = form.text("number", "Card number", required=True, inputmode="numeric", maxlength="30")
        expiry = form.text("expiry", "Expiry", required=True, inputmode="numeric", maxlength="9", placeholder="MM/YY")
        cvc = form.text("cvc", "CVC", required=True, inputmode="numeric", maxlength="4")
        owner = "" if billed else _holder(session, form)
        parts.append(f'<div class="method card">{number}<div class="pair">{expiry}{cvc}</div>{owner}</div>')
    if "sepa_debit" in types:
        iban = form.text("iban", "IBAN", required=True, maxlength="42")
        owner = "" if billed else form.text("iban_name", "Name on account", value=_known_name(session), required=True)
        parts.append(f'<div class="method debit">{iban}{owner}</div>')
    if "us_bank_account" in types:
        holder = form.text("account_name", "Name on the account", required=True)
        routing = form.text("routing_number", "Routing number", required=True, inputmode="numeric", maxlength="9")
        number = form.text("account_number", "Account number", required=True, inputmode="numeric", maxlength="17")
        kind = form.select("account_type", "Account type", (("checking", "Checking"), ("savings", "Savings")))
        parts.append(f'<div class="method bank">{holder}<div class="pair">{routing}{number}</div>{kind}</div>')
    return "".join(parts)


def _holder(session: dict[str, Any], form: Form) -> str:
    """Return a card's name, country and postal code fields, prefilled with a test buyer so that paying stays quick."""
    name = form.text("card_name", "Name on card", value=_known_name(session), required=True, autocomplete="cc-name")
    country = form.select("card_country", "Country or region", named_countries(), value=home_country(session["locale"]))
    code = form.text("card_postal_code", "ZIP", value=_TEST_ZIP, required=True, autocomplete="billing postal-code")
    return f'{name}<div class="pair">{country}<div class="zip">{code}</div></div>'


def _known_name(session: dict[str, Any]) -> str:
    return (session["customer_details"] or {}).get("name") or TEST_BUYER


TEST_BUYER = "Jenny Rosen"
_TEST_ZIP = "94107"
_NAMES = {"card": "Card", "sepa_debit": "Bank debit", "us_bank_account": "US bank account"}


def _test_values(types: list[str]) -> str:
    rows = []
    if "card" in types:
        rows += [f"<tr><td><code>{number}</code></td><td>{purpose}</td></tr>" for number, purpose in PAGE_CARDS]
    if "sepa_debit" in types:
        rows.append(f"<tr><td><code>{SUCCEEDING_IBAN}</code></td><td>Bank debit: succeeds later</td></tr>")
        rows.append(f"<tr><td><code>{FAILING_IBAN}</code></td><td>Bank debit: fails later</td></tr>")
    if "us_bank_account" in types:
        rows += [
            f"<tr><td><code>{ROUTING_NUMBER} / {number}</code></td><td>US bank account: {purpose}</td></tr>"
            for number, purpose in _PAGE_ACCOUNTS
        ]
    hint = "<p>Any expiry in the future and any three digits as CVC will do.</p>" if "card" in types else ""
    return (
        '<section class="test"><h2>Test values</h2>'
        '<table><thead><tr><th scope="col">Number</th><th scope="col">What happens</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>{hint}</section>"
    )
