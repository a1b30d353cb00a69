"""Reads any JSON that the grammar allows (RFC 8259).

The fast decoder refuses lone surrogates, numbers out of range and deep nesting. What Stripe signed is read anyway: one
odd value must not cost the rest of an event.
"""

from __future__ import annotations

import re
from decimal import Decimal
from json.decoder import scanstring  # type: ignore[attr-defined]  # the decoder's own, in C
from typing import Any

import msgspec

DEEPEST = 100
"""What is nested deeper is read as null: Stripe's objects are far from it, and most code recurses."""

_BLANK = re.compile(r"[ \t\n\r]*")
_SCALAR = re.compile(r"(?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)|true|false|null")
_WORDS = {"true": True, "false": False, "null": None}
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_LARGEST = 2**63 - 1
_LONGEST_NUMBER = 400


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

    Lone surrogates become U+FFFD, and what is deeper than DEEPEST becomes null. The last of duplicate keys counts. It
    does not recurse, because a text may be nested as deep as it is long.
    """
    root: list[Any] = []
    holder: list[Any] | dict[str, Any] = root
    around: list[list[Any] | dict[str, Any]] = []
    key = ""
    place = _blank(text, 1 if text.startswith("\ufeff") else 0)
    while True:
        value: Any
        opened: list[Any] | dict[str, Any] | None = None
        match text[place : place + 1]:
            case "{":
                opened = {}
            case "[":
                opened = []
            case '"':
                value, place = _string(text, place)
            case _:
                value, place = _scalar(text, place)
        if opened is not None:
            value = opened if len(around) < DEEPEST else None
        if isinstance(holder, dict):
            holder[key] = value
        else:
            holder.append(value)
        if opened is not None:
            around.append(holder)
            holder = opened
            place = _blank(text, place + 1)
            if text[place : place + 1] != _closing(holder):
                if isinstance(holder, dict):
                    key, place = _key(text, place)
                continue
        else:
            place = _blank(text, place)
        while around:
            if text[place : place + 1] == ",":
                place = _blank(text, place + 1)
                if isinstance(holder, dict):
                    key, place = _key(text, place)
                break
            if text[place : place + 1] != _closing(holder):
                raise _fault(place)
            holder = around.pop()
            place = _blank(text, place + 1)
        else:
            if place != len(text):
                raise _fault(place)
            return root[0]


def _blank(text: str, place: int) -> int:
    found = _BLANK.match(text, place)
    return found.end() if found else place


def _closing(holder: list[Any] | dict[str, Any]) -> str:
    return "}" if isinstance(holder, dict) else "]"


def _key(text: str, place: int) -> tuple[str, int]:
    if text[place : place + 1] != '"':
        raise _fault(place)
    key, place = _string(text, place)
    place = _blank(text, place)
    if text[place : place + 1] != ":":
        raise _fault(place)
    return key, _blank(text, place + 1)


def _string(text: str, place: int) -> tuple[str, int]:
    found, end = scanstring(text, place + 1, True)
    return _LONE_SURROGATE.sub("\ufffd", found), end


def _scalar(text: str, place: int) -> tuple[Any, int]:
    found = _SCALAR.match(text, place)
    if found is None:
        raise _fault(place)
    return number(found.group()) if found["number"] else _WORDS[found.group()], found.end()


def _fault(place: int) -> ValueError:
    return ValueError(f"not JSON at character {place}")
