"""Begins an answer to a dispute: writes its request under the order's lock, unless it can lead to nothing."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

import asyncpg
import msgspec

from checkout_daemon.audit.audit_log import OperatorAction, act
from checkout_daemon.audit.operators import Operator
from checkout_daemon.audit.rights import require_act
from checkout_daemon.database.server import read_now
from checkout_daemon.disputes import request_store
from checkout_daemon.disputes.drafts import DisputeCase, NotAnswerable, check_draft, waiting_fact
from checkout_daemon.disputes.evidence_fields import MOST_FILE_BYTES, TEXTS, Evidence, check_evidence
from checkout_daemon.disputes.request_store import DisputeAct, DisputeRequest
from checkout_daemon.errors import CheckoutError
from checkout_daemon.ledger.merge import Merged, Update, locked_order
from checkout_daemon.ledger.order_states import check_mode

_OBJECT: Mapping[str, str] = {
    DisputeAct.STAGE: "the evidence",
    DisputeAct.SUBMIT: "the evidence",
    DisputeAct.ACCEPT: "the loss",
}


class AnswerUnderWay(CheckoutError, code="answer_under_way", status=409, exit_code=4, title="An answer is under way"):
    """Another answer to the dispute has no definite answer from Stripe yet."""


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
    texts = None if kind is DisputeAct.ACCEPT else _frozen(case.evidence)
    open_one = await request_store.unanswered_request(connection, dispute_id, livemode=livemode)
    if open_one is not None:
        return await _continue(connection, open_one, case, kind, texts, receipt)
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
        str(uuid4()),
        dispute_id,
        livemode,
        case.order_id,
        kind.value,
        operator.user,
        now,
        texts,
        receipt,
        shown_status=case.dispute.status,
    )
    await request_store.insert_request(connection, request, now + request_store.RESUME_AFTER)
    details = {"request": request.id, "dispute": dispute_id, "act": kind.value}
    update = Update("dispute.asked", operator.actor, note, order_ids=[case.order_id], always_logged=True)
    await act(connection, case.order_id, OperatorAction("dispute.asked", operator, note, details), update)
    return request


async def check_answer_in(connection: asyncpg.Connection, case: DisputeCase, kind: DisputeAct, livemode: bool) -> None:
    """Raise NotAnswerable or AnswerUnderWay if begin_answer would, whatever the operator's role."""
    merged = await locked_order(connection, case.order_id)
    check_mode(merged.orders[case.order_id], NotAnswerable, livemode=livemode)
    found = await request_store.unanswered_request(connection, case.dispute.id, livemode=livemode)
    if found is not None:
        raise _under_way(found)
    _check_waits(merged, case, kind)


async def _continue(
    connection: asyncpg.Connection,
    found: DisputeRequest,
    case: DisputeCase,
    kind: DisputeAct,
    texts: str | None,
    receipt: bytes | None,
) -> DisputeRequest:
    """Claim a request whose answer never came, if it is the same one. Raise AnswerUnderWay for another."""
    same = (found.act, found.texts, found.receipt is None) == (kind, texts, receipt is None)
    if not same or (kind is DisputeAct.ACCEPT and found.shown_status not in (None, case.dispute.status)):
        raise _under_way(found)
    claimed = await request_store.claim_named_request(connection, found.id, request_store.RESUME_AFTER)
    return found if claimed is None else claimed


def _frozen(evidence: Evidence) -> str:
    """Return every text as JSON, also those that are empty: Stripe keeps what it has of a text that is not named."""
    return msgspec.json.encode({name: evidence.texts.get(name, "") for name in TEXTS}).decode()


def _under_way(found: DisputeRequest) -> AnswerUnderWay:
    return AnswerUnderWay(
        f"{found.operator} has asked Stripe to {found.act} {_OBJECT[found.act]} of dispute {found.dispute_id}, and "
        "there is no answer yet: wait for it, `checkout disputes show` shows it"
    )


def _check_waits(merged: Merged, case: DisputeCase, kind: DisputeAct) -> None:
    dispute = waiting_fact(merged, case, evidence=kind is not DisputeAct.ACCEPT)
    if dispute.status != case.dispute.status:
        was, now = (status.replace("_", " ") for status in (case.dispute.status, dispute.status.value))
        raise NotAnswerable(
            f"dispute {dispute.id} of order {case.dispute.number} was {was} when it was shown, and is {now}: look at "
            f"it again with `checkout disputes show {dispute.id}`"
        )
