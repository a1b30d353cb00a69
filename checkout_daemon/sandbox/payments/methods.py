"""Payment methods: test cards and bank accounts, by token, number or IBAN."""

from __future__ import annotations

import hashlib

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.clock import today
from checkout_daemon.sandbox.errors import ApiError, invalid, missing_object
from checkout_daemon.sandbox.objects.shapes import billing_details, new_body
from checkout_daemon.sandbox.parameters.specs import Params
from checkout_daemon.sandbox.payments import testbanks
from checkout_daemon.sandbox.payments.declines import card_error
from checkout_daemon.sandbox.payments.testdata import (
    CARDS,
    DECLINES,
    CardOutcome,
    Decline,
    card_by_number,
    card_by_token,
    passes_luhn,
)
from checkout_daemon.sandbox.storage import Stored
from checkout_daemon.sandbox.webhooks.events import emit

_EXPIRES_IN_YEARS = 5


def card_method(name: str, details: Params | None = None, expiry: tuple[int, int] | None = None) -> Stored:
    """Return a payment method for the test card with this name."""
    card = CARDS[name]
    month, year = expiry or (12, today().year + _EXPIRES_IN_YEARS)
    checked = "fail" if card.decline == "incorrect_cvc" else "pass"
    fields = {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": checked},
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": month,
        "exp_year": year,
        "fingerprint": _fingerprint(card.number),
        "funding": card.funding,
        "generated_from": None,
        "last4": card.number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }
    return _method("card", fields, details, {"card": name})


def card_from_number(number: str, month: int, year: int, cvc: str | None, details: Params | None = None) -> Stored:
    """Return a payment method for a typed card. Raises ApiError (402) if it is not a valid test card."""
    digits = number.replace(" ", "").replace("-", "")
    name = card_by_number(digits)
    if name is None:
        if not (digits.isascii() and digits.isdigit() and 12 <= len(digits) <= 19 and passes_luhn(digits)):
            raise card_error(DECLINES["incorrect_number"], param="number")
        raise card_error(DECLINES["test_mode_live_card"])
    moment = today()
    year = year + 2000 if 0 <= year < 100 else year
    if not 1 <= month <= 12:
        raise card_error(
            Decline("invalid_expiry_month", None, "Your card's expiration month is invalid."),
            param="exp_month",
        )
    if not moment.year <= year <= moment.year + 50 or (year, month) < (moment.year, moment.month):
        raise card_error(
            Decline("invalid_expiry_year", None, "Your card's expiration year is invalid."), param="exp_year"
        )
    if cvc is not None and not (cvc.isascii() and cvc.isdigit() and len(cvc) in (3, 4)):
        raise card_error(Decline("invalid_cvc", None, "Your card's security code is invalid."), param="cvc")
    return card_method(name, details, (month, year))


def debit_method(iban: str, details: Params | None = None, param: str = "sepa_debit[iban]") -> Stored:
    """Return a payment method for a SEPA bank account."""
    plain = iban.replace(" ", "").upper()
    if not testbanks.is_iban(plain):
        raise ApiError("The IBAN you entered is invalid.", code="invalid_bank_account_iban", param=param)
    for ending, (code, message) in testbanks.REFUSED_IBAN_ENDINGS.items():
        if plain.endswith(ending):
            raise ApiError(message, code=code, param=param)
    fields = {
        "bank_code": plain[4:9],
        "branch_code": None,
        "country": plain[:2],
        "fingerprint": _fingerprint(plain),
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": plain[-4:],
    }
    return _method("sepa_debit", fields, details, {"iban": plain})


