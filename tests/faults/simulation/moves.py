"""What goes wrong in the simulated world, and what operators do there.

Shoppers and Stripe's dashboard move as in tests/faults/moves.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from checkout_daemon.audit.operators import Operator
from checkout_daemon.checkout.canceling import cancel_order
from checkout_daemon.checkout.expiring import expire_sessions
from checkout_daemon.checkout.resending import resend_session
from checkout_daemon.errors import CheckoutError
from checkout_daemon.events.replaying import replay
from checkout_daemon.orders.notes import note_order
from checkout_daemon.orders.refund_rules import RefundOptions
from checkout_daemon.orders.refunding import refund
from checkout_daemon.runtime import Runtime
from checkout_daemon.sandbox.trouble import TroublePlan
from checkout_daemon.stripe_sync.comparing import sync_order
from checkout_daemon.stripe_sync.reconciling import reconcile
from tests.faults.moves import CLOCK_ERRORS, TROUBLE, History, check_out, pay
from tests.faults.simulation.network import Weather, settle
from tests.faults.simulation.world import World

ACTS = (
    "refund",
    "refund",
    "refund",
    "refund",
    "replay",
    "cancel",
    "resend",
    "expire",
    "sync",
    "reconcile",
    "replay",
    "note",
)
_COMMAND_SECONDS = 150.0
_CLOCK_ERRORS = (-200.0, -45.0, 40.0, 250.0)
_MOST_STEPS = 600


async def buy(history: History) -> None:
    """Place an order and pay it."""
    before = set(history.orders)
    await check_out(history)
    for order_id in history.orders.keys() - before:
        await pay(replace(history, orders={order_id: history.orders[order_id]}))


async def operate(world: World, history: History) -> None:
    """Run an operator's act as a process of its own, which dies at any step in four of ten cases."""
    chance = history.random
    act, amount = chance.choice(ACTS), 100 + len(history.refunds)
    order = _paid_order(world, history) if act in ("refund", "replay") else history.any_order()
    if order is None:
        return
    if act == "refund":
        history.refunds.append((order["order_id"], amount))
    process = world.loop.process("operator")
    if chance.random() < 0.4:
        process.deaths_in = chance.randrange(1, _MOST_STEPS)
    died: asyncio.Future[None] = world.loop.create_future()
    process.when_dead = lambda: settle(died)
    task = world.loop.start(process, _act(world, act, order["order_id"], amount))
    await asyncio.wait({task, died}, timeout=_COMMAND_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    outcome = task.result() if task.done() else "killed"
    history.counts[f"{act} {outcome}"] += 1
    world.loop.kill(process)


def _paid_order(world: World, history: History) -> dict[str, Any] | None:
    storage = world.stripe_itself.box.storage
    orders = list(history.orders.values())[-40:]
    sessions = [(order, storage.find(order["session_id"])) for order in orders]
    paid = [order for order, session in sessions if session is not None and session.body["payment_status"] == "paid"]
    return history.random.choice(paid) if paid else None


async def _act(world: World, act: str, order_id: str, amount: int) -> str:
    operator = Operator("simulated", "office")
    try:
        async with world.runtime() as runtime:
            await _do(world, runtime, act, order_id, amount, operator)
    except CheckoutError as error:
        return error.code
    return "done"


async def _do(world: World, runtime: Runtime, act: str, order_id: str, amount: int, operator: Operator) -> None:
    match act:
        case "refund":
            await refund(runtime, order_id, RefundOptions(amount=amount), operator=operator)
        case "cancel":
            await cancel_order(runtime, order_id, operator=operator)
        case "resend":
            await resend_session(runtime, order_id, operator=operator)
        case "expire":
            await expire_sessions(runtime, order_id, operator=operator)
        case "sync":
            await sync_order(runtime, order_id, cause="order.synced", actor=operator)
        case "reconcile":
            since = datetime.now(UTC) - timedelta(hours=6)
            await reconcile(runtime, since=since, apply=True, operator=operator, calls_per_second=50.0)
        case "replay":
            async with runtime.database.connection() as connection:
                ids = await connection.fetch(
                    "SELECT id FROM stripe_events WHERE order_id = $1 ORDER BY received_at DESC, id LIMIT 10", order_id
                )
            for row in world.random.sample(ids, min(5, len(ids))):
                await replay(runtime.database, row["id"], operator=operator)
        case "note":
            await note_order(runtime.database, order_id, "seen", operator=operator)


# Weather


async def kill_a_daemon(world: World, history: History) -> None:
    """Kill a daemon at one of its next steps, and start it again later."""
    daemon = history.random.choice(world.daemons)
    if daemon.alive and daemon.process.deaths_in is None:
        daemon.process.deaths_in = history.random.randrange(1, 3000)
        pause = history.random.uniform(0.0, 20.0)
        daemon.process.when_dead = lambda: _start_again(world, daemon.start, pause)
        history.counts["daemons killed"] += 1


def _start_again(world: World, start: Callable[[], None], pause: float) -> None:
    world.loop.call_as(world.loop.world, pause, start)


async def stop_a_daemon(world: World, history: History) -> None:
    """Stop a daemon as an upgrade does, and start it again."""
    daemon = history.random.choice(world.daemons)
    if daemon.alive and daemon.process.deaths_in is None:
        daemon.process.when_dead = None
        await daemon.stop()
        await asyncio.sleep(history.random.uniform(0.0, 5.0))
        daemon.start()
        history.counts["daemons stopped"] += 1


async def freeze_a_daemon(world: World, history: History) -> None:
    """Let a daemon stand still, also for longer than its leases."""
    daemon = history.random.choice(world.daemons)
    if daemon.alive:
        world.loop.freeze(daemon.process, history.random.choice((1.0, 10.0, 130.0, 200.0)))
        history.counts["daemons frozen"] += 1


async def lose_sessions(world: World, history: History) -> None:
    """End every session of the database, as its restart does."""
    for process in world.loop.processes:
        for connection in list(process.connections.values()):
            if hasattr(connection, "server"):
                connection.cut()
    history.counts["database sessions lost"] += 1


async def cut_the_network(world: World, history: History) -> None:
    """Let nothing pass between all and the database, Stripe or the shop for a while."""
    network, chance = world.network, history.random
    place = chance.choice((network.database, *network.addresses.values()))
    network.cut_off(place, chance.choice((2.0, 12.0, 40.0)))
    history.counts["network cut"] += 1


async def change_weather(world: World, history: History) -> None:
    """Let messages be slow or connections break, or neither."""
    chance = history.random
    world.network.weather = Weather(
        slow=chance.choice((0.0, 0.02, 0.1)),
        cut=chance.choice((0.0, 0.002, 0.02)),
        slow_commit=chance.choice((0.0, 0.01)),
    )
    world.received.refusing = chance.choice((0.0, 0.2, 0.7))


async def trouble(world: World, history: History) -> None:
    """Plan other trouble at Stripe, or none."""
    chance = history.random
    plan = TroublePlan()
    if chance.random() < 0.8:
        settings: dict[str, Any] = {
            **TROUBLE, "api_effect": chance.choice(("before", "after", "either", "later")), "later_seconds": 30.0,
        }  # fmt: skip
        plan = TroublePlan(seed=chance.randrange(1_000_000), **settings)
    world.stripe_itself.box.trouble = plan
    history.counts["Stripe's troubles"] += 1


async def mistake_the_time(world: World, history: History) -> None:
    """Set the clock of a machine wrong for a while."""
    chance, dice = history.random, history.random.random()
    if dice < 0.3:
        world.database_skew[0] = chance.choice(_CLOCK_ERRORS)
        await asyncio.sleep(chance.uniform(5, 20))
        world.database_skew[0] = 0.0
    elif dice < 0.45:
        world.stripe_itself.process.skew = chance.choice(_CLOCK_ERRORS)
        await asyncio.sleep(chance.uniform(5, 20))
        world.stripe_itself.process.skew = 0.0
    else:
        daemon = chance.choice(world.daemons)
        daemon.process.skew = float(chance.choice(CLOCK_ERRORS))
        await asyncio.sleep(chance.uniform(5, 20))
        daemon.process.skew = 0.0
    history.counts["clocks wrong"] += 1


WeatherMove = Callable[[World, History], Awaitable[None]]
WEATHER: tuple[WeatherMove, ...] = (
    *(kill_a_daemon, kill_a_daemon, stop_a_daemon, freeze_a_daemon, lose_sessions, cut_the_network),
    *(change_weather, change_weather, trouble, trouble, mistake_the_time),
)


def calm_down(world: World) -> None:
    """End all trouble."""
    world.network.weather = Weather()
    world.received.refusing = 0.0
    world.stripe_itself.box.trouble = TroublePlan()
    world.database_skew[0] = world.stripe_itself.process.skew = 0.0
    for daemon in world.daemons:
        daemon.process.skew = 0.0
        daemon.process.deaths_in = None
