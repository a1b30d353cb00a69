"""What a shop states about selling goods that must be sent: where to, for how much, and the tax in its prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase

STANDARD = "standard"
"""The class of products and of shipping for which no other is stated."""


@dataclass(frozen=True, slots=True)
class ByLanguage:
    """A text in one or several languages. `own` is the one for all others."""

    own: str = ""
    others: tuple[tuple[str, str], ...] = ()

    def text(self, language: str | None) -> str:
        """Return the text in a language such as de or de-AT."""
        tag = (language or "").partition("-")[0]
        return dict(self.others).get(tag, self.own)


@dataclass(frozen=True, slots=True)
class ShippingRate:
    """A way to send an order to some countries. Amounts in minor units.

    `steps` are pairs: from which subtotal, what it costs. It costs nothing from the subtotal `free_from`.
    """

    id: str
    countries: tuple[str, ...]
    label: ByLanguage
    estimate: ByLanguage
    steps: tuple[tuple[int, int], ...]
    free_from: int | None = None

    def amount(self, subtotal: int) -> int:
        """Return what it costs for goods of this subtotal, before any discount."""
        if self.free_from is not None and subtotal >= self.free_from:
            return 0
        return next((amount for least, amount in reversed(self.steps) if subtotal >= least), self.steps[0][1])


@dataclass(frozen=True, slots=True)
class Shipping:
    """Where and how the shop sends goods. `at_stripe`: Stripe's page asks for the address, not our form.

    `digital` are patterns of skus that nobody has to send.
    """

    rates: tuple[ShippingRate, ...]
    at_stripe: bool = False
    digital: tuple[str, ...] = ()

    @property
    def countries(self) -> tuple[str, ...]:
        """All countries that the shop sends to, sorted."""
        return tuple(sorted({country for rate in self.rates for country in rate.countries}))

    def needed(self, skus: Sequence[str]) -> bool:
        """Return whether any of the products must be sent."""
        return not all(_matches(sku, self.digital) for sku in skus)


@dataclass(frozen=True, slots=True)
class Tax:
    """The tax that prices include. Rates are in percent, by class and country; without one there is no tax.

    `country` is where goods are taxed that are not sent. `classes` are patterns of the skus of each class.
    """

    country: str
    label: ByLanguage
    rates: Mapping[str, Mapping[str, Decimal]]
    classes: Mapping[str, tuple[str, ...]]
    shipping: str = STANDARD

    def class_of(self, sku: str) -> str:
        """Return the class of a product."""
        return next((name for name, patterns in self.classes.items() if _matches(sku, patterns)), STANDARD)

    def percent(self, tax_class: str, country: str | None) -> Decimal:
        """Return the rate of a class in a country, or 0."""
        return self.rates.get(tax_class, {}).get(country or self.country, Decimal(0))


def _matches(sku: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(sku, pattern) for pattern in patterns)
