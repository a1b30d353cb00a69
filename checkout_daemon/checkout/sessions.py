"""Gets an order a Checkout Session that can be paid, despite crashes, lost answers and Stripe's stored refusals.

An attempt is a row that is written before Stripe is asked: its number, frozen parameters and start. Its idempotency key
is order + attempt. If no answer came, Stripe is asked again with the same key and bytes. If Stripe has stored a refusal
under the key, or has forgotten the key after a day, the attempt's session is first looked for: adopted, or given up.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import msgspec.structs

from checkout_daemon.catalog.discount_store import lock_discount_of_order
from checkout_daemon.catalog.pricing import Discount
from checkout_daemon.checkout import session_search
from checkout_daemon.checkout.redeeming import require_redemption
from checkout_daemon.checkout.reserving import GRACE, lifetime, renew, reservation_terms
from checkout_daemon.checkout.session_parameters import idempotency_key, session_parameters
from checkout_daemon.checkout.session_plans import (
    Plan,
    Planner,
    Session,
    Situation,
    plan_closed,
    plan_first,
    plan_fresh,
    plan_single,
    session_of,
)
from checkout_daemon.clocks import require_clocks
from checkout_daemon.errors import NotPayable, OutOfStock, StripeRejected, StripeUnavailable
from checkout_daemon.ledger.facts import Link, LinkRank, SessionFact, SessionStatus
from checkout_daemon.ledger.merge import Update, locked_order, merge
from checkout_daemon.ledger.only_session import record_only_session
from checkout_daemon.ledger.order_states import LockedOrder, check_mode
from checkout_daemon.ledger.reservations import LatePayment
from checkout_daemon.ledger.translate import session as session_events
from checkout_daemon.ledger.translate.stripe_objects import ObjectSnapshot, UnreadableObject, livemodes
from checkout_daemon.orders import session_attempt_store
from checkout_daemon.orders.order_store import PayableOrder, PlacedOrder, read_payable_order
from checkout_daemon.orders.session_attempt_store import Attempt
from checkout_daemon.runtime import Runtime
from checkout_daemon.settings import Settings
from checkout_daemon.stripe_api import sessions as stripe_sessions
from checkout_daemon.stripe_api.client import Fetched, StripeDenied, StripeFailed

log = logging.getLogger(__name__)

# An unpaid order holds a redemption of a limited code while it can be paid. This is longer than the hour that an open
# session must have left to be reused.
LIMITED_CODE_MINUTES = 120
_MOST_STEPS = 8


class TotalDiffers(StripeRejected):
    """Stripe created a session whose total is not the order's; it has been expired."""


async def only_session(runtime: Runtime, order: PlacedOrder) -> Session | None:
    """Ask Stripe for the session of an order that was placed a moment ago, and return it.

    Return None if more has become known of the order meanwhile: first_session decides then.
    """
    return await _ask(runtime, order, order.attempt, "shopper")


async def first_session(runtime: Runtime, order_id: str) -> Session:
    """Return the session of a new order or of a repeated request for it; finish what a crash or lost answer left."""
    return await _session(runtime, order_id, plan_first, actor="shopper")


async def fresh_session(
    runtime: Runtime, order_id: str, *, actor: str, least_time_left: timedelta = timedelta(hours=1)
) -> Session:
    """Return the open session if it has that much time left, else a new one at the same prices.

    Half of CHECKOUT_SESSION_MINUTES is enough, or a new session would be too short as well. The old session is expired
    first, so that there are never two ways to pay. Raise NotFound, or NotPayable, also if only Stripe knew of a
    payment.
    """
    minutes = runtime.settings.session_minutes
    if minutes is not None:
        least_time_left = min(least_time_left, timedelta(minutes=minutes) / 2)
    return await _session(runtime, order_id, plan_fresh(least_time_left), actor=actor)


