"""`checkout orders ship`: one order, many from a file, and what scripts see of refusals."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.conftest import Run
from tests.commands.place import Place, make_paid, make_to_ship, make_waiting, open_place
from tests.support.background import BackgroundStripe
from tests.support.cluster import Cluster
from tests.support.selling import SELLING


@pytest.fixture(scope="module")
def place(cluster: Cluster, offline_stripe: BackgroundStripe) -> Iterator[Place]:
    yield from open_place(cluster, offline_stripe)


@pytest.fixture
def run(run_bare: Run, environment: pytest.MonkeyPatch, place: Place, tmp_path: Path) -> Run:
    (tmp_path / "shop.toml").write_text(SELLING)
    for name, value in place.environ().items():
        environment.setenv(name, value)
    environment.setenv("CHECKOUT_SHOP_FILE", str(tmp_path / "shop.toml"))
    return run_bare


def test_the_page_of_an_order_names_nobody_while_personal_data_is_masked(
    run: Run, place: Place, environment: pytest.MonkeyPatch
) -> None:
    number = str(place.make(make_to_ship))
    assert run("orders", "ship", number, "--carrier", "DHL", "--tracking", "00 34").code == 0
    shown = run("orders", "show", number, "--json").json
    private = (shown["customer_email"], "Ring 1", "1010 WIEN", "00 34")
    whole = run("orders", "show", number).out
    assert [text for text in private if text not in whole] == []
    environment.setenv("CHECKOUT_MASK", "on")
    for options in ((), ("--at", shown["updated_at"])):
        page = run("orders", "show", number, *options).out
        assert [text for text in private if text in page] == []
        assert "AT" in page


def test_one_order_is_shipped_and_told_in_lists_and_exports(run: Run, place: Place) -> None:
    number = place.make(make_to_ship)
    waiting = [line for line in run("todo", "--json").lines if line["number"] == number]
    assert [(item["kind"], item["command"]) for item in waiting] == [
        ("order_unshipped", f"checkout orders ship {number}")
    ]
    ran = run("orders", "ship", str(number), "--carrier", "DHL", "--tracking", "00 34", "--json")
    assert ran.code == 0, ran.err
    (done,) = ran.lines
    assert (done["number"], done["carrier"], done["tracking_number"], done["changed"]) == (number, "DHL", "00 34", True)
    again = run("orders", "ship", str(number), "--carrier", "DHL", "--tracking", "00 34")
    assert (again.code, f"Order {number} was shipped with DHL 00 34 before" in again.err) == (0, True), again.err
    assert [line for line in run("todo", "--json").lines if line["number"] == number] == []
    shown = json.loads(run("orders", "show", str(number), "--json").out)
    assert (shown["status"], shown["shipping"]["carrier"], shown["shipping"]["address"]["city"]) == (
        *("completed", "DHL", "Wien"),
    )
    listed = run("orders", "list", "--filter", "shipped:yes", "--json").lines
    assert number in {line["number"] for line in listed}
    rows = list(csv.DictReader(io.StringIO(run("orders", "export", "--order", str(number)).out)))
    assert [(row["carrier"], row["shipping_country"], row["shipping_postal_code"]) for row in rows] == [
        ("DHL", "AT", "1010")
    ]
    text = run("orders", "show", str(number)).out
    assert "1010 WIEN" in text
    assert "DHL, 00 34" in text


def test_many_are_shipped_from_a_file_and_a_refusal_stops_no_other(run: Run, place: Place, tmp_path: Path) -> None:
    first, unpaid, second = place.make(make_to_ship), place.make(make_waiting), place.make(make_to_ship)
    file = tmp_path / "shipped.csv"
    file.write_text(f"order,carrier,tracking\n{first},DHL,1\n{unpaid},DHL,2\n{second},DHL,3\n")
    asked = run("orders", "ship", "--from-csv", str(file))
    assert (asked.code, "--yes" in asked.err) == (2, True)
    before = place.contents()
    planned = run("orders", "ship", "--from-csv", str(file), "--dry-run", "--json")
    assert planned.code == 4
    assert [line["number"] for line in planned.lines] == [first, second]
    assert f"line 3: nothing of order {unpaid} is sent" in planned.err
    assert place.contents() == before
    ran = run("orders", "ship", "--from-csv", str(file), "--yes", "--json")
    assert ran.code == 4
    assert [line["number"] for line in ran.lines] == [first, second]
    assert f"line 3: nothing of order {unpaid} is sent" in ran.err
    quiet = run("orders", "ship", "--from-csv", str(file), "--yes", "--quiet")
    assert (quiet.code, quiet.out) == (4, "")
    assert quiet.err.startswith(f"error: line 3: nothing of order {unpaid} is sent")


def test_a_dry_run_refuses_what_the_run_refuses(run: Run, place: Place, tmp_path: Path) -> None:
    number, unpaid = place.make(make_to_ship), place.make(make_waiting)
    file = tmp_path / "shipped.csv"
    file.write_text(f"order,carrier\nnobody@example.com,DHL\n{number},DHL\n{unpaid},DHL\n")
    planned = run("orders", "ship", "--from-csv", str(file), "--dry-run")
    ran = run("orders", "ship", "--from-csv", str(file), "--yes")
    assert planned.code == ran.code == 4
    refusals = [[line for line in one.err.splitlines() if line.startswith("error: line ")] for one in (planned, ran)]
    assert [len(lines) for lines in refusals] == [2, 2]
    assert refusals[0] == refusals[1]
    assert f"number: {number}" in planned.out
    assert run("orders", "ship", str(unpaid), "--dry-run").code == run("orders", "ship", str(unpaid)).code == 4
    assert [run("orders", "ship", "nobody@example.com", *more).code for more in (["--dry-run"], [])] == [3, 3]
    too_long = "x" * 2001
    assert run("orders", "ship", str(number), "--note", too_long, "--dry-run").code == 2


def test_the_file_may_come_from_stdin(run: Run, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    number = place.make(make_to_ship)
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"order,carrier\n{number},DHL\n"))
    ran = run("orders", "ship", "--from-csv", "-", "--yes", "--json")
    assert ran.code == 0, ran.err
    assert [(line["number"], line["carrier"]) for line in ran.lines] == [(number, "DHL")]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"order\n\xff\n"), encoding="latin-1"))
    ran = run("orders", "ship", "--from-csv", "-", "--yes")
    assert (ran.code, ran.err.count("\n"), "stdin is not UTF-8 text" in ran.err) == (2, 1, True), ran.err


def test_a_faulty_file_and_contradicting_options_are_refused(run: Run, place: Place, tmp_path: Path) -> None:
    number = place.make(make_to_ship)
    file = tmp_path / "shipped.csv"
    file.write_text(f"order,url\n{number},here\n")
    before = place.contents()
    for words in (
        ["--from-csv", str(file), "--yes"],
        [],
        [str(number), "--from-csv", str(file)],
        ["--from-csv", str(file), "--carrier", "DHL"],
        [str(number), "--url", "here"],
    ):
        assert run("orders", "ship", *words).code == 2, words
    assert place.contents() == before


def test_an_order_of_which_nothing_is_sent_is_refused(run: Run, place: Place) -> None:
    ran = run("orders", "ship", str(place.make(make_paid)))
    assert ran.code == 4
    assert "it was placed without shipping" in ran.err
