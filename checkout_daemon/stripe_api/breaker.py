"""Stops asking Stripe on behalf of shoppers while it does not answer, so that they need not wait for nothing.

After FAILURES calls in a row without an answer (or with a 5xx) it opens: a shopper's call is refused at once, and is
known not to have been sent. After PAUSE_SECONDS one call may try; its answer closes the breaker, its failure opens it
again. Calls of jobs and commands are never refused, for they have patience of their own; their outcomes count like any
other.
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
    """The call was not sent, because Stripe has not answered the ones before: nothing can have happened there."""

    retry_after_seconds = int(PAUSE_SECONDS)


class Breaker:
    """One for a process. `on_change` is called with whether it is open now."""

    def __init__(
        self, *, on_change: Callable[[bool], None] = lambda _: None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._on_change = on_change
        self._clock = clock
        self._failures = 0
        self._opened_at: float | None = None
        self._probing = False

    def admit(self) -> bool:
        """Return whether this call is the one that tries. Raises StripeNotAsked while it is open."""
        if self._opened_at is None:
            return False
        if self._probing or self._clock() - self._opened_at < PAUSE_SECONDS:
            raise StripeNotAsked("Stripe does not answer, so it was not asked: try again in a moment")
        self._probing = True
        return True

    def answered(self) -> None:
        """Note that Stripe has answered a call, whatever it said."""
        self._failures = 0
        self._probing = False
        if self._opened_at is not None:
            self._opened_at = None
            log.warning("Stripe answers again: shoppers' calls are sent")
            self._on_change(False)

    def failed(self, *, probe: bool) -> None:
        """Note that a call had no answer, or a 5xx."""
        self._failures += 1
        if self._opened_at is None and self._failures >= FAILURES:
            log.warning("Stripe has failed %d times in a row: shoppers' calls are refused", self._failures)
            self._opened_at = self._clock()
            self._on_change(True)
        elif probe:
            self._opened_at = self._clock()
            self._probing = False

    def abandoned(self, *, probe: bool) -> None:
        """Note that a call was broken off on our side, which says nothing about Stripe."""
        if probe:
            self._probing = False
