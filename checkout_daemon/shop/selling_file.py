"""Read the tables [shipping] and [tax] of `shop.toml`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from checkout_daemon.shop.selling import STANDARD, ByLanguage, Shipping, ShippingRate, Tax

ADDRESS_BY = ("form", "stripe")
_SHIPPING = ("address", "digital", "zones", "rates")
_RATE = ("zone", "label", "estimate", "amount", "free_from")
_TAX = ("country", "label", "shipping", "rates", "classes")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_MOST_AMOUNT = 999_999_999_999  # in any currency; what an order may cost in its own is checked with the order
_LONGEST_LABEL = 80
_MOST_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Checks:
    """What judges the values of one file: reports keys that are not allowed, reads a text, and reports a fault."""

    only: Callable[[str, Mapping[str, Any], tuple[str, ...], str], None]
    text: Callable[..., str]
    fault: Callable[[str, str, str], None]


class SellingReader:
    """Reads both tables. `languages` are the shop's, its own first."""

    def __init__(self, checks: Checks, languages: tuple[str, ...]) -> None:
        self._checks = checks
        self._languages = languages

    def shipping(self, table: Mapping[str, Any]) -> Shipping | None:
        """Return what the shop states about shipping, or None if it sends nothing."""
        if not table:
            return None
        self._checks.only("shipping", table, _SHIPPING, "keys")
        by = table.get("address", ADDRESS_BY[0])
        if by not in ADDRESS_BY:
            self._fault("shipping", "address", f"must be {' or '.join(ADDRESS_BY)}, not {by!r}")
        zones = {name: self._countries(name, value) for name, value in self._table("shipping", "zones", table).items()}
        if not zones:
            self._fault("shipping", "zones", 'must name countries: write [shipping.zones] and home = ["AT"]')
        found = self._table("shipping", "rates", table)
        rates = tuple(rate for name, value in found.items() if (rate := self._rate(name, value, zones)))
        served = {country for rate in rates for country in rate.countries}
        for name, countries in zones.items():
            if not served.issuperset(countries):
                self._fault("shipping.zones", name, "has no rate: write [shipping.rates.NAME] with this zone")
        return Shipping(rates, by == ADDRESS_BY[1], self._patterns("shipping", "digital", table)) if rates else None

    def tax(self, table: Mapping[str, Any]) -> Tax | None:
        """Return what the shop states about tax, or None."""
        if not table:
            return None
        self._checks.only("tax", table, _TAX, "keys")
        country = table.get("country", "")
        if problem := _country_problem(country):
            self._fault("tax", "country", problem)
        found = self._table("tax", "rates", table)
        rates = {name: self._percents(name, value) for name, value in found.items()}
        if STANDARD not in rates:
            self._fault("tax", "rates", f"must have the class {STANDARD}: write [tax.rates.{STANDARD}]")
        given = self._table("tax", "classes", table)
        classes = {name: self._patterns("tax.classes", name, given) for name in given}
        shipping = table.get("shipping", STANDARD)
        for place, key, name in (("tax", "shipping", shipping), *(("tax.classes", name, name) for name in classes)):
            if name not in rates:
                self._fault(place, key, f"{name!r} is no class of [tax.rates]: there are {', '.join(rates)}")
        return Tax(str(country), self._words("tax", "label", table, "VAT"), rates, classes, str(shipping))

    def _rate(self, name: str, value: Any, zones: Mapping[str, tuple[str, ...]]) -> ShippingRate | None:
        place = f"shipping.rates.{name}"
        if not _NAME.fullmatch(name):
            self._fault("shipping.rates", name, "must be named with lower-case letters, digits, - and _")
        if not isinstance(value, dict):
            self._fault("shipping.rates", name, f"must be a table: write [{place}]")
            return None
        self._checks.only(place, value, _RATE, "keys of a rate")
        zone = value.get("zone")
        if zone not in zones:
            self._fault(
                place, "zone", f"{zone!r} is not one of [shipping.zones]: {', '.join(zones) or 'none is stated'}"
            )
        free_from = value.get("free_from")
        if free_from is not None and not _is_amount(free_from):
            self._fault(place, "free_from", f"must be an amount in minor units, such as 5000, not {free_from!r}")
        return ShippingRate(
            name,
            zones.get(str(zone), ()),
            self._words(place, "label", value, None),
            self._words(place, "estimate", value, ""),
            self._steps(place, value),
            free_from if _is_amount(free_from) else None,
        )

    def _steps(self, place: str, table: Mapping[str, Any]) -> tuple[tuple[int, int], ...]:
        amount = table.get("amount")
        if _is_amount(amount):
            return ((0, int(amount)),)  # type: ignore[arg-type]
        steps = amount if isinstance(amount, list) else []
        pairs = [
            (step[0], step[1])
            for step in steps
            if isinstance(step, list) and len(step) == 2 and all(_is_amount(part) for part in step)
        ]
        if not pairs or len(pairs) < len(steps) or pairs[0][0] or pairs != sorted(set(dict(pairs).items())):
            example = "490, or [[0, 490], [5000, 290]]: from which subtotal, how much"
            self._fault(place, "amount", f"must be an amount in minor units such as {example}")
            return ((0, 0),)
        return tuple(pairs)

    def _percents(self, name: str, value: Any) -> dict[str, Decimal]:
        place = f"tax.rates.{name}"
        if not _NAME.fullmatch(name):
            self._fault("tax.rates", name, "must be named with lower-case letters, digits, - and _")
        if not isinstance(value, dict) or not value:
            self._fault("tax.rates", name, f"must be a table of percents by country: write [{place}]")
            return {}
        found = {}
        for country, percent in value.items():
            if problem := _country_problem(country):
                self._fault(place, country, problem)
            elif not _is_percent(percent):
                self._fault(place, country, f"must be a percentage such as 20 or 5.5, not {percent!s}")
            else:
                found[country] = Decimal(percent)
        return found

    def _countries(self, zone: str, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not value:
            self._fault("shipping.zones", zone, 'must be a list of countries, such as ["AT", "DE"]')
            return ()
        for country in value:
            if problem := _country_problem(country):
                self._fault("shipping.zones", zone, problem)
        return tuple(dict.fromkeys(str(country) for country in value))

    def _patterns(self, place: str, key: str, table: Mapping[str, Any]) -> tuple[str, ...]:
        patterns = table.get(key, [])
        if not isinstance(patterns, list) or not all(isinstance(pattern, str) and pattern for pattern in patterns):
            self._fault(place, key, 'must be a list of skus or patterns, such as ["BOOK-*"]')
            return ()
        return tuple(patterns)

    def _words(self, place: str, key: str, table: Mapping[str, Any], default: str | None) -> ByLanguage:
        """Return a text for all languages, or one for each; None as the default: it must be there."""
        value = table.get(key)
        if isinstance(value, dict):
            for tag in value:
                if tag not in self._languages:
                    self._fault(place, key, f"has {tag!r}: the languages are {', '.join(self._languages)}")
            texts = {tag: self._text(place, key, {key: value[tag]}) for tag in self._languages if tag in value}
            own = next(iter(texts.values()), "")
            return ByLanguage(own, tuple(texts.items()))
        text = self._text(place, key, table) or default
        if text is None:
            self._fault(place, key, f'is missing: write {key} = "…"')
        return ByLanguage(text or "")

    def _text(self, place: str, key: str, table: Mapping[str, Any]) -> str:
        return self._checks.text(place, key, table, longest=_LONGEST_LABEL)

    def _table(self, place: str, key: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        found = table.get(key, {})
        if isinstance(found, dict):
            return found
        self._fault(place, key, f"must be a table: write [{place}.{key}]")
        return {}

    def _fault(self, place: str, key: str, problem: str) -> None:
        self._checks.fault(place, key, problem)


def _is_amount(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_AMOUNT


def _is_percent(value: object) -> bool:
    """Return whether it is a percentage below 100 with at most three decimals."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not Decimal(value).is_finite():
        return False
    return 0 <= value < _MOST_PERCENT and Decimal(value) * 1000 % 1 == 0


def _country_problem(value: object) -> str | None:
    from babel import Locale  # only for shops that ship or tax

    if not value:
        return "is missing: name a country by two capital letters, such as AT"
    known = Locale("en").territories
    if isinstance(value, str) and _COUNTRY.fullmatch(value) and value in known and value not in ("ZZ", "EU", "UN"):
        return None
    return f"has {value!r}: name a country by two capital letters, such as AT"
