"""What a shop is called, and how it looks, as its file states it or as the defaults are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from checkout_daemon.shop.phones import PHONE_RULE, PhoneRule
from checkout_daemon.shop.selling import Shipping, Tax
from checkout_daemon.shop.translations import BUILT_IN, Texts, texts_in

NAME = "Checkout"
"""The name of a shop that states none."""
LINKS = ("imprint", "terms", "privacy", "returns", "contact")
"""The pages that a shop may have to link to, in the order of its footer."""
COLORS = ("accent", "on_accent", "paper", "surface", "ink")
"""The colours of the storefront that a shop may set; frontend/src/styles/theme.css has their defaults."""


@dataclass(frozen=True, slots=True)
class Words:
    """A shop's own words in one language. An empty text is not shown.

    `tagline` follows the name in the title of the page, `heading` and `description` open the catalog, `tax_note`
    stands below totals, and `after_payment` states what happens once an order is paid.
    """

    tagline: str = ""
    heading: str = ""
    description: str = ""
    tax_note: str = ""
    footer: str = ""
    after_payment: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture that takes the place of the name in the header: the contents of a file, and its ending."""

    suffix: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop. `locale` and `currency` are None if the file leaves them to the settings of those names."""

    path: Path | None = None
    name: str = NAME
    locale: str | None = None
    currency: str | None = None
    languages: tuple[str, ...] = BUILT_IN
    words: Mapping[str, Words] = field(default_factory=dict)  # by language
    links: Mapping[str, str] = field(default_factory=dict)  # URLs by their name in LINKS
    light: Mapping[str, str] = field(default_factory=dict)  # colours (#rrggbb) by their name in COLORS
    dark: Mapping[str, str] = field(default_factory=dict)
    logo: Logo | None = None
    phone: PhoneRule = PHONE_RULE
    translations: Mapping[str, Texts] = field(default_factory=dict)  # the shop's own texts of the storefront
    seller: tuple[str, ...] = ()  # who sells: name, address, tax number, as receipts must have it
    shipping: Shipping | None = None  # None: nothing is sent
    tax: Tax | None = None  # None: prices are shown without any word about tax

    @property
    def is_selling(self) -> bool:
        """Whether the shop states something about shipping or tax."""
        return self.shipping is not None or self.tax is not None

    def branding(self, name: str) -> dict[str, str]:
        """Return the shop's name and the buttons' colour as Stripe's `branding_settings`, if they are stated."""
        named = {} if name == NAME else {"display_name": name}
        return named | ({"button_color": self.light["accent"]} if "accent" in self.light else {})

    def words_in(self, language: str) -> Words:
        """Return the words in a language such as de or de-AT, else in the shop's own, else none."""
        own = self.locale or self.languages[0]
        for tag in (language, language.partition("-")[0], own, own.partition("-")[0]):
            if tag in self.words:
                return self.words[tag]
        return Words()

    def texts_in(self, language: str) -> dict[str, Any]:
        """Return the storefront's texts in a language such as pl; those that it lacks are in English."""
        return texts_in(language, self.translations)

    def link_labels(self, language: str) -> dict[str, str]:
        """Return what the links of the footer are called in a language such as de or de-AT."""
        labels: dict[str, str] = self.texts_in(language.partition("-")[0])["shop"]["links"]
        return labels

    def __str__(self) -> str:
        """Return the path of the file, as the setting states it."""
        return "" if self.path is None else str(self.path)
