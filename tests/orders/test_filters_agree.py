"""The database, the terminal's own rule and a naive reading of a filter find the same orders."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from random import Random
from typing import Any

import asyncpg
import pytest

from checkout_daemon.database.pool import Database
from checkout_daemon.orders import order_search
from checkout_daemon.orders.lookup import read_filter
from checkout_daemon.orders.order_filter import Extent, OrderFilter
from checkout_daemon.orders.order_pages import all_orders, orders_that_fit
from tests.support.cluster import Cluster
from tests.support.orders import NOW, add_charge, add_order

Row = dict[str, Any]
Naive = Callable[[Row], bool]

STATUSES = ("pending", "completed", "failed", "refunded")
ATTENTION = ((), (), (), ("refund_failed",), ("paid_twice", "refund_failed"))
NAMES = ("Hugo Maier", "Jana Müller", "Łukasz Groß", "Bo Ek", "Ada Lovelace", "Maier, Hugo", "Percy 100%_")
EMAILS = ("hugo@example.com", "Jana.M@example.org", "bo_ek@mail.example.com", "ada@example.com", "x.y@shop.test")
PHONES = ("+436641234567", "+4915112345678", "+390664123456", "+16505550100")
CODES = (None, None, "WELCOME10", "SUMMER-5", "WELCOME20")
SKUS = ("TEE-BLACK", "TEE-RED", "mug_1", "CAP.01", "TEE")
CURRENCIES = {"eur": 2, "usd": 2, "jpy": 0, "kwd": 3}
TOTALS = (50, 500, 4990, 5000, 5001, 50_000, 12_345)
CHARGE = {
    "brand": ("visa", "mastercard", None),
    "last4": ("4242", "1234", "0005"),
    "funding": ("credit", "debit", None),
    "country": ("AT", "US", None),
    "wallet": ("apple_pay", None),
    "network": ("visa", "cartes_bancaires", None),
    "method": ("card", "sepa_debit"),
    "decline": ("insufficient_funds", "lost_card", None),
    "risk": ("normal", "highest", None),
}
COLUMNS = {"decline": "decline_code", "risk": "risk_level"}
ORDERS, FILTERS = 90, 120


async def filled(connection: asyncpg.Connection, random: Random) -> list[Row]:
    """Add orders with every combination of what filters compare, and return them as they were added."""
    rows = []
    for place in range(ORDERS):
        total, currency = random.choice(TOTALS), random.choice(tuple(CURRENCIES))
        order: Row = {
            "id": f"f{place:07x}-0000-4000-8000-{place:012x}",  # that no word below is the beginning of
            "status": random.choice(STATUSES),
            "attention": list(random.choice(ATTENTION)),
            "currency": currency,
            "amount_subtotal": total,
            "amount_total": total,
            "amount_refunded": random.choice((0, 0, total)),
            "customer_name": random.choice(NAMES),
            "customer_email": random.choice(EMAILS),
            "customer_phone": random.choice(PHONES),
            "discount_code": random.choice(CODES),
            "livemode": random.random() < 0.3,
            "imported_from": None if place % 3 else "cs_old",
        }
        order_id = await add_order(connection, ago=timedelta(hours=place), **order)
        number = await connection.fetchval("SELECT number FROM orders WHERE id = $1", order_id)
        skus = random.sample(SKUS, random.randint(0, 2))
        for position, sku in enumerate(skus):
            await connection.execute(
                "INSERT INTO order_items VALUES ($1, $2, $3, 'x', '', 1, 1, 1, 0)", order_id, position, sku
            )
        charges = [{key: random.choice(values) for key, values in CHARGE.items()} for _ in range(random.randint(0, 2))]
        for charge in charges:
            await add_charge(connection, order_id, **{COLUMNS.get(key, key): value for key, value in charge.items()})
        rows.append(order | {"number": number, "ago": place, "skus": skus, "charges": charges})
    return rows


@pytest.fixture(scope="module")
async def shop(cluster: Cluster) -> AsyncIterator[tuple[str, list[Row]]]:
    """The address of a shop, and its orders, newest first."""
    url = cluster.take()
    connection = await asyncpg.connect(url)
    yield url, await filled(connection, Random(19))
    await connection.close()
    cluster.give_back(url)


@pytest.fixture
async def database(shop: tuple[str, list[Row]]) -> AsyncIterator[Database]:
    database = Database(shop[0], max_size=2)
    yield database
    await database.close()


def folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text.lower().replace("ł", "l").replace("ß", "ss"))
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def money(row: Row, field: str = "amount_total") -> float:
    """Return an amount as people say it. The totals are few and short, so floats compare them exactly enough."""
    return float(round(row[field] / 10 ** CURRENCIES[row["currency"]], 3))


def without(naive: Naive) -> Naive:
    return lambda row: not naive(row)


def charged(key: str, *values: str) -> Naive:
    return lambda row: any(charge[key] in values for charge in row["charges"])


def word(text: str) -> Naive:
    """Return whether an order has what the words below stand for."""
    found: dict[str, Naive] = {
        "4242": charged("last4", "4242"),
        "1012": lambda row: row["number"] == 1012,
        "50": lambda row: money(row) == 50,
        "49.90": lambda row: money(row) == 49.9,
        "tee-": lambda row: any(sku.startswith("TEE-") for sku in row["skus"]),
        "welcome": lambda row: (row["discount_code"] or "").startswith("WELCOME"),
        '"0664"': lambda row: row["customer_phone"] in ("+436641234567", "+390664123456"),
        '"+43664"': lambda row: row["customer_phone"] == "+436641234567",
        "123456": lambda row: "123456" in row["customer_phone"],
    }
    return found.get(
        text, lambda row: any(folded(text) in folded(row[field]) for field in ("customer_name", "customer_email"))
    )


TERMS: list[tuple[str, Naive]] = [
    ("status:failed", lambda row: row["status"] == "failed"),
    ("status:failed,refunded", lambda row: row["status"] in ("failed", "refunded")),
    ("attention:any", lambda row: bool(row["attention"])),
    ("attention:none", lambda row: not row["attention"]),
    ("attention:paid_twice", lambda row: "paid_twice" in row["attention"]),
    ("amount:>50", lambda row: money(row) > 50),
    ("amount:<=49.90", lambda row: money(row) <= 49.9),
    ("total:5..50.00", lambda row: 5 <= money(row) <= 50),
    ("amount:50,49.9", lambda row: money(row) in (50, 49.9)),
    ("refunded:>0", lambda row: row["amount_refunded"] > 0),
    ("currency:jpy,KWD", lambda row: row["currency"] in ("jpy", "kwd")),
    ("is:live", lambda row: row["livemode"]),
    ("imported:yes", lambda row: row["imported_from"] is not None),
    ("imported:no", lambda row: row["imported_from"] is None),
    ("email:ada@EXAMPLE.com", lambda row: row["customer_email"] == "ada@example.com"),
    ("email:@example.com", lambda row: row["customer_email"].endswith("@example.com")),
    ("email:bo_", lambda row: "bo_" in row["customer_email"]),
    ("email:*@*.org", lambda row: row["customer_email"].endswith(".org")),
    ("name:muller", lambda row: "Müller" in row["customer_name"]),
    ("phone:0664", word('"0664"')),
    ("phone:4567", lambda row: "4567" in row["customer_phone"]),
    ("sku:TEE-*", word("tee-")),
    ("sku:mug_1,CAP.01", lambda row: bool({"mug_1", "CAP.01"} & set(row["skus"]))),
    ("discount:welcome10", lambda row: row["discount_code"] == "WELCOME10"),
    ("code:WELCOME*", word("welcome")),
    ("+43 664 123", word('"+43664"')),
    ("phone:0664 123 456", word('"0664"')),
    ("since:36h", lambda row: row["ago"] < 36),
    ("until:12h", lambda row: row["ago"] >= 12),
    *((f"{key}:{value}", charged(key, value)) for key, values in CHARGE.items() for value in values if value),
    *(
        (text, word(text))
        for text in ("4242", "1012", "50", "49.90", "tee-", "welcome", '"0664"', '"+43664"', "123456")
    ),
    *((text, word(text)) for text in ("muller", "HUGO", "maier", "gross", "łuk", "ek", "shop.test", "%_", "nobody")),
]


def key_of(term: str) -> str:
    return term.partition(":")[0]


def pairs_of(text: str, terms: list[str]) -> list[tuple[str, str]]:
    """Return a term with each of the others, both ways."""
    return [pair for term in terms for pair in ((text, term), (term, text))]


def generated(random: Random) -> tuple[str, Naive]:
    """Return a filter of one to three terms of different keys, some of them negated, and its naive reading."""
    terms: list[str] = []
    parts: list[Naive] = []
    of_charges: set[tuple[str, str]] = set()  # of the same charge
    for text, naive in random.sample(TERMS, random.randint(1, 3)):
        key, _, value = text.partition(":")
        negated = key not in ("since", "until") and random.random() < 0.3
        if any(key_of(term.lstrip("-")) == key for term in terms if ":" in term):
            continue
        if any({one[-1:].isdigit() and " " in one, other.isdigit()} == {True} for one, other in pairs_of(text, terms)):
            continue  # the digits would be taken for more of the phone number
        terms.append(f"-{text}" if negated else text)
        if key in CHARGE and not negated:
            of_charges.add((key, value))
        parts.append(without(naive) if negated else naive)
    if of_charges:
        parts.append(lambda row: any(of_charges <= charge.items() for charge in row["charges"]))
    random.shuffle(terms)
    return " ".join(terms), lambda row: all(part(row) for part in parts)


CASES = dict(TERMS) | dict(generated(Random(seed)) for seed in range(FILTERS))


@pytest.mark.parametrize("text", CASES)
async def test_all_find_the_same_orders(
    shop: tuple[str, list[Row]], database: Database, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [row["number"] for row in shop[1] if CASES[text](row)]
    wanted = await read_filter(database, text, time_zone="UTC", now=NOW + timedelta(minutes=1))
    everything = [order async for page in all_orders(database, OrderFilter()) for order in page]
    fitting = await orders_that_fit(database, everything, wanted)
    assert [order.number for order in everything if order.id in fitting] == expected
    assert await numbers(database, wanted) == expected
    monkeypatch.setattr(order_search, "_TRIED", 7)
    monkeypatch.setattr(order_search, "_FOLLOWED", 7)
    assert await numbers(database, wanted) == expected


async def numbers(database: Database, wanted: OrderFilter) -> list[int]:
    """Return the numbers of a list that was searched whole."""
    extent = Extent()
    found = [order.number async for page in all_orders(database, wanted, extent=extent) for order in page]
    assert extent.whole
    return found
