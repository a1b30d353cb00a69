"""The table of tones: complete for our own statuses and for those of Stripe that we know."""

from __future__ import annotations

from enum import StrEnum

import pytest

from checkout_daemon.batches.records import BatchStatus
from checkout_daemon.commands.events_options import EVENT_STATUSES
from checkout_daemon.commands.outbox_options import MESSAGE_STATUSES
from checkout_daemon.commands.styles import STYLES
from checkout_daemon.ledger.facts import DisputeStatus, PaymentStatus, RefundStatus, SessionStatus
from checkout_daemon.model.orders import OrderStatus
from checkout_daemon.present.statuses import TONES, Subject, Tone, tone, transition
from tui.theme import COLOURS


@pytest.mark.parametrize(
    ("subject", "statuses"),
    [
        ("order", OrderStatus),
        ("session", SessionStatus),
        ("payment_status", PaymentStatus),
        ("refund", RefundStatus),
        ("dispute", DisputeStatus),
        ("batch", BatchStatus),
    ],
)
def test_every_status_has_a_tone(subject: Subject, statuses: type[StrEnum]) -> None:
    assert set(TONES[subject]) == {status.value for status in statuses} - {"unknown"}


def test_the_outcomes_of_events_and_messages_have_tones() -> None:
    assert set(TONES["event"]) == {*EVENT_STATUSES, "duplicate"}
    assert set(TONES["message"]) == set(MESSAGE_STATUSES)


def test_a_status_that_stripe_adds_later_is_neutral() -> None:
    assert tone("dispute", "settled_by_coin") is Tone.NEUTRAL


def test_both_interfaces_draw_every_tone() -> None:
    assert set(STYLES) == set(COLOURS) == set(Tone)


def test_a_first_status_comes_from_new() -> None:
    assert (transition(None, "pending"), transition("completed", "partially_refunded")) == (
        "new → pending",
        "completed → partially refunded",
    )
