"""checkout stock: list, set, adjust and history; refund and cancel with --restock."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import asyncpg
import pytest

from tests.commands.conftest import Do, Run, add_products, faults_of_log, go
from tests.support.shopping import check_out, paid_order


@pytest.fixture
def products(database_url: str) -> None:
    async def work() -> None:
        connection = await asyncpg.connect(database_url)
        await add_products(connection)
        await connection.close()

    go(work())


@pytest.mark.usefixtures("products")
def test_a_stock_is_set_adjusted_listed_and_explained(run: Run, database_url: str) -> None:
    assert "Nothing is counted" in run("stock", "list").err
    assert "10 in stock (before: not counted)" in run("stock", "set", "NOTE", "10", "--note", "counted").err
    adjusted = run("stock", "adjust", "NOTE", "-3", "--json").json
    assert (adjusted["before"], adjusted["stock"], adjusted["free"]) == (10, 7, 7)
    assert run("stock", "adjust", "NOTE", "+1").code == 0
    (line,) = run("stock", "list", "--json").lines
    assert (line["sku"], line["stock"], line["reserved"], line["free"], line["oversold"]) == ("NOTE", 8, 0, 8, 0)
    changes = [(line["kind"], line["change"]) for line in run("stock", "history", "NOTE", "--json").lines]
    assert changes == [("adjusted", 1), ("adjusted", -3), ("set", 10)]
    negative = run("stock", "set", "NOTE", "-2")
    assert (negative.code, "a stock is a whole number from 0" in negative.err) == (2, True)
    assert "no longer counted" in run("stock", "set", "NOTE", "off").err
    assert "not counted" in run("stock", "history", "NOTE").out
    assert run("stock", "history", "NOTE", "--json").lines[0]["stock"] is None
    assert run("stock", "list", "--json").lines == []
    assert "NOTE" in run("stock", "list", "--all").out
    assert faults_of_log(database_url) == []


@pytest.mark.usefixtures("products")
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["set", "NOTE", "many"], 2, "whole number"),
        (["set", "NOTE", "-1"], 2, "a stock is a whole number from 0"),
        (["set", "NONE", "1"], 3, "catalog list"),
        (["adjust", "NOTE", "+1"], 4, "stock set NOTE"),
        (["adjust", "NOTE", "x"], 2, "sign"),
        (["history", "NONE"], 3, "catalog list"),
    ],
)
def test_what_is_wrong_is_named(run: Run, arguments: list[str], code: int, words: str) -> None:
    ran = run("stock", *arguments)
    assert (ran.code, words in ran.err) == (code, True), ran.err


@pytest.mark.usefixtures("products")
def test_the_stock_is_a_column_of_the_catalog_that_may_be_missing(run: Run, tmp_path: Path) -> None:
    older = tmp_path / "older.csv"
    rows = list(csv.reader(io.StringIO(run("catalog", "export").out)))
    place = rows[0].index("stock")
    older.write_text("\n".join(",".join(row[:place] + row[place + 1 :]) for row in rows), encoding="utf-8")
    run("stock", "set", "NOTE", "7")
    assert "0 added, 0 changed" in run("catalog", "import", str(older)).err
    current = tmp_path / "current.csv"
    current.write_text(run("catalog", "export").out, encoding="utf-8")
    assert "0 added, 0 changed" in run("catalog", "import", str(current)).err
    current.write_text(current.read_text().replace(",true,7", ",true,9"), encoding="utf-8")
    assert "stock: 7 → 9" in run("catalog", "import", str(current)).out
    assert run("stock", "list", "--json").lines[0]["stock"] == 9
    assert run("stock", "history", "NOTE", "--json").lines[0]["kind"] == "imported"


@pytest.mark.usefixtures("products")
def test_refund_and_cancel_put_pieces_back_or_not(run: Run, do: Do) -> None:
    run("stock", "set", "NOTE", "10")
    paid, waiting = str(do(paid_order).number), str(do(check_out).number)
    assert run("stock", "list", "--json").lines[0]["stock"] == 8
    assert run("orders", "refund", paid, "--item", "NOTE:1", "--restock", "--yes").code == 0
    assert run("stock", "list", "--json").lines[0]["stock"] == 9
    assert run("orders", "refund", paid, "--amount", "100", "--restock", "--yes").code == 2
    assert run("orders", "refund", paid, "--no-restock", "--yes").code == 0
    assert run("orders", "cancel", waiting, "--no-restock", "--yes").code == 0
    line = run("stock", "list", "--json").lines[0]
    assert (line["stock"], line["reserved"]) == (7, 0)
