"""Pauses before another try grow up to a limit, however often something has failed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from checkout_daemon.backoff import event_retry_delay, job_pause

# From 1,024 on, 2.0**failures overflows.
FAILURES = (7, 44, 1023, 1024, 10**9)


@pytest.mark.parametrize("failures", FAILURES)
def test_a_job_that_has_failed_for_days_is_tried_every_minute(failures: int) -> None:
    assert 48 <= job_pause(1.0, failures) <= 72


@pytest.mark.parametrize("failures", FAILURES)
def test_a_pause_is_never_shorter_than_the_interval_of_the_job(failures: int) -> None:
    assert 2880 <= job_pause(3600.0, failures) <= 4320


@pytest.mark.parametrize("tries", [14, 44, 1024, 10**9])
def test_an_event_that_has_failed_often_waits_for_hours(tries: int) -> None:
    assert timedelta(hours=4.8) <= event_retry_delay(tries) <= timedelta(hours=7.2)


def test_the_first_pauses_are_short() -> None:
    assert [1.6 * 2**more <= job_pause(0.1, 1 + more) <= 2.4 * 2**more for more in range(5)] == [True] * 5
    assert job_pause(1.0, 0) <= 1.2
    assert event_retry_delay(1) <= timedelta(seconds=6)
