"""Why an order has its status: the rules of each status. At least one of them finds something."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from checkout_daemon.ledger.derive import LIVE_REFUNDS, SETTLED_DISPUTES
from checkout_daemon.model.orders import AttentionCode, OrderStatus
from checkout_daemon.orders.dispute_advice import is_inquiry
from checkout_daemon.orders.explaining.case import Case, Finding, Rule, ids, money

_FUNDS = {"withdrawn": "the customer's bank has the money", "reinstated": "Stripe has given us the money back"}


def _disputed(case: Case) -> Iterable[Finding]:
    for dispute in case.view.disputes:
        if dispute.status not in SETTLED_DISPUTES:
            reason = f", {_words(dispute.reason)}" if dispute.reason else ""
            funds = f" By the latest report, {_FUNDS[dispute.funds]}." if dispute.funds else ""
            yield Finding(
                "disputed",
                f"Payment {dispute.payment_id} is disputed ({dispute.id}, {_words(dispute.status)}{reason}).{funds}",
                _decided(dispute.status),
            )


def _decided(status: str) -> str | None:
    if status == "lost":
        return None
    if is_inquiry(status):
        return "Stripe reports when the bank closes the inquiry, which ends this, or opens a dispute."
    return "Stripe reports the bank's decision; a won dispute ends this."


def _refunded(case: Case) -> Iterable[Finding]:
    live = ids(refund for refund in case.view.refunds if refund.status in LIVE_REFUNDS or refund.unknown)
    yield Finding(
        case.order.status,
        f"{_paid(case)} {money(case.order.amount_refunded, case.order.currency)} of it was refunded, by "
        f"{live or 'refunds that are not stored'}.",
    )


def _completed(case: Case) -> Iterable[Finding]:
    yield Finding("completed", _paid(case))


def _processing(case: Case) -> Iterable[Finding]:
    canceled = AttentionCode.PAYMENT_CANCELED in case.order.attention
    for session in case.view.sessions:
        if session.status == "complete" and (session.payment_status == "unpaid" or session.unknown):
            yield Finding(
                "processing",
                f"The customer completed session {session.id}, created {case.when(session.created_at)}; "
                + ("its payment was canceled: no money will come." if canceled else "the money is on its way."),
                "Nothing until Stripe is asked; then the order is failed."
                if canceled
                else "Stripe reports when the money arrives or is refused: up to 14 days for some bank debits.",
                case.command("sessions sync"),
            )


def _canceled(case: Case) -> Iterable[Finding]:
    change = next((change for change in reversed(case.view.changes) if change.cause == "order.canceled"), None)
    actor = "" if change is None else f" by {change.actor}, {case.when(change.at)}"
    note = f": {change.note}" if change is not None and change.note else ""
    yield Finding("canceled", f"It was canceled{actor}{note}. Nobody can pay it any more.")


def _session_open(case: Case) -> Iterable[Finding]:
    for session in case.open_sessions:
        if session.expires_at is None or session.expires_at > case.now:
            yield Finding(
                "session_open",
                f"The customer has not paid yet: session {session.id}, attempt {session.attempt}, created "
                f"{case.when(session.created_at)}, is open.",
                f"It can be paid until {case.when(session.expires_at)}; then the order expires.",
                case.command("sessions resend"),
            )


def _session_overdue(case: Case) -> Iterable[Finding]:
    for session in case.open_sessions:
        if session.expires_at is not None and session.expires_at <= case.now:
            yield Finding(
                "session_overdue",
                f"Session {session.id} must have ended {case.when(session.expires_at)}, but no event reported it.",
                "A running daemon asks Stripe within minutes.",
                case.command("sessions sync"),
            )


def _session_unanswered(case: Case) -> Iterable[Finding]:
    attempt = case.attempt
    if attempt is None or attempt.session_id is not None:
        return
    code, asked = "session_unanswered", f"Stripe was asked for a session {case.when(attempt.started_at)}"
    if case.doubtful:
        description = f"{asked}, and its answer leaves open whether it made one: {attempt.error}."
        coming = "A running daemon looks for it at Stripe for a day, and leaves one way to pay."
    elif attempt.rejected or attempt.error:
        code, description = "session_refused", f"{asked}, and refused{f': {attempt.error}' if attempt.error else ''}."
        coming = "Nothing, unless the customer tries again."
    elif any(session.attempt < attempt.number for session in case.open_sessions):
        description = "The open session was to be replaced by a longer one, and that was interrupted."
        coming = "When the customer tries again, the open one is ended and another one is made."
    else:
        description = f"{asked}, and no answer was stored."
        coming = "When the customer tries again, the same request is repeated. It makes no second session."
    yield Finding(code, description, coming, case.command("sessions resend"))


def _mismatched(case: Case) -> Iterable[Finding]:
    if not case.wrong_payments:
        return
    reported = "; ".join(
        f"{payment.id} is {_amount(payment.amount, payment.currency, livemode=payment.livemode)}"
        for payment in case.wrong_payments
    )
    owed = _amount(case.order.amount_total, case.order.currency, livemode=case.order.livemode)
    yield Finding(
        "payment_does_not_match", f"A payment does not complete the order: {reported}, and the order is {owed}."
    )


def _payment_failed(case: Case) -> Iterable[Finding]:
    if (last := case.last_session) is not None:
        yield Finding(
            "payment_failed",
            f"The customer completed session {last.id}, created {case.when(last.created_at)}, and the payment was "
            f"refused afterwards{case.because}.",
            _next_payment(case, "Nothing, unless the customer tries again on the shop's page."),
            case.resend,
        )


def _session_expired(case: Case) -> Iterable[Finding]:
    if (last := case.last_session) is not None:
        yield Finding(
            "session_expired",
            f"Session {last.id}, attempt {last.attempt}, created {case.when(last.created_at)}, ended without payment.",
            _next_payment(case, "Nothing: the customer has no working link, unless they come back to the shop's page."),
            case.resend,
        )


def _unclear(case: Case) -> Iterable[Finding]:
    """Find that no other rule of a pending order explains it."""
    answered = case.attempt is None or case.attempt.session_id is not None
    if answered and not case.open_sessions and not case.wrong_payments:
        yield Finding(
            "nothing_known",
            "Nothing that is stored shows what happens next.",
            "Nothing.",
            case.command("sessions sync"),
        )


STATE_RULES: Mapping[str, tuple[Rule, ...]] = {
    OrderStatus.DISPUTED: (_disputed,),
    OrderStatus.REFUNDED: (_refunded,),
    OrderStatus.PARTIALLY_REFUNDED: (_refunded,),
    OrderStatus.COMPLETED: (_completed,),
    OrderStatus.PROCESSING: (_processing,),
    OrderStatus.CANCELED: (_canceled,),
    OrderStatus.PENDING: (_session_open, _session_overdue, _session_unanswered, _mismatched, _unclear),
    OrderStatus.FAILED: (_mismatched, _payment_failed),
    OrderStatus.EXPIRED: (_mismatched, _session_expired),
}


def _next_payment(case: Case, otherwise: str) -> str:
    return "Nothing: the customer was erased, so nobody can pay it." if case.erased else otherwise


def _paid(case: Case) -> str:
    if not case.order.amount_total:
        return f"It was free, and went through Checkout {case.when(case.order.paid_at)}."
    return f"It was paid in full by {ids(case.valid_payments)}, {case.when(case.order.paid_at)}{_with(case)}."


def _with(case: Case) -> str:
    """Return the cards or accounts that paid, and the risk that Stripe saw in them."""
    paid = {payment.id for payment in case.valid_payments}
    found = [charge for charge in case.view.charges if charge.payment_id in paid and charge.status == "succeeded"]
    named = [f"{charge.described}{f', {charge.risk}' if charge.risk else ''}" for charge in found if charge.described]
    return f", with {' and '.join(named)}" if named else ""


def _amount(amount: int | None, currency: str | None, *, livemode: bool | None) -> str:
    return f"{money(amount, currency)}{' in live mode' if livemode else ''}"


def _words(code: str) -> str:
    return code.replace("_", " ")
