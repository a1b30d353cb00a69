"""/api/orders: the shop's own systems read what was sold, and refund, cancel and note it, with a bearer token."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import Any

import asyncpg
import jsonschema_rs
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.audit.registering import NewOperator, add_operator, disable_operator
from checkout_daemon.audit.rights import OperatorRole
from checkout_daemon.orders.erasing import erase, plan_erasure
from checkout_daemon.tokens.api_tokens import Scope, create_token, revoke_token
from checkout_daemon.web.app_keys import RUNTIME
from checkout_daemon.web.openapi import description
from tests.commands.test_orders import ORDER_KEYS
from tests.support.orders import add_charge, add_expired_order, add_order
from tests.support.shopping import check_out, paid_order
from tests.web.conftest import Client, OpenClient

ADA = Operator("ada", "desk")
DOCUMENT: dict[str, Any] = json.loads(description())


async def token(client: Client, *scopes: Scope, name: str = "erp") -> str:
    _, text = await create_token(client.app[RUNTIME].database, name, scopes or (Scope.READ,), operator=ADA)
    return text


async def ask(client: Client, path: str, token: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """Return the status and body of an answer, after comparing it with the description."""
    method = "GET" if body is None else "POST"
    sent = {"Authorization": f"Bearer {token}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.request(method, path, json=body, headers=sent) as answer:
        found = json.loads(await answer.read())
        parts = path.partition("?")[0].split("/")
        template = "/".join(["/api/orders", *["{order}"] * (len(parts) > 3), *parts[4:]])
        described = DOCUMENT["paths"][template][method.lower()]["responses"][str(answer.status)]["content"]
        schema = described[answer.content_type]["schema"] | {"components": DOCUMENT["components"]}
        jsonschema_rs.validate(schema, found)
        return answer.status, found


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer x", "Basic eDp5", "bearer ckt_aaaaaaaaaaaa_" + "A" * 43]
)
async def test_without_a_valid_token_the_answer_is_401_with_a_challenge(
    shop: Client, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    for method, path in (("GET", "/api/orders"), ("GET", "/api/orders/1001"), ("POST", "/api/orders/1001/refunds")):
        async with shop.request(method, path, headers=headers) as answer:
            data = json.loads(await answer.read())
            code = "token_required" if authorization is None else "invalid_token"
            assert (answer.status, answer.content_type, data["code"]) == (401, "application/problem+json", code)
            assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="checkout-daemon"')
            assert ("invalid_token" in answer.headers["WWW-Authenticate"]) is (authorization is not None)


async def test_a_token_without_the_scope_gets_403(shop: Client) -> None:
    reading = await token(shop)
    async with shop.post(
        "/api/orders/1001/notes", json={"note": "x"}, headers={"Authorization": f"Bearer {reading}"}
    ) as answer:
        assert (answer.status, json.loads(await answer.read())["code"]) == (403, "insufficient_scope")
        assert 'scope="orders:write"' in answer.headers["WWW-Authenticate"]
    writing = await token(shop, Scope.WRITE, name="desk")
    assert (await ask(shop, "/api/orders", writing))[1]["code"] == "insufficient_scope"


async def test_a_revoked_token_is_refused_at_the_next_request(shop: Client) -> None:
    text = await token(shop)
    assert (await ask(shop, "/api/orders", text))[0] == 200
    await revoke_token(shop.app[RUNTIME].database, "erp", operator=ADA)
    assert (await ask(shop, "/api/orders", text))[0] == 401


async def test_a_token_is_refused_once_its_operator_is_disabled(shop: Client) -> None:
    database = shop.app[RUNTIME].database
    text = await token(shop, name="bo")
    await add_operator(database, NewOperator("ada", OperatorRole.ADMIN, {}, os_user="ada"), operator=ADA)
    await add_operator(database, NewOperator("bo", OperatorRole.ACT, {}, token="bo"), operator=ADA)
    assert (await ask(shop, "/api/orders", text))[0] == 200
    await disable_operator(database, "bo", operator=ADA)
    assert (await ask(shop, "/api/orders", text))[0] == 401


async def test_a_token_may_ask_so_often_and_another_one_is_not_held_up(
    open_client: OpenClient, database_url: str, connection: asyncpg.Connection
) -> None:
    client = await open_client(DATABASE_URL=database_url, CHECKOUT_TOKEN_LIMIT="1")
    busy, other = await token(client), await token(client, name="other")
    assert (await ask(client, "/api/orders", busy))[0] == 200
    status, problem = await ask(client, "/api/orders", busy)
    assert (status, problem["code"]) == (429, "too_many_requests")
    assert (await ask(client, "/api/orders", other))[0] == 200


async def test_guessing_is_stopped_before_the_database(
    open_client: OpenClient, database_url: str, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checkout_daemon.app.REFUSALS_A_MINUTE", 1)
    client = await open_client(DATABASE_URL=database_url)
    text = await token(client)
    assert (await ask(client, "/api/orders", "wrong"))[0] == 401
    assert (await ask(client, "/api/orders", text))[1]["code"] == "too_many_requests"


async def test_an_order_has_the_keys_of_the_command_and_its_items_and_charges(
    shop: Client, connection: asyncpg.Connection
) -> None:
    order_id = await add_order(connection, status="completed", attention=["paid_twice"])
    await add_charge(connection, order_id)
    await connection.execute(
        "INSERT INTO order_items VALUES ($1, 1, 'NOTE', 'Notebook', '', 625, 2, 1250, 0)", order_id
    )
    text = await token(shop)
    _, page = await ask(shop, "/api/orders", text)
    (order,) = page["orders"]
    assert list(order) == [*ORDER_KEYS, "items", "charges", "taxes", "shipping"]
    assert (order["id"], order["attention"], order["customer_email"]) == (order_id, ["paid_twice"], "ada@example.com")
    assert order["items"] == [
        {"sku": "NOTE", "name": "Notebook", "unit_amount": 625, "quantity": 2, "amount": 1250, "amount_discount": 0}
    ]
    assert (order["charges"][0]["brand"], order["charges"][0]["last4"]) == ("visa", "4242")
    assert (page["has_more"], page["next_cursor"]) == (False, None)
    for name in (order["number"], order_id):
        _, found = await ask(shop, f"/api/orders/{name}", text)
        assert found == order | {"payments": [], "refunds": [], "disputes": []}
    assert (await ask(shop, "/api/orders/999", text))[0] == 404


async def test_a_feed_follows_what_changes(paying_shop: Client) -> None:
    runtime = paying_shop.app[RUNTIME]
    text = await token(paying_shop)
    path = "/api/orders?updated_since=2026-01-01T00:00:00Z&limit=1"
    _, page = await ask(paying_shop, path, text)
    assert page["orders"] == []
    placed = await paid_order(runtime)
    _, page = await ask(paying_shop, f"{path}&cursor={page['next_cursor']}", text)
    assert [(order["number"], order["status"]) for order in page["orders"]] == [(placed.number, "completed")]
    _, page = await ask(paying_shop, f"{path}&cursor={page['next_cursor']}", text)
    assert (page["orders"], page["has_more"]) == ([], False)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=0", "invalid_limit"),
        ("limit=201", "invalid_limit"),
        ("limit=ten", "invalid_limit"),
        ("status=paid", "invalid_status"),
        ("status=", "invalid_status"),
        ("updated_since=yesterday", "invalid_time"),
        ("updated_since=2026-01-01T00:00:00", "invalid_time"),
        ("updated_since=2026-01-01T00:00:00Z&cursor=x", "invalid_cursor"),
        ("cursor=x", "invalid_cursor"),
        ("cursor=" + "A" * 5000, "invalid_cursor"),
        ("since=2026", "unknown_parameter"),
        ("limit=1&limit=2", "repeated_parameter"),
    ],
)
async def test_a_wrong_query_is_refused_by_name(shop: Client, query: str, code: str) -> None:
    status, problem = await ask(shop, f"/api/orders?{query}", await token(shop))
    assert (status, problem["errors"][0]["code"]) == (422, code)
    assert problem["errors"][0]["pointer"] == ""
    parameters = [text.partition("=")[0] for text in query.split("&")]
    assert problem["errors"][0]["parameter"] in parameters


async def test_every_fault_of_a_query_is_reported_at_once_with_its_parameter(shop: Client) -> None:
    query = "limit=0&limit=2&status=paid&updated_since=now&since=1&since=2"
    _, problem = await ask(shop, f"/api/orders?{query}", await token(shop))
    assert [(fault["parameter"], fault["code"]) for fault in problem["errors"]] == [
        ("since", "unknown_parameter"),
        ("limit", "repeated_parameter"),
        ("limit", "invalid_limit"),
        ("updated_since", "invalid_time"),
        ("status", "invalid_status"),
    ]


NOON = "2026-05-01T12:00:00Z"


@pytest.mark.parametrize(
    "place",
    [
        ["list", NOON, 2**70],
        ["list", NOON, 2**63],
        ["list", NOON, -1],
        ["list", "2026-05-01T12:00:00", 1],
        ["list", "0001-01-01T00:00:00+14:00", 1],
        ["list", "9999-12-31T23:59:59-14:00", 1],
        ["list", NOON],
        ["feed", None, "9:5:", None, 0, None, None],
        ["feed", None, "9:5:", "9:9:", 0, None, None],
        ["feed", None, "0:5:", None, 0, None, None],
        ["feed", None, "5:9:7,6", "9:9:", 0, None, None],
        ["feed", None, "5:9:9", "9:9:", 0, None, None],
        ["feed", None, "5:9:,", "9:9:", 0, None, None],
        ["feed", None, "1:9999999999999999999:", "9:9:", 0, None, None],
        ["feed", None, "9:9:", "9:9:", 2**63, None, None],
        ["feed", None, "9:9:", "9:9:", 0, 2**70, "1"],
        ["feed", None, "9:9:", "9:9:", 0, 1, "9" * 20],
        ["feed", None, "9:9:", "9:9:", 0, 1, "1\n"],
        ["feed", None, "9:9:", "9:9:", 0, 1, "x"],
        ["feed", "0001-01-01T00:00:00+14:00", None, "9:9:", 0, None, None],
        ["feed", "2026-05-01T12:00:00", None, "9:9:", 0, None, None],
        ["feed", None, None, None, 0, None, None],
    ],
)
async def test_a_cursor_that_was_changed_is_refused(shop: Client, place: list[Any]) -> None:
    cursor = urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")
    since = f"updated_since={NOON}&" if place[0] == "feed" else ""
    status, problem = await ask(shop, f"/api/orders?{since}cursor={cursor}", await token(shop))
    assert (status, problem["code"], problem["errors"][0]["code"]) == (422, "invalid_request", "invalid_cursor")


async def test_a_deeply_nested_cursor_is_refused(shop: Client) -> None:
    cursor = urlsafe_b64encode(b'["list", ' + b"[" * 5000).decode().rstrip("=")
    status, problem = await ask(shop, f"/api/orders?cursor={cursor}", await token(shop))
    assert (status, problem["errors"][0]["code"]) == (422, "invalid_cursor")


async def test_lists_are_by_status_and_go_on_from_page_to_page(shop: Client, connection: asyncpg.Connection) -> None:
    for status in ("completed", "failed", "completed", "refunded"):
        await add_order(connection, status=status)
    text = await token(shop)
    path = "/api/orders?status=completed,refunded&limit=2"
    _, newest = await ask(shop, path, text)
    _, rest = await ask(shop, f"{path}&cursor={newest['next_cursor']}", text)
    assert [order["number"] for order in newest["orders"] + rest["orders"]] == [1004, 1003, 1001]
    _, same = await ask(shop, "/api/orders?status=completed&status=refunded&limit=9", text)
    assert [order["number"] for order in same["orders"]] == [1004, 1003, 1001]


async def test_an_erased_customer_stays_erased(shop: Client, connection: asyncpg.Connection) -> None:
    database = shop.app[RUNTIME].database
    order_id = await add_expired_order(connection)
    await erase(database, await plan_erasure(database, order_id, customer=False), operator=ADA)
    _, found = await ask(shop, f"/api/orders/{order_id}", await token(shop))
    assert [found[f"customer_{field}"] for field in ("name", "email", "phone")] == ["", "", ""]


async def test_only_its_number_or_its_whole_id_names_an_order(shop: Client, connection: asyncpg.Connection) -> None:
    order_id = await add_order(connection, id="1007abcd-0000-4000-8000-0000000000ef")
    number = await connection.fetchval("SELECT number FROM orders")
    text = await token(shop, Scope.READ, Scope.WRITE)
    for name in ("1007", "1007abcd"):
        for act, body in (("refunds", {}), ("cancel", {}), ("notes", {"note": "x"})):
            status, problem = await ask(shop, f"/api/orders/{name}/{act}", text, body, Idempotency_Key="a")
            assert (status, problem["code"]) == (404, "not_found"), (name, act)
    names = ["1007", order_id[:-1], f"{order_id}0", order_id.replace("-", ""), "9" * 30, "0", "%D9%A1"]
    for name in [*names, f"%23{number}", f"%20{number}", "ada@example.com", "cs_test_1"]:
        assert (await ask(shop, f"/api/orders/{name}", text))[0] == 404, name
    for name in (number, order_id):
        status, order = await ask(shop, f"/api/orders/{name}", text)
        assert (status, order.get("id")) == (200, order_id), (name, order)
    assert await connection.fetchval("SELECT count(*) FROM order_changes") == 0


async def test_an_unpaid_order_is_canceled_and_a_paid_one_is_not(paying_shop: Client) -> None:
    runtime = paying_shop.app[RUNTIME]
    waiting, paid = await check_out(runtime), await paid_order(runtime)
    text = await token(paying_shop, Scope.READ, Scope.WRITE)
    status, order = await ask(paying_shop, f"/api/orders/{waiting.number}/cancel", text, {"note": "sold out"})
    assert (status, order["status"]) == (200, "canceled")
    status, problem = await ask(paying_shop, f"/api/orders/{paid.number}/cancel", text, {})
    assert (status, problem["code"]) == (409, "not_cancelable")


async def test_a_note_names_the_token(shop: Client, connection: asyncpg.Connection) -> None:
    await add_order(connection)
    text = await token(shop, Scope.READ, Scope.WRITE)
    assert (await ask(shop, "/api/orders/1001/notes", text, {"note": "packed"}))[0] == 200
    row = await connection.fetchrow("SELECT actor, note FROM order_changes WHERE cause = 'order.noted'")
    assert row is not None
    assert (row["actor"].partition("@")[0], row["note"]) == ("token:erp", "packed")
    status, problem = await ask(shop, "/api/orders/1001/notes", text, {"note": " "})
    assert (status, problem["errors"][0]["pointer"]) == (422, "/note")


async def test_no_page_of_another_origin_may_read_it(
    open_client: OpenClient, database_url: str, connection: asyncpg.Connection
) -> None:
    client = await open_client(DATABASE_URL=database_url, CHECKOUT_CORS_ORIGINS="*")
    text = await token(client)
    headers = {"Authorization": f"Bearer {text}", "Origin": "https://evil.example"}
    async with client.get("/api/orders", headers=headers) as answer:
        assert answer.status == 200
        assert "Access-Control-Allow-Origin" not in answer.headers
