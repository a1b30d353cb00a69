"""Orders for batches, and no pauses."""

from __future__ import annotations

import asyncpg
import pytest

from checkout_daemon.backoff import BUSY_STRIPE_SECONDS
from checkout_daemon.batches import running
from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.runtime import Runtime
from tests.support.shopping import check_out, paid_order


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a batch wait no time while Stripe or the database is away."""
    monkeypatch.setattr(f"{running.__name__}.BUSY_STRIPE_SECONDS", (0.0,) * len(BUSY_STRIPE_SECONDS))


@pytest.fixture
async def paid(runtime: Runtime, connection: asyncpg.Connection) -> list[CheckoutAnswer]:
    """Return four paid orders of 33.99 EUR."""
    return [await paid_order(runtime) for _ in range(4)]


@pytest.fixture
async def unpaid(runtime: Runtime, connection: asyncpg.Connection) -> list[CheckoutAnswer]:
    """Return three unpaid orders."""
    return [await check_out(runtime) for _ in range(3)]
