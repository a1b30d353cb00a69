"""A paid order whose payment is disputed at the offline Stripe."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.disputes.drafts import DisputeCase, find_dispute, read_case
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_sync.comparing import sync_order
from tests.support.shopping import paid_order


async def disputed_order(runtime: Runtime, reason: str = "fraudulent", **changes: Any) -> CheckoutAnswer:
    """Create a paid order, dispute its payment, and merge the dispute."""
    order = await paid_order(runtime, **changes)
    await dispute(runtime, order, reason)
    return order


async def dispute(runtime: Runtime, order: CheckoutAnswer, reason: str = "fraudulent") -> str:
    """Dispute the order's payment, merge the dispute, and return its id."""
    view = await show_order(runtime.database, str(order.number))
    charge = next(charge.id for charge in view.charges if charge.status == "succeeded")
    path = f"/v1/test_helpers/charges/{charge}/dispute"
    made = await runtime.gateway.post("dispute", path, {"reason": reason}, idempotency_key=str(uuid4()))
    await sync_order(runtime, str(order.order_id), cause="test", actor="test")
    return str(made.object["id"])


async def case_of(runtime: Runtime, order: CheckoutAnswer) -> DisputeCase:
    """Return the case of the order's dispute."""
    found = await find_dispute(runtime.database, str(order.number), livemode=runtime.settings.livemode)
    return await read_case(runtime.database, runtime.settings, found)
