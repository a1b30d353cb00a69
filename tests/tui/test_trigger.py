"""Test events from the keyboard, with the official Stripe CLI and a whole running demo, checked in its database."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import psutil
import pytest

from checkout_daemon.settings import STRIPE_API_BASE
from checkout_daemon.stripe_cli.program import install_command
from tests.support.dev import running_dev
from tests.support.shop import Shop
from tests.tui.conftest import Seat, Sit
from tui.screens.order import OrderScreen
from tui.screens.pick_order import OrderPicker
from tui.screens.trigger import TriggerScreen
from tui.triggering import EVENTS

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
async def shop() -> AsyncIterator[Shop]:
    state_dir = Path(tempfile.mkdtemp(prefix="checkout-tui-"))
    state_dir.chmod(0o755)
    async with running_dev(state_dir) as dev, aiohttp.ClientSession() as http:
        yield Shop(dev, http)
    shutil.rmtree(state_dir)


def at(sit: Sit, shop: Shop, **options: Any) -> AbstractAsyncContextManager[Seat]:
    """A terminal on the demo."""
    env = shop.dev.env
    names = ("STRIPE_API_KEY", "STRIPE_API_BASE")
    settings = {name: str(env[name]) for name in names} | {"CHECKOUT_STATE_DIR": str(shop.dev.state_dir)}
    return sit(url=env["DATABASE_URL"], **settings | options)


async def status_of(shop: Shop, number: int) -> str:
    connection = await asyncpg.connect(shop.dev.env["DATABASE_URL"])
    try:
        return str(await connection.fetchval("SELECT status FROM orders WHERE number = $1", number))
    finally:
        await connection.close()


async def open_for(seat: Seat, number: int) -> TriggerScreen:
    """As `t` on an order opens it."""
    seat.app.push_screen(TriggerScreen(seat.app.app_context, number))
    screen = await seat.screen_of(TriggerScreen)
    await seat.until(lambda: screen.choice.order is not None)
    return screen


async def test_an_order_that_is_searched_is_paid_and_the_event_is_seen_to_act(sit: Sit, shop: Shop) -> None:
    order = await shop.check_out()
    async with at(sit, shop) as seat:
        await seat.press("T")
        screen = await seat.screen_of(TriggerScreen)
        await seat.sees("Order  none", "$ checkout trigger checkout.session.completed")
        await seat.press("slash")
        await seat.screen_of(OrderPicker)
        await seat.press(*str(order["number"]))
        await seat.until(lambda: f" {order['number']} " in seat.text() and "Matching orders" in seat.text())
        await seat.press("enter")
        await seat.until(lambda: screen.choice.order is not None)
        await seat.sees(f"Order  {order['number']}  pending", f"--order {order['number']}")
        await seat.press("enter")
        await seat.sees("Running fixture for: confirm")
        await seat.sees(f"✓ checkout.session.completed  applied to #{order['number']}: ", "Done in")
        await seat.sees(f"Order  {order['number']}  completed")
        await seat.press("C")
        assert seat.app.clipboard == f"checkout trigger checkout.session.completed --order {order['number']}"
        await seat.press("o")
        await seat.screen_of(OrderScreen)
    assert await status_of(shop, order["number"]) == "completed"


async def test_part_is_refunded_and_an_invalid_amount_is_explained(sit: Sit, shop: Shop) -> None:
    order = await shop.check_out()
    async with at(sit, shop, size=(160, 45)) as seat:
        screen = await open_for(seat, order["number"])
        while screen.choice.event != "charge.refunded":
            await seat.press("down")
        await seat.press("enter")
        await seat.sees("has no payment to refund; this pays it")
        await shop.pay(order)
        await seat.until(lambda: screen.choice.order is not None and screen.choice.order.status == "completed")
        await seat.press("a", *"2.50", "enter")
        await seat.sees("refund €2.50 of it", "--amount 250")
        await seat.press("enter")
        await seat.sees(f"applied to #{order['number']}: completed -> partially refunded", "Done in")
    assert await status_of(shop, order["number"]) == "partially_refunded"


async def test_an_order_is_made_for_it_and_then_kept_for_what_comes_next(sit: Sit, shop: Shop) -> None:
    async with at(sit, shop) as seat:
        await seat.press("T")
        screen = await seat.screen_of(TriggerScreen)
        screen.events.highlighted = EVENTS.index("charge.refunded")
        screen.action_new_order()
        screen.action_trigger()  # as quickly as keys may come
        await seat.sees("$ checkout trigger charge.refunded --order new", "needs an order that is paid")
        await seat.press("home")
        await seat.sees("Order  new", "$ checkout trigger checkout.session.completed --order new")
        await seat.press("enter")
        await seat.sees("Done in", "✓ checkout.session.completed  applied to #")
        await seat.until(lambda: screen.choice.order is not None and screen.choice.order.status == "completed")
        await seat.sees(f"Order  {screen.choice.number}  completed", f"--order {screen.choice.number}")
        assert screen.choice.number is not None
        assert await status_of(shop, screen.choice.number) == "completed"


async def test_what_runs_is_stopped_and_goes_with_its_screen(sit: Sit, shop: Shop, tmp_path: Path) -> None:
    program = tmp_path / "stripe-cli"
    program.write_text(f"#!/bin/sh\necho $$ >> {tmp_path}/pids; echo Setting up; exec sleep 300\n")
    program.chmod(0o755)

    def alive() -> list[int]:
        pids = (tmp_path / "pids").read_text().split()
        return [int(pid) for pid in pids if psutil.pid_exists(int(pid))]

    async with at(sit, shop, STRIPE_CLI=str(program)) as seat:
        await seat.press("T")
        screen = await seat.screen_of(TriggerScreen)
        await seat.sees("Esc Back")
        assert "x Stop" not in seat.text()
        await seat.press("enter")
        await seat.sees("Setting up", "running for", "x Stop")
        assert len(alive()) == 1
        await seat.press("enter")
        await seat.sees("A run is in progress")
        await seat.press("x")
        await seat.sees("Stopped.", "idle")
        await seat.until(lambda: not alive())
        await seat.press("enter")
        await seat.until(lambda: len(alive()) == 1)
        screen.dismiss()
        await seat.until(lambda: not alive())


async def test_without_the_cli_the_command_that_installs_it_is_shown_and_copied(sit: Sit, shop: Shop) -> None:
    async with at(sit, shop, STRIPE_CLI="/nowhere") as seat:
        await seat.press("T")
        await seat.sees("the Stripe CLI is not found", f"$ {install_command()}")
        await seat.press("enter")
        await seat.sees("\n" + " " * 13 + "cannot be run): set STRIPE_CLI to its native")  # goes on under its beginning
        await seat.press("C")
        assert seat.app.clipboard == install_command()


async def test_a_live_key_is_marked_and_refused(sit: Sit, shop: Shop) -> None:
    live = {"STRIPE_API_KEY": "sk_live_0123456789", "STRIPE_API_BASE": STRIPE_API_BASE}
    async with at(sit, shop, **live) as seat:
        await seat.press("T")
        screen = await seat.screen_of(TriggerScreen)
        await seat.sees("LIVE MODE", "STRIPE_API_KEY is a live key")
        await seat.press("enter")
        await seat.sees("takes test keys only")
        assert not screen.running


async def test_who_may_only_read_makes_no_event(sit: Sit, shop: Shop) -> None:
    async with at(sit, shop, read_only=True) as seat:
        await seat.press("T")
        screen = await seat.screen_of(TriggerScreen)
        await seat.sees("read-only: triggering is disabled")
        await seat.press("enter")
        assert not screen.running
        assert "Trigger" not in seat.text().splitlines()[-1]
