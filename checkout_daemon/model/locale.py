"""The language of a shopper's browser (Accept-Language: RFC 9110, 12.5.4; tags: RFC 5646)."""

from __future__ import annotations

import re
from collections.abc import Collection

_TAG = re.compile(r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8}){0,3}")
_NUMBER = re.compile(r"[01](\.[0-9]*)?")
_LONGEST_HEADER = 500
# Of Stripe's pages: https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-locale
_STRIPE_LOCALES = (
    "bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hr hu id it ja ko lt lv ms mt nb nl pl pt pt-BR ro ru sk sl "
    "sv th tr vi zh zh-HK zh-TW"
)
# At Stripe, Norwegian is one language, and traditional Chinese is named by region; Filipino has two codes.
_STRIPE_NAMES = {"no": "nb", "nn": "nb", "tl": "fil", "zh-Hant": "zh-TW", "zh-MO": "zh-HK"}


def preferred_locale(accept_language: str, among: Collection[str] | None = None) -> str | None:
    """Return the most wanted readable language tag, such as de-AT, or None. Skip languages that are not in `among`."""
    best: tuple[float, str] | None = None
    for part in accept_language[:_LONGEST_HEADER].split(","):
        tag, _, rest = part.strip().partition(";")
        weight, tag = _weight(rest), tag.strip()
        if among is not None and tag.partition("-")[0].lower() not in among:
            continue
        if _TAG.fullmatch(tag) and weight > (best[0] if best else 0):
            best = (weight, tag)
    if best is None:
        return None
    language, _, region = best[1].partition("-")
    return f"{language.lower()}-{region.upper() if len(region) == 2 else region}" if region else language.lower()


def stripe_locale(tag: str | None) -> str | None:
    """Return the locale of Stripe's pages for a tag such as de-AT, or None if they lack the language."""
    if tag is None:
        return None
    tag = _STRIPE_NAMES.get("-".join(tag.split("-")[:2]), tag)
    language = tag.partition("-")[0]
    choices = (tag, _STRIPE_NAMES.get(language, language))
    return next((locale for locale in choices if locale in _STRIPE_LOCALES.split()), None)


def known_locale(*tags: str) -> str:
    """Return the first of these tags, or its language, for which CLDR has data, as Babel writes it (de_AT); else en."""
    from babel import Locale, UnknownLocaleError  # slow to import, and not every process needs it

    for tag in tags:
        for known in (tag, tag.partition("-")[0]):
            try:
                return str(Locale.parse(known, sep="-"))
            except (UnknownLocaleError, ValueError):
                continue
    return "en"


def direction_of(tag: str) -> str:
    """Return ltr or rtl: the direction in which CLDR writes the language of a tag."""
    from babel import Locale

    return "rtl" if Locale.parse(known_locale(tag)).character_order == "right-to-left" else "ltr"


def _weight(parameters: str) -> float:
    """Return the weight `q` of an accepted language, or 0 if it is not a number. Parameter names ignore case."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            return min(float(value), 1.0) if _NUMBER.fullmatch(value := value.strip()) else 0.0
    return 1.0
