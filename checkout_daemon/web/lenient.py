"""Read JSON that the strict decoder refused: 2, 2.0 and 2e0 are the same number."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from checkout_daemon.errors import MalformedJson
from checkout_daemon.web.failures import refuse_field

_LONGEST_INTEGER = 1000
_LARGEST_WHOLE = 2.0**63


def decode_leniently(body: bytes) -> Any:
    """Return the JSON value, with every whole number as an int.

    Raise MalformedJson, or InvalidRequest for a lone surrogate, which JSON's grammar allows but text cannot hold.
    """
    try:
        value = json.loads(body.decode("utf-8"), parse_int=_integer, parse_constant=_refuse_constant)
        return _whole(value, "")
    except UnicodeDecodeError as error:
        raise MalformedJson("the body is not UTF-8") from error
    except RecursionError as error:
        raise MalformedJson("the body is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise MalformedJson(f"the body is not JSON: {error.msg} (character {error.pos})") from error


def escape(name: str) -> str:
    """Escape a name for a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def _whole(value: Any, pointer: str) -> Any:
    if isinstance(value, dict):
        return {_text(name, pointer): _whole(item, f"{pointer}/{escape(name)}") for name, item in value.items()}
    if isinstance(value, list):
        return [_whole(item, f"{pointer}/{index}") for index, item in enumerate(value)]
    if isinstance(value, str):
        return _text(value, pointer)
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_WHOLE:
        return int(value)
    return value


def _text(text: str, pointer: str) -> str:
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        detail = "this text contains half of a character (a lone surrogate), which cannot be used"
        raise refuse_field(pointer, "invalid_text", detail)
    return text


def _integer(text: str) -> int | float:
    """Return the integer; for very many digits, whose reading takes quadratic time, a float that no field accepts."""
    return int(text) if len(text) <= _LONGEST_INTEGER else float("inf")


def _refuse_constant(name: str) -> NoReturn:
    raise json.JSONDecodeError("not a JSON number", "", 0)
