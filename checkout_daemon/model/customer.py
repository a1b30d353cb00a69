"""The customer: checks the name, email and phone that a shopper typed, and brings them into one form."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from checkout_daemon.errors import FieldError
from checkout_daemon.model.text import cleaned, is_visible, names_address, tidied, unusable
from checkout_daemon.shop.phones import PHONE_RULE, PhoneRule

MAXIMUM_NAME = 200
MAXIMUM_EMAIL = 254
# Longer input is refused before it is processed: composing a name takes time that grows with the square of its length.
# A letter has at most four code points before it is composed.
_LONGEST_NAME = 4 * MAXIMUM_NAME
_LONGEST_EMAIL = 320  # 64 for the local part, 255 for the domain
_LONGEST_LOCAL_PART = 64  # in octets (RFC 5321, 4.5.3.1.1): mail servers refuse a longer one
_LONGEST_PHONE = 100  # 15 digits, and what people write between them
_LABEL = re.compile(r"[^\s.*?]+")


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer: name without surrounding blanks, email in ASCII, phone in E.164 or empty."""

    name: str
    email: str
    phone: str


def check_customer(
    name: str, email: str, phone: str, *, phone_rule: PhoneRule = PHONE_RULE
) -> tuple[Customer | None, list[FieldError]]:
    """Return the customer, or None and every fault in words for the shopper. Uses no network."""
    checked = (
        check_name(name),
        check_email(email),
        _ruled_phone(phone, phone_rule),
    )
    faults = [result for result in checked if isinstance(result, FieldError)]
    texts = [result for result in checked if isinstance(result, str)]
    return (None, faults) if faults else (Customer(*texts), [])


def check_name(text: str) -> str | FieldError:
    """Return a name as checkout stores it, or its fault."""
    return _checked("/customer/name", "invalid_name", _name, text)


def check_email(text: str) -> str | FieldError:
    """Return an email address as checkout stores it, or its fault."""
    return _checked("/customer/email", "invalid_email", _email, text)


def check_phone(text: str, country: str | None = None) -> str | FieldError:
    """Return a phone number as checkout stores it, or its fault. `country` (ISO 3166): of one without its code."""
    return _checked("/customer/phone", "invalid_phone", partial(_phone, country=country), text)


def _ruled_phone(text: str, rule: PhoneRule) -> str | FieldError:
    if rule.asked == "off" or (rule.asked == "optional" and not cleaned(text)):
        return ""
    return check_phone(text, rule.country)


def email_form(text: str) -> str:
    """Return an email address as it is stored, to search for it; any other text is only cleaned."""
    try:
        return _email(text)
    except _Unfit:
        return cleaned(text)


def domain_form(text: str) -> str:
    """Return part of an email address, which may have the wildcard `*`, with its domain as it is stored, in ASCII."""
    local, at, domain = text.rpartition("@")
    return local + at + _LABEL.sub(_stored_label, domain)


def _stored_label(found: re.Match[str]) -> str:
    label = found[0]
    return label if label.isascii() else email_form(f"a@{label}.com").removeprefix("a@").removesuffix(".com")


class _Unfit(Exception):
    """A field is wrong. The message is for the shopper."""


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
        # test_environment accepts addresses under .test, which nobody can own, and the domain `test`.
        found = validate_email(text, check_deliverability=False, allow_smtputf8=False, test_environment=True)
    except EmailNotValidError:
        found = None
    email = found.ascii_email if found is not None else None  # the domain in its ASCII form, as mail servers accept it
    local_part, _, domain = (email or "").rpartition("@")
    if email is None or "." not in domain:
        _require_usable("email address", text)
        if letter := next((char for char in text.rpartition("@")[0] if not char.isascii()), None):
            raise _Unfit(_unusable("email address", f"U+{ord(letter):04X}")) from None
        raise _Unfit("Please enter an email address such as name@example.com.")
    if len(local_part) > _LONGEST_LOCAL_PART:
        raise _Unfit(_too_long("part of the email address before the @", _LONGEST_LOCAL_PART))
    return email


def _phone(text: str, country: str | None = None) -> str:
    import phonenumbers  # 60 ms

    text = cleaned(text)
    if len(text) > _LONGEST_PHONE:
        raise _Unfit(_too_long("phone number", _LONGEST_PHONE))
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        number = None
    # Possible, not valid: numbers reserved for fiction and newly assigned ranges must pass. A number without its area
    # code is possible only within that area.
    possible = phonenumbers.ValidationResult.IS_POSSIBLE
    if number is None or phonenumbers.is_possible_number_with_reason(number) != possible:
        _require_usable("phone number", text)
        if country is not None:
            raise _Unfit("Please enter a complete phone number; one from abroad with + and the country code.")
        raise _Unfit("Please enter a phone number with + and the country code, such as +43 664 1234567.")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)  # which has no extension


def _require_usable(field: str, text: str) -> None:
    if (found := unusable(text)) is not None:
        raise _Unfit(_unusable(field, found))


def _unusable(field: str, char: str) -> str:
    return f"The {field} contains a character that cannot be used: {char}. Please remove it."


def _too_long(field: str, most: int) -> str:
    return f"The {field} is too long. It can have at most {most} characters."


def import_validators() -> None:
    """Import the modules that check addresses and phone numbers, so that the first customer does not wait for them."""
    import email_validator  # noqa: F401
    import phonenumbers  # noqa: F401
