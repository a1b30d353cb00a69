"""Times as operators type them."""

from __future__ import annotations

from datetime import UTC, datetime

import click
import pytest

from checkout_daemon.commands.options import read_moment, read_time
from checkout_daemon.model.time_ranges import read_range

THURSDAY = datetime(2026, 11, 26, 23, 30, tzinfo=UTC)  # in Vienna, a Friday has begun


@pytest.mark.parametrize(
    ("typed", "utc"),
    [
        ("now", "2026-11-26T23:30"),
        ("24h", "2026-11-25T23:30"),
        ("7d", "2026-11-19T23:30"),
        ("today", "2026-11-26T23:00"),
        ("Today ", "2026-11-26T23:00"),
        ("yesterday", "2026-11-25T23:00"),
        ("friday", "2026-11-26T23:00"),
        ("thursday", "2026-11-25T23:00"),
        ("saturday", "2026-11-20T23:00"),
        ("monday", "2026-11-22T23:00"),
        ("this week", "2026-11-22T23:00"),
        ("Last  week", "2026-11-15T23:00"),
        ("last month", "2026-09-30T22:00"),
        ("24.11.", "2026-11-23T23:00"),
        ("24.11", "2026-11-23T23:00"),
        ("24.12.", "2025-12-23T23:00"),
        ("29.2.", "2024-02-28T23:00"),
        ("24.12.2027", "2027-12-23T23:00"),
        ("2026-11-24", "2026-11-23T23:00"),
        ("2026-11-24T10:00", "2026-11-24T09:00"),
        ("2026-11-24 10:00", "2026-11-24T09:00"),
        ("2026-07-24T10:00", "2026-07-24T08:00"),
        ("2026-11-24T10:00:00Z", "2026-11-24T10:00"),
        ("2026-11-24T10:00:00-05:00", "2026-11-24T15:00"),
    ],
)
def test_a_time_is_one_of_the_shop_s_zone(typed: str, utc: str) -> None:
    assert f"{read_time(typed, '--since', 'Europe/Vienna', THURSDAY):%Y-%m-%dT%H:%M}" == utc


def test_a_day_begins_at_the_first_of_two_midnights() -> None:
    sunday = datetime(2026, 11, 1, 12, tzinfo=UTC)  # the clocks of Havana went back from 1 to 0
    assert read_time("today", "--since", "America/Havana", sunday) == datetime(2026, 11, 1, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    "typed", ["tomorrow", "mon", "9w9", "2026-13-01", "24", "", "999999w", "30.2.", "1.13.", "0.1.0000"]
)
def test_what_is_no_time_is_refused_with_what_is(typed: str) -> None:
    with pytest.raises(click.UsageError, match=r"--until takes a span such as 30m.*yesterday, monday, a date,"):
        read_time(typed, "--until", "UTC", THURSDAY)


@pytest.mark.parametrize(
    ("typed", "since", "until"),
    [
        ("24h", "2026-11-25T23:30", ""),
        ("today", "2026-11-26T23:00", ""),
        ("yesterday", "2026-11-25T23:00", "2026-11-26T23:00"),
        ("monday", "2026-11-22T23:00", "2026-11-23T23:00"),
        ("this week", "2026-11-22T23:00", ""),
        ("last week", "2026-11-15T23:00", "2026-11-22T23:00"),
        ("last month", "2026-09-30T22:00", "2026-10-31T23:00"),
        ("24.11.", "2026-11-23T23:00", "2026-11-24T23:00"),
        ("2026-11-24", "2026-11-23T23:00", "2026-11-24T23:00"),
        ("2026-11-24..2026-11-27", "2026-11-23T23:00", "2026-11-27T23:00"),
        ("24.11...25.11.", "2026-11-23T23:00", "2026-11-25T23:00"),
        ("24.11.. 25.11", "2026-11-23T23:00", "2026-11-25T23:00"),
        ("24.11..", "2026-11-23T23:00", ""),
        ("24.11...", "2026-11-23T23:00", ""),
        ("..last week", "", "2026-11-22T23:00"),
        ("monday..", "2026-11-22T23:00", ""),
        ("monday..yesterday", "2026-11-22T23:00", "2026-11-26T23:00"),
        ("48h..24h", "2026-11-24T23:30", "2026-11-25T23:30"),
        ("2026-11-24T10:00..2026-11-24T12:00", "2026-11-24T09:00", "2026-11-24T11:00"),
    ],
)
def test_a_range_is_a_span_until_now_or_whole_days(typed: str, since: str, until: str) -> None:
    found = read_range(typed, "Europe/Vienna", THURSDAY)
    assert found is not None
    shown = ["" if bound is None else f"{bound:%Y-%m-%dT%H:%M}" for bound in (found.since, found.until)]
    assert shown == [since, until]


@pytest.mark.parametrize("typed", ["", "..", "...", "24.11..23.11", "x..today", "today..x", "30.2.", "soon"])
def test_what_is_no_range_is_refused(typed: str) -> None:
    assert read_range(typed, "UTC", THURSDAY) is None


def test_a_day_on_which_the_clocks_change_has_all_its_hours() -> None:
    found = read_range("25.10.2026", "Europe/Vienna", THURSDAY)
    assert found is not None
    assert found.since is not None
    assert found.until is not None
    assert (found.until - found.since).total_seconds() == 25 * 3600


@pytest.mark.parametrize(
    ("now", "typed", "utc"),
    [
        ("2026-10-25T02:30", "02:40", "2026-10-25T01:40"),  # it was 02:40 twice
        ("2026-10-25T01:20", "02:40", "2026-10-25T00:40"),  # it will be 02:40 once more
        ("2026-10-25T01:20", "2:20", "2026-10-25T01:20"),
        ("2026-10-25T00:20", "02:40", "2026-10-24T00:40"),
        ("2026-10-25T23:30", "02:40", "2026-10-25T01:40"),  # the day after has begun
        ("2026-11-26T23:30", "00:30", "2026-11-26T23:30"),
        ("2026-11-26T23:30", "00:30:01", "2026-11-25T23:30"),
        ("2026-11-26T23:30", "24h", "2026-11-25T23:30"),
    ],
)
def test_a_time_of_day_is_the_last_one_that_has_passed(now: str, typed: str, utc: str) -> None:
    found = read_moment(typed, "--at", "Europe/Vienna", datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert f"{found:%Y-%m-%dT%H:%M}" == utc
