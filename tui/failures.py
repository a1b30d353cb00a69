"""Failures with a name, which the terminal shows instead of ending: also that the database user lacks a right."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from checkout_daemon.errors import CheckoutError, NotPermitted, next_step

_NOT_PERMITTED = "42501"  # PostgreSQL's code: the terminal does not import asyncpg


def failure_of(error: BaseException) -> CheckoutError | None:
    """Return an error as one with a name, or None if it is a fault of ours."""
    if isinstance(error, CheckoutError):
        return error
    if getattr(error, "sqlstate", None) != _NOT_PERMITTED:
        return None
    lacking = NotPermitted(f"the database user may not do this: {error}")
    return NotPermitted(f"{lacking.detail}{next_step(lacking)}")


@contextmanager
def named_failures() -> Iterator[None]:
    """Raise NotPermitted where the database user lacks a right."""
    try:
        yield
    except Exception as error:
        failure = failure_of(error)
        if failure is None or failure is error:
            raise
        raise failure from error
