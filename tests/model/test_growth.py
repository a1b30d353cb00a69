"""Input from strangers is read in linear time, and never for long."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from checkout_daemon.catalog.pricing import normalize_discount_code
from checkout_daemon.model.customer import check_customer
from checkout_daemon.model.locale import preferred_locale
from tests.support.growth import growth_fault

GOOD = ("Ada Lovelace", "ada@example.com", "+43 664 1234567")

HOSTILE: dict[str, Callable[[int], str]] = {
    "marks in the wrong order": lambda length: "a" + "\u0301" * (length // 2) + "\u0323" * (length // 2),
    "letters that decompose": lambda length: "\u1e9b\u0323" * (length // 2),
    "Hangul": lambda length: "\u1100\u1161\u11a8" * (length // 3),
    "one letter": lambda length: "a" * length,
    "blanks": lambda length: "a" + " " * length + "b",
    "blanks around": lambda length: " " * length,
    "digits": lambda length: "+" + "1 " * (length // 2),
    "extensions": lambda length: "+1" + ";ext=" * (length // 5),
    "plus signs": lambda length: "+" * length,
    "brackets": lambda length: "(" * length,
    "quotes": lambda length: '"' + '\\"' * (length // 2) + '"@example.com',
    "labels": lambda length: "a@" + "a." * (length // 2) + "com",
    "long label": lambda length: "a@" + "\u00fc" * length + ".com",
    "marks in a domain": lambda length: "a@a" + "\u0301" * (length // 2) + "\u0323" * (length // 2) + ".com",
    "marks before a domain": lambda length: "a" + "\u0301" * (length // 2) + "\u0323" * (length // 2) + "@a.com",
    "Punycode": lambda length: "a@" + "xn--" * (length // 4) + ".com",
    "an address in brackets": lambda length: "a@[" + "1:" * (length // 2) + "]",
    "commas": lambda length: "a," * (length // 2),
    "weights": lambda length: "a;q=0." + "1" * length,
    "hyphens": lambda length: "a-" * (length // 2),
}

READERS: dict[str, Callable[[str], object]] = {
    "name": lambda text: check_customer(text, *GOOD[1:]),
    "email": lambda text: check_customer(GOOD[0], text, GOOD[2]),
    "phone": lambda text: check_customer(*GOOD[:2], text),
    "discount code": normalize_discount_code,
    "Accept-Language": preferred_locale,
}


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("reader", READERS)
def test_checking_a_text_takes_linear_time(reader: str, hostile: str) -> None:
    def reading(length: int) -> Callable[[], object]:
        text = HOSTILE[hostile](length)
        return lambda: READERS[reader](text)

    assert growth_fault(reading) is None
