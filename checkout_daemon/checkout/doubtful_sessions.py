"""Looks for the sessions of attempts that Stripe answered with a 5xx, or not at all: they may appear hours later.

By then the shopper may have another session. A session that is found is adopted, and expired if it would be a second
way to pay. One that does not appear within a day is given up.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from checkout_daemon.audit.operators import DAEMON
from checkout_daemon.checkout.session_search import SEARCH_WINDOW, find_sessions
from checkout_daemon.checkout.sessions import adopt_late_session
from checkout_daemon.clocks import clocks_allow
from checkout_daemon.database.leases import leased
from checkout_daemon.errors import CheckoutError, StripeUnavailable
from checkout_daemon.orders import session_attempt_store
from checkout_daemon.orders.session_attempt_store import DoubtfulAttempt
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.client import StripeFailed
from checkout_daemon.stripe_api.events import stripe_time
from checkout_daemon.stripe_api.sessions import retrieve_session

log = logging.getLogger(__name__)

GIVEN_UP_AFTER = timedelta(hours=24)
_LEASE = "doubtful-sessions"
_MOST_PER_TURN = 200


async def settle_doubtful_sessions(runtime: Runtime) -> int:
    """Look for the sessions of doubtful attempts that are due, and return the number of attempts.

    Raise StripeUnavailable, also if not all sessions could be read: then nothing is concluded.
    """
    async with leased(runtime.database, _LEASE) as lease:
        if lease is None:
            return 0
        async with runtime.database.connection() as connection:
            doubts = await session_attempt_store.doubtful_attempts(
                connection, _MOST_PER_TURN, livemode=runtime.settings.livemode
            )
        if not doubts:
            return 0
        now = await stripe_time(runtime.gateway)
        begin = now - max(doubt.age for doubt in doubts) - SEARCH_WINDOW
        end = now - min(doubt.age for doubt in doubts) + SEARCH_WINDOW
        found = await find_sessions(
            runtime.gateway,
            {(doubt.order_id, doubt.number) for doubt in doubts},
            begin,
            end,
            after_page=lease.renew,
        )
        ages_are_right = await clocks_allow(runtime)
        for doubt in doubts:
            session = found.get((doubt.order_id, doubt.number))
            if session is not None:
                await _adopt(runtime, doubt, str(session.object["id"]))
            elif ages_are_right:
                await _record_look(runtime, doubt)
            else:
                continue  # neither the search window nor the time to give up can be trusted
            await lease.renew()
    return len(doubts)


async def _record_look(runtime: Runtime, doubt: DoubtfulAttempt) -> None:
    async with runtime.database.connection() as connection:
        given_up = await session_attempt_store.record_look(connection, doubt.order_id, doubt.number, GIVEN_UP_AFTER)
    if given_up:
        log.info(
            "attempt %d of order %d is given up: Stripe has no session for it after a day; if one appears all the same "
            "and is paid, the order asks for attention",
            doubt.number,
            doubt.order_number,
        )


async def _adopt(runtime: Runtime, doubt: DoubtfulAttempt, session_id: str) -> None:
    """Adopt a session that was found. If that fails for now, the next turn tries again."""
    try:
        fetched = await retrieve_session(runtime.gateway, session_id)
        await adopt_late_session(runtime, doubt.order_id, doubt.number, fetched, actor=DAEMON)
    except StripeUnavailable as error:
        if not isinstance(error, StripeFailed):
            raise
        log.warning("%s is not settled yet: %s; it is tried again", _named(doubt, session_id), error.detail)
    except CheckoutError as error:
        log.warning(
            "%s could not be adopted: %s; it is tried again, and `checkout orders explain %d` shows the order",
            _named(doubt, session_id),
            error.detail,
            doubt.order_number,
        )
    else:
        async with runtime.database.connection() as connection:
            await session_attempt_store.settle_doubt(connection, doubt.order_id, doubt.number)


def _named(doubt: DoubtfulAttempt, session_id: str) -> str:
    return f"session {session_id} of order {doubt.order_number}, attempt {doubt.number}, which appeared late,"