async def close_sessions(runtime: Runtime, order_id: str, *, actor: str) -> int:
    """Expire at Stripe every session that could still be paid, and return the number of the last attempt.

    That attempt can create no session any more. Raise NotFound, or NotPayable if there is nothing to pay, also if only
    Stripe knew of a payment.
    """
    situation, _ = await _reach(runtime, order_id, plan_closed, actor=actor)
    return situation.attempt.number


async def adopt_late_session(runtime: Runtime, order_id: str, number: int, fetched: Fetched, *, actor: str) -> None:
    """Adopt a session that appeared after its attempt was thought to have none, and leave at most one way to pay.

    It is expired if another attempt has taken its place or the order is settled. Raise StripeUnavailable.
    """
    situation, _ = await _plan(runtime, order_id, lambda _: Plan(closed=True), set())
    try:
        await _adopt(runtime, situation.order, number, fetched, actor)
    except TotalDiffers as error:
        log.warning("order %d, attempt %d: %s", situation.order.number, number, error.detail)
    await _reach(runtime, order_id, plan_single, actor=actor)


async def merge_session(runtime: Runtime, fetched: Fetched, *, cause: str, actor: str) -> None:
    """Merge a session and its payment as Stripe answered. Raise StripeUnavailable if the answer cannot be used."""
    await runtime.database.run(merge, [session_update(fetched, cause, actor)])


def session_update(fetched: Fetched, cause: str, actor: str) -> Update:
    """Return the update from a session that Stripe returned. Raise StripeUnavailable if it cannot be used."""
    modes = livemodes(fetched.object.get("livemode"))
    try:
        translation = session_events.fetched(ObjectSnapshot(fetched.object, fetched.observed_at, "", modes))
    except UnreadableObject as error:  # it is unknown whether there is a session to pay
        raise StripeUnavailable(f"Stripe's answer cannot be used: {error}") from error
    subject_id = translation.subject_id
    return Update(
        cause,
        actor,
        subject_id or "",
        subject_id,
        translation.links,
        translation.facts,
        address=translation.address,
    )


def our_session_update(fetched: Fetched, order_id: str, attempt: int, cause: str, actor: str) -> Update:
    """Return the update from a session that an attempt of ours created, which links it to the order."""
    update = session_update(fetched, cause, actor)
    links = [*update.links, Link(str(update.subject_id), order_id, LinkRank.OURS)]
    facts = [
        msgspec.structs.replace(fact, attempt=attempt) if isinstance(fact, SessionFact) else fact
        for fact in update.facts
    ]
    return msgspec.structs.replace(update, links=links, facts=facts)


async def refresh_sessions(runtime: Runtime, order_id: str, *, cause: str, actor: str) -> None:
    """Read from Stripe the sessions that may have changed there, open or waiting for their money, and merge them."""
    async with runtime.database.connection() as connection:
        unsettled = await session_attempt_store.unsettled_sessions(connection, order_id)
    for session_id in unsettled:
        fetched = await stripe_sessions.retrieve_session(runtime.gateway, session_id)
        await merge_session(runtime, fetched, cause=cause, actor=actor)


async def _session(runtime: Runtime, order_id: str, planner: Planner, *, actor: str) -> Session:
    _, session = await _reach(runtime, order_id, planner, actor=actor, to_pay=True)
    if session is None:
        raise LookupError(f"order {order_id} has no session, and none is planned")
    return session


async def _reach(
    runtime: Runtime, order_id: str, planner: Planner, *, actor: str, to_pay: bool = False
) -> tuple[Situation, Session | None]:
    """Plan under the order's lock, act outside of any transaction, and repeat until the plan is reached.

    `to_pay`: a session is wanted that can be paid, so its products are reserved. Raise OutOfStock.
    """
    given_up: set[int] = set()
    for _ in range(_MOST_STEPS):
        situation, plan = await _plan(runtime, order_id, planner, given_up, to_pay=to_pay)
        order = situation.order
        if plan.session is not None or plan.closed:
            return situation, plan.session
        if plan.expire is not None:
            fetched = await stripe_sessions.expire_session(runtime.gateway, plan.expire)
            await merge_session(runtime, fetched, cause="session.expired", actor=actor)
        elif plan.look is not None:
            number = plan.look.number
            found = await session_search.find_session(runtime.gateway, order_id, number, plan.look.age)
            if found is None:
                await require_clocks(runtime)  # the search relied on the attempt's age
                given_up.add(number)
            else:
                try:
                    await _adopt(runtime, order, number, found, actor)
                except TotalDiffers:  # it has been expired: the attempt is useless
                    given_up.add(number)
        elif plan.ask is not None:
            await _ask(runtime, order, plan.ask, actor)
    raise NotPayable(f"order {order_id} kept changing while its session was created: try again")


