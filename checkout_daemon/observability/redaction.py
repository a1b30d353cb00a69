"""Remove personal data and secrets from text: the last resort, since code should not log them at all."""

from __future__ import annotations

import re

# Log lines contain text from outside, so no pattern may take quadratic time: a match begins only at the start of a
# word or has a bounded length, and nothing is read twice (++).
# Signing secrets are base64, in either alphabet; the id of a bearer token is no secret.
_SECRET = re.compile(r"\b(?:((?:sk|rk)_(?:live_|test_)?)\w+|(whsec_)[\w+/=-]+|(ckt_[a-z2-7]{12}_)[\w-]+)")
_CLIENT_SECRET = re.compile(r"_secret_\w+")
_PASSWORD = re.compile(r"(?<=://)([^\s:/@]{0,256}):\S{1,512}@")  # to the last "@": a password may contain one
_QUERY_PASSWORD = re.compile(r"(password=)[^\s&'\"]{1,512}", re.IGNORECASE)
_WORD = r"\s@<>\"'(),:;=\[\]{}"
_EMAIL = re.compile(rf"(?<![^{_WORD}])[^{_WORD}]++@[\w-]++(?:\.[\w-]++)++")
# International numbers only: a looser pattern also matches amounts, ids and times.
_PHONE = re.compile(r"\+\d(?:[ ().\-/]{0,2}\d){6,14}\b")
# The full id of an order or session is enough to see the order; operators can find it by a prefix.
# A message's id opens nothing, and names the message to `checkout outbox`.
_ORDER_ID = re.compile(
    r"(?<!\bmessage )\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE
)
_SESSION_ID = re.compile(r"\b(cs_(?:test_|live_)?[A-Za-z0-9]{8})\w{4,}")


def redact(text: str) -> str:
    """Return the text with email addresses, phone numbers, keys and passwords replaced by placeholders."""
    if "@" in text:
        text = _PASSWORD.sub(r"\1:[password]@", text)
        text = _EMAIL.sub("[email]", text)
    if "assword=" in text.lower():
        text = _QUERY_PASSWORD.sub(r"\1[password]", text)
    if "+" in text:
        text = _PHONE.sub("[phone]", text)
    if "_" in text:
        text = _SECRET.sub(r"\1\2\3[secret]", text)
        text = _CLIENT_SECRET.sub("_secret_[secret]", text)
    return text


def shorten_ids(text: str) -> str:
    """Return the text with order and session ids cut to a prefix, by which operators can find them."""
    if "-" in text:
        text = _ORDER_ID.sub(r"\1...", text)
    if "cs_" in text:
        text = _SESSION_ID.sub(r"\1...", text)
    return text
