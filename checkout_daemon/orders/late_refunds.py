"""Refunds orders that were paid after their pieces went back on sale, if CHECKOUT_LATE_PAYMENT was `refund` then."""

from __future__ import annotations

import logging
import socket
from uuid import UUID, uuid5

import asyncpg

from checkout_daemon.audit.operators import DAEMON, Operator
from checkout_daemon.database.queries import sql
from checkout_daemon.errors import CheckoutError, DatabaseUnavailable, StripeUnavailable, why
from checkout_daemon.ledger.merge import locked_order
from checkout_daemon.orders.refund_request_store import RefundRequest
from checkout_daemon.orders.refund_rules import RefundOptions
from checkout_daemon.orders.refunding import begin_refund, send_request
from checkout_daemon.patience import Stopwatch
from checkout_daemon.runtime import Runtime

log = logging.getLogger(__name__)

_REQUESTS = UUID("6f1f3f5e-0d44-4a3c-9d6b-5c3f7a1f2b90")
_NOTE = "paid after its pieces went back on sale"


async def refund_late_payments(runtime: Runtime) -> int:
    """Refund all that is left of these orders, and put their other pieces back; return how many were tried.

    The id of a request follows from its order, so several daemons make one refund. An order that somebody refunds, or
    has acknowledged, is left alone. What Stripe refuses stays with a person: the order needs attention. An order that
    fails holds up none of the others: its error is raised at the end of the turn.
    """
    operator = Operator(DAEMON, socket.gethostname())
    tried, number = 0, 0
    failure: Exception | None = None
    while True:
        # One after the other: while Stripe is asked, somebody may acknowledge the next.
        async with runtime.database.connection() as connection:
            row = await connection.fetchrow(sql("next_late_payment"), runtime.settings.livemode, number)
        if row is None:
            break
        number, order_id = row["number"], str(row["id"])
        try:
            tried += await _refund(runtime, order_id, operator)
        except DatabaseUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - the edge of one order
            tried += 1
            detail = error.detail if isinstance(error, CheckoutError) else why(error)
            log.warning("order %d was paid late, and is not refunded: %s", number, detail)
            # What is refused is left to a person. Without an answer, the job for refunds continues the request.
            if isinstance(error, StripeUnavailable) or not isinstance(error, CheckoutError):
                failure = error
    if failure is not None:
        raise failure
    return tried


async def _refund(runtime: Runtime, order_id: str, operator: Operator) -> bool:
    """Refund an order. Return False if somebody has decided about it meanwhile."""
    claimed = Stopwatch()
    livemode = runtime.settings.livemode
    request = await runtime.database.run(_begin, order_id, operator, livemode=livemode)
    if request is None:
        return False
    await send_request(runtime, request, operator, claimed)
    return True


async def _begin(
    connection: asyncpg.Connection, order_id: str, operator: Operator, *, livemode: bool
) -> RefundRequest | None:
    """Lock the order and write the refund request, or return None if it is not to be refunded any more."""
    await locked_order(connection, order_id)
    if not await connection.fetchval(sql("late_payment_waits"), order_id):
        return None
    return await begin_refund(
        connection,
        order_id,
        RefundOptions(restock=True),
        operator,
        _NOTE,
        str(uuid5(_REQUESTS, order_id)),
        livemode=livemode,
    )
