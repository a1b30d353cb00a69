"""The one loop that does what is due: debits settle, sessions expire, disputes come, refunds fail, webhooks go out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping

from checkout_daemon.sandbox.box import Advance, Box, Origin
from checkout_daemon.sandbox.checkout import sessions
from checkout_daemon.sandbox.checkout.promotions import end_discount
from checkout_daemon.sandbox.clock import now
from checkout_daemon.sandbox.generic import later
from checkout_daemon.sandbox.payments import attempts, disputing, intents, refunding
from checkout_daemon.sandbox.storage import Body
from checkout_daemon.sandbox.stripecli.sessions import give_up
from checkout_daemon.sandbox.webhooks.deliveries import Deliverer

_logger = logging.getLogger(__name__)
_LONGEST_SLEEP = 60.0


def _settle(box: Box, payload: Body) -> None:
    intent = box.storage.find(payload["intent"], "payment_intent")
    if intent is not None and payload.get("charge") in (None, intent.body["latest_charge"]):
        sessions.finish_debit(box, intent)


def _expire(box: Box, payload: Body) -> None:
    session = box.storage.find(payload["session"], "checkout.session")
    if session is not None and session.body["status"] == "open":
        sessions.expire(box, session)


def _dispute(box: Box, payload: Body) -> None:
    if charge := box.storage.find(payload["charge"], "charge"):
        disputing.open_planned_dispute(box, charge, payload["reason"])


def _dispute_decided(box: Box, payload: Body) -> None:
    if dispute := box.storage.find(payload["dispute"], "dispute"):
        disputing.decide_dispute(box, dispute, payload["text"])


def _dispute_due(box: Box, payload: Body) -> None:
    if dispute := box.storage.find(payload["dispute"], "dispute"):
        disputing.miss_deadline(box, dispute, payload["due_by"])


def _inquiry_over(box: Box, payload: Body) -> None:
    if dispute := box.storage.find(payload["dispute"], "dispute"):
        disputing.close_inquiry(box, dispute)


def _refund_fail(box: Box, payload: Body) -> None:
    if refund := box.storage.find(payload["refund"], "refund"):
        refunding.fail_refund(box, refund)


def _refund_pending(box: Box, payload: Body) -> None:
    if refund := box.storage.find(payload["refund"], "refund"):
        refunding.finish_refund(box, refund)


def _refund_expired(box: Box, payload: Body) -> None:
    refund = box.storage.find(payload["refund"], "refund")
    if refund is not None and refund.body["status"] == "requires_action":
        refunding.fail_refund(box, refund, "unknown")


def _authorization_over(box: Box, payload: Body) -> None:
    if intent := box.storage.find(payload["intent"], "payment_intent"):
        intents.expire_authorization(box, intent, payload["charge"])


HANDLERS: Mapping[str, Callable[[Box, Body], None]] = {
    "settle": _settle,
    attempts.CAPTURED: attempts.show_booking,
    "expire": _expire,
    "authorization_over": _authorization_over,
    "discount_over": end_discount,
    "dispute": _dispute,
    "dispute_decided": _dispute_decided,
    "dispute_due": _dispute_due,
    "inquiry_over": _inquiry_over,
    "refund_fail": _refund_fail,
    "refund_pending": _refund_pending,
    "refund_expired": _refund_expired,
    "listener_gone": give_up,
    later.TIMER: later.change_now,
}


async def run_scheduler(box: Box, deliverer: Deliverer) -> None:
    """Until cancelled."""
    deliverer.recover()
    while True:
        box.wake.clear()
        while box.advances:
            await _advance(box, deliverer, box.advances.pop(0))
        run_due_timers(box)
        deliverer.start_due()
        due = box.storage.next_due()
        pause = _LONGEST_SLEEP if due is None else min(max(due - now(), 0.0), _LONGEST_SLEEP)
        if pause == 0.0 and not deliverer.full:
            await asyncio.sleep(0)
            continue
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_SLEEP if deliverer.full else pause):
                await box.wake.wait()


async def _advance(box: Box, deliverer: Deliverer, advance: Advance) -> None:
    """Go from one due time to the next, so that everything happens in its order and at its time, only faster."""
    try:
        while True:
            run_due_timers(box)
            deliverer.start_due()
            await deliverer.settled()
            due = box.storage.next_due()
            reached = now() >= advance.target
            if reached and (due is None or due > now()):
                break
            if due is None or due > advance.target:
                due = advance.target
            box.storage.set_clock(box.storage.clock.offset + max(due - now(), 0.0))
    except BaseException:
        advance.done.cancel()
        raise
    if not advance.done.done():
        advance.done.set_result(None)


def run_due_timers(box: Box) -> None:
    """Each in a transaction of its own; one that cannot be done is logged and gone."""
    box.origin = Origin(base_url=box.origin.base_url)
    while timer := box.storage.due_timer():
        try:
            with box.storage.transaction():
                box.storage.remove_timer(timer.id)
                HANDLERS[timer.kind](box, timer.payload)
        except Exception:
            _logger.exception("the timer %s %s failed", timer.kind, timer.payload)
            box.storage.remove_timer(timer.id)
