"""Pictures of the screens, compared with those that were looked at: tests/tui/pictures/*.svg.

`CHECKOUT_TAKE_PICTURES=1 pytest tests/tui/test_pictures.py` takes them anew; look at them before they are committed.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from tests.support.orders import add_order
from tests.tui.conftest import Seat, Sit

PICTURES = Path(__file__).parent / "pictures"
SIZES = [(80, 24), (160, 45)]
STATUSES = ["completed", "pending", "processing", "partially_refunded", "disputed", "failed", "expired", "refunded"]
NAMES = ["Ada Lovelace", "Zoë Müller", "Grace Hopper", "Konrad Zuse"]


@pytest.fixture
async def shop(connection: asyncpg.Connection) -> None:
    """Orders of all statuses, as of a moment that looks the same whenever it is."""
    for place in range(28):
        status = STATUSES[place * 5 % len(STATUSES)]
        await add_order(
            connection,
            created_at=datetime.now(UTC) - timedelta(days=30 - place, hours=12),
            status=status,
            id=f"aaaa0000-0000-4000-8000-0000000000{place:02}",
            customer_name=NAMES[place % len(NAMES)],
            attention=["dispute_needs_response"] if status == "disputed" else [],
            amount_subtotal=990 * (place + 1),
            amount_total=990 * (place + 1),
        )


async def picture(seat: Seat, name: str) -> None:
    """What is on the screen, with times made the same and without what Textual numbers anew each time."""
    width, height = seat.app.size
    path = PICTURES / f"{name}-{width}x{height}.svg"
    seen = _steady(seat.app.export_screenshot())
    if os.environ.get("CHECKOUT_TAKE_PICTURES"):
        PICTURES.mkdir(exist_ok=True)
        path.write_text(seen, encoding="utf-8")
    assert seen == path.read_text(encoding="utf-8"), f"{path.name} looks different; see this module's first lines"


def _steady(svg: str) -> str:
    svg = re.sub(r"terminal-\d+", "terminal-0", svg)
    svg = re.sub(r"\d{4}-\d\d-\d\d", "2026-01-01", svg)
    return re.sub(r"\d\d:\d\d:\d\d", "12:00:00", svg)


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("size", SIZES, ids=["80x24", "160x45"])
async def test_the_orders(sit: Sit, size: tuple[int, int]) -> None:
    async with sit(size=size) as seat:
        await seat.sees("Today no revenue yet", "28 orders")
        await seat.press("down", "down")
        await picture(seat, "orders")


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("size", SIZES, ids=["80x24", "160x45"])
async def test_one_order(sit: Sit, size: tuple[int, int]) -> None:
    async with sit(size=size) as seat:
        await seat.press("down", "down", "enter")
        await seat.sees("Order 1026", "orders show 1026")
        await picture(seat, "order")


@pytest.mark.usefixtures("shop")
async def test_the_light_theme_and_the_help(sit: Sit) -> None:
    async with sit(size=(80, 45), read_only=True) as seat:
        await seat.sees("Today no revenue yet", "28 orders")
        await seat.press("f2", "question_mark")
        await seat.sees("Keys: Orders")
        await picture(seat, "help")
