"""Any permutation, duplication and batching of a history ends in the same order."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkout_daemon.ledger.charge_facts import ChargeFact
from checkout_daemon.ledger.derive import Derived
from checkout_daemon.ledger.factbase import FactBase
from checkout_daemon.ledger.facts import Act, ActKind, Link, LinkRank, PaymentStatus, SessionFact, SessionStatus
from checkout_daemon.model.orders import OrderStatus, OrderTerms
from tests.ledger.stripe_history import ORDER_ID, OTHER_ORDER_ID, START, TOTAL, Event, SessionPlan, session_plans, tell

PAID = {OrderStatus.COMPLETED, OrderStatus.PARTIALLY_REFUNDED, OrderStatus.REFUNDED, OrderStatus.DISPUTED}
ALL_WITNESSES = frozenset({"session", "intent", "charge"})


def new_base() -> FactBase:
    return FactBase([OrderTerms(ORDER_ID, TOTAL, "eur", False), OrderTerms(OTHER_ORDER_ID, TOTAL, "eur", False)])


def join_event(base: FactBase, event: Event) -> None:
    translation = event.translation()
    for link in translation.links:
        base.join_link(link)
    for fact in translation.facts:
        base.join(fact)


def ends(base: FactBase) -> dict[str, Derived]:
    return {order_id: base.derive(order_id) for order_id in (ORDER_ID, OTHER_ORDER_ID)}


def end_of(events: Iterable[Event]) -> dict[str, Derived]:
    return ends(joined(events))


def charges_of(events: Iterable[Event]) -> set[tuple[str | None, ChargeFact]]:
    """Return all charges with their orders."""
    base = joined(events)
    return {(base.order_of(fact.node), fact) for fact in base.facts.values() if isinstance(fact, ChargeFact)}


def joined(events: Iterable[Event]) -> FactBase:
    base = new_base()
    for event in events:
        join_event(base, event)
    return base


@settings(max_examples=400)
@given(st.lists(session_plans, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_any_order_and_any_duplicates_end_in_the_same_orders(plans: list[SessionPlan], random: object) -> None:
    events = tell(plans)
    delivered_in_order = end_of(events)
    shuffled = [*events, *random.sample(events, len(events) // 2)]  # type: ignore[attr-defined]  # Hypothesis's Random
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert end_of(shuffled) == delivered_in_order
    assert charges_of(shuffled) == charges_of(events)


@settings(max_examples=200)
@given(st.lists(session_plans, min_size=1, max_size=3), st.randoms(use_true_random=False), st.booleans())
def test_links_and_acts_may_come_at_any_time(plans: list[SessionPlan], random: object, canceled: bool) -> None:
    steps: list[object] = [*tell(plans)]
    steps += [Link(f"cs_{number}", ORDER_ID, LinkRank.OURS) for number in range(len(plans))]
    steps += [
        SessionFact(f"cs_{number}", False, SessionStatus.OPEN, PaymentStatus.UNPAID, attempt=number + 1)
        for number in range(len(plans))
    ]
    if canceled:
        steps.append(Act(ActKind.CANCELED))

    def end(ordered: list[object]) -> dict[str, Derived]:
        base = new_base()
        for step in ordered:
            match step:
                case Event():
                    join_event(base, step)
                case Link():
                    base.join_link(step)
                case SessionFact():
                    base.join(step)
                case Act():
                    base.join_act(ORDER_ID, step)
        return ends(base)

    shuffled = list(steps)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert end(shuffled) == end(steps)


@settings(max_examples=300)
@given(st.lists(session_plans, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_paid_is_never_lost_and_refunds_never_exceed_it(plans: list[SessionPlan], random: object) -> None:
    events = tell(plans)
    random.shuffle(events)  # type: ignore[attr-defined]
    base = new_base()
    was_paid = False
    for event in events:
        join_event(base, event)
        derived = base.derive(ORDER_ID)
        facts = base.facts_of(ORDER_ID)
        contradicted = any(
            len({observation.reported for observation in observed}) > 1 for observed in facts.payments.values()
        )
        assert 0 <= derived.amount_refunded <= TOTAL * len(facts.payments)
        if was_paid and not contradicted:
            assert derived.status in PAID
            assert derived.paid_at is not None
        was_paid = derived.status in PAID and not contradicted


def test_an_update_that_contradicts_a_valid_payment_is_seen_and_completes_nothing() -> None:
    right = SessionPlan("paid", TOTAL, "eur", False, ORDER_ID, "metadata", frozenset({"session"}), (), (), False)
    wrong = Event(
        "evt_x",
        "payment_intent.succeeded",
        START,
        False,
        {"id": "pi_0", "object": "payment_intent", "amount": TOTAL + 1, "currency": "eur"},
    )
    end = end_of([*tell([right]), wrong])[ORDER_ID]
    assert end.status is OrderStatus.PENDING
    assert end.attention_codes == ["amount_mismatch"]
    assert not end.payable


@pytest.mark.parametrize("ending", ["unknown_then_paid", "canceled"])
@pytest.mark.parametrize("same_second", [False, True])
def test_an_unknown_or_canceled_object_raises_attention_until_it_is_resolved(ending: str, same_second: bool) -> None:
    plan = SessionPlan(ending, TOTAL, "eur", False, ORDER_ID, "metadata", ALL_WITNESSES, (), (), same_second)
    events = tell([plan])
    ends = {repr(end_of(permutation)[ORDER_ID]) for permutation in permutations(events)}
    assert len(ends) == 1
    end = end_of(events)[ORDER_ID]
    if ending == "canceled":
        assert (end.status, end.attention_codes) == ("processing", ["payment_canceled"])
    else:  # in the same second nobody can know which was last
        assert (end.status, end.attention_codes) == ("completed", ["unknown_status"] if same_second else [])


@pytest.mark.parametrize("kind", ["checkout.session.expired", "checkout.session.async_payment_failed"])
def test_a_late_failure_changes_nothing_of_a_paid_order(kind: str) -> None:
    paid = tell([SessionPlan("paid", TOTAL, "eur", False, ORDER_ID, "metadata", frozenset({"session"}), (), (), False)])
    late = Event("evt_late", kind, START + 99, False, dict(paid[0].object) | {"payment_status": "unpaid"})
    assert end_of([*paid, late]) == end_of([late, *paid])
    assert end_of([*paid, late])[ORDER_ID].status is OrderStatus.COMPLETED
