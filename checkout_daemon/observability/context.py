"""The ids in a log line. They travel with the task, so that no caller has to pass them along."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
order_id: ContextVar[str | None] = ContextVar("order_id", default=None)
event_id: ContextVar[str | None] = ContextVar("event_id", default=None)
# Of Stripe's latest answer in this task: https://docs.stripe.com/api/request_ids
stripe_request: ContextVar[str | None] = ContextVar("stripe_request", default=None)

_ALL = (request_id, order_id, event_id, stripe_request)


@contextmanager
def about(*, order: str | None = None, event: str | None = None) -> Iterator[None]:
    """Add these ids to all log lines of the block. None keeps the id of an outer block."""
    tokens = [
        (variable, variable.set(value))
        for variable, value in ((order_id, order), (event_id, event))
        if value is not None
    ]
    try:
        yield
    finally:
        for variable, token in tokens:
            variable.reset(token)


def current() -> dict[str, str]:
    """Return the ids known in this task, by name."""
    return {variable.name: value for variable in _ALL if (value := variable.get()) is not None}
