"""Refunds orders that were paid after their pieces went back on sale, if CHECKOUT_LATE_PAYMENT was `refund` then."""

from __future__ import annotations

import logging
import socket
from uuid import UUID, uuid5

from checkout_daemon.audit.operators import DAEMON, Operator
from checkout_daemon.database.queries import sql
from checkout_daemon.errors import CheckoutError, StripeUnavailable
from checkout_daemon.orders.refund_rules import RefundOptions
from checkout_daemon.orders.refunding import refund
from checkout_daemon.runtime import Runtime

log = logging.getLogger(__name__)

_REQUESTS = UUID("6f1f3f5e-0d44-4a3c-9d6b-5c3f7a1f2b90")
_MOST_PER_TURN = 50


async def refund_late_payments(runtime: Runtime) -> int:
    """Refund all that is left of these orders, and put their other pieces back; return how many were tried.

    The id of a request follows from its order, so several daemons make one refund. An order that somebody refunds, or
    has acknowledged, is left alone. What Stripe refuses stays with a person: the order needs attention.
    """
    operator = Operator(DAEMON, socket.gethostname())
    async with runtime.database.connection() as connection:
        due = await connection.fetch(sql("late_payments_to_refund"), runtime.settings.livemode, _MOST_PER_TURN)
    for row in due:
        order_id = str(row["id"])
        try:
            await refund(
                runtime,
                order_id,
                RefundOptions(restock=True),
                operator=operator,
                note="paid after its pieces went back on sale",
                request_id=str(uuid5(_REQUESTS, order_id)),
            )
        except StripeUnavailable:
            raise  # the request is written: the job for refunds without an answer continues it
        except CheckoutError as error:
            log.warning("order %d was paid late, and its refund is left to a person: %s", row["number"], error.detail)
    return len(due)
