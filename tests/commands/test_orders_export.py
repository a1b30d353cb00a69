"""`checkout orders export`: CSV and JSON Lines, safe in spreadsheets, and complete or absent."""

from __future__ import annotations

import csv
import io
import os
import stat
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from tests.commands.conftest import Run, go
from tests.commands.test_orders import ORDER_KEYS, PAID_KEYS
from tests.support.orders import NOW, add_charge, add_order

ITEM_KEYS = ["item_sku", "item_name", "item_unit_amount", "item_quantity", "item_amount", "item_amount_discount"]


@pytest.fixture
def fill(database_url: str) -> None:
    """Order 1001, paid, with two items, two hours old; order 1002 of a customer whose name is a formula."""

    async def work() -> None:
        connection = await asyncpg.connect(database_url)
        first = await add_order(
            connection,
            ago=timedelta(hours=2),
            status="completed",
            attention=["paid_twice", "refund_failed"],
            paid_at=NOW,
        )
        await add_charge(connection, first, last4="0007", risk_level="normal", risk_score=-1)
        await connection.executemany(
            "INSERT INTO order_items (order_id, position, sku, name, unit_amount, quantity, amount, amount_discount)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, 0)",
            [(first, 1, "PEN", "@Pen", 50, 1, 50), (first, 0, "NOTE", "Notebook", 600, 2, 1200)],
        )
        await add_order(
            connection, customer_name='=HYPERLINK("http://evil.example";"x"),\n2', customer_email="-ada@example.com"
        )
        await connection.close()

    go(work())


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.usefixtures("fill")
def test_csv_has_the_contract_s_columns_minor_units_and_no_formula(run: Run) -> None:
    ran = run("orders", "export")
    newer, older = rows(ran.out)
    assert (ran.code, ran.err, list(newer)) == (0, "", ORDER_KEYS + PAID_KEYS)
    assert (newer["number"], older["number"], older["amount_total"], older["currency"]) == (
        "1002",
        "1001",
        "1250",
        "eur",
    )
    assert (older["paid_at"], older["livemode"]) == (f"{NOW:%Y-%m-%dT%H:%M:%SZ}", "false")
    assert (newer["paid_at"], newer["discount_code"], older["attention"]) == ("", "", "paid_twice refund_failed")
    assert (older["card_brand"], older["last4"], older["risk_level"], older["risk_score"]) == (
        *("visa", "0007", "normal", ""),
    )
    assert newer["last4"] == ""
    assert newer["customer_name"] == '\'=HYPERLINK("http://evil.example";"x"),\n2'
    assert (newer["customer_email"], newer["customer_phone"]) == ("'-ada@example.com", "+43664123456")


@pytest.mark.usefixtures("fill")
def test_json_lines_are_those_of_the_list_and_take_its_filters(run: Run) -> None:
    listed = run("orders", "list", "--json").out
    assert run("orders", "export", "--format", "jsonl").out == run("orders", "export", "--json").out == listed
    for filters in (
        ["--status", "completed"],
        ["--attention"],
        ["--until", "1h"],
        ["--search", "1001"],
        ["--email", "ADA@example.com"],
    ):
        assert [line["number"] for line in run("orders", "export", "--json", *filters).lines] == [1001], filters
    assert [line["number"] for line in run("orders", "export", "--json", "--limit", "1").lines] == [1002]
    assert run("orders", "export", "--since", "whenever").code == 2


@pytest.mark.usefixtures("fill")
def test_a_line_for_each_item(run: Run) -> None:
    pages = run("orders", "export", "--items", "--json").lines
    assert list(pages[0]) == ORDER_KEYS + PAID_KEYS + ITEM_KEYS
    assert [(page["number"], *(page[key] for key in ITEM_KEYS)) for page in pages] == [
        (1001, "NOTE", "Notebook", 600, 2, 1200, 0),
        (1001, "PEN", "@Pen", 50, 1, 50, 0),
    ]
    written = rows(run("orders", "export", "--items").out)
    assert [row["item_name"] for row in written] == ["Notebook", "'@Pen"]


@pytest.mark.usefixtures("fill")
def test_a_file_is_the_reader_s_alone_and_replaced_only_when_complete(
    run: Run, environment: pytest.MonkeyPatch, database_url: str
) -> None:
    ran = run("orders", "export", "--output", "orders.csv", "--items")
    assert (ran.code, ran.out, ran.err) == (0, "", "2 orders, 2 items in orders.csv.\n")
    file = Path("orders.csv")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_text()
    assert len(rows(before)) == 2

    refused = run("orders", "export", "--output", "orders.csv")
    assert (refused.code, "add --force" in refused.err, file.read_text() == before) == (2, True, True)
    assert run("orders", "export", "--output", "orders.csv", "--items", "--force").code == 0
    assert run("orders", "export", "--output", "-", "--items").out == before
    environment.setenv("DATABASE_URL", "postgresql://shop@127.0.0.1:1/shop")
    assert run("orders", "export", "--output", "orders.csv", "--force").code == 5
    assert run("orders", "export").out == ""  # no line of names that looks like an export of nothing
    environment.setenv("DATABASE_URL", database_url)
    lost = run("orders", "export", "--output", "no/such/folder.csv")
    assert (lost.code, lost.err.count("\n")) == (1, 1)
    assert file.read_text() == before
    assert os.listdir() == ["orders.csv"]


def test_an_empty_shop_has_the_header_alone(run: Run) -> None:
    assert run("orders", "export").out == ",".join(ORDER_KEYS + PAID_KEYS) + "\n"
    assert run("orders", "export", "--json").out == ""


def test_more_than_a_page_each_once(run: Run, database_url: str) -> None:
    async def fill() -> None:
        connection = await asyncpg.connect(database_url)
        # Many of the same moment: a page may end among them.
        await connection.execute(
            "INSERT INTO orders (id, currency, amount_subtotal, amount_discount, amount_total, customer_name,"
            " customer_email, customer_phone, livemode, created_at) SELECT gen_random_uuid(), 'eur', 1, 0, 1, 'N',"
            " 'n@example.com', '+1', false, now() - (i / 700) * interval '1 hour' FROM generate_series(1, 1234) AS i"
        )
        await connection.close()

    go(fill())
    numbers = [int(row["number"]) for row in rows(run("orders", "export").out)]
    assert sorted(numbers) == list(range(1001, 2235))
    assert numbers[0] == 1699


@pytest.mark.usefixtures("fill")
def test_named_orders_are_exported_in_their_sequence(run: Run, tmp_path: Path) -> None:
    named = run("orders", "export", "1001", "1002", "1001")
    assert [row["number"] for row in rows(named.out)] == ["1001", "1002"]
    assert rows(named.out)[0]["last4"] == "0007"
    file = tmp_path / "orders.txt"
    file.write_text("1002\n")
    assert [row["number"] for row in rows(run("orders", "export", "--from-file", file, "--items").out)] == []
    assert len(rows(run("orders", "export", "1001", "--items").out)) == 2
    assert run("orders", "export", "1001", "--status", "completed").code == 2
    assert run("orders", "export", "1001", "--from-file", file).code == 2
    assert run("orders", "export", "4711").code == 3
