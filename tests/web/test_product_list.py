"""GET /api/products over HTTP: tags, codings and caches; and a changed catalog in lists and quotes."""

from __future__ import annotations

import gzip
import json

import asyncpg
import pytest
from aiohttp import ClientResponse

from tests.support.databases import closed_to_new_connections
from tests.support.waiting import until
from tests.web.conftest import Client, OpenClient

LONG = "UPDATE products SET description = repeat('Dotted. ', 200) WHERE sku = 'NOTE'"
QUOTE = {"items": [{"sku": "PEN", "quantity": 1}]}


async def get(shop: Client, method: str = "GET", **headers: str) -> tuple[ClientResponse, bytes]:
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    headers.setdefault("Accept-Encoding", "identity")
    async with shop.request(method, "/api/products", headers=headers, auto_decompress=False) as answer:
        return answer, await answer.read()


@pytest.fixture
async def long_shop(shop: Client, connection: asyncpg.Connection) -> Client:
    """A shop whose catalog is long enough to be compressed."""
    await connection.execute(LONG)
    return shop


async def test_a_cache_may_keep_the_list_but_must_ask(shop: Client) -> None:
    answer, _ = await get(shop)
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-cache")
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["ETag"].startswith('"')  # strong: it names the bytes


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
async def test_who_has_the_list_is_not_sent_it_again(shop: Client, form: str) -> None:
    first, _ = await get(shop)
    again, body = await get(shop, If_None_Match=form.format(first.headers["ETag"]))
    assert (again.status, body) == (304, b"")
    assert {name: again.headers[name] for name in ("ETag", "Vary", "Cache-Control")} == {
        name: first.headers[name] for name in ("ETag", "Vary", "Cache-Control")
    }
    assert "Content-Type" not in again.headers


async def test_another_tag_gets_the_list(shop: Client) -> None:
    answer, body = await get(shop, If_None_Match='"other"')
    assert answer.status == 200
    assert json.loads(body)["products"]


async def test_each_coding_has_its_own_tag(long_shop: Client) -> None:
    plain, body = await get(long_shop)
    packed, compressed = await get(long_shop, Accept_Encoding="gzip")
    assert gzip.decompress(compressed) == body
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) == len(compressed)
    assert packed.headers["ETag"] != plain.headers["ETag"]
    for accepted, tag, status in (
        ("gzip", packed.headers["ETag"], 304),
        ("gzip", plain.headers["ETag"], 200),
        ("identity", plain.headers["ETag"], 304),
        ("identity", packed.headers["ETag"], 200),
    ):
        answer, _ = await get(long_shop, Accept_Encoding=accepted, If_None_Match=tag)
        assert answer.status == status


async def test_head_has_the_headers_of_get(long_shop: Client) -> None:
    full, _ = await get(long_shop, Accept_Encoding="gzip")
    head, body = await get(long_shop, "HEAD", Accept_Encoding="gzip")
    assert (head.status, body) == (200, b"")
    own = {"date", "x-request-id"}
    assert {name: value for name, value in head.headers.items() if name.lower() not in own} == {
        name: value for name, value in full.headers.items() if name.lower() not in own
    }
    known, _ = await get(long_shop, "HEAD", Accept_Encoding="gzip", If_None_Match=full.headers["ETag"])
    assert known.status == 304


async def test_other_origins_may_read_it_and_caches_know(
    open_client: OpenClient, database_url: str, connection: asyncpg.Connection
) -> None:
    shop = await open_client(DATABASE_URL=database_url, CHECKOUT_CORS_ORIGINS="https://shop.example")
    for _ in range(2):  # what one answer adds must not stay with the next
        answer, _ = await get(shop, Origin="https://shop.example")
        assert answer.headers.getall("Vary") == ["Accept-Encoding", "Origin"]
        assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"


async def test_a_changed_price_shows_in_the_list_and_in_quotes(shop: Client, connection: asyncpg.Connection) -> None:
    before, _ = await get(shop)
    assert await _total(shop) == 333
    await connection.execute("UPDATE products SET unit_amount = 444 WHERE sku = 'PEN'")

    async def listed() -> bool:
        answer, body = await get(shop, If_None_Match=before.headers["ETag"])
        return answer.status == 200 and {p["sku"]: p["unit_amount"] for p in json.loads(body)["products"]}["PEN"] == 444

    await until(listed)
    assert await _total(shop) == 444


async def _total(shop: Client) -> int:
    async with shop.post("/api/quotes", json=QUOTE) as answer:
        total: int = (await answer.json())["amount_total"]
        return total


async def test_a_redemption_counts_at_once(shop: Client, connection: asyncpg.Connection) -> None:
    await connection.execute("INSERT INTO discounts (code, percent_off, redemption_limit) VALUES ('ONCE', 10, 1)")

    async def quoted() -> str:
        async with shop.post("/api/quotes", json=QUOTE | {"discount_code": "ONCE"}) as answer:
            data = await answer.json(content_type=None)
            return "ok" if answer.status == 200 else str(data["errors"][0]["code"])

    async def sold() -> bool:
        return await quoted() == "ok"

    await until(sold)
    await connection.execute(
        "WITH placed AS ("
        "INSERT INTO orders (id, currency, amount_subtotal, amount_discount, amount_total, customer_name,"
        " customer_email, customer_phone, discount_code, livemode)"
        " VALUES (gen_random_uuid(), 'eur', 1, 0, 1, 'Ada', 'ada@example.com', '+15555550123', 'ONCE', false)"
        " RETURNING id)"
        " INSERT INTO checkout_sessions (id, livemode, order_id, status, outcome)"
        " SELECT 'cs_1', false, id, 'open', 'unpaid' FROM placed"
    )
    assert await quoted() == "discount_exhausted"


async def test_a_shop_that_loses_its_database_does_not_go_on_selling(shop: Client, database_url: str) -> None:
    assert await _total(shop) == 333
    async with closed_to_new_connections(database_url) as admin:
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1",
            database_url.rpartition("/")[2],
        )

        async def refused() -> bool:
            async with shop.post("/api/quotes", json=QUOTE) as answer:
                return answer.status == 503

        await until(refused)
        answer, _ = await get(shop)
        assert answer.status == 503
