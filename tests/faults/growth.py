"""Facts only grow: no crash, fail-over or late event takes one away or moves it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.faults.stack import Stack

Facts = Mapping[tuple[str, str], float]
"""The rank of each fact, by kind and key. Facts without ranks have 0."""

_FACTS = """
WITH wanted AS (SELECT id FROM orders WHERE id = ANY($1::text[]::uuid[])),
     paid AS (SELECT payments.id FROM payments JOIN wanted ON order_id = wanted.id)
SELECT 'link' AS kind, source_id || ' ' || target_id AS key, 0::float8 AS rank FROM links WHERE target_id = ANY($1)
UNION ALL
SELECT 'session', checkout_sessions.id, array_position(ARRAY['open', 'expired', 'complete'], status)
FROM checkout_sessions JOIN wanted ON order_id = wanted.id
UNION ALL
SELECT 'outcome', checkout_sessions.id, array_position(
    ARRAY['unpaid', 'failed', 'no_payment_required', 'paid'], outcome)
FROM checkout_sessions JOIN wanted ON order_id = wanted.id
UNION ALL
SELECT 'payment', payment_id || ' ' || amount || currency, 0 FROM payment_observations JOIN paid ON payment_id = paid.id
UNION ALL
SELECT 'refund', refunds.id, array_position(
    ARRAY['unknown', 'requires_action', 'pending', 'succeeded', 'canceled', 'failed'], status)
FROM refunds JOIN paid ON payment_id = paid.id
UNION ALL
SELECT 'dispute', disputes.id, extract(epoch FROM observed_at) FROM disputes JOIN paid ON payment_id = paid.id
UNION ALL
SELECT 'act', seq::text, 0 FROM acts JOIN wanted ON order_id = wanted.id
UNION ALL
SELECT 'paid order', wanted.id::text, 0 FROM orders JOIN wanted USING (id) WHERE paid_at IS NOT NULL
UNION ALL
SELECT 'event', stripe_events.id, (status = 'applied')::int FROM stripe_events JOIN wanted ON order_id = wanted.id
UNION ALL
SELECT 'change', seq::text, 0 FROM order_changes JOIN wanted ON order_id = wanted.id
UNION ALL
SELECT 'message', outbox.id::text, 0 FROM outbox JOIN wanted ON order_id = wanted.id
"""


async def read_facts(stack: Stack, order_ids: Sequence[str]) -> Facts:
    """Return the facts of some orders."""
    return {(row["kind"], row["key"]): row["rank"] for row in await stack.rows(_FACTS, order_ids)}


def shrunk(before: Facts, now: Facts) -> list[str]:
    """Return the facts that were lost, or moved back."""
    return [
        f"the {kind} {key} was lost" if (kind, key) not in now else f"the {kind} {key} moved back"
        for (kind, key), rank in before.items()
        if now.get((kind, key), float("-inf")) < rank
    ]
