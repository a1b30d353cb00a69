"""The protocol around the operations: keys, idempotency, parameters, errors, forms."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from hypothesis import given, settings
from hypothesis import strategies as st

from checkout_daemon.sandbox.box import API_VERSION
from checkout_daemon.sandbox.parameters.forms import FormError, build_tree, decode_form
from checkout_daemon.sandbox.pretty import pretty
from checkout_daemon.sandbox.resources import OPERATIONS
from tests.sandbox.conftest import AUTHORIZATION, KEY

CUSTOMERS = "/v1/customers"
PRODUCT = "line_items[0][price_data][product_data]"


@pytest.fixture
async def http(server: TestServer) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(str(server.make_url("/"))) as session:
        yield session


async def call(
    http: aiohttp.ClientSession, method: str, path: str, data: Any = None, **headers: str
) -> tuple[int, Any, Any]:
    sent = {**AUTHORIZATION, **{name.replace("_", "-"): value for name, value in headers.items()}}
    async with http.request(
        method, path, data=io.BytesIO(data) if isinstance(data, bytes) else data, headers=sent
    ) as response:
        return response.status, await response.json(), response.headers


async def test_an_api_key_is_needed(http: aiohttp.ClientSession) -> None:
    basic = base64.b64encode(f"{KEY}:".encode()).decode()
    assert (await call(http, "GET", "/v1/account", Authorization=f"Basic {basic}"))[0] == 200
    assert (await call(http, "GET", "/v1/account", Authorization="Bearer rk_test_1"))[0] == 200
    assert (await call(http, "GET", "/v1/account", Authorization="Bearer sk_test_123"))[0] == 200
    for wrong in ("", "Bearer", "Bearer sk_live_123456789", "Basic ???", "Digest x", "Bearer sk_test_"):
        status, body, headers = await call(http, "GET", "/v1/account", Authorization=wrong)
        assert (status, body["error"]["type"]) == (401, "invalid_request_error")
        assert headers["Request-Id"].startswith("req_")


async def test_unknown_addresses_and_objects(http: aiohttp.ClientSession) -> None:
    status, body, _ = await call(http, "GET", "/v1/nothing")
    assert status == 404
    assert body["error"]["message"].startswith("Unrecognized request URL (GET: /v1/nothing)")
    status, body, _ = await call(http, "GET", "/v1/payment_intents/pi_no")
    assert (status, body["error"]["code"], body["error"]["param"]) == (404, "resource_missing", "intent")
    data = [("mode", "payment"), ("success_url", "http://x.example"), ("line_items[0][price]", "price_no")]
    status, body, _ = await call(http, "POST", "/v1/checkout/sessions", [*data, ("line_items[0][quantity]", "1")])
    error = body["error"]
    assert (status, error["code"], error["param"]) == (400, "resource_missing", "line_items[0][price]")


@pytest.mark.parametrize(
    ("path", "form", "code", "param"),
    [
        ("/v1/products", {"nome": "x"}, "parameter_unknown", "nome"),
        ("/v1/products", {}, "parameter_missing", "name"),
        ("/v1/products", {"name": ""}, "parameter_invalid_empty", "name"),
        ("/v1/payment_intents", {"payment_method": ""}, "parameter_invalid_empty", "payment_method"),
        ("/v1/payment_intents/pi_1", {"customer": ""}, "parameter_invalid_empty", "customer"),
        ("/v1/prices", {"product": ""}, "parameter_invalid_empty", "product"),
        ("/v1/promotion_codes", {"promotion[coupon]": ""}, "parameter_invalid_empty", "promotion[coupon]"),
        ("/v1/refunds", {"charge": ""}, "parameter_invalid_empty", "charge"),
        ("/v1/subscriptions", {"items[0][price]": ""}, "parameter_invalid_empty", "items[0][price]"),
        ("/v1/checkout/sessions", {"customer": ""}, "parameter_invalid_empty", "customer"),
        ("/v1/checkout/sessions", {"customer_email": ""}, "parameter_invalid_empty", "customer_email"),
        ("/v1/checkout/sessions", {"success_url": ""}, "parameter_invalid_empty", "success_url"),
        ("/v1/checkout/sessions", {"line_items[0][price]": ""}, "parameter_invalid_empty", "line_items[0][price]"),
        ("/v1/checkout/sessions", {f"{PRODUCT}[images]": ""}, "parameter_invalid_empty", f"{PRODUCT}[images]"),
        ("/v1/checkout/sessions", {"allow_promotion_codes": ""}, "parameter_invalid_empty", "allow_promotion_codes"),
        ("/v1/payment_intents", {"amount": "ten", "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ("/v1/payment_intents", {"amount": "0", "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ("/v1/checkout/sessions", {"line_items[0][prise]": "x"}, "parameter_unknown", "line_items[0][prise]"),
        ("/v1/checkout/sessions", {"mode": "payment"}, "parameter_missing", "success_url"),
    ],
)
async def test_wrong_parameters_are_named(
    http: aiohttp.ClientSession, path: str, form: dict[str, str], code: str, param: str
) -> None:
    status, body, _ = await call(http, "POST", path, form)
    error = body["error"]
    assert (status, error["code"], error["param"]) == (400, code, param)
    assert error["type"] == "invalid_request_error"
    assert param in error["message"] or code == "parameter_invalid_integer"


async def test_an_idempotency_key_replays_its_answer(http: aiohttp.ClientSession) -> None:
    status, first, headers = await call(http, "POST", CUSTOMERS, {"name": "A"}, Idempotency_Key="k1")
    assert (status, headers.get("Idempotent-Replayed")) == (200, None)
    status, again, headers = await call(http, "POST", CUSTOMERS, {"name": "A"}, Idempotency_Key="k1")
    assert (status, again, headers["Idempotent-Replayed"]) == (200, first, "true")
    status, body, _ = await call(http, "POST", CUSTOMERS, {"name": "B"}, Idempotency_Key="k1")
    assert (status, body["error"]["type"]) == (400, "idempotency_error")
    _, listed, _ = await call(http, "GET", CUSTOMERS)
    assert len(listed["data"]) == 1


async def test_a_key_of_another_endpoint_names_both(http: aiohttp.ClientSession) -> None:
    await call(http, "POST", CUSTOMERS, {"name": "A"}, Idempotency_Key="k1")
    status, body, _ = await call(http, "POST", "/v1/products", {"name": "A"}, Idempotency_Key="k1")
    assert (status, body["error"]["type"]) == (400, "idempotency_error")
    assert body["error"]["message"] == (
        "Keys for idempotent requests can only be used for the same endpoint they were first used for "
        "('/v1/products' vs '/v1/customers'). Try using a key other than 'k1' if you meant to execute a different "
        "request."
    )


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_an_empty_identifier_is_no_list_and_no_new_object(http: aiohttp.ClientSession, method: str) -> None:
    status, body, _ = await call(http, method, f"{CUSTOMERS}/")
    assert (status, body["error"]["message"]) == (
        404,
        f"Unrecognized request URL ({method}: /v1/customers/). If you are trying to list objects, remove the trailing "
        "slash. If you are trying to retrieve an object, make sure you passed a valid (non-empty) identifier in your "
        "code. Please see https://stripe.com/docs or we can help at https://support.stripe.com/.",
    )
    assert (await call(http, "GET", CUSTOMERS))[1]["data"] == []


async def test_parameters_come_from_the_address_and_the_body(http: aiohttp.ClientSession) -> None:
    _, body, _ = await call(http, "POST", f"{CUSTOMERS}?name=A&phone=1", {"name": "B"}, Idempotency_Key="k1")
    assert (body["name"], body["phone"]) == ("B", "1")
    status, body, _ = await call(http, "POST", f"{CUSTOMERS}?name=A&phone=2", {"name": "B"}, Idempotency_Key="k1")
    assert (status, body["error"]["type"]) == (400, "idempotency_error")
    await call(http, "POST", CUSTOMERS)
    assert len((await call(http, "GET", CUSTOMERS, {"limit": "1"}))[1]["data"]) == 1


async def test_a_deletion_takes_parameters_from_its_body_as_well(http: aiohttp.ClientSession) -> None:
    path = f"{CUSTOMERS}/{(await call(http, 'POST', CUSTOMERS, {}))[1]['id']}"
    _, body, _ = await call(http, "DELETE", f"{path}?one=1", {"two": "2"})
    assert body["error"]["message"] == "Received unknown parameters: one, two"
    status, body, _ = await call(http, "DELETE", path, {"expand[]": "nothing"})
    assert (status, body["error"]["param"]) == (400, "expand")
    assert (await call(http, "DELETE", path))[1]["deleted"]


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/v1/refunds", {"payment_intent": "pi_no"}, 400),
        (
            "/v1/payment_intents",
            {
                "amount": "100",
                "currency": "usd",
                "confirm": "true",
                "payment_method": "pm_card_chargeDeclined",
                "payment_method_types[]": "card",
            },
            402,
        ),
    ],
)
async def test_a_key_replays_errors_too(
    http: aiohttp.ClientSession, path: str, form: dict[str, str], status: int
) -> None:
    first_status, first, _ = await call(http, "POST", path, form, Idempotency_Key="k")
    again_status, again, headers = await call(http, "POST", path, form, Idempotency_Key="k")
    assert (first_status, again_status, again) == (status, status, first)
    assert headers["Idempotent-Replayed"] == "true"


async def test_a_key_whose_parameters_were_refused_is_free(http: aiohttp.ClientSession) -> None:
    assert (await call(http, "POST", "/v1/products", {}, Idempotency_Key="k"))[0] == 400
    assert (await call(http, "POST", "/v1/products", {"name": "P"}, Idempotency_Key="k"))[0] == 200


async def test_a_key_in_use_conflicts(http: aiohttp.ClientSession, server: TestServer) -> None:
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(
        f"POST {CUSTOMERS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\nIdempotency-Key: k\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 6\r\n\r\nname".encode()
    )
    await writer.drain()
    async with asyncio.timeout(2):
        while True:
            status, body, headers = await call(http, "POST", CUSTOMERS, {"name": "B"}, Idempotency_Key="k")
            if status == 409:
                break
            pytest.fail("the first request was not under way")
    assert body["error"]["code"] == "idempotency_key_in_use"
    assert headers["Stripe-Should-Retry"] == "true"
    writer.write(b"=A")
    assert b"200 OK" in await reader.readline()
    writer.close()


async def test_fifty_at_once_with_one_key_make_one_object(http: aiohttp.ClientSession) -> None:
    async def create() -> int:
        return (await call(http, "POST", CUSTOMERS, {"name": "A"}, Idempotency_Key="k"))[0]

    statuses = set(await asyncio.gather(*(create() for _ in range(50))))
    assert statuses <= {200, 409}
    assert len((await call(http, "GET", CUSTOMERS))[1]["data"]) == 1


async def test_an_answer_names_the_version_that_it_has(http: aiohttp.ClientSession) -> None:
    status, _, headers = await call(http, "GET", "/v1/balance", Stripe_Version="2019-02-19")
    assert (status, headers["Stripe-Version"]) == (200, API_VERSION)


@pytest.mark.parametrize(
    ("version", "status"),
    [
        ("banana", 400),
        ("2026", 400),
        ("1999-99-99", 400),
        ("2019-01-01", 400),
        ("2025-01-27.acacia; a_beta=v1", 200),
        ("2027-01-28.fern", 200),
        ("2027-02-30.fern", 400),
        ("2026-10-27.fern", 400),
        ("2026-10-28.preview", 200),
        ("2024-06-20.preview", 400),
    ],
)
async def test_a_version_that_is_none_is_refused(http: aiohttp.ClientSession, version: str, status: int) -> None:
    got, body, headers = await call(http, "GET", "/v1/balance", Stripe_Version=version)
    assert got == status
    if status == 400:
        assert body["error"]["message"] == f"Invalid Stripe API version: {version}"
        assert headers["Stripe-Version"] == API_VERSION


async def test_metadata_with_numeric_keys_stays_a_map(http: aiohttp.ClientSession) -> None:
    form = {"metadata[0]": "a", "metadata[x]": "b"}
    _, body, _ = await call(http, "POST", CUSTOMERS, form)
    assert body["metadata"] == {"0": "a", "x": "b"}
    path = f"{CUSTOMERS}/{body['id']}"
    _, body, _ = await call(http, "POST", path, {"metadata[0]": ""})
    assert body["metadata"] == {"x": "b"}
    _, body, _ = await call(http, "POST", path, {"metadata": ""})
    assert body["metadata"] == {}


@pytest.mark.parametrize(
    "text",
    [
        "a[0][b]=1&a[0][c]=2&a[1][b]=3",
        "a[1][b]=3&a[0][c]=2&a[0][b]=1",
        "a[][b]=1&a[][c]=2&a[][b]=3",
        "a%5B0%5D%5Bb%5D=1&a[0][c]=2&a[1][b]=3",
    ],
)
def test_forms(text: str) -> None:
    assert decode_form(text) == {"a": {"0": {"b": "1", "c": "2"}, "1": {"b": "3"}}}


def test_forms_with_scalars_in_lists() -> None:
    assert decode_form("t[]=a&t[]=b&e=") == {"t": {"0": "a", "1": "b"}, "e": ""}
    assert build_tree([("a", "1"), ("a", "2")]) == {"a": "2"}
    for wrong in ("a[b=1", "a[b]c=1", "[a]=1", "a=1&a[b]=2", "a[b]=2&a=1", "a[b]]=1"):
        with pytest.raises(FormError):
            decode_form(wrong)


_NAMES = st.sampled_from(sorted({name for operation in OPERATIONS for name in operation.specs} | {"price_data", "x"}))
_KEYS = st.builds(
    lambda name, rest: name + "".join(f"[{part}]" for part in rest),
    _NAMES,
    st.lists(
        st.sampled_from(["", "0", "1", "-1", "99999999999", "price", "quantity", "price_data", "enabled", "é"]),
        max_size=3,
    ),
)
_VALUES = st.one_of(
    st.sampled_from(
        ["", "0", "-1", "usd", "true", "payment", "pm_card_visa", "9" * 30, "1e9", "http://[", "http://x:y"]
    ),
    st.text(max_size=20),
)


async def test_odd_input_is_never_a_server_error(http: aiohttp.ClientSession) -> None:
    cases: list[tuple[str, str, dict[str, str]]] = []

    @settings(max_examples=400, database=None)
    @given(
        st.sampled_from(OPERATIONS),
        st.sampled_from(["x", "%00", "é", "..", "pi_" + "9" * 300]),
        st.dictionaries(_KEYS, _VALUES, max_size=5),
    )
    def collect(operation: Any, object_id: str, form: dict[str, str]) -> None:
        cases.append((operation.method, operation.path.replace("{id}", object_id), form))

    collect()
    for method, path, form in cases:
        clean = {name: value.encode("utf-8", "replace").decode() for name, value in form.items()}
        arguments: Any = {"params": clean} if method == "GET" else {"data": clean}
        async with http.request(method, path, headers=AUTHORIZATION, **arguments) as response:
            assert response.status < 500, (method, path, form, await response.text())


async def test_a_map_in_place_of_an_id_is_not_a_server_error(http: aiohttp.ClientSession) -> None:
    status, body, _ = await call(http, "POST", "/v1/billing_portal/configurations", {"customer[a][b]": "x"})
    assert (status, body.get("object")) in ((200, "billing_portal.configuration"), (400, None))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xfe=1", "application/x-www-form-urlencoded"),
        (b'{"name": "x"}', "application/json"),
        (b"name=%00%ff", "application/x-www-form-urlencoded"),
        (b"a=1&" * 6000, "application/x-www-form-urlencoded"),
        (b"a" * (5 * 1024 * 1024), "application/x-www-form-urlencoded"),
        (("a" + "[b]" * 500 + "=1").encode(), "application/x-www-form-urlencoded"),
    ],
)
async def test_odd_bodies(http: aiohttp.ClientSession, body: bytes, kind: str) -> None:
    status, answer, _ = await call(http, "POST", "/v1/products", body, Content_Type=kind)
    assert status < 500
    assert "error" in answer or answer["object"] == "product"


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"Idempotency-Key: \xff\xfe", 200),
        (b"User-Agent: \xff", 200),
        (b"Stripe-Version: \xff", 400),
        (b"Stripe-Account: \xff", 403),
        (b"Authorization: Bearer \xff", 401),
        (b"Authorization: Bearer sk_test_123\xff", 200),
    ],
)
async def test_bytes_of_a_header_that_are_no_text_break_nothing(server: TestServer, line: bytes, status: int) -> None:
    key = b"" if line.startswith(b"Authorization") else f"Authorization: Bearer {KEY}\r\n".encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    head = b"POST /v1/customers HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n"
    writer.write(head + key + line + b"\r\n\r\n")
    answer = await reader.read()
    writer.close()
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Content-Type: application/json" in answer


@pytest.mark.parametrize("name", ["Stripe_Account", "Stripe_Context"])
async def test_another_account_is_refused_however_it_is_named(http: aiohttp.ClientSession, name: str) -> None:
    status, body, _ = await call(http, "GET", "/v1/balance", **{name: "acct_1SomebodyElse"})
    assert (status, body["error"]["code"]) == (403, "account_invalid")


@pytest.mark.parametrize(
    ("path", "name", "others"),
    [
        (CUSTOMERS, "email", {}),
        ("/v1/payment_intents", "receipt_email", {"amount": "500", "currency": "eur"}),
        ("/v1/payment_methods", "billing_details[email]", {"type": "sepa_debit"}),
    ],
)
async def test_an_invalid_email_address_is_refused(
    http: aiohttp.ClientSession, path: str, name: str, others: dict[str, str]
) -> None:
    status, body, _ = await call(http, "POST", path, {name: "nobody", **others})
    assert (status, body["error"]["code"], body["error"]["param"]) == (400, "email_invalid", name)


@pytest.mark.parametrize("path", ["/v1/account", CUSTOMERS, "/v1/nothing"])
async def test_bodies_are_indented_as_stripe_s_are(http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(path, headers=AUTHORIZATION) as response:
        text = await response.text()
    assert text.rstrip("\n") == json.dumps(json.loads(text), indent=2)
    assert text.startswith('{\n  "')


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_indented_json_is_what_the_standard_library_writes(value: Any) -> None:
    assert pretty(value) == json.dumps(value, indent=2)