async def _plan(
    runtime: Runtime, order_id: str, planner: Planner, given_up: set[int], *, to_pay: bool = False
) -> tuple[Situation, Plan]:
    """Decide what to do next. A new attempt is written here, before Stripe is asked."""
    situation, plan = await runtime.database.run(_plan_locked, runtime, order_id, planner, given_up, to_pay=to_pay)
    if isinstance(plan, NotPayable):
        raise plan
    return situation, plan


async def _plan_locked(
    connection: asyncpg.Connection,
    runtime: Runtime,
    order_id: str,
    planner: Planner,
    given_up: set[int],
    *,
    to_pay: bool,
) -> tuple[Situation, Plan | NotPayable]:
    limited = await lock_discount_of_order(connection, order_id) if to_pay else None
    merged = await locked_order(connection, order_id)
    order = merged.orders[order_id]
    check_mode(order, NotPayable, livemode=runtime.settings.livemode)
    attempt = await session_attempt_store.last_attempt(connection, order_id)
    if attempt is None:
        raise NotPayable(
            f"order {order.number} was imported from another system, whose payment page it had: its customer pays in "
            "a new order"
        )
    situation = Situation(
        order,
        merged.facts(order_id).sessions,
        attempt,
        merged.derived(order_id),
        frozenset(given_up),
        runtime.gateway.now(),
    )
    try:
        plan = planner(situation)
        if plan.new_attempt:
            plan = Plan(ask=await _next_attempt(connection, runtime, situation, limited))
    except NotPayable as refusal:
        return situation, refusal  # raised after the commit, which keeps what the merge corrected
    if limited is not None and situation.current is not None and plan.expire == situation.current.id:
        # Its session is replaced: the next attempt keeps the redemption, or somebody else takes it in between.
        with suppress(NotPayable):
            await _next_attempt(connection, runtime, situation, limited)
    if to_pay and merged.facts(order_id).reservations:
        await _reserve(connection, runtime, situation, plan)
    return situation, plan


async def _reserve(connection: asyncpg.Connection, runtime: Runtime, situation: Situation, plan: Plan) -> None:
    """Reserve the order's products for the session that is planned. Raise OutOfStock, and then nothing is planned."""
    settings, current = runtime.settings, situation.current
    if plan.expire is not None and situation.derived.payable:
        # Its session is replaced: reserve for the next one first, or somebody else takes the pieces in between. If they
        # are sold already, the session ends all the same.
        with suppress(OutOfStock):
            late = LatePayment(settings.late_payment)
            number = situation.attempt.number + (0 if current is None else 1)
            await renew(connection, situation.order.id, number, lifetime(settings.session_minutes), late)
        return
    if plan.ask is not None:
        attempt, lasts = plan.ask.number, lifetime(settings.session_minutes)
    elif plan.session is not None and situation.derived.payable and current is not None:
        if current.status is not SessionStatus.OPEN:
            return
        attempt, lasts = situation.attempt.number, max(plan.session.expires_at - situation.now, timedelta()) + GRACE
    else:
        return
    await renew(connection, situation.order.id, attempt, lasts, LatePayment(settings.late_payment))


