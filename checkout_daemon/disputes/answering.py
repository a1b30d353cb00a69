"""Answers disputes at Stripe, each once: submits evidence, stores it there as a draft, or accepts the dispute.

A request is a row written under the order's lock before Stripe is asked, and its id is the idempotency key; evidence
and receipt are frozen in it. Without a definite answer it stays open: a job, or the next call, looks at the dispute,
whose metadata names the request, and asks again. A 5xx makes Stripe repeat itself under its key, so the next try has
another one: Stripe itself takes one submission only, and accepting twice changes nothing.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec

from checkout_daemon.audit.audit_log import OperatorAction, act, check_note, record, state_of
from checkout_daemon.audit.operators import DAEMON, Operator
from checkout_daemon.audit.rights import require_act
from checkout_daemon.clocks import require_clocks
from checkout_daemon.database.server import read_now
from checkout_daemon.disputes import request_store
from checkout_daemon.disputes.drafts import DisputeCase, NotAnswerable, check_draft
from checkout_daemon.disputes.evidence_fields import MOST_FILE_BYTES, check_evidence
from checkout_daemon.disputes.request_store import DisputeAct, DisputeRequest
from checkout_daemon.errors import CheckoutError, StripeRejected, StripeUnavailable
from checkout_daemon.ledger.derive import UNANSWERED_DISPUTES
from checkout_daemon.ledger.facts import DisputeFact, DisputeStatus
from checkout_daemon.ledger.merge import Merged, Update, locked_order, merge
from checkout_daemon.ledger.order_states import check_mode
from checkout_daemon.ledger.translate import dispute as dispute_events
from checkout_daemon.ledger.translate.stripe_objects import ObjectSnapshot, livemodes
from checkout_daemon.patience import Stopwatch
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api import disputes as stripe_disputes
from checkout_daemon.stripe_api.client import KEY_LIFETIME, Fetched, StripeDenied, StripeFailed

log = logging.getLogger(__name__)

# Longer than all attempts of its calls together: while the command still waits, no job need ask as well.
RESUME_AFTER = timedelta(seconds=90)
_REQUEST = "evidence_request"
_RECEIPT = "receipt.pdf"
_MOST_RESUMED_A_TURN = 50
_GIVEN_UP = ("lost", "warning_closed")
_OBJECT: Mapping[str, str] = {
    DisputeAct.STAGE: "the evidence",
    DisputeAct.SUBMIT: "the evidence",
    DisputeAct.ACCEPT: "the loss",
}
_DONE: Mapping[str, str] = {
    DisputeAct.STAGE: "dispute.staged",
    DisputeAct.SUBMIT: "dispute.submitted",
    DisputeAct.ACCEPT: "dispute.accepted",
}
_KEPT_OPEN = "a running daemon continues it, and `checkout disputes show` shows the result: do not ask for it again"


class AnswerUnderWay(CheckoutError, code="answer_under_way", status=409, exit_code=4, title="An answer is under way"):
    """Another answer to the dispute has no definite answer from Stripe yet."""


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
    runtime: Runtime, case: DisputeCase, receipt: bytes | None, *, operator: Operator, note: str = ""
) -> Answered:
    """Store the evidence at Stripe without submitting it. Raise as submit_evidence does."""
    return await _answer(runtime, case, DisputeAct.STAGE, receipt, operator, note)


async def accept_dispute(runtime: Runtime, case: DisputeCase, *, operator: Operator, note: str = "") -> Answered:
    """Accept the dispute: the customer keeps the money. This cannot be undone. Raise as submit_evidence does."""
    return await _answer(runtime, case, DisputeAct.ACCEPT, None, operator, note)


async def check_answer(runtime: Runtime, case: DisputeCase, kind: DisputeAct) -> None:
    """Raise NotAnswerable or AnswerUnderWay if Stripe would not be asked. The operator's role is not looked at."""
    await runtime.database.run(_check, case, kind, runtime.settings.livemode)


