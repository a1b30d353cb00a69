"""Payment methods: test cards and bank accounts, by token, number or IBAN."""

from __future__ import annotations

import hashlib

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.clock import today
from checkout_daemon.sandbox.errors import ApiError, invalid, missing_object, not_modelled
from checkout_daemon.sandbox.objects.shapes import billing_details, new_body, new_part
from checkout_daemon.sandbox.parameters.specs import Params
from checkout_daemon.sandbox.payments import stripe_test_methods
from checkout_daemon.sandbox.payments.acceptance import card_error
from checkout_daemon.sandbox.payments.stripe_test_methods import CARD_NAMES, CARDS, DECLINES, card_by_token, passes_luhn
from checkout_daemon.sandbox.storage import Stored
from checkout_daemon.sandbox.webhooks.changes import update_and_emit
from checkout_daemon.sandbox.webhooks.events import emit

_EXPIRES_IN_YEARS = 5


def card_method(name: str, details: Params | None = None, expiry: tuple[int, int] | None = None) -> Stored:
    """Return a payment method for the test card with this name."""
    card = CARDS[name]
    month, year = expiry or (12, today().year + _EXPIRES_IN_YEARS)
    method = _method("card", details, {"card": name}, card.number, exp_month=month, exp_year=year)
    fields = method.body["card"]
    fields |= {"brand": card.brand, "country": card.country, "display_brand": card.brand, "funding": card.funding}
    fields["networks"]["available"] = [card.brand]
    fields["checks"] |= card.checks
    return method


def card_from_number(number: str, month: int, year: int, cvc: str | None, details: Params | None = None) -> Stored:
    """Return a payment method for a typed card. Raise ApiError if it is no test card that the sandbox has."""
    digits = number.replace(" ", "").replace("-", "")
    name = CARD_NAMES.get(digits)
    if digits in stripe_test_methods.NOT_MODELLED.values():
        raise not_modelled(f"the test card {digits}", "number")
    if name is None:
        if not (digits.isascii() and digits.isdigit() and 12 <= len(digits) <= 19 and passes_luhn(digits)):
            raise card_error(DECLINES["incorrect_number"])
        raise card_error(DECLINES["test_mode_live_card"])
    moment = today()
    year = year + 2000 if 0 <= year < 100 else year
    if not 1 <= month <= 12:
        raise card_error(DECLINES["invalid_expiry_month"])
    if not moment.year <= year <= moment.year + 50 or (year, month) < (moment.year, moment.month):
        raise card_error(DECLINES["invalid_expiry_year"])
    if cvc is not None and not (cvc.isascii() and cvc.isdigit() and len(cvc) in (3, 4)):
        raise card_error(DECLINES["invalid_cvc"])
    return card_method(name, details, (month, year))


def debit_method(iban: str, details: Params | None = None) -> Stored:
    """Return a payment method for a SEPA bank account."""
    param = "sepa_debit[iban]"
    plain = iban.replace(" ", "").upper()
    if not stripe_test_methods.is_iban(plain):
        raise ApiError("The IBAN you entered is invalid.", code="invalid_bank_account_iban", param=param)
    for ending, (code, message) in stripe_test_methods.REFUSED_IBAN_ENDINGS.items():
        if plain.endswith(ending):
            raise ApiError(message, code=code, param=param)
    return _method("sepa_debit", details, {"iban": plain}, plain, bank_code=plain[4:9], country=plain[:2])


def us_bank_method(
    number: str,
    routing: str = stripe_test_methods.ROUTING_NUMBER,
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
    fields = {"account_holder_type": holder, "account_type": account_type, "routing_number": routing}
    return _method("us_bank_account", details, {"account": number}, f"{routing}:{number}", **fields)


def balance_method(details: Params | None = None) -> Stored:
    """Return a payment method for the customer's cash balance."""
    return _method("customer_balance", details, {})


def test_account(method: Stored) -> stripe_test_methods.TestAccount:
    """Return the test account that decides the outcome of this method's debits."""
    if method.body["type"] == "us_bank_account":
        return stripe_test_methods.us_account(method.private["account"])
    return stripe_test_methods.sepa_account(method.private["iban"])


def method_by_token(test_id: str) -> Stored | None:
    """Return a new method, not stored yet, for an id such as `pm_card_NAME`, `tok_NAME` or `pm_sepaDebit_NAME_cc`."""
    if name := card_by_token(test_id):
        return card_method(name)
    details = {"email": "customer@example.com", "name": "Test Customer"}
    if iban := stripe_test_methods.IBAN_BY_ID.get(test_id):
        return debit_method(iban, details)
    if number := stripe_test_methods.ACCOUNT_BY_ID.get(test_id):
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
    """Attach the method to a customer. Raise ApiError if it cannot be reused or belongs to another customer."""
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
    if card is not None and card.outcome == "decline" and not method.private["card"].endswith("CustomerFail"):
        raise card_error(DECLINES[card.decline])
    method.customer = customer
    update_and_emit(box, method, "payment_method.attached", customer=customer)


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


def _method(kind: str, details: Params | None, private: Params, number: str = "", **fields: object) -> Stored:
    """Return a payment method with the fingerprint of its number and the last digits."""
    body = new_body("payment_method", "pm_1", billing_details=billing_details(details), type=kind)
    if number:
        fields |= {"fingerprint": hashlib.sha256(number.encode()).hexdigest()[:16], "last4": number[-4:]}
    body[kind] = new_part(f"payment_method.{kind}", **fields)
    return Stored(body, private)
