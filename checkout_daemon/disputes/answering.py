"""Answers disputes at Stripe, each once: submits evidence, stores it there as a draft, or accepts the dispute.

A request is a row written under the order's lock before Stripe is asked, and its id is the idempotency key; evidence
and receipt are frozen in it. Without a definite answer it stays open: a job, or the next call, looks at the dispute,
whose metadata names the request, and asks again. A 5xx makes Stripe repeat itself under its key, so the next try has
another one: Stripe itself takes one submission only, and accepting twice changes nothing. Nothing is sent if the
dispute's status is not the one that the operator saw: an inquiry that was closed costs nothing, a chargeback does.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
import msgspec

from checkout_daemon.audit.audit_log import OperatorAction, act, check_note, record, state_of
from checkout_daemon.audit.operators import DAEMON, Operator
from checkout_daemon.clocks import require_clocks
from checkout_daemon.disputes import request_store
from checkout_daemon.disputes.beginning import begin_answer, check_answer_in
from checkout_daemon.disputes.drafts import DisputeCase
from checkout_daemon.disputes.request_store import DisputeAct, DisputeRequest
from checkout_daemon.errors import StripeRejected, StripeUnavailable
from checkout_daemon.ledger.merge import Update, locked_order, merge
from checkout_daemon.ledger.translate import dispute as dispute_events
from checkout_daemon.ledger.translate.stripe_objects import ObjectSnapshot, livemodes
from checkout_daemon.patience import Stopwatch
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api import disputes as stripe_disputes
from checkout_daemon.stripe_api.client import KEY_LIFETIME, Fetched, StripeDenied, StripeFailed

log = logging.getLogger(__name__)

_REQUEST = "evidence_request"
_RECEIPT = "receipt.pdf"
_MOST_RESUMED_A_TURN = 50
_GIVEN_UP = ("lost", "warning_closed")
_DONE: Mapping[str, str] = {
    DisputeAct.STAGE: "dispute.staged",
    DisputeAct.SUBMIT: "dispute.submitted",
    DisputeAct.ACCEPT: "dispute.accepted",
}
_KEPT_OPEN = "a running daemon continues it, and `checkout disputes show` shows the result: do not ask for it again"


@dataclass(frozen=True, slots=True)
class Answered:
    """What Stripe answered: the dispute's status, and the state of its order with it."""

    dispute_id: str
    order_id: str
    number: int
    act: str
    status: str
    order_status: str


async def submit_evidence(
    runtime: Runtime, case: DisputeCase, receipt: bytes | None, *, operator: Operator, note: str = ""
) -> Answered:
    """Submit the evidence of the case, as it was shown, with its receipt. It can be submitted once.

    Raise NotAnOperator, RoleTooLow, NotAnswerable, AnswerUnderWay, DraftChanged, InvalidRequest; StripeRejected with
    Stripe's words; StripeUnavailable, after which a running daemon continues it.
    """
    return await _answer(runtime, case, DisputeAct.SUBMIT, receipt, operator, note)


async def stage_at_stripe(
    runtime: Runtime, case: DisputeCase, receipt: bytes | None, *, operator: Operator
) -> Answered:
    """Store the evidence at Stripe without submitting it. Raise as submit_evidence does."""
    return await _answer(runtime, case, DisputeAct.STAGE, receipt, operator)


async def accept_dispute(runtime: Runtime, case: DisputeCase, *, operator: Operator, note: str = "") -> Answered:
    """Accept the dispute: the customer keeps the money. This cannot be undone. Raise as submit_evidence does."""
    return await _answer(runtime, case, DisputeAct.ACCEPT, None, operator, note)


async def check_answer(runtime: Runtime, case: DisputeCase, kind: DisputeAct) -> None:
    """Raise NotAnswerable or AnswerUnderWay if Stripe would not be asked. The operator's role is not looked at."""
    await runtime.database.run(check_answer_in, case, kind, runtime.settings.livemode)


async def resume_answers(runtime: Runtime) -> int:
    """Resume requests whose answer never came: the command was killed, or Stripe was away. Return how many.

    Each request is claimed first, so no two daemons resume the same one. Without an answer it stays open.
    """
    operator = Operator(DAEMON, socket.gethostname())
    livemode = runtime.settings.livemode
    for resumed in range(_MOST_RESUMED_A_TURN):
        claimed = Stopwatch()
        request = await runtime.database.run_unconfirmed(
            request_store.claim_request, request_store.RESUME_AFTER, livemode=livemode
        )
        if request is None:
            return resumed
        try:
            await _ask(runtime, request, operator, claimed)
        except (StripeRejected, StripeFailed) as error:
            log.warning("dispute request %s of order %s: %s", request.id, request.order_id, error.detail)
    return _MOST_RESUMED_A_TURN