async def resume_answers(runtime: Runtime) -> int:
    """Resume requests whose answer never came: the command was killed, or Stripe was away. Return how many.

    Each request is claimed first, so no two daemons resume the same one. Without an answer it stays open.
    """
    operator = Operator(DAEMON, socket.gethostname())
    livemode = runtime.settings.livemode
    for resumed in range(_MOST_RESUMED_A_TURN):
        claimed = Stopwatch()
        request = await runtime.database.run_unconfirmed(request_store.claim_request, RESUME_AFTER, livemode=livemode)
        if request is None:
            return resumed
        try:
            await _ask(runtime, request, operator, claimed)
        except (StripeRejected, StripeFailed) as error:
            log.warning("dispute request %s of order %s: %s", request.id, request.order_id, error.detail)
    return _MOST_RESUMED_A_TURN


async def _answer(
    runtime: Runtime, case: DisputeCase, kind: DisputeAct, receipt: bytes | None, operator: Operator, note: str
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


async def begin_answer(
    connection: asyncpg.Connection,
    case: DisputeCase,
    kind: DisputeAct,
    receipt: bytes | None,
    operator: Operator,
    note: str,
    livemode: bool,
) -> DisputeRequest:
    """Write the request, before Stripe is asked; or claim the same one, if its answer never came.

    Raise as submit_evidence does.
    """
    dispute_id = case.dispute.id
    await require_act(connection, {operator})
    merged = await locked_order(connection, case.order_id)
    order = merged.orders[case.order_id]
    check_mode(order, NotAnswerable, livemode=livemode)
    texts = None if kind is DisputeAct.ACCEPT else msgspec.json.encode(dict(case.evidence.texts)).decode()
    open_one = await request_store.unanswered_request(connection, dispute_id, livemode=livemode)
    if open_one is not None:
        return await _continue(connection, open_one, kind, texts)
    _check_waits(merged, case, kind)
    if kind is not DisputeAct.ACCEPT:
        # What was shown is what is sent: a draft that somebody changed meanwhile was not.
        await check_draft(connection, case)
        if not check_evidence(case.evidence.texts).texts:
            raise NotAnswerable(
                f"there is no evidence for dispute {dispute_id}: add some with "
                f"`checkout disputes evidence {dispute_id} --edit`"
            )
        if receipt is not None and len(receipt) > MOST_FILE_BYTES:
            raise NotAnswerable(f"the receipt has {len(receipt):,} bytes, and Stripe takes {MOST_FILE_BYTES:,}")
    now = await read_now(connection)
    request = DisputeRequest(
        str(uuid4()), dispute_id, livemode, case.order_id, kind.value, operator.user, now, texts, receipt
    )
    await request_store.insert_request(connection, request, now + RESUME_AFTER)
    details = {"request": request.id, "dispute": dispute_id, "act": kind.value}
    update = Update("dispute.asked", operator.actor, note, order_ids=[case.order_id], always_logged=True)
    await act(connection, case.order_id, OperatorAction("dispute.asked", operator, note, details), update)
    return request


async def _check(connection: asyncpg.Connection, case: DisputeCase, kind: DisputeAct, livemode: bool) -> None:
    merged = await locked_order(connection, case.order_id)
    check_mode(merged.orders[case.order_id], NotAnswerable, livemode=livemode)
    found = await request_store.unanswered_request(connection, case.dispute.id, livemode=livemode)
    if found is not None:
        raise _under_way(found)
    _check_waits(merged, case, kind)


async def _continue(
    connection: asyncpg.Connection, found: DisputeRequest, kind: DisputeAct, texts: str | None
) -> DisputeRequest:
    """Claim a request whose answer never came, if it is the same one. Raise AnswerUnderWay for another."""
    if (found.act, found.texts) != (kind, texts):
        raise _under_way(found)
    claimed = await request_store.claim_named_request(connection, found.id, RESUME_AFTER)
    return found if claimed is None else claimed


def _under_way(found: DisputeRequest) -> AnswerUnderWay:
    return AnswerUnderWay(
        f"{found.operator} has asked Stripe to {found.act} {_OBJECT[found.act]} of dispute {found.dispute_id}, and "
        "there is no answer yet: wait for it, `checkout disputes show` shows it"
    )


def _check_waits(merged: Merged, case: DisputeCase, kind: DisputeAct) -> None:
    dispute = _fact_of(merged, case)
    number = merged.orders[case.order_id].number
    if dispute is None:
        raise NotAnswerable(f"dispute {case.dispute.id} does not belong to order {number} any more")
    if dispute.status not in UNANSWERED_DISPUTES:
        words = (dispute.unknown or dispute.status.value).replace("_", " ")
        raise NotAnswerable(
            f"dispute {dispute.id} of order {number} is {words}: there is nothing to answer. If Stripe's page differs, "
            f"`checkout sessions sync {number}` reads it again"
        )
    if dispute.status is DisputeStatus.APPEAL_NEEDS_RESPONSE and kind is not DisputeAct.ACCEPT:
        raise NotAnswerable(
            f"dispute {dispute.id} is appealed: Stripe takes evidence of an appeal in its Dashboard only"
        )


def _fact_of(merged: Merged, case: DisputeCase) -> DisputeFact | None:
    return next((fact for fact in merged.facts(case.order_id).disputes if fact.id == case.dispute.id), None)


async def _ask(runtime: Runtime, request: DisputeRequest, operator: Operator, claimed: Stopwatch) -> Answered:
    """Have a request answered. Raise StripeRejected once it is closed; StripeUnavailable while it stays open.

    `claimed` was started before the request was written or claimed.
    """
    if request.attempts and (found := await _find(runtime, request)) is not None:
        return await _take(runtime, request, operator, found)
    if request.age > KEY_LIFETIME:
        await require_clocks(runtime)
        why = "Stripe did not do it within a day: ask for it again"
        await runtime.database.run(_refuse, request, operator, why)
        raise StripeRejected(why)
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
    if claimed.seconds > RESUME_AFTER.total_seconds():
        raise StripeUnavailable(f"dispute request {request.id} was not sent: this process was suspended for too long")


async def _upload(runtime: Runtime, request: DisputeRequest, receipt: bytes) -> str:
    """Upload the receipt and record its id, so that the evidence has the same bytes at each try."""
    fetched = await stripe_disputes.upload_evidence(runtime.gateway, _RECEIPT, receipt, f"{request.key}-receipt")
    return await runtime.database.run(request_store.record_receipt_file, request.id, str(fetched.object["id"]))


async def _find(runtime: Runtime, request: DisputeRequest) -> Fetched | None:
    """Return the dispute if it shows that the request was done, or None. Raise StripeUnavailable."""
    try:
        fetched = await stripe_disputes.retrieve_dispute(runtime.gateway, request.dispute_id)
    except StripeRejected as error:
        raise StripeFailed(f"Stripe does not show dispute {request.dispute_id}: {error.detail}") from error
    return fetched if _shows(fetched.object, request) else None


def _shows(dispute: Mapping[str, Any], request: DisputeRequest) -> bool:
    """Return whether the dispute shows that the request was done, whatever has become of it since."""
    if request.act == DisputeAct.ACCEPT:
        return dispute.get("status") in _GIVEN_UP
    # The call that sends the evidence, and submits it, names the request.
    return (dispute.get("metadata") or {}).get(_REQUEST) == request.id


async def _take(runtime: Runtime, request: DisputeRequest, operator: Operator, fetched: Fetched) -> Answered:
    """Merge the dispute and close its request."""
    translation = dispute_events.translate(
        ObjectSnapshot(fetched.object, fetched.observed_at, "", livemodes(runtime.settings.livemode))
    )
    status = str(fetched.object.get("status"))
    kind = _DONE[request.act]
    update = Update(
        kind,
        operator.actor,
        request.dispute_id,
        translation.subject_id,
        translation.links,
        translation.facts,
        order_ids=[request.order_id],
    )
    details = {"request": request.id, "dispute": request.dispute_id, "status": status}
    action = OperatorAction(kind, operator, details=details)
    return await runtime.database.run(_record, request, status, update, action)


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
        details = {"request": request.id, "dispute": request.dispute_id, "act": request.act, "why": why}
        update = Update("dispute.refused", operator.actor, why, order_ids=[request.order_id], always_logged=True)
        await act(connection, request.order_id, OperatorAction("dispute.refused", operator, details=details), update)
