"""Records the first session of a new order in one statement, where merging it would write nothing else.

A merge locks and loads all that is connected with a session before it writes. For an order that was placed a moment ago
that is nearly always nothing. Then the database checks, under the locks of a merge, that nothing is held; and what
follows from the session alone is derived here, by the same code.
"""

from __future__ import annotations

from hashlib import blake2b

import asyncpg

from checkout_daemon.database.queries import sql
from checkout_daemon.ledger.derive import NEW_ORDER
from checkout_daemon.ledger.factbase import FactBase
from checkout_daemon.ledger.facts import SessionFact
from checkout_daemon.ledger.merge import Update
from checkout_daemon.model.orders import OrderTerms


async def record_only_session(
    connection: asyncpg.Connection, order: OrderTerms, attempt: int, update: Update
) -> SessionFact | None:
    """Record the session that `update` reports for the only attempt of a new order, and return its fact.

    Return None, and write nothing, unless the order is only placed, nothing else is known about it or the session, and
    the session leaves its state as it is. Then the update must be merged. One statement.
    """
    session = _only_session(order, update)
    if session is None:
        return None
    recorded = await connection.fetchval(
        sql("record_only_session"),
        int.from_bytes(blake2b(session.id.encode(), digest_size=8).digest(), signed=True),
        order.id,
        attempt,
        session.id,
        session.livemode,
        session.status.value,
        session.payment_status.value,
        session.url,
        session.expires_at,
        session.known_at,
    )
    return session if recorded else None


def _only_session(order: OrderTerms, update: Update) -> SessionFact | None:
    """Return the session of an update that reports nothing else and from which no change of the order follows."""
    if len(update.facts) != 1 or update.acts or update.order_ids or update.always_logged:
        return None
    (fact,) = update.facts
    if not isinstance(fact, SessionFact) or fact.unknown is not None or update.nodes != {fact.id}:
        return None
    if fact.livemode != order.livemode:
        return None
    if {link.target_id for link in update.links} != {order.id}:
        return None
    base = FactBase([order])
    for link in update.links:
        base.join_link(link)
    base.join(fact)
    return fact if base.derive(order.id) == NEW_ORDER else None
