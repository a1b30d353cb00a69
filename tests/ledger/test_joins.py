"""Every join is commutative, associative and idempotent, with unknown values and within a second as well."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from checkout_daemon.ledger.charge_facts import ChargeFact, ChargeStatus, DeclineReport, DeclineSource, RiskReport
from checkout_daemon.ledger.facts import (
    CanceledPayment,
    DisputeFact,
    DisputeStatus,
    Observation,
    PaymentStatus,
    RefundFact,
    RefundHint,
    RefundStatus,
    SessionFact,
    SessionStatus,
    Unknown,
)
from checkout_daemon.ledger.fraud_facts import FraudWarning

TIMES = st.sampled_from([datetime.fromtimestamp(1_790_000_000 + second, UTC) for second in range(3)])
MAYBE_TIMES = st.none() | TIMES
WORDS = st.sampled_from(["status=a", "status=b"])
UNKNOWN = st.none() | st.builds(Unknown, TIMES, WORDS)
AMOUNTS = st.sampled_from([1, 2])
NODES = st.sampled_from(["pi_1", "ch_1"])
EVENTS = st.sampled_from(["", "evt_1", "evt_2"])
KINDS: dict[str, st.SearchStrategy[Any]] = {
    "session": st.builds(
        SessionFact, st.just("cs_1"), st.just(False), st.sampled_from(SessionStatus), st.sampled_from(PaymentStatus),
        st.sampled_from([0, 1]), st.none() | st.just("u"), MAYBE_TIMES, MAYBE_TIMES, UNKNOWN,
    ),
    "observation": st.builds(Observation, st.just("pi_1"), st.just(1), st.just("eur"), st.just(False), TIMES),
    "refund": st.builds(
        RefundFact, st.just("re_1"), st.just(False), NODES, st.sampled_from(RefundStatus), AMOUNTS,
        st.sampled_from(["eur", "usd"]), st.none() | st.just("r"), MAYBE_TIMES, UNKNOWN,
    ),
    "dispute": st.builds(
        DisputeFact, st.just("dp_1"), st.just(False), NODES, st.sampled_from(DisputeStatus), MAYBE_TIMES,
        st.none() | AMOUNTS, st.none() | st.just("eur"), st.none() | st.just("fraudulent"), TIMES, EVENTS,
        st.none() | WORDS, MAYBE_TIMES, MAYBE_TIMES, st.none() | st.sampled_from(["10.4", "13.1"]),
        st.none() | st.booleans(), st.none() | st.sampled_from([0, 1]), st.none() | st.booleans(),
    ),
    "warning": st.builds(
        FraudWarning, st.just("issfr_1"), st.just(False), NODES, st.none() | st.sampled_from(["misc", "other"]),
        st.booleans(), MAYBE_TIMES, TIMES, EVENTS,
    ),
    "hint": st.builds(RefundHint, st.just("ch_1"), st.just(False), NODES, AMOUNTS, TIMES, EVENTS),
    "charge": st.builds(
        ChargeFact, st.just("pi_1"), st.just("ch_1"), st.just(False), TIMES, st.sampled_from(ChargeStatus),
        *[st.none() | st.sampled_from(["a", "b"])] * 7,
        st.none() | st.builds(DeclineReport, st.sampled_from(DeclineSource), TIMES, WORDS, st.sampled_from(["", "m"])),
        st.none() | st.builds(RiskReport, TIMES, WORDS, st.sampled_from([-1, 0, 80])),
    ),
    "canceled": st.builds(CanceledPayment, st.just("pi_1"), TIMES),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_joins_are_commutative_associative_and_idempotent(kind: str) -> None:
    facts = KINDS[kind]

    @given(facts, facts, facts)
    def holds(one: Any, two: Any, three: Any) -> None:
        assert one.join(one) == one
        assert one.join(two) == two.join(one)
        assert one.join(two).join(three) == one.join(two.join(three))

    holds()


@pytest.mark.parametrize("event", ["", "evt_1"])
def test_the_details_that_an_older_release_did_not_read_come_with_the_same_report(event: str) -> None:
    at = datetime(2026, 5, 1, tzinfo=UTC)
    stored = DisputeFact("dp_1", False, "pi_1", DisputeStatus.NEEDS_RESPONSE, at, 3399, "eur", "fraudulent", at, event)
    read = structs.replace(stored, network_reason="10.4", has_evidence=False, submission_count=0, past_due=False)
    assert {one.join(two) for one, two in permutations((stored, read))} == {read}
