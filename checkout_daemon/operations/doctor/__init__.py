"""`checkout doctor`: check the set-up, and name the command that fixes each fault."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable

import asyncpg

from checkout_daemon.errors import CheckoutError
from checkout_daemon.operations.doctor import database, machine, stripe
from checkout_daemon.operations.doctor.check import Check
from checkout_daemon.operations.doctor.probes import Probes, open_probes
from checkout_daemon.settings import Settings

__all__ = ["CHECKS", "Check", "examine"]

# In the order in which a fault of one explains the faults of the next
CHECKS: dict[str, Callable[[Probes], Check | Awaitable[Check]]] = {
    "database": database.answers,
    "schema": database.schema_fits,
    "clock": stripe.clock_agrees,
    "key_mode": database.key_mode_agrees,
    "endpoint": stripe.endpoint_registered,
    "secrets": stripe.secrets_set,
    "cli": machine.cli_found,
    "smtp": machine.smtp_answers,
    "disk": machine.disk_has_room,
    "dead_letters": database.no_dead_letters,
    "backfill": database.nothing_missing,
    "orders": database.orders_whole,
}


async def examine(settings: Settings) -> AsyncGenerator[Check, None]:
    """Yield the result of each check as soon as it is known. No check raises."""
    async with open_probes(settings) as probes:
        for name, check in CHECKS.items():
            yield await _carry_out(name, check, probes)


async def _carry_out(name: str, check: Callable[[Probes], Check | Awaitable[Check]], probes: Probes) -> Check:
    try:
        result = check(probes)
        return await result if inspect.isawaitable(result) else result
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError):
        return Check.failed(name, "cannot be checked before the schema fits", "checkout db migrate")
    except CheckoutError as error:
        return Check.failed(name, error.detail, probes.fix_database)
