"""Decides about early fraud warnings by CHECKOUT_FRAUD_WARNING: refund the payment, ask a person, or ignore it.

Each warning is decided once, in the transaction that writes the refund request: a daemon that is killed at any moment
refunds once. A repeated warning refunds nothing more, nor does one that a person has acknowledged, or whose payment is
refunded or disputed already.
"""

from __future__ import annotations

import logging
import re
import socket
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

import asyncpg

from checkout_daemon.audit.audit_log import OperatorAction, act
from checkout_daemon.audit.operators import DAEMON, Operator
from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import LONG_AGO
from checkout_daemon.errors import CheckoutError, DatabaseUnavailable, StripeRejected, why
from checkout_daemon.ledger.derive import can_be_averted
from checkout_daemon.ledger.facts import Act, ActKind
from checkout_daemon.ledger.fraud_facts import FraudWarning
from checkout_daemon.ledger.merge import Merged, Update, locked_order
from checkout_daemon.model.money import format_money
from checkout_daemon.model.orders import AttentionCode
from checkout_daemon.orders.refund_request_store import RefundRequest
from checkout_daemon.orders.refund_rules import NotRefundable, RefundOptions, RefundPlan, RefundUnderWay
from checkout_daemon.orders.refunding import begin_refund, plan_in, send_request
from checkout_daemon.patience import Stopwatch
from checkout_daemon.runtime import Runtime
from checkout_daemon.settings import Settings

log = logging.getLogger(__name__)

_REQUESTS = UUID("a3b0c7d4-51f6-4c0e-9a55-0d8a4c1f7e21")
_PAGE = 50
_FRAUD_TYPE = re.compile(r"[a-z_]{1,60}")
RISKS = ("normal", "elevated", "highest")
"""Stripe's levels of risk, the lowest first."""


class Decision(StrEnum):
    """What was decided about a warning.

    SETTLED: nothing, since a person acknowledged it before, or its payment was disputed or refunded.
    """

    REFUND = "refund"
    ASK = "ask"
    IGNORE = "ignore"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class _Undecided:
    """A warning without a decision, and its order."""

    id: str
    livemode: bool
    order_id: str
    number: int


async def decide_fraud_warnings(runtime: Runtime) -> int:
    """Decide about the warnings of paid orders, refund those that are to be, and return how many were decided.

    A warning that fails holds up none of the others: its error is raised at the end of the turn.
    """
    operator = Operator(DAEMON, socket.gethostname())
    livemode = runtime.settings.livemode
    decided, failure = 0, None
    place = (LONG_AGO, "")
    while True:
        async with runtime.database.connection() as connection:
            rows = await connection.fetch(sql("undecided_fraud_warnings"), livemode, _PAGE, *place)
        for row in rows:
            wanted = _Undecided(row["id"], livemode, str(row["order_id"]), row["number"])
            try:
                decided += await _settle(runtime, wanted, operator)
            except DatabaseUnavailable:
                raise
            except Exception as error:  # noqa: BLE001 - the edge of one warning
                detail = error.detail if isinstance(error, CheckoutError) else why(error)
                log.warning("order %d, early fraud warning %s: %s", wanted.number, wanted.id, detail)
                failure = error
        if len(rows) < _PAGE:
            break
        place = (rows[-1]["created_at"], rows[-1]["id"])
    if failure is not None:
        raise failure
    return decided


async def is_under_way(
    connection: asyncpg.Connection, warning_id: str, order_id: str, since: datetime, *, livemode: bool
) -> bool:
    """Return whether a warning may yet be refunded or ignored without a person.

    It is undecided, or a refund of its order has no answer yet. That is waited for a quarter of an hour from `since`.
    """
    return bool(await connection.fetchval(sql("fraud_warning_waits"), warning_id, livemode, order_id, since))


async def _settle(runtime: Runtime, wanted: _Undecided, operator: Operator) -> bool:
    """Decide about a warning and carry out its refund. Return False if another daemon did, or it has to wait.

    Without an answer of Stripe, the job for refunds continues the refund.
    """
    claimed = Stopwatch()
    decision, request = await runtime.database.run(_decide, wanted, operator, runtime.settings)
    if request is not None and request.refund_id is None and request.error is None:
        try:
            await send_request(runtime, request, operator, claimed)
        except StripeRejected as error:
            log.warning(
                "order %d has an early fraud warning, and its refund is refused: %s", wanted.number, error.detail
            )
    return decision is not None


def _request_id(wanted: _Undecided) -> str:
    return str(uuid5(_REQUESTS, f"{wanted.livemode} {wanted.id}"))


