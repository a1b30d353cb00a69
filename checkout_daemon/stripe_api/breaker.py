"""A circuit breaker: while Stripe does not answer, shoppers' calls fail at once instead of waiting.

It opens after FAILURES calls in a row without an answer or with a 5xx. Then a shopper's call is refused, so it was
certainly not sent. After PAUSE_SECONDS one call may try: an answer closes the breaker, a failure opens it again. Calls
of jobs and commands are never refused, because they can wait; their outcomes count like any other.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from checkout_daemon.errors import StripeUnavailable

log = logging.getLogger(__name__)

FAILURES = 5
PAUSE_SECONDS = 10.0


class StripeNotAsked(StripeUnavailable):
    """The call was not sent because the breaker is open, so nothing happened at Stripe."""

    retry_after_seconds = int(PAUSE_SECONDS)


class Breaker:
    """The breaker of a process. `on_change` is called with whether it is open now."""

    def __init__(
        self, *, on_change: Callable[[bool], None] = lambda _: None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._on_change = on_change
        self._clock = clock
        self._failures = 0
        self._opened_at: float | None = None
        self._probing = False

    def admit(self) -> bool:
        """Return whether this call probes an open breaker. Raise StripeNotAsked if it must not be sent."""
        if self._opened_at is None:
            return False
        if self._probing or self._clock() - self._opened_at < PAUSE_SECONDS:
            raise StripeNotAsked("Stripe does not answer, so it was not asked: try again in a moment")
        self._probing = True
        return True

    def answered(self) -> None:
        """Record that Stripe answered a call, whatever the answer."""
        self._failures = 0
        self._probing = False
        if self._opened_at is not None:
            self._opened_at = None
            log.warning("Stripe answers again: shoppers' calls are sent")
            self._on_change(False)

    def failed(self, *, probe: bool) -> None:
        """Record that a call had no answer, or a 5xx."""
        self._failures += 1
        if self._opened_at is None and self._failures >= FAILURES:
            log.warning("Stripe has failed %d times in a row: shoppers' calls are refused", self._failures)
            self._opened_at = self._clock()
            self._on_change(True)
        elif probe and self._opened_at is not None:  # another call may have been answered meanwhile
            self._opened_at = self._clock()
            self._probing = False

    def abandoned(self, *, probe: bool) -> None:
        """Record that we broke off a call, which proves nothing about Stripe."""
        if probe:
            self._probing = False
