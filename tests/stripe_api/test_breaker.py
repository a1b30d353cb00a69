"""The breaker: shoppers do not wait while Stripe does not answer."""

from __future__ import annotations

import pytest

from checkout_daemon.stripe_api.breaker import FAILURES, PAUSE_SECONDS, Breaker, StripeNotAsked


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def changes() -> list[bool]:
    return []


@pytest.fixture
def opened(clock: Clock, changes: list[bool]) -> Breaker:
    """Return a breaker that has just opened."""
    breaker = Breaker(on_change=changes.append, clock=clock)
    for _ in range(FAILURES):
        assert breaker.admit() is False
        breaker.failed(probe=False)
    return breaker


def refused(breaker: Breaker) -> bool:
    try:
        breaker.admit()
    except StripeNotAsked:
        return True
    return False


def test_it_opens_only_after_failures_in_a_row(clock: Clock) -> None:
    breaker = Breaker(clock=clock)
    for _ in range(FAILURES - 1):
        breaker.failed(probe=False)
    breaker.answered()
    for _ in range(FAILURES - 1):
        breaker.failed(probe=False)
    assert not refused(breaker)
    breaker.failed(probe=False)
    assert refused(breaker)


def test_one_call_tries_after_a_pause_and_its_answer_closes_it(
    opened: Breaker, clock: Clock, changes: list[bool]
) -> None:
    clock.now += PAUSE_SECONDS - 0.1
    assert refused(opened)
    clock.now += 0.2
    assert opened.admit() is True
    assert refused(opened)  # until the outcome of the probe is known
    opened.answered()
    assert opened.admit() is False
    assert changes == [True, False]


def test_a_try_that_fails_opens_it_for_another_pause(opened: Breaker, clock: Clock, changes: list[bool]) -> None:
    clock.now += PAUSE_SECONDS
    assert opened.admit() is True
    opened.failed(probe=True)
    clock.now += PAUSE_SECONDS - 0.1
    assert refused(opened)
    clock.now += 0.2
    assert opened.admit() is True
    assert changes == [True]


def test_a_try_that_fails_after_another_call_was_answered_does_not_open_it(
    opened: Breaker, clock: Clock, changes: list[bool]
) -> None:
    clock.now += PAUSE_SECONDS
    assert opened.admit() is True
    opened.answered()  # a call of a job
    opened.failed(probe=True)
    assert not refused(opened)
    assert changes == [True, False]
    for _ in range(FAILURES - 1):
        opened.failed(probe=False)
    assert refused(opened)
    assert changes == [True, False, True]


def test_a_try_that_was_broken_off_is_followed_by_another(opened: Breaker, clock: Clock) -> None:
    clock.now += PAUSE_SECONDS
    assert opened.admit() is True
    opened.abandoned(probe=True)
    assert opened.admit() is True


def test_a_call_sent_before_it_opened_does_not_end_the_try(opened: Breaker, clock: Clock) -> None:
    clock.now += PAUSE_SECONDS
    assert opened.admit() is True
    opened.failed(probe=False)
    opened.abandoned(probe=False)
    assert refused(opened)


def test_any_answer_closes_it(opened: Breaker) -> None:
    opened.answered()  # a call of a job, which is never refused
    assert not refused(opened)
