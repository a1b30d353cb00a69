"""The gates and the tables."""

from __future__ import annotations

import pytest

from bench.gates import GATES, Gate, judge
from bench.report import gates_table, table
from bench.support.rows import Row, Rows


def gate(sense: str, limit: float, goal: float | None = None) -> Gate:
    assert sense in (">=", "<=")
    return Gate("s", "g", ">=" if sense == ">=" else "<=", limit, lambda _: None, goal)


@pytest.mark.parametrize(
    ("chosen", "value", "verdict"),
    [
        (gate(">=", 3.0, 6.0), 2.4, "SHORT by 20 %"),
        (gate(">=", 3.0, 6.0), 3.0, "met"),
        (gate(">=", 3.0, 6.0), 6.5, "goal reached"),
        (gate("<=", 2.5), 3.0, "SHORT by 20 %"),
        (gate("<=", 2.5), 2.5, "met"),
        (gate("<=", 2.5), None, "not measured"),
    ],
)
def test_a_gate_says_whether_it_is_met_or_by_how_much_it_falls_short(
    chosen: Gate, value: float | None, verdict: str
) -> None:
    assert chosen.verdict(value) == verdict


def test_the_table_of_gates_has_those_of_the_scenarios_that_ran() -> None:
    rates = {"bare aiohttp": 1000.0, "daemon": 450.0}
    rows = Rows(tuple(Row("routes", "GET products", name, 0, rate) for name, rate in rates.items()))
    printed = gates_table(judge(rows, ["routes"]))
    assert "0.45 | SHORT by 10 %" in printed
    assert "quotes" in printed
    assert "checkouts" not in printed


def test_no_two_gates_have_one_name() -> None:
    names = [(one.scenario, one.name) for one in GATES]
    assert len(names) == len(set(names)) >= 19


def test_a_table_leaves_out_columns_without_values() -> None:
    assert table(("a", "b", "c"), [("x", "-", "1"), ("long", "-", "22")]) == "\n".join(
        ("| a    |  c |", "|------|----|", "| x    |  1 |", "| long | 22 |")
    )
