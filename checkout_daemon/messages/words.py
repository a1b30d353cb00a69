"""The words of sums and addresses in mails, which no template has to repeat."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from checkout_daemon.messages.outcomes import TryLater

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


def words_in(language: str, folder: Path | None = None) -> Mapping[str, str]:
    """Return the words in a language such as de or de-AT; what is missing is English.

    `words.LANGUAGE.json` in the shop's folder of templates adds a language, or changes words. Raise TryLater if it is
    faulty: the shop can fix it while the mail waits.
    """
    base = language.partition("-")[0]
    words = _WORDS["en"] | _WORDS.get(base, {})
    for tag in dict.fromkeys((base, language)):
        if folder is not None:
            words |= _read(folder / f"words.{tag}.json")
    return words


def _read(path: Path) -> dict[str, str]:
    try:
        words = msgspec.json.decode(path.read_text("utf-8-sig"), type=dict[str, str])
        words.get("tax", "").format(amount="", label="")
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError, ValueError, LookupError, AttributeError, TypeError) as error:
        raise TryLater(f"the words of {path.name} are faulty: {error}") from error
    return words
