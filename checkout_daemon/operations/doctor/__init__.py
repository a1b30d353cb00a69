"""`checkout doctor`: check the set-up, and name the command that fixes each fault."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection

import asyncpg

from checkout_daemon.errors import CheckoutError
from checkout_daemon.operations.doctor import (
    alerts,
    balance,
    connections,
    database,
    live,
    machine,
    permissions,
    replication,
    rights,
    stripe,
)
from checkout_daemon.operations.doctor.check import Check
from checkout_daemon.operations.doctor.probes import Probes, open_probes
from checkout_daemon.settings import Settings

__all__ = ["CHECKS", "LIVE_CHECKS", "Check", "examine"]

_Examine = Callable[[Probes], Check | Awaitable[Check]]

# In the order in which a fault of one explains the faults of the next
CHECKS: dict[str, _Examine] = {
    "database": database.answers,
    "replication": replication.answers_are_kept,
    "connections": connections.connections_suffice,
    "schema": database.schema_fits,
    "rights": rights.rights_suffice,
    "stripe": stripe.stripe_answers,
    "permissions": permissions.permissions_suffice,
    "clock": stripe.clock_agrees,
    "key_mode": database.key_mode_agrees,
    "endpoint": stripe.endpoint_registered,
    "secrets": stripe.secrets_set,
    "cli": machine.cli_found,
    "smtp": machine.smtp_answers,
    "alerts": alerts.alerts_can_be_sent,
    "disk": machine.disk_has_room,
    "dead_letters": database.no_dead_letters,
    "backfill": database.nothing_missing,
    "orders": database.orders_whole,
    "balance": balance.balance_read,
}

LIVE_CHECKS: dict[str, _Examine] = {
    "live_key": live.key_is_live,
    "public_url": live.shoppers_come_back,
    "test_orders": live.orders_are_real,
    "mail": live.mail_goes_out,
    "backup": live.backups_known,
}
"""What must hold as well before real payments."""


async def examine(
    settings: Settings, only: Collection[str] = (), *, before_live: bool = False
) -> AsyncGenerator[Check, None]:
    """Yield the result of each check, or of `only` these, as soon as it is known. No check raises."""
    async with open_probes(settings) as probes:
        for name, check in (CHECKS | LIVE_CHECKS).items():
            if name in only if only else (before_live or name in CHECKS):
                yield await _carry_out(name, check, probes)


async def _carry_out(name: str, check: _Examine, probes: Probes) -> Check:
    try:
        result = check(probes)
        return await result if inspect.isawaitable(result) else result
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError):
        return Check.failed(name, "cannot be checked before the schema fits", "checkout db migrate")
    except asyncpg.InsufficientPrivilegeError as error:
        return Check.failed(name, f"this user may not look: {error}", "checkout db roles --apply")
    except CheckoutError as error:
        return Check.failed(name, error.detail, probes.fix_database)