async def _answer(
    runtime: Runtime, case: DisputeCase, kind: DisputeAct, receipt: bytes | None, operator: Operator, note: str = ""
) -> Answered:
    note = check_note(note)
    claimed = Stopwatch()
    request = await runtime.database.run(begin_answer, case, kind, receipt, operator, note, runtime.settings.livemode)
    try:
        return await _ask(runtime, request, operator, claimed)
    except StripeFailed as error:
        raise StripeFailed(f"{error.detail}, so it is not known whether it was done; {_KEPT_OPEN}") from error
    except StripeUnavailable as error:
        raise StripeUnavailable(f"there is no answer from Stripe, so it may have been done; {_KEPT_OPEN}") from error


async def _ask(runtime: Runtime, request: DisputeRequest, operator: Operator, claimed: Stopwatch) -> Answered:
    """Have a request answered. Raise StripeRejected once it is closed; StripeUnavailable while it stays open.

    `claimed` was started before the request was written or claimed.
    """
    why = "Stripe did not do it within a day: ask for it again"
    seen: Fetched | None = None
    if request.attempts or request.act == DisputeAct.ACCEPT:
        try:
            seen = await _look(runtime, request)
        except StripeFailed as error:
            if not isinstance(error.__cause__, StripeRejected):
                raise
            if not request.attempts:  # nothing was sent
                _check_claim(request, claimed)
                await runtime.database.run(_refuse, request, operator, error.detail)
                raise error.__cause__ from None
            if request.age <= KEY_LIFETIME:
                raise
            why = f"{error.detail}, also a day later: look there whether it was done before you ask for it again"
    if seen is not None and request.attempts and _shows(seen.object, request):
        return await _take(runtime, request, operator, seen)
    if request.age > KEY_LIFETIME:
        await require_clocks(runtime)
        await runtime.database.run(_refuse, request, operator, why)
        raise StripeRejected(why)
    _check_claim(request, claimed)
    if (changed := _change(request, seen)) is not None:
        await _refuse_seen(runtime, request, operator, changed, seen)
        raise StripeRejected(changed)
    try:
        fetched = await _send(runtime, request, claimed)
    except StripeRejected as error:
        if request.attempts or request.tries:
            # It was asked before, and the answer was lost: a refusal of our API key does not answer that request.
            if isinstance(error, StripeDenied):
                raise StripeFailed(error.detail) from error
            if (found := await _find(runtime, request)) is not None:
                return await _take(runtime, request, operator, found)
        await runtime.database.run(_refuse, request, operator, error.detail)
        raise
    except StripeFailed:
        if (found := await _find(runtime, request)) is not None:
            return await _take(runtime, request, operator, found)
        await runtime.database.run(request_store.count_failed_try, request)
        raise
    return await _take(runtime, request, operator, fetched)


async def _send(runtime: Runtime, request: DisputeRequest, claimed: Stopwatch) -> Fetched:
    gateway = runtime.gateway
    _check_claim(request, claimed)
    if request.act == DisputeAct.ACCEPT:
        return await stripe_disputes.close_dispute(gateway, request.dispute_id, request.key)
    evidence: dict[str, str] = msgspec.json.decode(request.texts or "{}")
    evidence["receipt"] = ""
    if request.receipt is not None:
        file_id = request.receipt_file or await _upload(runtime, request, request.receipt)
        evidence["receipt"] = file_id
        _check_claim(request, claimed)
    submit = request.act == DisputeAct.SUBMIT
    metadata = {_REQUEST: request.id}
    return await stripe_disputes.send_evidence(
        gateway, request.dispute_id, evidence, metadata, request.key, submit=submit
    )


def _check_claim(request: DisputeRequest, claimed: Stopwatch) -> None:
    """Raise StripeUnavailable if this process was suspended: by now others have resumed the request."""
    if claimed.seconds > request_store.RESUME_AFTER.total_seconds():
        raise StripeUnavailable(f"dispute request {request.id} was not sent: this process was suspended for too long")


async def _upload(runtime: Runtime, request: DisputeRequest, receipt: bytes) -> str:
    """Upload the receipt and record its id, so that the evidence has the same bytes at each try."""
    fetched = await stripe_disputes.upload_evidence(runtime.gateway, _RECEIPT, receipt, f"{request.key}-receipt")
    return await runtime.database.run(request_store.record_receipt_file, request.id, str(fetched.object["id"]))


async def _look(runtime: Runtime, request: DisputeRequest) -> Fetched:
    """Return the dispute as it is at Stripe. Raise StripeUnavailable; StripeFailed if Stripe does not show it."""
    try:
        return await stripe_disputes.retrieve_dispute(runtime.gateway, request.dispute_id)
    except StripeRejected as error:
        raise StripeFailed(f"Stripe does not show dispute {request.dispute_id}: {error.detail}") from error


