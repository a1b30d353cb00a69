"""Read header fields by RFC 9110: a list may come in several lines, and its tokens are case-insensitive.

https://www.rfc-editor.org/rfc/rfc9110#name-field-lines-and-combined-fi
"""

from __future__ import annotations

import re
from collections.abc import Collection

from aiohttp import hdrs, web

from checkout_daemon.web.failures import UnknownExpectation

IDENTITY = "identity"
# Content codings by file suffix, best first: the first of several equally preferred ones is sent.
SUFFIXES = {".br": "br", ".gz": "gzip"}

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105  # an RFC 9110 token, not a secret
_MEDIA_TYPE = re.compile(rf"[ \t]*({_TOKEN}/{_TOKEN})[ \t]*(?:;.*)?", re.DOTALL)
_TAG = re.compile(r'(?:^|,)[ \t]*(?:W/)?"([^"]*)"[ \t]*(?=,|$)')
_OFFER = re.compile(
    r"\s*([!#$%&'*+.^_`|~0-9a-z-]+)\s*(?:;\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?", re.IGNORECASE
)
_NO_WEIGHT = re.compile(r"[ \t]*q[ \t]*=[ \t]*0(?:\.0*)?[ \t]*", re.IGNORECASE)


def list_field(request: web.BaseRequest, name: str) -> str | None:
    """Return all lines of a list field joined by commas, or None if the request lacks the field."""
    lines = request.headers.getall(name, None)
    return None if lines is None else lines[0] if len(lines) == 1 else ", ".join(lines)


def tokens(field: str | None) -> list[str]:
    """Return the members of a list of tokens in lower case, without empty ones."""
    return [member for part in (field or "").split(",") if (member := part.strip(" \t").lower())]


def media_type(field: str | None) -> str | None:
    """Return a media type in lower case without its parameters, or None if the field is missing."""
    if field == "application/json":  # as nearly every request has it
        return field
    found = _MEDIA_TYPE.fullmatch(field or "")
    return found[1].lower() if found else None


def knows_tag(if_none_match: str | None, tag: str) -> bool:
    """Return whether an If-None-Match names the tag, compared weakly, or `*` (RFC 9110, 13.1.2)."""
    if if_none_match is None:
        return False
    return if_none_match.strip(" \t") == "*" or tag in _TAG.findall(if_none_match)


def expects_continue(request: web.BaseRequest) -> bool:
    """Return whether the client waits for 100 Continue. Raise UnknownExpectation for any other expectation."""
    expected = tokens(list_field(request, hdrs.EXPECT))
    if any(expectation != "100-continue" for expectation in expected):
        raise UnknownExpectation("the only supported Expect value is 100-continue")
    return bool(expected)


def wants_html(request: web.Request) -> bool:
    """Return whether Accept names HTML, as a browser's does for a page and a program's does not."""
    for offer in (list_field(request, hdrs.ACCEPT) or "").split(","):
        name, *parameters = offer.split(";")
        if name.strip(" \t").lower() in ("text/html", "application/xhtml+xml"):
            return not any(_NO_WEIGHT.fullmatch(parameter) for parameter in parameters)
    return False


def choose_encoding(header: str | None, available: Collection[str]) -> str:
    """Return the coding of `available` that the client prefers, or identity if it accepts none or prefers identity.

    Return identity even if that was refused: a page is better than an error. Skip malformed members (RFC 9110, 12.5.3).
    """
    weights = _weights(header or "")
    anything = weights.get("*", 0.0)
    candidates = [coding for coding in SUFFIXES.values() if coding in available]
    best = max(candidates, key=lambda coding: weights.get(coding, anything), default=IDENTITY)
    weight = weights.get(best, anything)
    # Identity is acceptable if it is not named, but any named coding is preferred.
    return best if weight > 0 and weight >= weights.get(IDENTITY, 0.0) else IDENTITY


def _weights(header: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for offer in header.split(","):
        if (match := _OFFER.fullmatch(offer)) is not None:
            name = match[1].lower()
            name = {"x-gzip": "gzip"}.get(name, name)
            found.setdefault(name, float(match[2] or 1))
    return found
