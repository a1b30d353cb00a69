"""Gets an order a Checkout Session that can be paid, across crashes, lost answers and Stripe's stored refusals.

An attempt is a row written before Stripe is asked: its number, its frozen parameters, its start. Its idempotency key is
order + attempt. Where no answer came, the same key is asked with the same bytes. Where Stripe has stored a refusal
under the key, or has forgotten it after a day, its session is first looked for at Stripe: adopted, or given up.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from checkout_daemon.config import Settings
from checkout_daemon.domain.derive import Derived
from checkout_daemon.domain.events import session as session_events
from checkout_daemon.domain.events.reading import Told, Translation, livemodes
from checkout_daemon.domain.facts import Link, LinkRank, SessionFact, SessionStatus
from checkout_daemon.domain.orders import PAYABLE_STATUSES
from checkout_daemon.domain.session_parameters import Pages, PayableOrder, idempotency_key, session_parameters
from checkout_daemon.errors import NotFound, NotPayable, StripeRejected
from checkout_daemon.gateway import sessions as stripe_sessions
from checkout_daemon.gateway.client import Fetched, StripeFailed
from checkout_daemon.runtime import Runtime
from checkout_daemon.services.merge import Merged, Telling, merge
from checkout_daemon.store import attempts
from checkout_daemon.store.attempts import Attempt
from checkout_daemon.store.orders import LockedOrder, read_payable_order

log = logging.getLogger(__name__)

# Stripe forgets an idempotency key after 24 hours.
KEY_LIFETIME = timedelta(hours=23)
_MOST_STEPS = 8


@dataclass(frozen=True, slots=True)
class Session:
    """A session of ours at Stripe."""

    id: str
    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class _Plan:
    """What to do next for an order, found under its lock; one of these.

    There is a session; Stripe is to be asked with an attempt's bytes; an attempt's session is to be looked for at
    Stripe; a session is to be expired; a new attempt is to be started.
    """

    session: Session | None = None
    ask: Attempt | None = None
    look: Attempt | None = None
    expire: str | None = None
    anew: bool = False


class TotalDiffers(StripeRejected):
    """Stripe made a session of another total than the order's; it has been expired."""


_Planner = Callable[[list[SessionFact], Attempt, Derived], _Plan]


async def first_session(runtime: Runtime, order_id: str) -> Session:
    """The session of an order just made, or of a repeated request for it: finishes what a crash or lost answer left."""
    return await _reach(runtime, order_id, lambda held, attempt, _: _plan_first(held, attempt), actor="shopper")


async def fresh_session(runtime: Runtime, order_id: str, *, least_time_left: timedelta, actor: str) -> Session:
    """A session that can still be paid for a while: the open one if it has that long, else a new one, same prices.

    The old one is expired first, so that there are never two ways to pay. Raises NotFound, or NotPayable, also where
    only Stripe knew of a payment.
    """

    def plan(held: list[SessionFact], attempt: Attempt, derived: Derived) -> _Plan:
        if not derived.payable:
            raise NotPayable(_why_not_payable(order_id, derived))
        return _plan_fresh(held, attempt, least_time_left)

    return await _reach(runtime, order_id, plan, actor=actor)


def _why_not_payable(order_id: str, derived: Derived) -> str:
    if derived.status in PAYABLE_STATUSES:
        codes = ", ".join(derived.attention_codes) or "a payment that does not match"
        return f"order {order_id} has a payment that does not match it ({codes}): a person must look at it first"
    return f"order {order_id} is {derived.status}: there is nothing to pay"


async def merge_session(runtime: Runtime, fetched: Fetched, *, cause: str, actor: str) -> Merged:
    """Merge a session as Stripe answered it, with its payment."""
    telling = _telling(_translate(fetched), cause, actor)
    return await runtime.database.run(lambda connection: merge(connection, [telling]))


async def _reach(runtime: Runtime, order_id: str, planner: _Planner, *, actor: str) -> Session:
    """Plan under the order's lock, act outside of any transaction, and plan again until there is a session."""
    given_up: set[int] = set()
    for _ in range(_MOST_STEPS):
        order, plan = await _plan(runtime, order_id, planner, given_up)
        if plan.session is not None:
            return plan.session
        if plan.expire is not None:
            fetched = await stripe_sessions.expire_session(runtime.gateway, plan.expire)
            await merge_session(runtime, fetched, cause="session.expired", actor=actor)
        elif plan.look is not None:
            number, since = plan.look.number, plan.look.started_at
            found = await stripe_sessions.find_session(runtime.gateway, order_id, number, since)
            if found is None:
                given_up.add(number)
            else:
                try:
                    await _adopt(runtime, order, number, found, actor)
                except TotalDiffers:  # it has been expired; the attempt is of no use any more
                    given_up.add(number)
        elif plan.ask is not None:
            await _ask(runtime, order, plan.ask, actor)
    raise NotPayable(f"order {order_id} kept changing while its session was made: try again")


