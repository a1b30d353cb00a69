"""Check the text of settings. Messages never repeat a key or a secret."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from checkout_daemon.errors import ConfigurationError

STRIPE_API_BASE = "https://api.stripe.com"

_TEST_KEYS = ("sk_test_", "rk_test_")
_KEY = re.compile(r"[sr]k_(?:test_|live_)?(?!test_|live_)[A-Za-z0-9_]+")
_SECRET = re.compile(r"whsec_[A-Za-z0-9+/=_-]+")
_OPERATOR = re.compile(r"[\w.@+-]{1,64}")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]{1,30}://\S+")
_AMOUNT = re.compile(r"([A-Za-z]{3}):[0-9]{1,12}")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_QUOTES = "\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb"
_SHORTEST_AUDIT_KEY = 32


class BadValue(ValueError):
    """A text that a setting cannot have. The message continues a sentence that begins with the setting's name.

    `usable` is a value with which commands can do without the faulty part, though a daemon must not start.
    """

    def __init__(self, message: str, usable: object = None) -> None:
        super().__init__(message)
        self.usable = usable


def is_live_key(key: str) -> bool:
    """Return whether the key may move real money: true for every key that is not certainly a test key."""
    return bool(key) and not key.startswith(_TEST_KEYS)


def check_key_destination(api_key: str, api_base: str) -> None:
    """Raise ConfigurationError if a live key would be sent anywhere but to Stripe's own https address."""
    if is_live_key(api_key) and api_base != STRIPE_API_BASE:
        raise ConfigurationError(
            f"STRIPE_API_KEY is a live key (it does not start with sk_test_ or rk_test_) and STRIPE_API_BASE is "
            f"{api_base}: a live key is sent to {STRIPE_API_BASE} only; unset STRIPE_API_BASE, or use a test key"
        )


def check_text(text: str, *, prose: bool = False) -> None:
    """Raise BadValue for text that no setting can have. Prose may hold joiners and direction marks."""
    if "\n" in text or "\r" in text:
        raise BadValue("has more than one line; write it on one line, with commas between several values")
    for character in text:
        category = unicodedata.category(character)
        if category == "Cs":
            raise BadValue("is not UTF-8 text")
        if category in ("Cc", "Zl", "Zp") or (category == "Cf" and not prose) or character == "\ufeff":
            raise BadValue(f"contains an invisible character (U+{ord(character):04X}); type it again")


def check_api_key(key: str) -> None:
    """Raise BadValue for what cannot be a secret or restricted key of Stripe."""
    if not key.startswith(("sk_", "rk_")):
        raise BadValue("must start with sk_ or rk_")
    if not _KEY.fullmatch(key):
        raise BadValue(_misfit(key, "_") or "has nothing after its prefix")


def check_operator(name: str) -> None:
    """Raise BadValue for what cannot be the name that an operator goes by."""
    if not _OPERATOR.fullmatch(name):
        raise BadValue("must be 1 to 64 letters, digits and .@_+-")


def check_endpoint_secrets(secrets: Sequence[str]) -> None:
    """Raise BadValue for what cannot be the signing secrets of a webhook endpoint at Stripe."""
    for number, secret in enumerate(secrets, 1):
        which = f"secret {number} of {len(secrets)} " if len(secrets) > 1 else ""
        if not secret.startswith("whsec_"):
            raise BadValue(f"must hold secrets that start with whsec_, comma-separated; {which or 'it '}does not")
        if secret.count("whsec_") > 1:
            raise BadValue(f"{which}holds two secrets without a comma between them")
        if not _SECRET.fullmatch(secret):
            raise BadValue(which + (_misfit(secret, "+/=_-") or "is the prefix whsec_ and nothing else"))


def check_shop_secrets(secrets: Sequence[str]) -> None:
    """Raise BadValue for what cannot be signing secrets of Standard Webhooks: https://www.standardwebhooks.com."""
    if not all(_is_standard_secret(secret) for secret in secrets):
        raise BadValue(
            "must hold whsec_ and 24 to 64 bytes in base64, comma-separated: "
            'echo "whsec_$(openssl rand -base64 32)" makes one'
        )


def check_alert_urls(urls: Sequence[str]) -> None:
    """Raise BadValue for what is not an address with a scheme, such as slack://… or mailto://…."""
    if not all(_ADDRESS.fullmatch(url) for url in urls):
        raise BadValue(
            "must hold addresses as Apprise takes them, comma-separated, such as ntfys://ntfy.sh/my-shop: "
            "https://github.com/caronc/apprise/wiki lists them"
        )


def check_amounts(parts: Sequence[str]) -> None:
    """Raise BadValue for what is not one amount in minor units for each of some currencies."""
    currencies = set()
    for part in parts:
        if (match := _AMOUNT.fullmatch(part)) is None:
            raise BadValue(f"must hold amounts in minor units such as eur:10000, comma-separated, not {part!r}")
        if match[1].lower() in currencies:
            raise BadValue(f"names {match[1].lower()} twice")
        currencies.add(match[1].lower())


def check_hours(text: str) -> None:
    """Raise BadValue for what is not from one time of day to another one."""
    start, _, end = text.partition("-")
    if not (_CLOCK.fullmatch(start) and _CLOCK.fullmatch(end)) or start == end:
        raise BadValue("must be two times of day, such as 22:00-07:00")


def check_audit_keys(keys: Sequence[str]) -> None:
    """Raise BadValue for keys that are too short to sign with, or cannot be typed."""
    if not all(len(key) >= _SHORTEST_AUDIT_KEY and key.isascii() and key.isprintable() for key in keys):
        raise BadValue(
            f"must hold keys of {_SHORTEST_AUDIT_KEY} or more random characters, comma-separated: "
            "`openssl rand -base64 32` makes one"
        )


def _is_standard_secret(secret: str) -> bool:
    from base64 import b64decode  # few shops have such secrets

    try:
        key = b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        return False
    return secret.startswith("whsec_") and 24 <= len(key) <= 64


def _misfit(text: str, allowed: str) -> str | None:
    """Describe the first character that is neither alphanumeric nor in `allowed`."""
    for character in text:
        if (character.isascii() and character.isalnum()) or character in allowed:
            continue
        if character == ";":
            return "contains a semicolon; separate several values with commas"
        if character == ",":
            return "contains a comma; only one value is possible"
        if character.isspace():
            return "contains a space; separate several values with commas"
        if character in _QUOTES:
            return "contains a quotation mark; write it without"
        return f"contains a character that it cannot have (U+{ord(character):04X})"
    return None
