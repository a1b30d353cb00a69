"""Reads any JSON that the grammar allows (RFC 8259).

The fast decoder refuses lone surrogates, numbers out of range and deep nesting. What Stripe signed is read anyway: one
odd value must not cost the rest of an event.
"""

from __future__ import annotations

import re
from decimal import Decimal
from json import JSONDecoder
from typing import Any, NoReturn

import msgspec

DEEPEST = 100
"""What is nested deeper is read as null: Stripe's objects are far from it, and most code recurses."""

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|([\[{]+)|([\]}]+)', re.DOTALL)
"""A string, brackets that open, or brackets that close. Whatever else there is does not change the depth."""
_OPENED, _CLOSED = 1, 2

_SURROGATE = re.compile("[\ud800-\udfff]")
_PERHAPS_LONE = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")
_LARGEST = 2**63 - 1
_LONGEST_NUMBER = 400
_SURELY_SMALL = 18


def number(text: str) -> int | float | str:
    """Return a number however it is written: 1450.0 and 1.45e+03 are integers. One out of range stays text."""
    if len(text) > _LONGEST_NUMBER:
        return text
    try:
        exact = Decimal(text)
        if abs(exact) <= _LARGEST and exact == exact.to_integral_value():
            return int(exact)
    except ArithmeticError:
        return text
    inexact = float(text)
    return text if inexact in (float("inf"), float("-inf")) or exact == exact.to_integral_value() else inexact


_DECODER = msgspec.json.Decoder(float_hook=number)


def decode(body: bytes | str | msgspec.Raw) -> Any:
    """Return the value of a JSON text; bytes must be UTF-8. Raise ValueError if it is not JSON."""
    try:
        return _DECODER.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return read_json(body if isinstance(body, str) else bytes(body).decode("utf-8"))


def read_json(text: str) -> Any:
    """Return the value of a JSON text. Raise ValueError if it is not JSON.

    Lone surrogates become U+FFFD, and what is deeper than DEEPEST becomes null. The last of duplicate keys counts.

    The standard decoder recurses, and a text may be nested as deep as it is long. So the text is cut wherever another
    DEEPEST levels begin: each piece is decoded alone, with null for the pieces in it.
    """
    text = text.removeprefix("\ufeff")
    if text.count("[") + text.count("{") <= DEEPEST:
        return _value(text)
    pieces: list[list[str]] = [[]]  # those around the present place, the whole text first
    done = depth = 0
    for token in _TOKEN.finditer(text):
        place, end = token.span()
        if token.lastindex == _OPENED:
            for level in _cuts(depth, depth + end - place):
                cut = place + level - depth
                pieces[-1] += (text[done:cut], "null")
                pieces.append([])
                done = cut
            depth += end - place
        elif token.lastindex == _CLOSED:
            for level in reversed(_cuts(depth - end + place, depth)):
                cut = place + depth - level
                pieces[-1].append(text[done:cut])
                _value("".join(pieces.pop()))
                done = cut
            depth -= end - place
    if len(pieces) > 1:
        raise ValueError(f"not JSON: {depth} brackets are not closed")
    return _value("".join((*pieces[0], text[done:])))


def _cuts(outer: int, inner: int) -> range:
    """Return at which levels from one to another, without it, a piece begins: every DEEPEST levels but the first."""
    first = max(-(-outer // DEEPEST), 1) * DEEPEST
    return range(first, inner, DEEPEST)


def _value(text: str) -> Any:
    value = _STANDARD.decode(text)
    return _without_surrogates(value) if _PERHAPS_LONE.search(text) else value


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    return value


def _integer(text: str) -> int | float | str:
    return int(text) if len(text) <= _SURELY_SMALL else number(text)


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"not JSON: {text}")


_STANDARD = JSONDecoder(parse_float=number, parse_int=_integer, parse_constant=_no_constant)
