"""Who buys: the name, email and phone that a shopper typed, checked and brought into one form."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from checkout_daemon.domain.text import is_clean, is_visible
from checkout_daemon.errors import FieldError

MAXIMUM_NAME = 200
# What is longer can be none, and is refused before anything reads it: putting a name's marks in order takes time that
# grows with the square of its length. A letter is four code points at most before they are composed.
_LONGEST_NAME = 4 * MAXIMUM_NAME
_LONGEST_EMAIL = 320  # 64 for the local part, 255 for the domain
_LONGEST_PHONE = 100  # 15 digits, and whatever people set between them


@dataclass(frozen=True, slots=True)
class Customer:
    """Name without surrounding blanks, email as it is sent to (ASCII), phone in E.164."""

    name: str
    email: str
    phone: str


def check_customer(name: str, email: str, phone: str) -> tuple[Customer | None, list[FieldError]]:
    """The customer; or None and every fault, in words for the shopper. Asks no network."""
    good_name, good_email, good_phone = _name(name), _email(email), _phone(phone)
    errors = []
    if good_name is None:
        detail = f"Please enter your name, in at most {MAXIMUM_NAME} characters."
        errors.append(FieldError("/customer/name", "invalid_name", detail))
    if good_email is None:
        detail = "Please enter an email address such as name@example.com."
        errors.append(FieldError("/customer/email", "invalid_email", detail))
    if good_phone is None:
        detail = "Please enter a phone number with + and the country code, such as +43 664 1234567."
        errors.append(FieldError("/customer/phone", "invalid_phone", detail))
    if good_name is None or good_email is None or good_phone is None:
        return None, errors
    return Customer(good_name, good_email, good_phone), []


def _name(text: str) -> str | None:
    text = text.strip()
    if len(text) > _LONGEST_NAME:
        return None
    text = unicodedata.normalize("NFC", text)
    return text if len(text) <= MAXIMUM_NAME and is_visible(text) and is_clean(text) else None


def _email(text: str) -> str | None:
    from email_validator import EmailNotValidError, validate_email  # 50 ms

    text = text.strip()
    if len(text) > _LONGEST_EMAIL:
        return None
    try:
        # The test environment lets addresses under .test pass, which no one can own.
        found = validate_email(text, check_deliverability=False, allow_smtputf8=False, test_environment=True)
    except EmailNotValidError:
        return None
    return found.ascii_email  # a domain in its ASCII form: what Stripe and mail servers take


def _phone(text: str) -> str | None:
    import phonenumbers  # 60 ms

    text = text.strip()
    if len(text) > _LONGEST_PHONE:
        return None
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return None
    # Possible, not valid: numbers kept for fiction and ranges given out last week must pass.
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
