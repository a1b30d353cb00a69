"""Pictures on Stripe's payment page: only such as Stripe takes, and the same for every session of an order."""

from __future__ import annotations

import asyncpg
import msgspec
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.checkout.expiring import expire_sessions
from checkout_daemon.checkout.resending import resend_session
from checkout_daemon.checkout.session_parameters import session_parameters
from checkout_daemon.orders.order_store import read_payable_order
from checkout_daemon.runtime import Runtime
from tests.support.shopping import check_out

ADA = Operator("ada", "desk")
PICTURE = "https://pictures.example/note.png?size=600"


async def images(connection: asyncpg.Connection) -> list[list[str] | None]:
    """Return the pictures of each line of the latest attempt, as they were sent to Stripe."""
    frozen = await connection.fetchval("SELECT parameters FROM session_attempts ORDER BY attempt DESC LIMIT 1")
    lines = msgspec.json.decode(frozen)["session"]["line_items"]
    return [line["price_data"]["product_data"].get("images") for line in lines]


async def test_a_session_has_the_pictures_and_so_has_the_next_one_of_the_order(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    await connection.execute("UPDATE products SET image_url = $1 WHERE sku = 'NOTE'", PICTURE)
    order_id = str((await check_out(runtime)).order_id)
    assert await images(connection) == [[PICTURE], None]
    await connection.execute("UPDATE products SET image_url = 'https://pictures.example/new.png'")
    await expire_sessions(runtime, order_id, operator=ADA, note="")
    await resend_session(runtime, order_id, operator=ADA, note="", mail=False)
    assert await connection.fetchval("SELECT count(*) FROM session_attempts") == 2
    assert await images(connection) == [[PICTURE], None]


@pytest.mark.parametrize(
    ("url", "public_url", "sent"),
    [
        ("/products/note.png", "https://shop.example", "https://shop.example/products/note.png"),
        ("/products/note.png", "http://127.0.0.1:8000", None),
        ("http://pictures.example/note.png", "https://shop.example", None),
        ("/größe 2.png", "https://shop.example", "https://shop.example/gr%C3%B6%C3%9Fe%202.png"),
        ("/a%20b.png?w=1&h=2", "https://shop.example", "https://shop.example/a%20b.png?w=1&h=2"),
        ("https://größe.example/note.png", "https://shop.example", None),
        ("https://localhost/note.png", "https://shop.example", None),
        ("https://shop/note.png", "https://shop.example", None),
        ("https://10.0.0.5/note.png", "https://shop.example", None),
        ("https://[::1]/note.png", "https://shop.example", None),
        ("https://ada:secret@pictures.example/note.png", "https://shop.example", None),
        ("https://", "https://shop.example", None),
        ("https://pictures.example/a\\b.png", "https://shop.example", "https://pictures.example/a%5Cb.png"),
        (f"https://pictures.example/{'a' * 2030}", "https://shop.example", None),
    ],
)
async def test_what_stripe_would_refuse_is_left_out(
    runtime: Runtime, connection: asyncpg.Connection, url: str, public_url: str, sent: str | None
) -> None:
    order_id = str((await check_out(runtime)).order_id)
    await connection.execute("UPDATE order_items SET image_url = $1 WHERE sku = 'NOTE'", url)
    order = await read_payable_order(connection, order_id)
    line = session_parameters(order, 2, public_url, None)["session"]["line_items"][0]
    assert line["price_data"]["product_data"].get("images") == ([sent] if sent else None)
