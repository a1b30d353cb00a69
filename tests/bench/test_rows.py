"""Medians and ratios of what was measured."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bench.support.rows import Key, Row, Rows, cpu_us, faults, per_second

DAEMON, PEER = Key("webhooks", "32", "daemon"), Key("webhooks", "32", "peer")


def row(key: Key, number: int, rate: float, **more: Any) -> Row:
    return replace(Row(key.scenario, key.phase, key.target, number, rate), **more)


def test_a_ratio_is_the_median_of_the_ratios_within_a_round() -> None:
    # The machine was slow in the second round, for both.
    rows = Rows(
        (
            *(row(PEER, number, rate) for number, rate in enumerate((100, 10, 100))),
            *(row(DAEMON, number, rate) for number, rate in enumerate((200, 30, 400))),
        )
    )
    assert rows.ratio(DAEMON, PEER, per_second) == pytest.approx(3.0)


def test_a_round_in_which_one_side_is_missing_does_not_count() -> None:
    rows = Rows((row(PEER, 0, 100), row(DAEMON, 0, 200), row(DAEMON, 1, 900)))
    assert rows.ratio(DAEMON, PEER, per_second) == pytest.approx(2.0)
    assert rows.ratio(DAEMON, Key("webhooks", "128", "peer"), per_second) is None


def test_the_cpu_of_an_event_is_that_of_the_server_and_postgresql() -> None:
    rows = Rows((row(DAEMON, 0, 1, server_us=300, postgres_us=200),))
    assert rows.median(DAEMON, cpu_us) == pytest.approx(500)


def test_a_problem_names_its_round_and_target() -> None:
    wrong = replace(row(DAEMON, 1, 1), problems=("orders completed: got 9, want 10",))
    assert faults([row(DAEMON, 0, 1), wrong]) == [
        "webhooks, 32, daemon, round 2: orders completed: got 9, want 10",
    ]
