"""What counts as a difference between an order and Stripe."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.truth import AtStripe, _further_differences

EXPIRED, OPEN, FROM_DASHBOARD = ("expired", "1"), ("open", "2"), ("open", None)


Made = tuple[str, str | None]


def at_stripe(*sessions: Made) -> AtStripe:
    return AtStripe([
        {"id": f"cs_{attempt}", "status": status, "payment_status": "unpaid",
         "metadata": {} if attempt is None else {"attempt": attempt}}
        for status, attempt in sessions
    ])  # fmt: skip


def order(status: str, unanswered: tuple[str, ...]) -> dict[str, Any]:
    return {
        "status": status, "attention": (), "acknowledged": (), "amount_total": 1000, "charged": 0, "returned": 0,
        "unanswered": unanswered,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "unanswered", "sessions", "right"),
    [
        ("expired", (), (EXPIRED,), True),
        ("pending", (), (EXPIRED, OPEN), True),
        ("pending", ("2",), (EXPIRED, OPEN), True),
        ("expired", ("2",), (EXPIRED, OPEN), True),  # nobody was given the open one
        ("expired", (), (EXPIRED, OPEN), False),
        ("expired", ("3",), (EXPIRED, OPEN), False),
        ("completed", ("2",), (EXPIRED, OPEN), False),
        ("expired", ("1",), (("open", "1"),), False),  # the shop knows of no session at all: it stays pending
        ("expired", (), (EXPIRED, FROM_DASHBOARD), True),
        ("pending", (), (EXPIRED, FROM_DASHBOARD), True),
        ("expired", (), (EXPIRED, OPEN, FROM_DASHBOARD), False),
    ],
)
def test_an_open_session_that_the_shop_cannot_know_makes_no_difference(
    status: str, unanswered: tuple[str, ...], sessions: tuple[Made, ...], right: bool
) -> None:
    assert (not _further_differences(order(status, unanswered), at_stripe(*sessions))) is right
