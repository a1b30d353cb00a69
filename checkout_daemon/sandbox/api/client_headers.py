"""Check the headers of an API request: the key, the account, the version."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from datetime import date
from functools import cache

from checkout_daemon.sandbox.box import ACCOUNT_ID, API_VERSION
from checkout_daemon.sandbox.errors import ApiError
from checkout_daemon.sandbox.parameters.stripe_types import choices, parameters

_KEYS = ("sk_test_", "rk_test_")
_VERSION = re.compile(r"(\d{4}-\d{2}-\d{2})\.([a-z]+)", re.ASCII)
_FIRST_PREVIEW = "2024-09-29"  # the day before


def check_key(authorization: str) -> str:
    """Return the test key of a request, in either way in which Stripe's clients send it. Raise ApiError (401)."""
    scheme, _, given = authorization.partition(" ")
    given = given.strip()
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            given = ""
    elif scheme.lower() != "bearer":
        given = ""
    if not given:
        raise ApiError(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using "
            "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
            status=401,
        )
    if not given.startswith(_KEYS) or given in _KEYS:
        shown = f"{given[:8]}{'*' * min(len(given), 12)}{given[-4:] if len(given) > 16 else ''}"
        message = f"Invalid API Key provided: {shown}. The offline sandbox takes any sk_test_… or rk_test_… key."
        raise ApiError(message, status=401)
    return given


def who_asks(key: str) -> str:
    """Return a short name of a key, which is stored in its place."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def check_account(given: str | None) -> None:
    """Raise ApiError (403) if a request names another account: the sandbox has only one."""
    if given not in (None, "", ACCOUNT_ID):
        raise ApiError(
            f"The provided key does not have access to account '{given[:100]}' (or that account does not exist). "
            "Application access may have been revoked.",
            status=403,
            code="account_invalid",
        )


def check_version(given: str | None) -> None:
    """Raise ApiError (400) for a version that Stripe never had. All others are answered in the sandbox's version.

    Stripe has a new version each month. One that is newer than the sandbox's, or a preview, is taken if it has the form
    of one: whoever updates an SDK can go on.
    """
    if not given:
        return
    version = given.partition(";")[0].rstrip()
    if version in known_versions():
        return
    found = _VERSION.fullmatch(version)
    least = _FIRST_PREVIEW if found and found[2] == "preview" else API_VERSION
    if found is None or not _is_date(found[1]) or found[1] <= least[:10]:
        raise ApiError(f"Invalid Stripe API version: {given[:100]}", stored=False)


@cache
def known_versions() -> frozenset[str]:
    """Return every version of Stripe's API up to the sandbox's own."""
    shape = parameters("POST", "/v1/webhook_endpoints") or {}
    return frozenset(choices(shape["api_version"]))


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