async def _next_attempt(
    connection: asyncpg.Connection, runtime: Runtime, situation: Situation, limited: Discount | None
) -> Attempt:
    """Write the next attempt, and take a redemption of a limited discount for it. Raise NotPayable."""
    order = await read_payable_order(connection, situation.order.id)
    if not order.customer_email:
        raise NotPayable(
            f"the customer of order {situation.order.number} was erased, so nobody can pay it: place a new order"
        )
    if limited is not None:
        await require_redemption(connection, situation.order, limited)
    attempt = start_attempt(order, situation.attempt.number + 1, runtime.settings, runtime.gateway.now(), limited)
    return await session_attempt_store.insert_attempt(connection, order.id, attempt)


def start_attempt(
    order: PayableOrder, number: int, settings: Settings, now: datetime, discount: Discount | None = None
) -> Attempt:
    """Return an attempt with frozen parameters. A session with a limited code ends within two hours."""
    minutes = settings.session_minutes
    if discount is not None and discount.redemption_limit is not None:
        minutes = min(minutes or LIMITED_CODE_MINUTES, LIMITED_CODE_MINUTES)
    expires_at = None if minutes is None else now + timedelta(minutes=minutes)
    parameters = session_parameters(
        order, number, settings.public_url, expires_at, settings.shop.branding(settings.shop_name)
    )
    parameters |= reservation_terms(settings, minutes)
    return Attempt(number, msgspec.json.encode(parameters).decode(), now)


async def _ask(runtime: Runtime, order: LockedOrder | PlacedOrder, attempt: Attempt, actor: str) -> Session | None:
    """Ask Stripe with the frozen bytes. A stored refusal uses up the attempt's key. Return as `_adopt` does.

    So does a stored 5xx, but a session may still appear for it: a job looks for it.
    """
    parameters: dict[str, Any] = msgspec.json.decode(attempt.parameters)
    try:
        if (coupon := parameters.get("coupon")) is not None:
            await stripe_sessions.ensure_coupon(runtime.gateway, coupon)
        try:
            key = idempotency_key(order.id, attempt.number)
            fetched = await stripe_sessions.create_session(runtime.gateway, parameters["session"], key)
            return await _adopt(runtime, order, attempt.number, fetched, actor)
        except StripeFailed as error:
            await _reject(runtime, order, attempt, error.detail, doubtful=True)
            raise
    except StripeRejected as error:
        # Stripe refused our API key: an earlier try may have created a session all the same.
        await _reject(runtime, order, attempt, error.detail, doubtful=isinstance(error, StripeDenied))
        raise


async def _reject(
    runtime: Runtime, order: LockedOrder | PlacedOrder, attempt: Attempt, why: str, *, doubtful: bool
) -> None:
    log.warning("no session for order %d, attempt %d: %s", order.number, attempt.number, why)
    async with runtime.database.connection() as connection:
        await session_attempt_store.record_rejection(connection, order.id, attempt.number, why, doubtful=doubtful)


async def _adopt(
    runtime: Runtime, order: LockedOrder | PlacedOrder, number: int, fetched: Fetched, actor: str
) -> Session | None:
    """Record a session of ours as Stripe answered it. An open one whose total is not the order's is expired instead.

    Return the session if it is all that is known of an order that was placed a moment ago, else None. Raise
    TotalDiffers after it was expired.
    """
    amount, currency = fetched.object.get("amount_total"), fetched.object.get("currency")
    if (amount, currency) != (order.amount_total, order.currency) and fetched.object.get("status") == "open":
        session_id = str(fetched.object.get("id"))
        await stripe_sessions.expire_session(runtime.gateway, session_id)
        raise TotalDiffers(
            f"Stripe created session {session_id} of {amount} {currency} for an order of {order.amount_total} "
            f"{order.currency}; it was expired"
        )
    update = our_session_update(fetched, order.id, number, "session.created", actor)
    if isinstance(order, PlacedOrder):
        fact = await runtime.database.run_statement(record_only_session, order.terms, number, update)
        if fact is not None:
            return session_of(fact)
    await runtime.database.run(_record_session, order.id, number, str(update.subject_id), update)
    return None


async def _record_session(
    connection: asyncpg.Connection, order_id: str, number: int, session_id: str, update: Update
) -> None:
    await merge(connection, [update])
    await session_attempt_store.record_session(connection, order_id, number, session_id)
