"""Stripe's resources, one module each. What they declare is collected here.

A module exports `OPERATIONS`, the requests that it answers. It may also export `EXPANDABLE`, the fields that an object
shows only on request, by type and place; `TIMERS`, the handlers of timers by name; and `FOLLOWERS`, the changes that
follow an event of a type.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any

from checkout_daemon.sandbox.box import Expandable, Follower, Operation, Timers
from checkout_daemon.sandbox.generic import kind_table
from checkout_daemon.sandbox.payments import cash_balance
from checkout_daemon.sandbox.stripecli import listeners

_OWN = (importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
MODULES = (*(module for module in _OWN if hasattr(module, "OPERATIONS")), cash_balance, kind_table, listeners)


def _collected(name: str) -> Iterator[tuple[Any, Any]]:
    for module in MODULES:
        yield from getattr(module, name, {}).items()


OPERATIONS: tuple[Operation, ...] = tuple(operation for module in MODULES for operation in module.OPERATIONS)
EXPANDABLE: Expandable = dict(_collected("EXPANDABLE"))
TIMERS: Timers = dict(_collected("TIMERS"))
FOLLOWERS: Mapping[str, Follower] = dict(_collected("FOLLOWERS"))