async def _decide(
    connection: asyncpg.Connection, wanted: _Undecided, operator: Operator, settings: Settings
) -> tuple[Decision | None, RefundRequest | None]:
    """Decide about a warning and write what follows, and return the refund to send, if there is one.

    The decision is None if another daemon has decided, or it has to wait.
    """
    merged = await locked_order(connection, wanted.order_id)
    facts = merged.facts(wanted.order_id)
    warning = next((fact for fact in facts.warnings if fact.id == wanted.id), None)
    undecided = await connection.fetchval(sql("lock_fraud_warning"), wanted.id, wanted.livemode)
    if warning is None or not undecided:
        return None, None
    if warning.actionable and warning.payment_id not in facts.payments:
        return None, None  # the order was paid by another payment; this one may be reported yet
    try:
        decision, request = await _decide_about(connection, wanted, merged, warning, operator, settings)
    except RefundUnderWay:
        return None, None  # once that refund is answered, it is clear whether anything is left
    await connection.execute(sql("record_fraud_decision"), wanted.id, wanted.livemode, decision)
    return decision, request


async def _decide_about(
    connection: asyncpg.Connection,
    wanted: _Undecided,
    merged: Merged,
    warning: FraudWarning,
    operator: Operator,
    settings: Settings,
) -> tuple[Decision, RefundRequest | None]:
    facts = merged.facts(wanted.order_id)
    if Act(ActKind.ACKNOWLEDGED, AttentionCode.FRAUD_WARNING.value, wanted.id) in facts.acts:
        return Decision.SETTLED, None
    if not can_be_averted(warning, facts):
        if any(dispute.payment_id == warning.payment_id for dispute in facts.disputes):
            await _note(
                connection, wanted, operator, f"{_named(warning)}: not refunded, because it is disputed already"
            )
        return Decision.SETTLED, None
    if settings.fraud_warning == "ignore":
        await _ignore(connection, wanted, operator)
        return Decision.IGNORE, None
    if settings.fraud_warning == "ask":
        return Decision.ASK, None
    options = RefundOptions(payment_id=warning.payment_id, reason="fraudulent")
    try:
        planned = await plan_in(connection, wanted.order_id, options, livemode=wanted.livemode)
    except NotRefundable as error:
        why_not: str | None = error.detail
    else:
        why_not = too_much(planned, settings) or await _too_little_risk(connection, warning, settings)
    if why_not is not None:
        await _note(connection, wanted, operator, f"{_named(warning)}: left to a person, because {why_not}")
        return Decision.ASK, None
    options = planned.confirmed("fraudulent")
    note = f"refunded because of an early fraud warning: {_named(warning)}"
    request = await begin_refund(
        connection, wanted.order_id, options, operator, note, _request_id(wanted), livemode=wanted.livemode
    )
    return Decision.REFUND, request


def too_much(planned: RefundPlan, settings: Settings) -> str | None:
    """Return why an amount is not refunded without a person, or None if it may be."""
    parts = [part.lower().partition(":") for part in settings.fraud_refund_up_to]
    most = {currency: int(amount) for currency, _, amount in parts}
    if not most:
        return None
    amount = format_money(planned.amount, planned.currency)
    if planned.currency not in most:
        return f"CHECKOUT_FRAUD_REFUND_UP_TO names no amount in {planned.currency.upper()}"
    if planned.amount <= most[planned.currency]:
        return None
    allowed = format_money(most[planned.currency], planned.currency)
    return f"{amount} is more than the {allowed} of CHECKOUT_FRAUD_REFUND_UP_TO"


async def _too_little_risk(connection: asyncpg.Connection, warning: FraudWarning, settings: Settings) -> str | None:
    """Return why a payment is not refunded without a person: Stripe had assessed a lower risk, or none."""
    least = settings.fraud_refund_risk
    if least == RISKS[0]:
        return None
    level = await connection.fetchval(sql("risk_of_payment"), warning.payment_id, warning.livemode)
    if level in RISKS and RISKS.index(level) >= RISKS.index(least):
        return None
    return f"the risk that Stripe had assessed is {level or 'unknown'}, and CHECKOUT_FRAUD_REFUND_RISK is {least}"


async def _ignore(connection: asyncpg.Connection, wanted: _Undecided, operator: Operator) -> None:
    code = AttentionCode.FRAUD_WARNING.value
    note = "CHECKOUT_FRAUD_WARNING is ignore"
    acts = [(wanted.order_id, Act(ActKind.ACKNOWLEDGED, code, wanted.id))]
    update = Update("order.acknowledged", operator.actor, note, acts=acts, always_logged=True)
    details: dict[str, Any] = {"reason": code, "subjects": [wanted.id]}
    await act(connection, wanted.order_id, OperatorAction("order.acknowledged", operator, note, details), update)


async def _note(connection: asyncpg.Connection, wanted: _Undecided, operator: Operator, note: str) -> None:
    """Write into the order's history why nothing was refunded."""
    update = Update("order.noted", operator.actor, note, order_ids=[wanted.order_id], always_logged=True)
    await act(connection, wanted.order_id, OperatorAction("order.noted", operator, note), update)


def _named(warning: FraudWarning) -> str:
    kind = warning.fraud_type or ""
    return f"{warning.id} ({kind.replace('_', ' ')})" if _FRAUD_TYPE.fullmatch(kind) else warning.id
