"""Why an order is in its state: one of these holds for each."""

from __future__ import annotations

from collections.abc import Iterable

from checkout_daemon.ledger.derive import LIVE_REFUNDS, SETTLED_DISPUTES
from checkout_daemon.model.orders import AttentionCode
from checkout_daemon.orders.explaining.case import Case, Finding, ids, money
from checkout_daemon.orders.order_lists import DisputeLine

_SETTLES = "Stripe tells when the money has come or was refused: up to 14 days for some debits"


def disputed(case: Case) -> Iterable[Finding]:
    if case.order.status == "disputed":
        for each in case.view.disputes:
            if each.status not in SETTLED_DISPUTES:
                yield Finding(
                    "disputed",
                    f"Payment {each.payment_id} is disputed ({each.id}, {_words(each.status)}"
                    f"{f', {_words(each.reason)}' if each.reason else ''}).{funds(each)}",
                    None if each.status == "lost" else "Stripe tells how the bank decides; a won dispute ends this.",
                )


def refunded(case: Case) -> Iterable[Finding]:
    if case.order.status in ("refunded", "partially_refunded"):
        live = [each for each in case.view.refunds if each.status in LIVE_REFUNDS or each.unknown]
        yield Finding(
            case.order.status,
            f"{_paid(case)} {money(case.order.amount_refunded, case.order.currency)} of it was given back, in "
            f"{', '.join(each.id for each in live) or 'refunds that are not held'}.",
        )


def completed(case: Case) -> Iterable[Finding]:
    if case.order.status == "completed":
        yield Finding("completed", _paid(case))


def processing(case: Case) -> Iterable[Finding]:
    if case.order.status == "processing":
        for each in case.view.sessions:
            if each.status == "complete" and (each.payment_status == "unpaid" or each.unknown):
                over = AttentionCode.PAYMENT_CANCELED in case.order.attention
                coming = "its payment was canceled: no money is on its way" if over else "the money is on its way"
                yield Finding(
                    "processing",
                    f"The customer went through session {each.id}, made {case.when(each.created_at)}; {coming}"
                    f"{'' if over else ', as with bank debits'}.",
                    "Nothing until Stripe is asked; then the order is failed." if over else f"{_SETTLES}.",
                    case.command("sessions sync"),
                )


def canceled(case: Case) -> Iterable[Finding]:
    if case.order.status == "canceled":
        change = next((each for each in reversed(case.view.changes) if each.cause == "order.canceled"), None)
        who = "" if change is None else f" by {change.actor}, {case.when(change.at)}"
        note = f": {change.note}" if change is not None and change.note else ""
        yield Finding("canceled", f"It was canceled{who}{note}. Nobody can pay it any more.")


def session_open(case: Case) -> Iterable[Finding]:
    if case.order.status == "pending":
        for each in case.open_sessions:
            if each.expires_at is None or each.expires_at > case.now:
                yield Finding(
                    "session_open",
                    f"The customer has not paid yet: session {each.id}, attempt {each.attempt}, made "
                    f"{case.when(each.created_at)}, is open.",
                    f"It can be paid until {case.when(each.expires_at)}; then the order is expired.",
                    case.command("sessions resend"),
                )


def session_overdue(case: Case) -> Iterable[Finding]:
    if case.order.status == "pending":
        for each in case.open_sessions:
            if each.expires_at is not None and each.expires_at <= case.now:
                yield Finding(
                    "session_overdue",
                    f"Session {each.id} must have ended {case.when(each.expires_at)}, and no event told of it.",
                    "A running daemon asks Stripe within minutes.",
                    case.command("sessions sync"),
                )


def session_unanswered(case: Case) -> Iterable[Finding]:
    attempt = case.attempt
    if case.order.status == "pending" and attempt is not None and attempt.session_id is None:
        if case.doubtful:
            yield Finding(
                "session_unanswered",
                f"Stripe was asked for a session {case.when(attempt.started_at)}, and its answer leaves open whether "
                f"it made one: {attempt.error}.",
                "A running daemon looks for it at Stripe for a day, and leaves one way to pay.",
                case.command("sessions resend"),
            )
        elif attempt.rejected or attempt.error:
            said = f": {attempt.error}" if attempt.error else ""
            yield Finding(
                "session_refused",
                f"Stripe refused to make a session when it was asked {case.when(attempt.started_at)}{said}.",
                "Nothing, unless the customer tries again.",
                case.command("sessions resend"),
            )
        else:
            yield Finding(
                "session_unanswered",
                f"Stripe was asked for a session {case.when(attempt.started_at)}, and no answer was kept.",
                "The same question is asked when the customer tries again, and makes no second session.",
                case.command("sessions resend"),
            )


def mismatched(case: Case) -> Iterable[Finding]:
    if case.order.status in ("pending", "failed", "expired") and case.wrong_payments:
        wrong = case.wrong_payments
        told = "; ".join(
            f"{each.id} told of {money(each.amount, each.currency)}{' in live mode' if each.livemode else ''}"
            for each in wrong
        )
        yield Finding(
            "payment_does_not_match",
            f"A payment came that completes nothing: {told}, and the order is "
            f"{money(case.order.amount_total, case.order.currency)}{' in live mode' if case.order.livemode else ''}.",
        )


def payment_failed(case: Case) -> Iterable[Finding]:
    if case.order.status == "failed" and (last := case.last_session) is not None:
        yield Finding(
            "payment_failed",
            f"The customer went through session {last.id}, made {case.when(last.created_at)}, and the payment was "
            f"refused afterwards{case.because}.",
            _nobody(case) or "Nothing, unless the customer tries again on the shop's page.",
            case.resend,
        )


def session_expired(case: Case) -> Iterable[Finding]:
    if case.order.status == "expired" and (last := case.last_session) is not None:
        yield Finding(
            "session_expired",
            f"Session {last.id}, attempt {last.attempt}, made {case.when(last.created_at)}, ended without payment.",
            _nobody(case) or "Nothing: the customer has no link that works, unless they come back to the shop's page.",
            case.resend,
        )


def _nobody(case: Case) -> str | None:
    return "Nothing: there is nobody any more who could pay it." if case.erased else None


def unclear(case: Case) -> Iterable[Finding]:
    """Pending, and none of the rules above knows why."""
    if case.order.status != "pending" or case.open_sessions or case.wrong_payments:
        return
    if case.attempt is None or case.attempt.session_id is not None:
        yield Finding(
            "nothing_known",
            "Nothing is held that says how it goes on.",
            "Nothing by itself.",
            case.command("sessions sync"),
        )


def _paid(case: Case) -> str:
    if not case.order.amount_total:
        return f"It was free, and went through Checkout {case.when(case.order.paid_at)}."
    return f"It was paid in full by {ids(case.valid_payments)}, {case.when(case.order.paid_at)}."


def funds(dispute: DisputeLine) -> str:
    """Return a sentence on where the disputed money is, if Stripe has said so."""
    where = {"withdrawn": "the customer's bank has the money", "reinstated": "Stripe has given us the money back"}
    return f" As last told, {where[dispute.funds]}." if dispute.funds else ""


def _words(code: str) -> str:
    return code.replace("_", " ")
