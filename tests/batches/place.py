"""What the tests of batches do again and again: plan, start and run one, and look at what came of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from checkout_daemon.audit.operators import Operator
from checkout_daemon.batches.listing import all_items
from checkout_daemon.batches.planning import BatchPlan, Started, plan_orders, start_batch
from checkout_daemon.batches.records import BatchAct, BatchOptions
from checkout_daemon.batches.running import (
    EndedItem,
    run_batch,
)
from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.model.orders import Order
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.payments import list_refunds

ADA = Operator("ada", "shop1")

NO_OPTIONS = BatchOptions()


async def orders_of(runtime: Runtime, answers: list[CheckoutAnswer]) -> list[tuple[Order, str | None]]:
    return [((await show_order(runtime.database, str(answer.order_id))).order, None) for answer in answers]


async def planned(
    runtime: Runtime, act: BatchAct, answers: list[CheckoutAnswer], options: BatchOptions = NO_OPTIONS
) -> BatchPlan:
    return await plan_orders(runtime, act, await orders_of(runtime, answers), options)


async def start(
    runtime: Runtime,
    act: BatchAct,
    answers: list[CheckoutAnswer],
    options: BatchOptions = NO_OPTIONS,
    note: str = "",
) -> Started:
    return await start_batch(runtime, await planned(runtime, act, answers, options), operator=ADA, note=note)


async def run_to_end(runtime: Runtime, started: Started) -> list[EndedItem]:
    return await ended(run_batch(runtime, started.number, started.holder, stop_when_cancelled=True))


async def ended(groups: AsyncGenerator[list[EndedItem], None]) -> list[EndedItem]:
    async with aclosing(groups):
        return [item async for group in groups for item in group]


async def statuses(runtime: Runtime, number: int) -> list[str]:
    return [item.status async for page in all_items(runtime.database, number) for item in page]


async def refunds_of(runtime: Runtime, answers: list[CheckoutAnswer]) -> list[int]:
    """Return how many refunds the payments of the orders have at Stripe."""
    views = [await show_order(runtime.database, str(answer.order_id)) for answer in answers]
    return [len(await list_refunds(runtime.gateway, view.payments[0].id)) for view in views]
