"""What a key or a secret must look like; the faults never repeat it."""

from __future__ import annotations

import re
import unicodedata
from base64 import b64decode
from collections.abc import Sequence

_TEST_KEYS = ("sk_test_", "rk_test_")
_KEY = re.compile(r"[sr]k_(?:test_|live_)?(?!test_|live_)[A-Za-z0-9_]+")
_SECRET = re.compile(r"whsec_[A-Za-z0-9+/=_-]+")
_QUOTES = "\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb"


def is_live_key(key: str) -> bool:
    """Return whether real money may depend on the key: true for every key that is not surely a test key."""
    return bool(key) and not key.startswith(_TEST_KEYS)


def is_signing_secret(secret: str) -> bool:
    """Return whether it is a secret as Standard Webhooks defines it: https://www.standardwebhooks.com."""
    try:
        key = b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        return False
    return secret.startswith("whsec_") and 24 <= len(key) <= 64


def fault_of_text(text: str, *, prose: bool = False) -> str | None:
    """Return what is wrong with any setting's text, or None. Prose may hold joiners and direction marks."""
    if "\n" in text or "\r" in text:
        return "has more than one line; write it on one, several values with commas between them"
    for character in text:
        category = unicodedata.category(character)
        if category == "Cs":
            return "is not UTF-8 text"
        if category in ("Cc", "Zl", "Zp") or (category == "Cf" and not prose) or character == "\ufeff":
            return f"contains an invisible character (U+{ord(character):04X}); type it again"
    return None


def fault_of_api_key(key: str) -> str | None:
    """Return what is wrong with a Stripe API key, or None."""
    if not key.startswith(("sk_", "rk_")):
        return "must start with sk_ or rk_"
    return None if _KEY.fullmatch(key) else _misfit(key, "_") or "has nothing behind its prefix"


def fault_of_secrets(secrets: Sequence[str]) -> str | None:
    """Return what is wrong with the signing secrets of a webhook endpoint, or None."""
    for number, secret in enumerate(secrets, 1):
        which = f"secret {number} of {len(secrets)} " if len(secrets) > 1 else ""
        if not secret.startswith("whsec_"):
            return f"must hold secrets that start with whsec_, comma-separated; {which or 'it '}does not"
        if secret.count("whsec_") > 1:
            return f"{which}holds two secrets without a comma between them"
        if not _SECRET.fullmatch(secret):
            return which + (_misfit(secret, "+/=_-") or "is the prefix whsec_ and nothing else")
    return None


def _misfit(text: str, more: str) -> str | None:
    """Name the first character that cannot be in it."""
    for character in text:
        if (character.isascii() and character.isalnum()) or character in more:
            continue
        if character in ";":
            return "contains a semicolon; separate several values with commas"
        if character == ",":
            return "contains a comma; only one value is possible"
        if character.isspace():
            return "contains a space; separate several values with commas"
        if character in _QUOTES:
            return "contains a quotation mark; write it without"
        return f"contains a character that it cannot have (U+{ord(character):04X})"
    return None
