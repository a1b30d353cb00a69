"""/openapi.json: a valid description of all routes and their answers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from checkout_daemon.web.openapi import EVERY_ROUTE, describe
from tests.web.conftest import Client, checkout_body

DOCUMENT: dict[str, Any] = json.loads(describe(EVERY_ROUTE))


def test_the_description_is_valid_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    OPENAPI_31_VALIDATOR.validate(DOCUMENT)


async def test_it_is_served(client: Client) -> None:
    async with client.get("/openapi.json") as answer:
        assert answer.content_type == "application/json"
        assert json.loads(await answer.read()) == DOCUMENT


def test_the_storefronts_copy_is_current() -> None:
    """To update it: npm --prefix frontend run api."""
    copy = Path(__file__).parents[2] / "frontend" / "src" / "lib" / "api" / "openapi.json"
    assert copy.read_bytes() == describe(EVERY_ROUTE) + b"\n"


def test_the_guide_names_only_what_there_is() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "API.md").read_text(encoding="utf-8")
    failures = {failure.code for route in EVERY_ROUTE for failure in route.failures}
    named = set(re.findall(r"^\| (?:\d{3},? )+`(\w+)`", guide, re.MULTILINE))
    assert len(named) >= 5
    assert named <= failures
    paths = {re.sub(r"\{\w+\}", "{}", path) for path in re.findall(r"`(?:GET|POST) (/[^\s?`]+)[?`]", guide)}
    assert len(paths) >= 4
    assert paths <= {re.sub(r"\{\w+\}", "{}", path) for path in DOCUMENT["paths"]}


async def test_it_describes_exactly_the_routes_there_are(client: Client) -> None:
    served = {
        (route.method, route.resource.canonical)
        for route in client.app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    described = {(method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item}
    assert described == served


def test_every_failure_of_every_route_is_listed() -> None:
    for route in EVERY_ROUTE:
        path = re.sub(r"\{(\w+):.+\}(?=/|$)", r"{\1}", route.path)
        responses = DOCUMENT["paths"][path][route.method.lower()]["responses"]
        for failure in route.failures:
            schema = responses[str(failure.status)]["content"]["application/problem+json"]["schema"]
            assert failure.code in schema["properties"]["code"]["enum"]


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(DOCUMENT)
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= set(DOCUMENT["components"]["schemas"])


@pytest.mark.parametrize(
    ("method", "path", "template", "body", "status"),
    [
        ("GET", "/api/products", "/api/products", None, 200),
        (
            "POST",
            "/api/quotes",
            "/api/quotes",
            {"items": [{"sku": "NOTE", "quantity": 1}], "discount_code": "TEN"},
            200,
        ),
        ("POST", "/api/quotes", "/api/quotes", {}, 422),
        ("POST", "/api/stripe-checkout", "/api/stripe-checkout", checkout_body(), 201),
        ("POST", "/api/stripe-checkout", "/api/stripe-checkout", checkout_body(expected_total=1), 409),
        ("GET", "/api/stripe-checkout/cs_1", "/api/stripe-checkout/{ref}", None, 404),
        ("GET", "/readyz", "/readyz", None, 200),
    ],
)
async def test_answers_are_as_described(
    paying_shop: Client, method: str, path: str, template: str, body: Any, status: int
) -> None:
    async with paying_shop.request(method, path, json=body) as answer:
        assert answer.status == status
        described = DOCUMENT["paths"][template][method.lower()]["responses"][str(status)]["content"]
        schema = described[answer.content_type]["schema"] | {"components": DOCUMENT["components"]}
        jsonschema_rs.validate(schema, json.loads(await answer.read()))
