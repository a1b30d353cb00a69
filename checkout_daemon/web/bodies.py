"""Reads request bodies: bounded in size and time, JSON strictly as its schema says."""

from __future__ import annotations

import asyncio
import re
from typing import TypeVar

import msgspec
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from checkout_daemon.errors import InvalidRequest, MalformedJson
from checkout_daemon.web.failures import BodyTimeout, BodyTooLarge, UnsupportedMediaType, refuse_field

LARGEST_BODY = 64 * 1024
LARGEST_WEBHOOK_BODY = 1024 * 1024
BODY_TIMEOUT_SECONDS = 30.0

Body = TypeVar("Body")

_MISSING = re.compile(r"Object missing required field `(?P<name>.*?)`", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)
_PATH = re.compile(r" - at `(?P<path>\$[^`]*)`\Z")
_STEP = re.compile(r"\.([A-Za-z0-9_]+)|\[(\d+)\]")
_LONGEST_NAME = 100


async def read_body(request: web.Request, limit: int) -> bytes:
    """The body's bytes. Raises BodyTooLarge, as early as that can be known, UnsupportedMediaType or BodyTimeout."""
    length = request.content_length
    if length is not None and length > limit:
        raise _too_large(limit)
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise UnsupportedMediaType("send the body without a Content-Encoding")
    try:
        if request.content.is_eof():  # it came with the headers, as nearly every webhook does
            body = request.content.read_nowait(-1)
        else:
            async with asyncio.timeout(BODY_TIMEOUT_SECONDS):
                body = await _read_chunks(request, limit)
    except TimeoutError as error:
        raise BodyTimeout(f"the body did not arrive within {BODY_TIMEOUT_SECONDS:.0f} s") from error
    except (HttpProcessingError, web.RequestPayloadError) as error:
        raise MalformedJson("the body's chunks are not well-formed") from error
    if len(body) > limit:
        raise _too_large(limit)
    return body


async def read_json(request: web.Request, decoder: msgspec.json.Decoder[Body]) -> Body:
    """The body as the decoder's type. Raises UnsupportedMediaType, MalformedJson or InvalidRequest besides."""
    if request.content_type != "application/json" or (request.charset or "utf-8").lower() != "utf-8":
        raise UnsupportedMediaType("send the body as application/json, in UTF-8")
    body = await read_body(request, LARGEST_BODY)
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        _require_json(body)
        raise explain(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(error) from error


def explain(error: msgspec.ValidationError) -> InvalidRequest:
    """The first fault that msgspec found, with a JSON pointer to its field."""
    text = str(error)
    path = _PATH.search(text)
    where = pointer(path["path"]) if path else ""
    said = text[: path.start()] if path else text
    if unknown := _UNKNOWN.match(said):
        name = unknown["name"][:_LONGEST_NAME]
        return refuse_field(f"{where}/{escape(name)}", "unknown_field", f"the field {name!r} is not known here")
    if missing := _MISSING.match(said):
        name = missing["name"]
        return refuse_field(f"{where}/{escape(name)}", "missing_field", f"the field {name!r} is required")
    if said.startswith("Expected"):
        return refuse_field(where, "wrong_type", said.replace("`", "").replace("Expected", "expected"))
    return refuse_field(where, "invalid_value", said[0].lower() + said[1:])


def pointer(path: str) -> str:
    """msgspec's `$.items[0].sku` as the JSON pointer `/items/0/sku`."""
    return "".join(f"/{name or index}" for name, index in _STEP.findall(path))


def escape(name: str) -> str:
    """A name as a step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


async def _read_chunks(request: web.Request, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while not request.content.at_eof():
        chunk = await request.content.readany()
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    return b"".join(chunks)


def _require_json(body: bytes) -> None:
    """A schema fault is found before what follows it is read: that may still not be JSON."""
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(error) from error


def _malformed(error: Exception) -> MalformedJson:
    if isinstance(error, RecursionError):
        return MalformedJson("the body is nested too deeply")
    if isinstance(error, UnicodeDecodeError):
        return MalformedJson("the body is not UTF-8")
    return MalformedJson(str(error))


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body is larger than {limit} bytes")
