"""What orders take of counted products: the state of a reservation follows from its order's status.

The rules are pure. An order that needs pieces which it does not hold, because it was paid late, gets them only if they
are free; whether they are is read under the locks of the products (ledger/stock.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

import msgspec

from checkout_daemon.ledger.facts import SessionFact
from checkout_daemon.model.orders import OrderStatus


class ReservationState(StrEnum):
    """The state of a reservation.

    OVERSOLD: the order is paid, and its pieces were released before. WITHHELD: the order is canceled, or about to be,
    and its pieces do not go back on sale; if it is paid after all, it gets them.
    """

    RESERVED = "reserved"
    RELEASED = "released"
    SOLD = "sold"
    OVERSOLD = "oversold"
    WITHHELD = "withheld"


class LatePayment(StrEnum):
    """What happens to an order that is paid after its pieces were released: CHECKOUT_LATE_PAYMENT."""

    REINSTATE = "reinstate"
    REFUND = "refund"
    ASK = "ask"


class Reservation(msgspec.Struct, frozen=True, order=True):
    """What an order takes of one product. `attempt`: the session attempt that it was last reserved for.

    `lapsed`: the session of that attempt has surely ended. `restocked`: of the pieces sold, those that went back.
    """

    sku: str
    quantity: int
    state: ReservationState
    attempt: int
    lapsed: bool
    late: LatePayment
    restocked: int = 0

    @property
    def taken(self) -> int:
        """Return how many pieces are no longer part of the stock because of it."""
        return self.quantity - self.restocked if self.state in _TAKEN else 0

    @property
    def held(self) -> int:
        """Return how many pieces cannot be sold to others because of it."""
        return self.quantity if self.state is ReservationState.RESERVED else self.taken


class Wish(NamedTuple):
    """The state that a reservation should have, and the one instead if that takes more pieces than are free.

    Without the second, it takes them in any case.
    """

    state: ReservationState
    otherwise: ReservationState | None = None


class Move(NamedTuple):
    """A reservation that changes its state."""

    order_id: str
    before: Reservation
    after: Reservation

    @property
    def change(self) -> int:
        """Return by how many pieces the stock grows."""
        return self.before.taken - self.after.taken

    @property
    def freed(self) -> int:
        """Return how many pieces become free."""
        return self.before.held - self.after.held


_TAKEN = frozenset({ReservationState.SOLD, ReservationState.WITHHELD})
_KEEPS = _TAKEN | {ReservationState.RESERVED}
_PAID = frozenset({OrderStatus.COMPLETED, OrderStatus.PARTIALLY_REFUNDED, OrderStatus.REFUNDED, OrderStatus.DISPUTED})
_ROWS = msgspec.json.Decoder(list[tuple[str, str, int, ReservationState, int, bool, LatePayment, int]])


def read_reservations(text: str) -> dict[str, tuple[Reservation, ...]]:
    """Return reservations by their order, as load_reservations in sql/schema.sql returns them."""
    found: dict[str, tuple[Reservation, ...]] = {}
    for order_id, sku, quantity, state, attempt, lapsed, late, restocked in _ROWS.decode(text):
        held = Reservation(sku, quantity, state, attempt, lapsed, late, restocked)
        found[order_id] = (*found.get(order_id, ()), held)
    return found


def wish(
    reservation: Reservation, status: OrderStatus, sessions: Iterable[SessionFact], *, acknowledged: bool = False
) -> Wish:
    """Return the state that a reservation should have. `acknowledged`: a person decided to deliver it all the same."""
    state = reservation.state
    if status in _PAID:
        return _paid(reservation, status, acknowledged=acknowledged)
    if state is ReservationState.WITHHELD:
        return Wish(state)
    if status is OrderStatus.PROCESSING:
        # The money is on its way. If it comes to nothing, async_payment_failed ends it.
        if reservation.late is not LatePayment.REINSTATE and state is ReservationState.RELEASED:
            return Wish(ReservationState.RELEASED)
        return Wish(ReservationState.RESERVED, ReservationState.RELEASED)
    if state is ReservationState.RESERVED and not reservation.lapsed and _may_be_paid(reservation, status, sessions):
        return Wish(state)
    return Wish(ReservationState.RELEASED)


def _paid(reservation: Reservation, status: OrderStatus, *, acknowledged: bool) -> Wish:
    if reservation.state in _KEEPS or acknowledged:
        return Wish(ReservationState.SOLD)
    if status is OrderStatus.REFUNDED:  # it needs no pieces any more, also when some become free later
        return Wish(ReservationState.RELEASED)
    if reservation.late is LatePayment.REINSTATE:
        return Wish(ReservationState.SOLD, ReservationState.OVERSOLD)
    return Wish(ReservationState.OVERSOLD)


def _may_be_paid(reservation: Reservation, status: OrderStatus, sessions: Iterable[SessionFact]) -> bool:
    """Return whether the attempt that the pieces are reserved for may still be paid.

    A failed or expired order may have a new attempt whose session is not known yet.
    """
    if status is OrderStatus.CANCELED:
        return False
    if status is OrderStatus.PENDING:
        return True
    return all(session.attempt < reservation.attempt for session in sessions)


def decide(wishes: Iterable[tuple[str, Reservation, Wish]], free: Mapping[str, int]) -> list[Move]:
    """Return the moves that the wishes of orders lead to, in sequence. What is not in `free` is not counted."""
    left = dict(free)
    moves: list[Move] = []
    for order_id, held, (state, otherwise) in wishes:
        move = _move(order_id, held, state)
        if otherwise is not None and held.sku in left and -move.freed > max(left[held.sku], 0):
            move = _move(order_id, held, otherwise)
        if move.after.state is held.state:
            continue
        if held.sku in left:
            left[held.sku] += move.freed
        moves.append(move)
    return moves


def _move(order_id: str, held: Reservation, state: ReservationState) -> Move:
    keeps = {held.state, state} <= _TAKEN
    after = msgspec.structs.replace(held, state=state, restocked=held.restocked if keeps else 0)
    return Move(order_id, held, after)


def is_oversold(reservations: Iterable[Reservation]) -> bool:
    """Return whether the order was paid for pieces that it did not get."""
    return any(held.state is ReservationState.OVERSOLD for held in reservations)
