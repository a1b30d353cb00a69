"""The rules of reservations: every state follows from the order, and no history sells more than there is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from checkout_daemon.ledger.facts import PaymentStatus, SessionFact, SessionStatus
from checkout_daemon.ledger.reservations import (
    LatePayment,
    Reservation,
    ReservationState,
    Wish,
    decide,
    wish,
)
from checkout_daemon.model.orders import OrderStatus

RESERVED, RELEASED, SOLD = ReservationState.RESERVED, ReservationState.RELEASED, ReservationState.SOLD
OVERSOLD, WITHHELD = ReservationState.OVERSOLD, ReservationState.WITHHELD
NOW = datetime(2026, 5, 1, tzinfo=UTC)
HELD = Reservation("PEN", 2, RESERVED, 1, False, LatePayment.REINSTATE)


def session(status: SessionStatus, attempt: int = 1) -> SessionFact:
    return SessionFact(f"cs_{attempt}", False, status, PaymentStatus.UNPAID, attempt, None, None, NOW)


EXPIRED = (session(SessionStatus.EXPIRED),)
TABLE = [
    (HELD, "pending", (), Wish(RESERVED)),
    (replace(HELD, lapsed=True), "pending", (session(SessionStatus.OPEN),), Wish(RELEASED)),
    (replace(HELD, lapsed=True), "processing", (), Wish(RESERVED, RELEASED)),
    (replace(HELD, state=RELEASED), "processing", (), Wish(RESERVED, RELEASED)),
    (replace(HELD, state=RELEASED, late=LatePayment.ASK), "processing", (), Wish(RELEASED)),
    (HELD, "expired", EXPIRED, Wish(RELEASED)),
    (replace(HELD, attempt=2), "expired", EXPIRED, Wish(RESERVED)),
    (HELD, "failed", EXPIRED, Wish(RELEASED)),
    (HELD, "canceled", EXPIRED, Wish(RELEASED)),
    (replace(HELD, state=WITHHELD), "canceled", EXPIRED, Wish(WITHHELD)),
    (replace(HELD, state=WITHHELD), "expired", EXPIRED, Wish(WITHHELD)),
    (replace(HELD, state=WITHHELD), "completed", (), Wish(SOLD)),
    (replace(HELD, state=RELEASED), "pending", (), Wish(RELEASED)),
    (HELD, "completed", (), Wish(SOLD)),
    (HELD, "refunded", (), Wish(SOLD)),
    (HELD, "disputed", (), Wish(SOLD)),
    (replace(HELD, state=SOLD, restocked=2), "partially_refunded", (), Wish(SOLD)),
    (replace(HELD, state=RELEASED), "completed", (), Wish(SOLD, OVERSOLD)),
    (replace(HELD, state=OVERSOLD), "completed", (), Wish(SOLD, OVERSOLD)),
    (replace(HELD, state=RELEASED, late=LatePayment.REFUND), "completed", (), Wish(OVERSOLD)),
    (replace(HELD, state=OVERSOLD, late=LatePayment.REFUND), "refunded", (), Wish(RELEASED)),
    (replace(HELD, state=OVERSOLD), "refunded", (), Wish(RELEASED)),
    (replace(HELD, state=RELEASED), "refunded", (), Wish(RELEASED)),
]


@pytest.mark.parametrize(("held", "status", "sessions", "wanted"), TABLE)
def test_a_state_follows_from_the_order(
    held: Reservation, status: str, sessions: tuple[SessionFact, ...], wanted: Wish
) -> None:
    assert wish(held, OrderStatus(status), sessions) == wanted


def test_the_table_has_every_status_and_state() -> None:
    assert {status for _, status, _, _ in TABLE} == set(OrderStatus)
    assert {held.state for held, _, _, _ in TABLE} == set(ReservationState)


def test_who_acknowledges_delivers_all_the_same() -> None:
    oversold = replace(HELD, state=OVERSOLD, late=LatePayment.ASK)
    wanted = wish(oversold, OrderStatus.COMPLETED, (), acknowledged=True)
    (move,) = decide([("o", oversold, wanted)], {"PEN": 0})
    assert (move.after.state, move.change, move.freed) == (SOLD, -2, -2)


def test_the_first_order_gets_what_is_free() -> None:
    released = replace(HELD, state=RELEASED)
    moves = decide([(name, released, Wish(SOLD, OVERSOLD)) for name in ("a", "b")], {"PEN": 3})
    assert [move.after.state for move in moves] == [SOLD, OVERSOLD]
    uncounted = decide([(name, released, Wish(SOLD, OVERSOLD)) for name in ("a", "b")], {})
    assert [move.after.state for move in uncounted] == [SOLD, SOLD]


@dataclass
class Shop:
    """A shop with one product, as the database keeps it."""

    stock: int
    counted: int
    orders: dict[int, Reservation] = field(default_factory=dict)

    @property
    def reserved(self) -> int:
        return sum(held.quantity for held in self.orders.values() if held.state is RESERVED)

    @property
    def free(self) -> int:
        return self.stock - self.reserved

    @property
    def taken(self) -> int:
        return sum(held.taken for held in self.orders.values())

    def settle(self, order: int, status: OrderStatus, sessions: tuple[SessionFact, ...] = ()) -> None:
        held = self.orders[order]
        for move in decide([(str(order), held, wish(held, status, sessions))], {"PEN": self.free}):
            self.orders[order] = move.after
            self.stock += move.change


POLICIES = st.sampled_from(LatePayment)
ACTS = st.lists(
    st.tuples(
        st.sampled_from(("place", "renew", "lapse", "restock", "correct", *OrderStatus)),
        st.integers(0, 5),
        st.integers(1, 4),
        POLICIES,
    ),
    max_size=40,
)


@settings(max_examples=10_000, deadline=None)
@given(counted=st.integers(0, 12), acts=ACTS)
def test_no_history_sells_more_than_there_is(counted: int, acts: list[tuple[str, int, int, LatePayment]]) -> None:
    shop = Shop(counted, counted)
    for act, order, number, late in acts:
        held = shop.orders.get(order)
        if act == "correct":
            shop.stock, shop.counted = shop.stock + number, shop.counted + number
        elif act == "place":
            if held is None and shop.free >= number:
                shop.orders[order] = Reservation("PEN", number, RESERVED, 1, False, late)
        elif held is None:
            continue
        elif act == "renew":
            if held.state is RESERVED or (held.state is RELEASED and shop.free >= held.quantity):
                shop.orders[order] = replace(held, state=RESERVED, lapsed=False, attempt=held.attempt + 1)
        elif act == "lapse":
            shop.orders[order] = replace(held, lapsed=True)
            shop.settle(order, OrderStatus.PENDING)
        elif act == "restock":
            back = min(number, held.quantity - held.restocked) if held.state is SOLD else 0
            shop.orders[order], shop.stock = replace(held, restocked=held.restocked + back), shop.stock + back
        else:
            ended = act in (OrderStatus.EXPIRED, OrderStatus.FAILED)
            sessions = (session(SessionStatus.EXPIRED, held.attempt),) if ended else ()
            shop.settle(order, OrderStatus(act), sessions)
            before = dict(shop.orders), shop.stock
            shop.settle(order, OrderStatus(act), sessions)  # again, as a duplicate does
            if shop.orders[order].state is not before[0][order].state:
                # A late payment that found nothing free finds something only if there is something now.
                raise AssertionError((before[0][order], shop.orders[order]))
        assert shop.counted == shop.taken + shop.reserved + shop.free
        assert shop.free >= 0
