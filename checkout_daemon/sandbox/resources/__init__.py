"""Stripe's resources, a module each: what can be asked of them."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Operation
from checkout_daemon.sandbox.generic import table
from checkout_daemon.sandbox.resources import (
    account,
    charges,
    checkout,
    coupons,
    customers,
    disputes,
    events,
    intents,
    methods,
    pages,
    prices,
    products,
    promotion_codes,
    refunds,
    webhooks,
)

OPERATIONS: tuple[Operation, ...] = tuple(
    operation
    for module in (
        account,
        charges,
        checkout,
        coupons,
        customers,
        disputes,
        events,
        intents,
        methods,
        pages,
        prices,
        products,
        promotion_codes,
        refunds,
        webhooks,
        table,
    )
    for operation in module.OPERATIONS
)
