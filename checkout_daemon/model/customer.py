"""Who buys: the name, email and phone that a shopper typed, checked and brought into one form."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from checkout_daemon.errors import FieldError
from checkout_daemon.model.text import cleaned, is_visible, names_address, tidied, unusable

MAXIMUM_NAME = 200
MAXIMUM_EMAIL = 254
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
    """Return the customer, or None and every fault, in words for the shopper. Asks no network."""
    checked = (
        _checked("/customer/name", "invalid_name", _name, name),
        _checked("/customer/email", "invalid_email", _email, email),
        _checked("/customer/phone", "invalid_phone", _phone, phone),
    )
    faults = [each for each in checked if isinstance(each, FieldError)]
    texts = [each for each in checked if isinstance(each, str)]
    return (None, faults) if faults else (Customer(*texts), [])


def email_form(text: str) -> str:
    """Return an email address as it is stored, to be searched for; anything else comes back cleaned."""
    try:
        return _email(text)
    except _Unfit:
        return cleaned(text)


class _Unfit(Exception):
    """What is wrong with a field, in words for the shopper."""


def _checked(pointer: str, code: str, check: Callable[[str], str], text: str) -> str | FieldError:
    try:
        return check(text)
    except _Unfit as error:
        return FieldError(pointer, code, str(error))


def _name(text: str) -> str:
    text = text.strip()
    if len(text) > _LONGEST_NAME:
        raise _Unfit(_too_long("name", MAXIMUM_NAME))
    text = tidied(text)
    if not is_visible(text):
        raise _Unfit("Please enter your name.")
    _require_usable("name", text)
    text = unicodedata.normalize("NFC", text)
    if len(text) > MAXIMUM_NAME:
        raise _Unfit(_too_long("name", MAXIMUM_NAME))
    if names_address(text):
        raise _Unfit("The name contains a web address. Please remove it, or put a space after each dot.")
    return text


def _email(text: str) -> str:
    from email_validator import EmailNotValidError, validate_email  # 50 ms

    text = cleaned(text)
    if len(text) > _LONGEST_EMAIL:
        raise _Unfit(_too_long("email address", MAXIMUM_EMAIL))
    try:
        # The test environment lets addresses under .test pass, which no one can own.
        found = validate_email(text, check_deliverability=False, allow_smtputf8=False, test_environment=True)
    except EmailNotValidError:
        found = None
    if found is None or found.ascii_email is None:
        _require_usable("email address", text)
        if letter := next((each for each in text.rpartition("@")[0] if not each.isascii()), None):
            raise _Unfit(_unusable("email address", f"U+{ord(letter):04X}")) from None
        raise _Unfit("Please enter an email address such as name@example.com.")
    return found.ascii_email  # a domain in its ASCII form: what Stripe and mail servers take


def _phone(text: str) -> str:
    import phonenumbers  # 60 ms

    text = cleaned(text)
    if len(text) > _LONGEST_PHONE:
        raise _Unfit(_too_long("phone number", _LONGEST_PHONE))
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        number = None
    # Possible, not valid: numbers kept for fiction and ranges given out last week must pass.
    if number is None or not phonenumbers.is_possible_number(number):
        _require_usable("phone number", text)
        raise _Unfit("Please enter a phone number with + and the country code, such as +43 664 1234567.")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _require_usable(field: str, text: str) -> None:
    if (found := unusable(text)) is not None:
        raise _Unfit(_unusable(field, found))


def _unusable(field: str, char: str) -> str:
    return f"The {field} contains a character that cannot be used: {char}. Please remove it."


def _too_long(field: str, most: int) -> str:
    return f"The {field} is too long. It can have at most {most} characters."