async def _plan(runtime: Runtime, order_id: str, planner: _Planner, given_up: set[int]) -> tuple[LockedOrder, _Plan]:
    """What to do next. Where that is a new attempt, it is written here, before Stripe is asked."""

    async def plan_locked(connection: asyncpg.Connection) -> tuple[LockedOrder, _Plan | NotPayable]:
        merged = await merge(connection, [Telling("order.checked", "checkout-daemon", order_ids=[order_id])])
        order = merged.orders.get(order_id)
        if order is None:
            raise NotFound("no order has this session or id")
        if order.livemode != runtime.settings.livemode:
            raise NotPayable(f"order {order_id} was made with a key of the other mode (livemode={order.livemode})")
        attempt = await attempts.last_attempt(connection, order_id)
        if attempt is None:
            raise LookupError(f"order {order_id} has no session attempt")
        ours = [each for each in merged.facts(order_id).sessions if each.attempt]
        try:
            plan = planner(ours, attempt, merged.derived(order_id))
        except NotPayable as refusal:
            return order, refusal  # raised after the commit: what the merge put right stays
        if plan.anew or (plan.look is not None and plan.look.number in given_up):
            plan = _Plan(ask=await _insert_attempt(connection, runtime, order_id, attempt.number + 1))
        return order, plan

    order, plan = await runtime.database.run(plan_locked)
    if isinstance(plan, NotPayable):
        raise plan
    return order, plan


def _plan_first(ours: list[SessionFact], attempt: Attempt) -> _Plan:
    current = next((each for each in ours if each.id == attempt.session_id), None)
    return _unanswered(attempt) if current is None else _Plan(session=_session(current))


def _plan_fresh(ours: list[SessionFact], attempt: Attempt, least_time_left: timedelta) -> _Plan:
    is_open = [each for each in ours if each.status is SessionStatus.OPEN]
    current = next((each for each in ours if each.id == attempt.session_id), None)
    for each in is_open:
        if each != current:
            return _Plan(expire=each.id)
    if current is None:
        return _unanswered(attempt)
    if current.status is not SessionStatus.OPEN:
        return _Plan(anew=True)
    if current.url and current.expires_at and current.expires_at - datetime.now(UTC) >= least_time_left:
        return _Plan(session=_session(current))
    return _Plan(expire=current.id)


def _unanswered(attempt: Attempt) -> _Plan:
    if attempt.rejected or datetime.now(UTC) - attempt.started_at > KEY_LIFETIME:
        return _Plan(look=attempt)
    return _Plan(ask=attempt)


def _session(fact: SessionFact) -> Session:
    return Session(fact.id, fact.url or "", fact.expires_at or datetime.now(UTC))


async def _insert_attempt(connection: asyncpg.Connection, runtime: Runtime, order_id: str, number: int) -> Attempt:
    order = await read_payable_order(connection, order_id)
    attempt = start_attempt(order, number, runtime.settings, datetime.now(UTC))
    await attempts.insert_attempt(connection, order_id, attempt)
    return attempt


def start_attempt(order: PayableOrder, number: int, settings: Settings, now: datetime) -> Attempt:
    """An attempt with its parameters frozen."""
    pages = Pages(settings.public_url, settings.session_minutes)
    return Attempt(number, msgspec.json.encode(session_parameters(order, number, pages, now)).decode(), now)


async def _ask(runtime: Runtime, order: LockedOrder, attempt: Attempt, actor: str) -> None:
    """Ask Stripe with the frozen bytes; a stored refusal burns the attempt's key."""
    parameters: dict[str, Any] = msgspec.json.decode(attempt.parameters)
    try:
        if (coupon := parameters.get("coupon")) is not None:
            await stripe_sessions.ensure_coupon(runtime.gateway, coupon)
        key = idempotency_key(order.id, attempt.number)
        fetched = await stripe_sessions.create_session(runtime.gateway, parameters["session"], key)
        await _adopt(runtime, order, attempt.number, fetched, actor)
    except (StripeRejected, StripeFailed) as error:
        log.warning("no session for order %s, attempt %d: %s", order.id, attempt.number, error.detail)
        async with runtime.database.connection() as connection:
            await attempts.record_rejection(connection, order.id, attempt.number, error.detail)
        raise


async def _adopt(runtime: Runtime, order: LockedOrder, number: int, fetched: Fetched, actor: str) -> None:
    """Write a session of ours as Stripe answered it; one whose total is not the order's to the unit is expired."""
    told = (fetched.object.get("amount_total"), fetched.object.get("currency"))
    if told != (order.amount_total, order.currency):
        session_id = str(fetched.object.get("id"))
        await stripe_sessions.expire_session(runtime.gateway, session_id)
        raise TotalDiffers(
            f"Stripe made session {session_id} of {told[0]} {told[1]} for an order of {order.amount_total} "
            f"{order.currency}; it was expired"
        )
    translation = _translate(fetched)
    session_id = str(translation.subject_id)
    translation.links.append(Link(session_id, order.id, LinkRank.OURS))
    translation.facts = [
        replace(fact, attempt=number) if isinstance(fact, SessionFact) else fact for fact in translation.facts
    ]

    async def write(connection: asyncpg.Connection) -> None:
        await merge(connection, [_telling(translation, "session.created", actor)])
        await attempts.record_session(connection, order.id, number, session_id)

    await runtime.database.run(write)


def _translate(fetched: Fetched) -> Translation:
    modes = livemodes(fetched.object.get("livemode"))
    return session_events.fetched(Told(fetched.object, fetched.observed_at, "", modes))


def _telling(translation: Translation, cause: str, actor: str) -> Telling:
    subject_id = translation.subject_id
    return Telling(cause, actor, subject_id or "", subject_id, translation.links, translation.facts)