def us_bank_method(
    number: str,
    routing: str = testbanks.ROUTING_NUMBER,
    details: Params | None = None,
    *,
    holder: str = "individual",
    account_type: str = "checking",
) -> Stored:
    """Return a payment method for a US bank account, already verified."""
    if not (number.isascii() and number.isdigit() and 4 <= len(number) <= 17):
        message = "The bank account number provided is invalid."
        raise ApiError(message, code="account_number_invalid", param="us_bank_account[account_number]")
    if not _is_routing_number(routing):
        message = "The bank account's routing number is invalid."
        raise ApiError(message, code="routing_number_invalid", param="us_bank_account[routing_number]")
    fields = {
        "account_holder_type": holder,
        "account_type": account_type,
        "bank_name": "STRIPE TEST BANK",
        "financial_connections_account": None,
        "fingerprint": _fingerprint(f"{routing}:{number}"),
        "last4": number[-4:],
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": routing,
        "status_details": {},
    }
    return _method("us_bank_account", fields, details, {"account": number})


def balance_method(details: Params | None = None) -> Stored:
    """Return a payment method for the customer's cash balance."""
    return _method("customer_balance", {}, details, {})


def test_account(method: Stored) -> testbanks.TestAccount:
    """Return the test account that decides the outcome of this method's debits."""
    if method.body["type"] == "us_bank_account":
        return testbanks.us_account(method.private["account"])
    return testbanks.sepa_account(method.private["iban"])


def method_by_token(test_id: str) -> Stored | None:
    """Return a new method, not stored yet, for an id such as `pm_card_NAME`, `tok_NAME` or `pm_sepaDebit_NAME_cc`."""
    if name := card_by_token(test_id):
        return card_method(name)
    details = {"email": "customer@example.com", "name": "Test Customer"}
    if iban := testbanks.iban_by_token(test_id):
        return debit_method(iban, details)
    if number := testbanks.account_by_token(test_id):
        return us_bank_method(number, details=details)
    return None


def method_by_id(box: Box, object_id: str, param: str | None = "payment_method") -> Stored:
    """Return a payment method. The ids of Stripe's test methods create one. `param` is None for an id in the path."""
    made = method_by_token(object_id)
    if made is not None:
        return box.storage.add(made)
    record = box.storage.find(object_id, "payment_method")
    if record is None:
        noun = "token" if object_id.startswith("tok_") else "PaymentMethod"
        raise missing_object(noun, object_id, param or "payment_method", in_path=param is None)
    return record


def attach(box: Box, method: Stored, customer: str) -> None:
    """Attach the method to a customer. Raises ApiError if it cannot be reused or belongs to another customer."""
    box.get(customer, "customer", "customer")
    if method.customer == customer:
        return
    if method.customer is not None:
        raise invalid("The payment method you provided has already been attached to a customer.")
    if method.private.get("used"):
        raise invalid(
            "This PaymentMethod was previously used without being attached to a Customer or was detached from a "
            "Customer, and may not be used again."
        )
    card = CARDS.get(method.private.get("card", ""))
    if card is not None and card.outcome is CardOutcome.DECLINE and not method.private["card"].endswith("CustomerFail"):
        raise card_error(DECLINES[card.decline])
    method.body["customer"] = method.customer = customer
    box.storage.save(method)
    emit(box, "payment_method.attached", method.body)


def detach(box: Box, method: Stored) -> None:
    """Detach the method from its customer. It cannot be used again."""
    if method.customer is None:
        raise invalid("The payment method you provided is not attached to a customer so detachment is impossible.")
    customer, method.customer, method.body["customer"] = method.customer, None, None
    method.private["used"] = True
    box.storage.save(method)
    emit(box, "payment_method.detached", method.body, {"customer": customer})


def _is_routing_number(number: str) -> bool:
    if len(number) != 9 or not (number.isascii() and number.isdigit()):
        return False
    return sum(int(digit) * weight for digit, weight in zip(number, (3, 7, 1) * 3, strict=True)) % 10 == 0


def _method(kind: str, fields: Params, details: Params | None, private: Params) -> Stored:
    body = new_body("payment_method", "pm_1", billing_details=billing_details(details), type=kind)
    body[kind] = fields
    return Stored(body, private)


def _fingerprint(number: str) -> str:
    return hashlib.sha256(number.encode()).hexdigest()[:16]
