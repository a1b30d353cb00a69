"""Identifiers with Stripe's prefixes."""

from __future__ import annotations

import secrets
import string

_ALPHABET = string.ascii_letters + string.digits
_LENGTHS = {"cs_test_a1": 56, "prod_": 14, "cus_": 14, "whsec_": 32, "req_": 14}


def new_id(prefix: str) -> str:
    """Return a new identifier: the prefix, then random letters and digits."""
    return prefix + token(_LENGTHS.get(prefix, 24))


def token(length: int) -> str:
    """Return random letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
