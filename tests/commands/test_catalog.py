"""`checkout catalog`, for people and for scripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands.conftest import Run, faults_of_log


def test_a_catalog_goes_in_and_comes_out_again(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text("sku,name,unit_amount,currency\nNOTE,Notebook,1450,eur\nPEN,Pen,900,eur\n")
    dry = run("catalog", "import", file, "--dry-run", "--json").json
    empty = run("catalog", "list", "--json")
    done = run("catalog", "import", file, "--json").json
    again = run("catalog", "import", file, "--json").json
    listed = run("catalog", "list", "--json").lines
    exported = run("catalog", "export").out

    assert dry["dry_run"] is True
    assert empty.out == ""
    assert [item["key"] for item in done["added"]] == [item["key"] for item in dry["added"]] == ["NOTE", "PEN"]
    assert (again["added"], again["changed"], again["unchanged"]) == ([], [], 2)
    assert [(product["sku"], product["unit_amount"]) for product in listed] == [("NOTE", 1450), ("PEN", 900)]
    file.write_text(exported)
    assert run("catalog", "import", file, "--json").json["unchanged"] == 2
    assert "€14.50" in run("catalog", "list").out


def test_an_import_is_in_the_audit_log_with_who_and_how_much(run: Run, tmp_path: Path, database_url: str) -> None:
    file = tmp_path / "products.csv"
    head = "sku,name,unit_amount,currency,stock\n"
    file.write_text(f"{head}NOTE,Notebook,1450,eur,5\nPEN,Pen,900,eur,\n")
    assert [run("catalog", "import", file, *more).code for more in (["--dry-run"], [], [])] == [0, 0, 0]
    file.write_text(f"{head}NOTE,Notebook,1500,eur,5\n")
    assert run("catalog", "import", file).code == 0
    newest, oldest = run("audit", "list", "--json").lines
    assert newest["kind"] == oldest["kind"] == "catalog.imported"
    assert (newest["details"], oldest["details"]) == ({"added": 0, "changed": 1}, {"added": 2, "changed": 0})
    (moved,) = run("stock", "history", "NOTE", "--json").lines
    assert (moved["kind"], moved["actor"]) == ("imported", f"{newest['operator']}@{newest['host']}")
    assert newest["operator"] != "checkout-daemon"
    assert faults_of_log(database_url) == []


def test_an_import_prints_what_it_changes(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "products.json"
    product: dict[str, Any] = {"sku": "NOTE", "name": "Notebook", "unit_amount": 1450, "currency": "eur"}
    file.write_text(json.dumps([product]))
    assert run("catalog", "import", file).out == "+ product NOTE\n"
    file.write_text(json.dumps([product | {"unit_amount": 1500}]))
    ran = run("catalog", "import", file)
    assert ran.out == "~ product NOTE\n    unit_amount: 1450 → 1500\n"
    assert "1 changed" in ran.err


def test_faults_of_a_catalog_file_are_named_with_their_lines(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text("sku,name,unit_amount,currency\nNOTE,Notebook,1450,eur\nPEN,,x,eur\n")
    ran = run("catalog", "import", file, "--json")
    assert (ran.code, ran.out) == (2, "")
    assert "line 3" in ran.err
    assert run("catalog", "list", "--json").out == ""


def test_times_of_discounts_are_printed_in_the_shops_time_zone(
    run: Run, tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "discounts.csv"
    starts, ends = "2026-05-01T22:00:00Z", "2040-05-02T22:00:00Z"
    file.write_text(f"code,percent_off,starts_at,ends_at\nTEN,10,{starts},{ends}\n")
    assert run("catalog", "import", file, "--discounts").code == 0
    environment.setenv("CHECKOUT_TIME_ZONE", "Asia/Tokyo")
    listing = ("catalog", "list", "--discounts")
    assert "2040-05-03 07:00:00 JST" in run(*listing).out
    assert "2026-05-02 07:00:00 JST" in run(*listing, "--columns", "code,starts_at").out
    (listed,) = run(*listing, "--json").lines
    assert (listed["starts_at"], listed["ends_at"]) == (starts, ends)
    assert f"{starts},{ends}" in run(*listing, "--format", "csv").out


def test_discounts_have_their_own_list_and_export(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "discounts.csv"
    file.write_text("code,percent_off,amount_off,currency\nTEN,10,,\nFIVE,,500,eur\n")
    assert run("catalog", "import", file, "--discounts").code == 0
    assert [line["code"] for line in run("catalog", "list", "--discounts", "--json").lines] == ["FIVE", "TEN"]
    assert [discount["code"] for discount in run("catalog", "export", "--discounts", "--json").json["discounts"]] == [
        "FIVE",
        "TEN",
    ]
    table = run("catalog", "list", "--discounts").out
    assert "€5.00" in table
    assert "10 %" in table