async def _find(runtime: Runtime, request: DisputeRequest) -> Fetched | None:
    """Return the dispute if it shows that the request was done, or None. Raise as _look does."""
    fetched = await _look(runtime, request)
    return fetched if _shows(fetched.object, request) else None


def _shows(dispute: Mapping[str, Any], request: DisputeRequest) -> bool:
    """Return whether the dispute shows that the request was done, whatever has become of it since."""
    if request.act == DisputeAct.ACCEPT:
        return dispute.get("status") in _GIVEN_UP
    # The call that sends the evidence, and submits it, names the request.
    return (dispute.get("metadata") or {}).get(_REQUEST) == request.id


def _change(request: DisputeRequest, seen: Fetched | None) -> str | None:
    """Return why the request must not be sent any more, or None."""
    if request.act != DisputeAct.ACCEPT and request.texts is None:
        return "its evidence was removed before it was sent"
    status = None if seen is None else str(seen.object.get("status"))
    if status is None or request.shown_status in (None, status):
        return None
    was, now = (words.replace("_", " ") for words in (request.shown_status or "", status))
    return (
        f"dispute {request.dispute_id} was {was} when this was confirmed, and is {now} at Stripe, so nothing was "
        f"sent: look at it again with `checkout disputes show {request.dispute_id}`"
    )


def _was_submitted(dispute: Mapping[str, Any]) -> bool:
    """Return whether evidence was submitted: a dispute that still waits has a count of submissions then."""
    count = (dispute.get("evidence_details") or {}).get("submission_count")
    return bool(count) or not str(dispute.get("status")).endswith("needs_response")


async def _take(runtime: Runtime, request: DisputeRequest, operator: Operator, fetched: Fetched) -> Answered:
    """Merge the dispute and close its request. Raise StripeRejected if Stripe took evidence and did not submit it."""
    if request.act == DisputeAct.SUBMIT and not _was_submitted(fetched.object):
        why = "Stripe stored the evidence and did not submit it: look at the evidence, and submit it again"
        await _refuse_seen(runtime, request, operator, why, fetched)
        raise StripeRejected(why)
    status, kind = str(fetched.object.get("status")), _DONE[request.act]
    update = _seen_update(runtime, kind, operator, request, fetched)
    details = {"request": request.id, "dispute": request.dispute_id, "status": status}
    action = OperatorAction(kind, operator, details=details)
    return await runtime.database.run(_record, request, status, update, action)


async def _refuse_seen(
    runtime: Runtime, request: DisputeRequest, operator: Operator, why: str, seen: Fetched | None
) -> None:
    """Close a request that led to nothing, and merge the dispute that shows it."""
    if seen is not None:  # in its own transaction: it locks the payment before its order
        await runtime.database.run(merge, [_seen_update(runtime, "sync", operator, request, seen)])
    await runtime.database.run(_refuse, request, operator, why)


def _seen_update(runtime: Runtime, kind: str, operator: Operator, request: DisputeRequest, fetched: Fetched) -> Update:
    translation = dispute_events.translate(
        ObjectSnapshot(fetched.object, fetched.observed_at, "", livemodes(runtime.settings.livemode))
    )
    return Update(
        kind,
        operator.actor,
        request.dispute_id,
        translation.subject_id,
        translation.links,
        translation.facts,
        order_ids=[request.order_id],
    )


async def _record(
    connection: asyncpg.Connection, request: DisputeRequest, status: str, update: Update, action: OperatorAction
) -> Answered:
    merged = await merge(connection, [update])
    order_id = request.order_id
    if await request_store.answer_request(connection, request.id, status=status):
        await record(
            connection,
            order_id,
            action,
            before=merged.orders[order_id].state,
            after=state_of(merged, order_id),
        )
    number, derived = merged.orders[order_id].number, merged.derived(order_id)
    return Answered(request.dispute_id, order_id, number, request.act, status, derived.status.value)


async def _refuse(connection: asyncpg.Connection, request: DisputeRequest, operator: Operator, why: str) -> None:
    """Close a request that led to nothing, unless another process has closed it meanwhile."""
    await locked_order(connection, request.order_id)
    if await request_store.answer_request(connection, request.id, error=why):
        # Stripe's words may be about a person: the note is erased with the customer, and the details are not.
        details = {"request": request.id, "dispute": request.dispute_id, "act": request.act}
        update = Update("dispute.refused", operator.actor, why, order_ids=[request.order_id], always_logged=True)
        await act(connection, request.order_id, OperatorAction("dispute.refused", operator, why, details), update)
