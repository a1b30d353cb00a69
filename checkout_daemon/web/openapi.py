"""/openapi.json: an OpenAPI 3.1 description generated from the routes and schemas, so that it is always current.

`python -m checkout_daemon.web.openapi` prints it; `npm run api` keeps a copy and its types in frontend/src/lib/api.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from functools import cache
from http import HTTPStatus
from typing import Any

import msgspec

from checkout_daemon import __version__
from checkout_daemon.errors import CheckoutError
from checkout_daemon.web import api_routes, problems, schemas
from checkout_daemon.web.failures import (
    AddressTooLong,
    BadRequest,
    HeadersTooLarge,
    MethodNotAllowed,
    UnknownExpectation,
)
from checkout_daemon.web.route import Route
from checkout_daemon.web.routes import ROUTES

EVERY_ROUTE = (*ROUTES, *api_routes.ROUTES)

_BEARER = "token"
_REFERENCE = "#/components/schemas/{name}"
_PATTERN = re.compile(r"\{(\w+):(.+)\}(?=/|$)")
_ALWAYS = (BadRequest, MethodNotAllowed, AddressTooLong, UnknownExpectation, HeadersTooLarge, CheckoutError)
"""The failures that any request may meet."""


@cache
def description() -> bytes:
    """Return the document of the daemon's routes."""
    return describe(EVERY_ROUTE)


def describe(routes: Iterable[Route]) -> bytes:
    """Return the document as JSON."""
    routes = tuple(routes)
    types: set[Any] = {schemas.Problem}
    for route in routes:
        types |= {schema for schema in (route.body, *route.answers.values()) if isinstance(schema, type)}
    ordered = sorted(types, key=lambda schema: schema.__name__)
    _, components = msgspec.json.schema_components(ordered, ref_template=_REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        path = _PATTERN.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "checkout-daemon",
            "version": __version__,
            "description": "Amounts are integers in minor units, times RFC 3339 in UTC. Failures are "
            "application/problem+json (RFC 9457) with a stable `code`.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {_BEARER: {"type": "http", "scheme": "bearer"}}},
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=1)


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "summary": route.summary,
        "responses": {str(status): _answer(status, body) for status, body in route.answers.items()},
    }
    if parameters := _parameters(route):
        operation["parameters"] = parameters
    if route.scope is not None:
        operation["security"] = [{_BEARER: []}]
        operation["description"] = f"Needs a bearer token with the scope `{route.scope}`: `checkout tokens create`."
    if route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _reference(route.body)}},
        }
    elif route.method == "POST" and "webhook" in route.path:
        operation["requestBody"] = {
            "required": True,
            "description": "A Stripe event; the bytes are what is signed",
            "content": {"application/json": {"schema": {"type": "object"}}},
        }
    operation["responses"] |= _failures((*route.failures, *_ALWAYS))
    return operation


def _failures(failures: Iterable[type[CheckoutError]]) -> dict[str, Any]:
    """Return one response per status that lists its codes."""
    by_status: dict[int, list[type[CheckoutError]]] = {}
    for failure in sorted(failures, key=lambda failure: (failure.status, failure.code)):
        by_status.setdefault(failure.status, []).append(failure)
    responses = {}
    for status, group in by_status.items():
        schema = {
            "allOf": [_reference(schemas.Problem)],
            "properties": {"code": {"enum": [failure.code for failure in group]}, "status": {"const": status}},
        }
        response: dict[str, Any] = {
            "description": "; ".join(f"`{failure.code}`: {failure.title}" for failure in group),
            "content": {problems.CONTENT_TYPE: {"schema": schema}},
        }
        if status == HTTPStatus.TOO_MANY_REQUESTS or any(failure.retry_after_seconds for failure in group):
            response["headers"] = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}}
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            response["headers"] = {"WWW-Authenticate": {"description": "RFC 6750", "schema": {"type": "string"}}}
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            response["headers"] = {"Allow": {"description": "The allowed methods", "schema": {"type": "string"}}}
        if status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
            response["headers"] = {
                "Accept": {"description": "The accepted media type", "schema": {"type": "string"}},
                "Accept-Encoding": {"description": "The accepted content coding", "schema": {"type": "string"}},
            }
        responses[str(status)] = response
    return responses


def _answer(status: int, body: type[msgspec.Struct] | str | None) -> dict[str, Any]:
    if body is None:
        return {"description": HTTPStatus(status).phrase}
    media_type, schema = (body, {}) if isinstance(body, str) else ("application/json", _reference(body))
    return {"description": HTTPStatus(status).phrase, "content": {media_type: {"schema": schema}}}


def _parameters(route: Route) -> list[dict[str, Any]]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": f"^{pattern}$"}}
        for name, pattern in _PATTERN.findall(route.path)
    ]
    in_query = [
        {"name": name, "in": "query", "required": False, "schema": schema} for name, schema in route.query.items()
    ]
    return [*in_path, *in_query] + [
        {"name": name, "in": "header", "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in route.headers.items()
    ]


def _reference(body: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(name=body.__name__)}


if __name__ == "__main__":
    sys.stdout.buffer.write(description() + b"\n")
