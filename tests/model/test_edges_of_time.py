"""A time that an operator types exists in the zone of the shop, so that it can be shown."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from checkout_daemon.model.future import read_future
from checkout_daemon.model.time_ranges import read_past
from checkout_daemon.stripe_sync.endpoint_rules import RETIRED_AT, read_endpoint

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def test_the_last_hours_of_the_year_9999_are_none_in_the_east() -> None:
    last = "9999-12-31T23:59:59Z"
    assert read_future(last, "Europe/Vienna", NOW) is None
    assert read_future(last, "America/New_York", NOW) == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_the_first_hours_of_the_year_1_are_none_in_the_west() -> None:
    first = "0001-01-01T00:00:00Z"
    assert read_past(first, "America/New_York", NOW) is None
    assert read_past(first, "Europe/Vienna", NOW) == datetime(1, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("mark", ["9" * 30, "253402300799", "soon"])
def test_a_mark_of_an_endpoint_that_is_no_time_is_left_out(mark: str) -> None:
    endpoint = {
        "id": "we_1", "url": "https://shop.example", "status": "enabled", "livemode": False, "created": 1_790_000_000,
        "enabled_events": ["*"], "metadata": {RETIRED_AT: mark},
    }  # fmt: skip
    assert read_endpoint(endpoint).retired_at is None
