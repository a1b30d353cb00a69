"""Ages, spans and clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from checkout_daemon.present.times import age, clock, span, time_of_day

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "shown"), [(-5, "0s"), (59.9, "59s"), (60, "1m"), (3599, "59m"), (86_399, "23h"), (90_000_000, "1041d")]
)
def test_a_span_has_one_unit(seconds: float, shown: str) -> None:
    assert span(seconds) == shown


def test_an_age_counts_from_now() -> None:
    assert age(NOON - timedelta(hours=3), NOON) == "3h"
    assert [age(NOON - timedelta(days=days), NOON) for days in (999, 1000, 1095)] == ["999d", "2y", "3y"]


def test_clocks_are_in_the_time_zone() -> None:
    assert clock(NOON, "Asia/Tokyo") == "2026-07-01 21:00:00"
    assert clock(None, "Asia/Tokyo") == "–"
    assert time_of_day(NOON, "America/New_York") == "08:00:00"
