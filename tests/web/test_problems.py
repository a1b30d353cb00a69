"""Failures are answered with a problem that has a code and no internal details."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from checkout_daemon.errors import CheckoutError, ConfigurationError
from checkout_daemon.web.openapi import EVERY_ROUTE
from checkout_daemon.web.problems import to_problem
from tests.web.conftest import Client

ALLOWED = {
    "/api/products": "GET, HEAD",
    "/api/quotes": "POST",
    "/api/stripe-checkout": "POST",
    "/api/stripe-checkout/cs_1": "GET, HEAD",
    "/api/stripe-checkout/cs_1/retry": "POST",
    "/api/webhook": "POST",
    "/api/orders": "GET, HEAD",
    "/api/orders/1001": "GET, HEAD",
    "/api/orders/1001/refunds": "POST",
    "/healthz": "GET, HEAD",
    "/readyz": "GET, HEAD",
    "/metrics": "GET, HEAD",
    "/openapi.json": "GET, HEAD",
    "/": "GET, HEAD",
    "/success": "GET, HEAD",
}


@pytest.mark.parametrize("path", ALLOWED)
@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
async def test_another_method_is_refused_with_the_allowed_ones(client: Client, path: str, method: str) -> None:
    async with client.request(method, path) as answer:
        data = json.loads(await answer.read())
        assert (answer.status, data["code"]) == (405, "method_not_allowed")
        assert answer.headers["Allow"] == ALLOWED[path]


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/some/page", "/products", "/success/x"])
async def test_another_method_where_there_is_nothing_is_not_found(client: Client, path: str, method: str) -> None:
    async with client.request(method, path) as answer:
        data = json.loads(await answer.read())
        assert (answer.status, data["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", [path for path, allowed in ALLOWED.items() if allowed == "POST"])
async def test_reading_what_can_only_be_posted_to_is_not_the_storefront(client: Client, path: str) -> None:
    async with client.get(path) as answer:
        assert answer.status == 405


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("path", ["/api", "/api/", "/api/nothing", "/api/products/1", "/api//products"])
async def test_what_is_not_there_under_api_is_a_problem_not_a_page(client: Client, path: str, method: str) -> None:
    async with client.request(method, path) as answer:
        data = json.loads(await answer.read())
        assert (answer.status, data["code"], answer.content_type) == (404, "not_found", "application/problem+json")


async def test_every_problem_has_the_members_of_rfc_9457(client: Client) -> None:
    async with client.get("/api/nothing") as answer:
        data = json.loads(await answer.read())
    assert data["type"] == "urn:checkout-daemon:problem:not_found"
    assert set(data) == {"type", "title", "status", "detail", "code"}


async def test_without_a_database_the_answer_is_503_and_when_to_come_back(client: Client) -> None:
    for path in ("/api/products", "/readyz", "/api/stripe-checkout/cs_1"):
        async with client.get(path) as answer:
            data = json.loads(await answer.read())
            assert (answer.status, data["code"]) == (503, "database_unavailable")
            assert answer.headers["Retry-After"] == "5"


async def test_what_nobody_foresaw_is_500_without_details_and_logged_with_them(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(catalog: object) -> Any:
        raise ZeroDivisionError("the secret of the day")

    monkeypatch.setattr("checkout_daemon.catalog.memory.CatalogMemory.read", fails)
    async with client.get("/api/products") as answer:
        text = await answer.text()
        data = json.loads(text)
        assert (answer.status, data["code"]) == (500, "internal_error")
        assert answer.headers["X-Request-Id"]
    assert "secret" not in text
    assert "ZeroDivisionError" not in text
    (record,) = [line for line in caplog.records if line.levelno == logging.ERROR]
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


async def test_a_named_failure_that_has_no_answer_of_its_own_is_500_without_its_words(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(catalog: object) -> Any:
        raise ConfigurationError("the password is not hunter2")

    monkeypatch.setattr("checkout_daemon.catalog.memory.CatalogMemory.read", fails)
    async with client.get("/api/products") as answer:
        assert answer.status == 500
        assert "hunter2" not in await answer.text()
    assert "hunter2" in caplog.text


def all_failures(base: type[CheckoutError] = CheckoutError) -> list[type[CheckoutError]]:
    ours = [subclass for subclass in base.__subclasses__() if subclass.__module__.startswith("checkout_daemon.")]
    return [found for our in ours for found in (our, *all_failures(our))]


@pytest.mark.parametrize("failure", [kind for kind in all_failures() if kind.status >= 500])
def test_no_failure_behind_us_tells_its_words(failure: type[CheckoutError]) -> None:
    error = failure.__new__(failure)
    error.detail = "host=10.1.2.3"
    problem = to_problem(error)
    assert problem.status == failure.status
    assert "10.1.2.3" not in problem.detail


def test_every_route_names_only_failures_with_a_status_of_their_own() -> None:
    assert {failure.status for route in EVERY_ROUTE for failure in route.failures} == {
        *(400, 401, 403, 404, 408, 409, 410, 413, 415, 422, 429, 502, 503)
    }
