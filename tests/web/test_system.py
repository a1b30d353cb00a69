"""Routes for monitoring: health, readiness, metrics, the API's description."""

from __future__ import annotations

import asyncio
import json
import socket

import asyncpg
import pytest

from checkout_daemon.web.app_keys import METRICS
from tests.support.stripe_events import event_body, signed
from tests.support.waiting import until
from tests.web.conftest import Client, OpenClient, checkout_body


async def test_alive_without_a_database(client: Client) -> None:
    async with client.get("/healthz") as answer:
        assert (answer.status, await answer.json()) == (200, {"status": "ok"})


async def test_ready_with_a_database_of_this_schema(shop: Client) -> None:
    async with shop.get("/readyz") as answer:
        assert (answer.status, await answer.json()) == (200, {"status": "ready"})
    async with shop.head("/readyz") as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM schema_migrations",
        "INSERT INTO schema_migrations (version, name, oldest_code) VALUES (9999, 'later', 9999)",
    ],
)
async def test_not_ready_on_a_schema_that_does_not_fit(
    shop: Client, connection: asyncpg.Connection, change: str
) -> None:
    await connection.execute(change)
    async with shop.get("/readyz") as answer:
        data = json.loads(await answer.read())
        assert (answer.status, data["code"]) == (503, "schema_mismatch")


async def test_still_ready_on_a_newer_schema_that_bears_this_code(shop: Client, connection: asyncpg.Connection) -> None:
    await connection.execute("INSERT INTO schema_migrations (version, name, oldest_code) VALUES (9999, 'expand', 1)")
    async with shop.get("/readyz") as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    "fault",
    [
        "ALTER DATABASE {} SET default_transaction_read_only = on",
        "ALTER DATABASE {} SET temp_file_limit = 0",  # a full disk: nothing can be written to a new place
    ],
)
async def test_not_ready_on_a_database_that_cannot_store(
    shop: Client, connection: asyncpg.Connection, fault: str
) -> None:
    await connection.execute(fault.format(await connection.fetchval("SELECT current_database()")))
    async with shop.get("/readyz") as answer:
        data = json.loads(await answer.read())
        assert (answer.status, data["code"], answer.headers["Retry-After"]) == (503, "database_unavailable", "5")


async def test_a_database_that_answers_no_longer_is_soon_not_ready(
    shop: Client, connection: asyncpg.Connection
) -> None:
    async def not_ready() -> bool:
        async with shop.get("/readyz") as answer:
            return answer.status == 503

    assert not await not_ready()
    async with connection.transaction():
        await connection.execute("LOCK TABLE schema_migrations")
        await until(not_ready)
    await until(lambda: _is_ready(shop))


async def _is_ready(shop: Client) -> bool:
    async with shop.get("/readyz") as answer:
        return answer.status == 200


async def test_many_who_ask_at_once_cost_the_database_one_question(
    shop: Client, connection: asyncpg.Connection
) -> None:
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'schema_migrations'::regclass"
    most = 0
    async with connection.transaction():
        await connection.execute("LOCK TABLE schema_migrations")
        asking = [asyncio.create_task(_is_ready(shop)) for _ in range(40)]
        while not all(task.done() for task in asking):
            most = max(most, await connection.fetchval(waiting))
            await asyncio.sleep(0)
        assert not any([await task for task in asking])
    assert most == 1


@pytest.mark.parametrize("path", ["/readyz", "/api/products", "/api/stripe-checkout"])
async def test_a_frozen_database_is_answered_for_in_time(open_client: OpenClient, path: str) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(50)
        client = await open_client(DATABASE_URL=f"postgresql://u@127.0.0.1:{silent.getsockname()[1]}/db")
        async with asyncio.timeout(8):
            if path == "/api/stripe-checkout":
                answer = await client.post(path, json=checkout_body())
            else:
                answer = await client.get(path)
        data = json.loads(await answer.read())
    assert (answer.status, data["code"]) == (503, "database_unavailable")


async def test_requests_are_counted_by_route_and_never_by_path(shop: Client) -> None:
    for path in ("/api/stripe-checkout/cs_1", "/api/stripe-checkout/cs_2", "/success", "/healthz"):
        async with shop.get(path):
            pass
    async with shop.get("/metrics") as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        lines = (await answer.text()).splitlines()
    assert 'checkout_http_requests_total{method="GET",route="/api/stripe-checkout/{ref}",status="404"} 2.0' in lines
    assert 'checkout_http_requests_total{method="GET",route="storefront",status="503"} 1.0' in lines
    assert 'checkout_http_request_seconds_count{route="/healthz"} 1.0' in lines
    assert not any("cs_1" in line or "/page" in line for line in lines)


async def test_connections_of_both_pools_are_shown(shop: Client) -> None:
    async with shop.get("/api/products"):
        pass
    async with shop.get("/metrics") as answer:
        text = await answer.text()
    assert 'checkout_database_connections{pool="shop"} 1.0' in text
    assert 'checkout_database_connections_idle{pool="shop"} 1.0' in text
    assert 'checkout_database_connections{pool="intake"} 0.0' in text


async def test_two_applications_count_apart(open_client: OpenClient) -> None:
    one, other = await open_client(), await open_client()
    async with one.get("/healthz"):
        pass
    async with other.get("/metrics") as answer:
        assert "/healthz" not in await answer.text()


async def test_orders_and_calls_to_stripe_are_counted(paying_shop: Client) -> None:
    body = {
        "items": [{"sku": "NOTE", "quantity": 2}],
        "customer": {"name": "Ada", "email": "ada@example.com", "phone": "+436641234567"},
    }
    async with paying_shop.post("/api/stripe-checkout", json=body) as answer:
        assert answer.status == 201
    async with paying_shop.get("/metrics") as answer:
        lines = (await answer.text()).splitlines()
    assert 'checkout_orders_total{currency="eur"} 1.0' in lines
    assert 'checkout_stripe_calls_total{method="checkout.sessions.create",outcome="ok"} 1.0' in lines
    assert 'checkout_stripe_call_seconds_count{method="checkout.sessions.create"} 1.0' in lines


async def test_metrics_that_fail_stop_nothing(
    paying_shop: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Simulate that the workers' shared folder was removed."""

    def gone(*_: object) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    metrics = paying_shop.app[METRICS]
    for name in ("orders", "requests", "request_seconds", "stripe_calls", "secrets", "deliveries", "refusals"):
        monkeypatch.setattr(getattr(metrics, name), "labels", gone)
    async with paying_shop.post("/api/stripe-checkout", json=checkout_body()) as answer:
        assert answer.status == 201
    async with paying_shop.post("/api/stripe-checkout", json={}) as answer:
        assert (answer.status, answer.content_type) == (422, "application/problem+json")
    body = event_body("customer.created", {"id": "cus_1", "object": "customer"})
    for signature, status in ((signed(body), 200), ("t=1,v1=00", 400)):
        headers = {"Stripe-Signature": signature}
        async with paying_shop.post("/api/webhook", data=body, headers=headers) as answer:
            assert answer.status == status
    assert any("is not counted" in record.getMessage() for record in caplog.records)
