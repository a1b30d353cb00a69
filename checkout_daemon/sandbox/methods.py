"""Payment methods: test cards and bank accounts, by token, number or IBAN."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.declines import card_error
from checkout_daemon.sandbox.errors import ApiError, missing_object
from checkout_daemon.sandbox.events import emit
from checkout_daemon.sandbox.params import Params
from checkout_daemon.sandbox.shapes import billing_details, new_object
from checkout_daemon.sandbox.storage import Record
from checkout_daemon.sandbox.testdata import (
    CARDS,
    DECLINES,
    Decline,
    card_by_number,
    card_by_token,
    is_iban,
    passes_luhn,
)

_EXPIRES_IN_YEARS = 5


def card_method(name: str, details: Params | None = None, expiry: tuple[int, int] | None = None) -> Record:
    """A payment method for the test card with this name."""
    card = CARDS[name]
    month, year = expiry or (12, datetime.now(UTC).year + _EXPIRES_IN_YEARS)
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


def card_from_number(number: str, month: int, year: int, cvc: str | None, details: Params | None = None) -> Record:
    """A payment method for what was typed. Raises ApiError (402) for what no card can be."""
    digits = number.replace(" ", "").replace("-", "")
    name = card_by_number(digits)
    if name is None:
        if not (digits.isascii() and digits.isdigit() and 12 <= len(digits) <= 19 and passes_luhn(digits)):
            raise card_error(DECLINES["incorrect_number"], param="number")
        raise card_error(DECLINES["test_mode_live_card"])
    today = datetime.now(UTC)
    year = year + 2000 if 0 <= year < 100 else year
    if not 1 <= month <= 12:
        raise card_error(
            Decline("invalid_expiry_month", None, "Your card's expiration month is invalid."), param="exp_month"
        )
    if not today.year <= year <= today.year + 50 or (year, month) < (today.year, today.month):
        raise card_error(
            Decline("invalid_expiry_year", None, "Your card's expiration year is invalid."), param="exp_year"
        )
    if cvc is not None and not (cvc.isascii() and cvc.isdigit() and len(cvc) in (3, 4)):
        raise card_error(Decline("invalid_cvc", None, "Your card's security code is invalid."), param="cvc")
    return card_method(name, details, (month, year))


def debit_method(iban: str, details: Params | None = None, param: str = "sepa_debit[iban]") -> Record:
    """A payment method for a bank account."""
    plain = iban.replace(" ", "").upper()
    if not is_iban(plain):
        raise ApiError("The IBAN you entered is invalid.", code="invalid_bank_account_iban", param=param)
    fields = {
        "bank_code": plain[4:9],
        "branch_code": None,
        "country": plain[:2],
        "fingerprint": _fingerprint(plain),
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": plain[-4:],
    }
    return _method("sepa_debit", fields, details, {"iban": plain})


def method_by_id(box: Box, object_id: str, param: str = "payment_method") -> Record:
    """The payment method; `pm_card_NAME` and `tok_NAME` make a new one."""
    if name := card_by_token(object_id):
        return box.storage.add(card_method(name))
    record = box.storage.find(object_id, "payment_method")
    if record is None:
        noun = "token" if object_id.startswith("tok_") else "PaymentMethod"
        raise missing_object(noun, object_id, param)
    return record


def attach(box: Box, method: Record, customer: str) -> None:
    box.get(customer, "customer", "customer")
    method.body["customer"] = method.customer = customer
    box.storage.save(method)
    emit(box, "payment_method.attached", method.body)


def _method(kind: str, fields: Params, details: Params | None, private: Params) -> Record:
    body = new_object(
        "pm_1",
        "payment_method",
        allow_redisplay="unspecified",
        billing_details=billing_details(details),
        customer=None,
        customer_account=None,
        metadata={},
        type=kind,
    )
    body[kind] = fields
    return Record(body, private)


def _fingerprint(number: str) -> str:
    return hashlib.sha256(number.encode()).hexdigest()[:16]
