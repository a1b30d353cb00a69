"""The words of sums and addresses in mails, which no template has to repeat."""

from __future__ import annotations

from collections.abc import Mapping

_WORDS = {
    "en": {
        "subtotal": "Subtotal",
        "discount": "Discount",
        "shipping": "Shipping",
        "total": "Total",
        "tax": "includes {amount} {label}",
        "ship_to": "Delivery address",
        "order_link": "Your order:",
    },
    "de": {
        "subtotal": "Zwischensumme",
        "discount": "Rabatt",
        "shipping": "Versand",
        "total": "Gesamtsumme",
        "tax": "enthält {amount} {label}",
        "ship_to": "Lieferadresse",
        "order_link": "Ihre Bestellung:",
    },
}


def words_in(language: str) -> Mapping[str, str]:
    """Return the words in a language such as de or de-AT, else in English."""
    return _WORDS.get(language.partition("-")[0], _WORDS["en"])
