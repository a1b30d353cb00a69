"""What every list can do: columns, formats, ids alone, a cursor, and tables that nobody cuts once they are piped."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click
import pytest

import cli
from checkout_daemon.commands.typed import Whole
from checkout_daemon.present.batch_columns import BATCHES
from checkout_daemon.present.columns import ListLook
from checkout_daemon.present.event_columns import EVENTS
from checkout_daemon.present.order_columns import COLUMNS
from checkout_daemon.present.todo_columns import TODO
from tests.commands.conftest import Run
from tests.commands.listed_place import FORMULA, LONG, open_listed_place
from tests.commands.place import Place
from tests.support.background import BackgroundStripe
from tests.support.cluster import Cluster
from tools.manual import walk

COMMANDS = {path.removeprefix("checkout "): command for path, command in walk(cli.checkout, "checkout")}
LISTS = [name for name in COMMANDS if name.endswith(" list")]
LIMITED = [
    name
    for name, command in COMMANDS.items()
    if any("--limit" in parameter.opts and isinstance(parameter.type, Whole) for parameter in command.params)
]
# Every command that prints a list in formats, with its rows: not those whose list is only one of its results.
_MORE = {
    "batches show": "batches show 1 --items",
    "operators list": "operators list --all",
    "stock history": "stock history NOTE",
    "trigger": "trigger --list",
}
LINES = [
    _MORE.get(name, name)
    for name, command in COMMANDS.items()
    if any("--columns" in parameter.opts for parameter in command.params)
] + ["catalog list --discounts"]
EMPTY = {
    "batches list": ["--status", "finished"],
    "batches show 1 --items": ["--status", "failed"],
    "disputes list": ["--status", "won"],
    "events list": ["--status", "dead"],
    "orders list": ["--email", "nobody@example.com"],
    "outbox list": ["--status", "dead"],
    "payouts list": ["--status", "failed"],
    "report": ["--since", "2020-01-01", "--until", "2020-01-03"],
    "sessions list": ["--until", "2020-01-01"],
    "todo": ["--snoozed"],
}
NAMES = {
    "audit list": "entry",
    "batches list": "number",
    "disputes list": "id",
    "events list": "id",
    "outbox list": "id",
    "payouts list": "id",
    "proposals list": "number",
    "sessions list": "id",
}
# What differs from one run to the next.
_FREE = re.compile(r"[\d.]+ GiB|\d+ of \d+ are open, \d+ by")
REPR = re.compile(r"\b[A-Z]\w+\(\w+=|datetime\.|<[\w.]+ object|\bNone\b|\b(True|False)\b|\{'|\['")


def options(name: str) -> set[str]:
    return {option for parameter in COMMANDS[name].params for option in parameter.opts}


@pytest.fixture(scope="module")
def place(cluster: Cluster, offline_stripe: BackgroundStripe) -> Iterator[Place]:
    yield from open_listed_place(cluster, offline_stripe)


@pytest.fixture
def run(run_bare: Run, environment: pytest.MonkeyPatch, place: Place) -> Run:
    for setting, value in place.environ().items():
        environment.setenv(setting, value)
    return run_bare


def test_orders_have_columns_by_the_names_of_the_terminal(run: Run) -> None:
    names = ",".join(COLUMNS)
    table = run("orders", "list", "--columns", names).out.splitlines()
    assert table[0].split()[:4] == ["order", "age", "status", "total"]
    assert len(table) >= 5
    lines = list(csv.reader(io.StringIO(run("orders", "list", "--columns", names, "--format", "csv").out)))
    assert lines[0] == [column.key for column in COLUMNS.values()]
    assert {len(line) for line in lines} == {len(COLUMNS)}
    items = [row["items"] for row in run("orders", "list", "--columns", "items,owner,deadline", "--json").lines]
    assert any("× " in item for cells in items for item in cells)


def test_people_see_masked_names_where_the_setting_says_so_and_programs_whole_ones(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for_programs = (["list", "--json"], ["list", "--format", "csv"], ["export"])
    whole = [run("orders", *arguments).out for arguments in for_programs]
    named = run("orders", "list", "--json").lines
    monkeypatch.setenv("CHECKOUT_MASK", "on")
    shown = run("orders", "list", "--columns", "order,customer,email,customer_email").out
    shown += run("orders", "list").out + run("orders", "show", "1001").out
    assert "•••" in shown
    assert not [row for row in named if row["customer_name"] in shown or row["customer_email"] in shown]
    assert [run("orders", *arguments).out for arguments in for_programs] == whole


def test_orders_are_listed_by_any_column_page_by_page(run: Run) -> None:
    names = [row["customer_name"].lower() for row in run("orders", "list", "--sort", "customer", "--json").lines]
    assert len(names) >= 4
    assert sorted(names) == names
    for sort in ("-amount", "customer", "number", "-updated", "deadline"):
        whole = run("orders", "list", "--sort", sort, "--quiet").out.split()
        assert run("orders", "list", "--sort", sort, "--quiet", "--after", whole[1]).out.split() == whole[2:]
    first = run("orders", "list", "--sort", "number", "--limit", "1")
    assert "Showing the first 1" in first.err
    assert "1001" in first.out
    for alias, sort in (("-total", "-amount"), ("amount_total", "amount"), ("AGE", "created"), ("order", "number")):
        listed = (run("orders", "list", "--sort", name, "--quiet").out for name in (alias, sort))
        assert len(set(listed)) == 1
    refused = run("orders", "list", "--sort", "-totals").err
    assert "there is no sort 'totals' (did you mean -total?): choose from created, number" in refused
    assert "--columns has 'order' twice" in run("orders", "list", "--columns", "order,age,order").err
    assert (
        "--since today is not before --until yesterday: nothing is between them"
        in run("orders", "list", "--since", "today", "--until", "yesterday").err
    )


@pytest.mark.parametrize("name", [name for name in LISTS if "--after" in options(name) and name != "orders list"])
def test_a_list_is_sorted_by_any_column_or_key_page_by_page(run: Run, name: str) -> None:
    line = name.split()
    every = {row[NAMES[name]]: row for row in run(*line, "--json").lines}
    for key in (*next(iter(every.values())), *run(*line).out.splitlines()[0].split()):
        for sort in (key, f"-{key}"):
            found = run(*line, "--sort", sort, "--json").lines
            assert {row[NAMES[name]] for row in found} == {*every}
            values = [
                row[key] for row in found if row.get(key) not in (None, "") and not isinstance(row[key], (list, dict))
            ]
            values = [value.lower() if isinstance(value, str) else value for value in values]
            assert values == sorted(values, reverse=sort.startswith("-"))
    sort = "kind" if name == "audit list" else "status"
    whole = run(*line, "--sort", sort, "--quiet").out.split()
    assert run(*line, "--sort", sort, "--quiet", "--after", whole[1]).out.split() == whole[2:]
    assert "Showing the first 1." in run(*line, "--sort", sort, "--limit", "1").err
    gone = run(*line, "--sort", sort, "--until", "2020-01-01", "--after", whole[1])
    assert (gone.code, gone.out, f"{whole[1]} is not among the rows" in gone.err) == (3, "", True)
    wrong = run(*line, "--sort", "colour")
    assert (wrong.code, wrong.out) == (2, "")
    assert "--sort has no 'colour': choose from " in wrong.err


def test_a_sorted_list_continues_after_whatever_names_its_row(run: Run) -> None:
    messages = run("outbox", "list", "--sort", "status", "--quiet").out.split()
    entries = run("audit", "list", "--sort", "kind", "--quiet").out.split()
    for name, sort, whole, after in (
        ("outbox", "status", messages, messages[0][:13]),  # what the table shows
        ("audit", "kind", entries, entries[0].replace("-", "").upper()),
    ):
        assert run(name, "list", "--sort", sort, "--quiet", "--after", after).out.split() == whole[1:]
    assert run("sessions", "list", "--sort", "total", "--after", "cs_typo").code == 3


def test_where_only_the_newest_are_sorted_it_is_written(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("checkout_daemon.commands.lists.MOST_SORTED", 2)
    ran = run("sessions", "list", "--sort", "total")
    assert len(ran.out.splitlines()) == 3
    assert "Sorted the 2 newest only: narrow the list" in ran.err
    assert "Sorted the 2 newest only: narrow the list" in run("audit", "list", "--sort", "kind").err
    assert "Sorted the 2 newest only: narrow the list" in run("payouts", "list", "--sort", "amount").err
    assert "Sorted the 2 newest only: narrow the list" in run("disputes", "list", "--sort", "amount").err
    monkeypatch.setattr("checkout_daemon.commands.lists.MOST_SORTED", 1)
    history = run("stock", "history", "NOTE", "--sort", "change")
    assert (len(history.out.splitlines()), "Sorted the 1 newest only.\n" in history.err) == (2, True), history.err
    # A list that is read as a whole is sorted as a whole.
    whole = run("catalog", "list", "--sort", "-sku", "--quiet").out.split()
    assert len(whole) == 2
    assert whole == sorted(run("catalog", "list", "--quiet").out.split(), reverse=True)


@pytest.mark.parametrize(
    ("name", "look"),
    [("events list", EVENTS), ("batches list", BATCHES), ("todo", TODO)],
    ids=["events", "batches", "todo"],
)
def test_lists_have_columns_and_sorts_by_the_names_of_the_terminal(run: Run, name: str, look: ListLook[Any]) -> None:
    line, names = name.split(), [*look.columns]
    table = run(*line, "--columns", ",".join(names))
    assert table.code == 0
    assert len(table.out.splitlines()) >= 3
    records = run(*line, "--columns", ",".join(names), "--json").lines
    assert {*records[0]} == {column.key for column in look.columns.values()}
    for sort in look.sorts:
        assert len(run(*line, "--sort", f"-{sort}", "--json").lines) == len(records)


@pytest.mark.parametrize("name", LISTS)
def test_every_list_has_the_same_options(name: str) -> None:
    wanted = {"--columns", "--format", "--no-header", "--quiet", "--json", "--sort"}
    if name == "audit list":  # entries have no status
        wanted |= {"--order", "--since", "--until", "--limit", "--after"}
    elif not name.startswith(("catalog", "tokens", "outbox endpoints", "stock", "operators")):
        wanted |= {"--order", "--status", "--since", "--until", "--limit", "--after"}
    assert wanted - options(name) == set()


@pytest.mark.parametrize("name", LINES)
def test_the_formats_have_the_same_rows(run: Run, name: str) -> None:
    line = name.split()
    rows = run(*line, "--json").lines
    assert len(rows) >= 2
    if name == "doctor":  # free disk space and times differ from one run to the next
        assert [row["check"] for row in run(*line, "--format", "json").json] == [row["check"] for row in rows]
    else:
        assert run(*line, "--format", "jsonl").lines == rows
        assert run(*line, "--format", "json").json == rows
    quiet = run(*line, "--quiet")
    ids = quiet.out.split("\n")[:-1]
    assert len(ids) == len(set(ids)) == len(rows)
    assert [text for text in quiet.err.splitlines() if not text.startswith("error: ")] == []
    for form, dialect in (("csv", "excel"), ("tsv", "excel-tab")):
        text = run(*line, "--format", form).out
        cells = list(csv.DictReader(io.StringIO(text), dialect=dialect))
        assert len(cells) == len(rows)
        assert set(rows[0]) <= set(cells[0])
        assert [list(cell) for cell in cells] == [list(cells[0])] * len(rows)
        assert all(None not in cell and None not in cell.values() for cell in cells)
        assert not REPR.search(text)
        headless = run(*line, "--format", form, "--no-header").out
        assert _FREE.sub("", headless) == _FREE.sub("", text.partition("\n")[2])
    table = run(*line, "--format", "table").out
    assert len(run(*line, "--no-header").out.splitlines()) == len(rows) == len(table.splitlines()) - 1
    assert "…" not in table.replace("rk_…", "")  # as restricted keys begin
    assert not any(text.endswith(" ") for text in table.splitlines())
    every_key = run(*line, "--columns", ",".join(rows[0]))
    assert every_key.out.splitlines()[0].split() == list(rows[0])
    assert not REPR.search(every_key.out.partition("\n")[2])


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_list_has_its_header_where_a_program_reads_it(run: Run, name: str) -> None:
    line = [*name.split(), *EMPTY[name]]
    header = run(*name.split(), "--format", "csv").out.splitlines()[0]
    assert run(*line, "--format", "csv").out == header + "\n"
    assert run(*line, "--format", "tsv").out == header.replace(",", "\t") + "\n"
    assert run(*line, "--format", "csv", "--no-header").out == ""
    assert run(*line, "--format", "json").json == []
    for form in ("--quiet", "--json"):
        ran = run(*line, form)
        assert (ran.out, ran.err) == ("", "")
    assert run(*line, "--columns", header.split(",")[0], "--format", "csv").out == header.split(",")[0] + "\n"
    assert run(*line, "--format", "table").out == ""


def test_an_option_of_a_list_needs_the_list(run: Run) -> None:
    for line in (["trigger", "charge.refunded"], ["batches", "show", "1"]):
        ran = run(*line, "--format", "csv")
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith("error: --format goes with --")


@pytest.mark.parametrize("name", [name for name in LISTS if "--after" in options(name)])
def test_a_list_goes_on_after_a_row(run: Run, name: str) -> None:
    line = name.split()
    ids = run(*line, "--quiet").out.split()
    assert run(*line, "--quiet", "--limit", "2").out.split() == ids[:2]
    assert f"--after {ids[1]}" in run(*line, "--limit", "2").err
    assert run(*line, "--quiet", "--after", ids[1]).out.split() == ids[2:]
    assert run(*line, "--quiet", "--after", ids[1], "--until", "now").out.split() == ids[2:]
    assert run(*line, "--json", "--after", ids[-1]).out == ""
    unknown = run(*line, "--after", "9c5f1f4e-6a52-4d0c-9a4e-1d7f0b1f3d11")
    assert (unknown.code, unknown.out) == (3, "")


def test_a_list_without_filters_that_is_cut_names_the_limit_alone(run: Run) -> None:
    cut = run("stock", "history", "NOTE", "--limit", "1")
    assert len(cut.out.splitlines()) == 2
    assert cut.err == "Showing the newest 1. For more, use --limit 10.\n"
    assert run("stock", "history", "NOTE", "--limit", "1", "--json").err == ""


@pytest.mark.parametrize("name", LIMITED)
def test_a_limit_that_the_database_cannot_hold_is_wrong_usage(run: Run, name: str) -> None:
    words = _MORE.get(name, name).split()
    assert run(*words, "--limit", "9" * 18).code == 0
    for limit in (2**63 - 1, 2**63, 10**30):
        ran = run(*words, "--limit", limit)
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1), ran.err


def test_sessions_of_a_status_take_the_greatest_limit(run: Run) -> None:
    ran = run("sessions", "list", "--status", "open", "--limit", "9" * 18, "--json")
    assert (ran.code, {line["status"] for line in ran.lines}) == (0, {"open"}), ran.err


@pytest.mark.parametrize("name", [name for name in LISTS if "--after" in options(name) and name != "audit list"])
def test_filters_have_the_same_names_and_meaning(run: Run, name: str) -> None:
    line = name.split()
    everything = run(*line, "--quiet").out.split()
    of_one = run(*line, "--quiet", "--order", "1003").out.split()
    assert 0 < len(of_one) < len(everything)
    assert set(of_one) <= set(everything)
    assert run(*line, "--quiet", "--until", "1d").out == ""
    assert run(*line, "--quiet", "--since", "1d").out.split() == everything


def test_a_piped_table_is_never_cut_and_one_on_a_terminal_is(run: Run, on_80_columns: pytest.MonkeyPatch) -> None:
    cut = run("orders", "list")
    on_80_columns.delenv("TTY_COMPATIBLE")
    whole = run("orders", "list")
    assert max(map(len, cut.out.splitlines())) <= 80
    assert "…" in cut.out
    assert LONG.strip() in whole.out
    assert not any(line.endswith(" ") for line in whole.out.splitlines())
    row = next(line for line in whole.out.splitlines() if "1003" in line)
    heading = whole.out.splitlines()[0]
    assert row.index(LONG[:5]) == heading.index("customer")


def test_columns_are_those_of_the_table_or_keys_of_json(run: Run) -> None:
    table = run("orders", "list", "--columns", "order,paid_at,amount_refunded,customer_email", "--limit", "1")
    heading, row = table.out.splitlines()
    assert heading.split() == ["order", "paid_at", "amount_refunded", "customer_email"]
    assert row.split()[0] == "1005"
    assert row.split()[-2:] == ["€0.00", "bo@example.com"]
    csv_text = run("orders", "list", "--columns", "order,total", "--format", "csv", "--limit", "1").out
    assert csv_text == "number,amount_total\n1005,3399\n"
    assert run("orders", "list", "--columns", "total,order", "--json", "--limit", "1").json == {
        "amount_total": 3399,
        "number": 1005,
    }
    for wrong in (["--columns", "nmber"], ["--quiet", "--json"], ["--json", "--format", "csv"], ["--columns", ""]):
        ran = run("orders", "list", *wrong)
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)


def test_no_cell_is_a_formula_and_no_value_breaks_a_line(run: Run) -> None:
    found = run("orders", "list", "--columns", "number,customer_name", "--format", "csv").out
    named = dict(csv.reader(io.StringIO(found)))
    assert named["1002"] == f"'{FORMULA}"
    tabs = run("orders", "list", "--columns", "number,customer_name", "--format", "tsv").out.splitlines()
    assert '1002\t\'=HYPERLINK("http://x") Tab' in tabs
    assert all(line.count("\t") == 1 for line in tabs)


def test_a_terminal_gets_the_tabs_between_cells(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    lines = run("orders", "list", "--columns", "number,customer_name", "--format", "tsv").out.splitlines()
    assert lines[0] == "number\tcustomer_name"
    assert all(line.count("\t") == 1 for line in lines)


@pytest.mark.usefixtures("on_80_columns")
def test_where_there_is_little_room_no_amount_is_cut(run: Run) -> None:
    rows = run("orders", "list", "--columns", "total,customer,email,items,event,attention,card").out.splitlines()[1:]
    assert len(rows) >= 5
    assert all("€33.99" in row for row in rows), rows


def test_times_are_the_same_in_json_and_csv(run: Run) -> None:
    (row,) = run("orders", "list", "--json", "--limit", "1").lines
    cells = next(csv.DictReader(io.StringIO(run("orders", "list", "--format", "csv", "--limit", "1").out)))
    assert cells["created_at"] == row["created_at"]
    assert datetime.fromisoformat(row["created_at"]).tzinfo == UTC


def test_only_lists_are_named_list() -> None:
    assert len(LISTS) >= 5
    assert not any(isinstance(COMMANDS[name], click.Group) for name in LISTS)
