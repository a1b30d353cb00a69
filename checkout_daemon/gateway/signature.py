"""Checks Stripe's signature of a delivery: https://docs.stripe.com/webhooks#verify-manually.

Written out here because the SDK checks one secret at a time; ours knows several while one is being rotated.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from hashlib import sha256

from checkout_daemon.errors import InvalidSignature

TOLERANCE_SECONDS = 300
_MOST_SIGNATURES = 16
_LONGEST_HEADER = 2048  # sixteen signatures take half of it


def verify(body: bytes, header: str | None, secrets: Sequence[str], now: float) -> int:
    """Return the index of the secret that signed the body. Raises InvalidSignature.

    Every secret is compared with every v1 in constant time, whichever matches.
    """
    timestamp, signatures = check_header(header, now)
    matched: int | None = None
    for index, secret in enumerate(secrets):
        expected = _signature(body, secret, timestamp).encode()
        for signature in signatures:
            if hmac.compare_digest(expected, signature) and matched is None:
                matched = index
    if matched is None:
        raise InvalidSignature("no known secret made this signature: check STRIPE_WEBHOOK_SECRET of this endpoint")
    return matched


def check_header(header: str | None, now: float) -> tuple[int, list[bytes]]:
    """Return the header's time and signatures. Raises InvalidSignature for what no body could make valid.

    A time in the future passes, as with Stripe's own libraries: who can sign needs no such trick, and a slow clock of
    ours must not refuse money's facts.
    """
    timestamp, signatures = _parse(header)
    if timestamp < now - TOLERANCE_SECONDS:
        raise InvalidSignature(f"the signature is older than {TOLERANCE_SECONDS} seconds: check this machine's clock")
    return timestamp, signatures


def sign(body: bytes, secret: str, timestamp: int) -> str:
    """Return the header that Stripe would send."""
    return f"t={timestamp},v1={_signature(body, secret, timestamp)}"


def _signature(body: bytes, secret: str, timestamp: int) -> str:
    digest = hmac.new(secret.encode(), b"%d." % timestamp, sha256)
    digest.update(body)  # without a copy of it
    return digest.hexdigest()


def _parse(header: str | None) -> tuple[int, list[bytes]]:
    if not header:
        raise InvalidSignature("the Stripe-Signature header is missing")
    timestamp: int | None = None
    signatures: list[bytes] = []
    if len(header) > _LONGEST_HEADER:
        raise InvalidSignature(f"the Stripe-Signature header is longer than {_LONGEST_HEADER} characters")
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        if name == "t" and value.isascii() and value.isdigit() and len(value) <= 12:
            timestamp = int(value)
        elif name == "v1":
            signatures.append(value.encode("utf-8", "surrogateescape"))
    if timestamp is None or not signatures or len(signatures) > _MOST_SIGNATURES:
        raise InvalidSignature("the Stripe-Signature header is not of the form t=…,v1=…")
    return timestamp, signatures
