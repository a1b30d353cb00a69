"""Read request bodies, bounded in size and time; decode JSON strictly by its schema."""

from __future__ import annotations

import json
from typing import Any, NoReturn, TypeVar

import msgspec
from aiohttp import HttpVersion11, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from checkout_daemon.errors import FieldError, InvalidRequest, MalformedJson
from checkout_daemon.web.body_budget import BodyBudget
from checkout_daemon.web.failures import (
    BodyTooLarge,
    ClientGone,
    UnsupportedCoding,
    UnsupportedMediaType,
    pointer_part,
    refuse_field,
)
from checkout_daemon.web.fields import expects_continue, list_field, media_type, tokens

LARGEST_BODY = 64 * 1024
LARGEST_WEBHOOK_BODY = 1024 * 1024
BODY_TIMEOUT_SECONDS = 30.0

Body = TypeVar("Body")

_LONGEST_INTEGER = 1000
_LARGEST_WHOLE = 2.0**63


async def read_body(request: web.BaseRequest, limit: int, budget: BodyBudget) -> bytes:
    """Return the body's bytes.

    Raise BodyTooLarge as early as possible, UnsupportedMediaType, BodyTimeout, ServerBusy or ClientGone.
    """
    length = request.content_length
    if length is not None and length > limit:
        raise _too_large(limit)
    if any(coding != "identity" for coding in tokens(list_field(request, hdrs.CONTENT_ENCODING))):
        raise UnsupportedCoding("send the body without a Content-Encoding")
    try:
        if request.content.is_eof():  # it came with the headers, as in nearly every webhook
            body = request.content.read_nowait(-1)
        else:
            await _continue(request)
            body = await budget.read(request.content, limit, timeout_seconds=BODY_TIMEOUT_SECONDS)
    except (HttpProcessingError, web.RequestPayloadError) as error:
        raise MalformedJson("the body's chunks are not well-formed") from error
    except (ConnectionError, RuntimeError) as error:
        if request.transport is not None:
            raise
        # aiohttp keeps this exception with the request, and its traceback would keep the bytes that were read.
        raise ClientGone from error.with_traceback(None)
    if len(body) > limit:
        raise _too_large(limit)
    return body


async def read_json(request: web.BaseRequest, decoder: msgspec.json.Decoder[Body], budget: BodyBudget) -> Body:
    """Return the body as the decoder's type. Raise as `read_body` and `decode_body`."""
    # Parameters have no effect: JSON is UTF-8, whatever `charset` is (RFC 8259, section 11).
    if media_type(request.headers.get(hdrs.CONTENT_TYPE)) != "application/json":
        raise UnsupportedMediaType("send the body as application/json, with that Content-Type")
    return decode_body(await read_body(request, LARGEST_BODY, budget), decoder)


def decode_body(body: bytes, decoder: msgspec.json.Decoder[Body]) -> Body:
    """Return a body as the decoder's type. Raise MalformedJson or InvalidRequest."""
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = _decode_leniently(body)
    try:
        return msgspec.convert(value, decoder.type)
    except msgspec.ValidationError as error:
        from checkout_daemon.web.body_faults import faults_of  # valid requests do not need it

        faults = faults_of(value, decoder.type)
        other = FieldError("", "invalid_value", "the body is not what /openapi.json describes")
        raise InvalidRequest(faults or [other]) from error


async def _continue(request: web.BaseRequest) -> None:
    """Send 100 Continue if the client waits for it. Check the announced size and type first."""
    if request.version >= HttpVersion11 and expects_continue(request):
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer has not begun


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body is larger than {limit} bytes")


def _decode_leniently(body: bytes) -> Any:
    """Return JSON that the strict decoder refused, with every whole number as an int: 2, 2.0 and 2e0 are the same.

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


def _whole(value: Any, pointer: str) -> Any:
    if isinstance(value, dict):
        return {_text(name, pointer): _whole(item, f"{pointer}/{pointer_part(name)}") for name, item in value.items()}
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
