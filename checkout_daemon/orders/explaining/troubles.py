"""What else is wrong with an order, or under way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import assert_never

from checkout_daemon.backoff import EVENT_TRIES
from checkout_daemon.model.orders import AttentionCode
from checkout_daemon.orders.attention_commands import command_for, open_warnings, refund_again, replacing
from checkout_daemon.orders.dispute_advice import dispute_advice
from checkout_daemon.orders.explaining.case import (
    Case,
    Finding,
    StripeLine,
    money,
    refused_payments,
    valid_payments,
    wrong_payments,
)
from checkout_daemon.orders.order_lists import (
    DisputeLine,
    FraudWarningLine,
    OrderSession,
    OrderView,
    PaymentLine,
    RefundLine,
)
from checkout_daemon.orders.stripe_pages import dispute_url
from checkout_daemon.stripe_api.events import KEPT

PAYMENT_REFUSED = "payment_refused"

ATTENTION_DESCRIPTIONS = {
    AttentionCode.AMOUNT_MISMATCH: "The amount of {subject} is not the order's",
    AttentionCode.CURRENCY_MISMATCH: "The currency of {subject} is not the order's",
    AttentionCode.LIVEMODE_MISMATCH: "The mode of {subject} is not the order's: test and live are mixed",
    AttentionCode.PAID_TWICE: "It was paid more than once: {subject}",
    AttentionCode.PAID_AFTER_CANCEL: "It was paid although it was canceled: {subject}",
    AttentionCode.REFUND_FAILED: "The bank returned the refund {subject}: the customer does not have the money",
    AttentionCode.DISPUTE_NEEDS_RESPONSE: "The dispute {subject} needs our response",
    AttentionCode.DISPUTE_LOST: "The dispute {subject} is lost: the money is gone",
    AttentionCode.DISPUTE_REINSTATED: "The dispute {subject} is lost, and yet Stripe has given the money back",
    AttentionCode.DISPUTE_WITHDRAWN: "The dispute {subject} is over, and the customer's bank has kept the money",
    AttentionCode.UNKNOWN_STATUS: "Stripe reported a status that this version does not know: {subject}",
    AttentionCode.PAYMENT_CANCELED: "The payment of session {subject} was canceled: no money will come",
    AttentionCode.OVERSOLD: "It was paid after its pieces went back on sale, and they are not there for it: {subject}",
    AttentionCode.FRAUD_WARNING: "The card's issuer reports its payment as fraudulent: {subject}",
    AttentionCode.APPEARED_LATE: "{subject} appeared at Stripe after its request was given up: was it requested again",
}
_ASKED_AT_STRIPE = (AttentionCode.UNKNOWN_STATUS, AttentionCode.PAYMENT_CANCELED)
_REPORT_PAYMENT = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "payment_intent.succeeded",
    "charge.succeeded",
)
FRAUD_ADVICE = (
    "Most such payments are disputed within weeks, for a fee: do not send the goods, and refund it before that happens."
)
_UNDER_WAY = timedelta(minutes=2)


def concerned(view: OrderView, code: AttentionCode) -> Sequence[StripeLine | PaymentLine]:
    """Return the Stripe objects that an attention is about. What appeared late is not among them."""
    match code:
        case AttentionCode.AMOUNT_MISMATCH | AttentionCode.CURRENCY_MISMATCH | AttentionCode.LIVEMODE_MISMATCH:
            return wrong_payments(view)
        case AttentionCode.PAID_TWICE | AttentionCode.PAID_AFTER_CANCEL | AttentionCode.OVERSOLD:
            return valid_payments(view)
        case AttentionCode.REFUND_FAILED:
            return [refund for refund in view.refunds if refund.status == "failed"]
        case AttentionCode.DISPUTE_NEEDS_RESPONSE:
            return [dispute for dispute in view.disputes if dispute.status.endswith("needs_response")]
        case AttentionCode.DISPUTE_LOST | AttentionCode.DISPUTE_REINSTATED:
            lost = [dispute for dispute in view.disputes if dispute.status == "lost"]
            reinstated = code is AttentionCode.DISPUTE_REINSTATED
            return [dispute for dispute in lost if (dispute.funds == "reinstated") == reinstated]
        case AttentionCode.DISPUTE_WITHDRAWN:
            over = [dispute for dispute in view.disputes if dispute.status in ("warning_closed", "prevented")]
            return [dispute for dispute in over if dispute.funds == "withdrawn"]
        case AttentionCode.FRAUD_WARNING:
            return open_warnings(view)
        case AttentionCode.UNKNOWN_STATUS:
            lines: tuple[OrderSession | RefundLine | DisputeLine, ...] = (*view.sessions, *view.refunds, *view.disputes)
            return [line for line in lines if line.unknown]
        case AttentionCode.PAYMENT_CANCELED:
            complete = [session for session in view.sessions if session.status == "complete"]
            return [session for session in complete if session.payment_status == "unpaid"]
        case AttentionCode.APPEARED_LATE:
            return ()
        case _:
            assert_never(code)


def subject_words(lines: Sequence[StripeLine | PaymentLine], late: Sequence[str] = ()) -> str:
    """Return the ids of objects that need attention, separated by commas, with the words that are not known."""
    unknown = {
        line.id: line.unknown for line in lines if not isinstance(line, PaymentLine | FraudWarningLine) and line.unknown
    }
    named = {line.id: f"{line.id} ({unknown[line.id]})" if line.id in unknown else line.id for line in lines}
    return ", ".join((*named.values(), *late)) or "A refund or session"


def failed_refund(view: OrderView, refund: RefundLine, acknowledge: str) -> tuple[str, str, str]:
    """Return what became of a failed refund, what follows, and the command that helps.

    `acknowledge` are the words for that, at the end of a sentence. A refund that other refunds may have replaced is not
    advised a second time.
    """
    code = AttentionCode.REFUND_FAILED
    if replaced_by := replacing(view, refund):
        return (
            f"The bank returned the refund {refund.id}, and as much was refunded since then: {replaced_by}",
            "Acknowledge it if that replaces it: this counts for every failed refund of the order. Else refund again: "
            f"`{refund_again(view, refund)}`.",
            f"checkout orders ack {view.order.number} {code.value}",
        )
    return (
        ATTENTION_DESCRIPTIONS[code].format(subject=refund.id),
        f"Nothing: refund again, or pay the customer in another way and {acknowledge}.",
        refund_again(view, refund),
    )


def _attention(case: Case) -> Iterable[Finding]:
    for code in map(AttentionCode, case.order.attention):
        lines = concerned(case.view, code)
        if code is AttentionCode.DISPUTE_NEEDS_RESPONSE:
            yield from _unanswered_disputes(case, lines)
            continue
        lines = [line for line in lines if (code.value, line.id) not in case.acknowledged]
        if code is AttentionCode.REFUND_FAILED and lines:
            yield from _failed_refunds(case, lines)
            continue
        subject = subject_words(lines, case.late if code is AttentionCode.APPEARED_LATE else ())
        acknowledge = case.command("orders ack", code.value)
        command = command_for(case.view, code, subject.replace(", ", ","))
        pieces = f" ({case.oversold})" if code is AttentionCode.OVERSOLD and case.oversold else ""
        yield Finding(
            code.value,
            f"{ATTENTION_DESCRIPTIONS[code].format(subject=subject)}{pieces}.",
            _what_follows(code, acknowledge),
            # `orders explain` is the command that prints this.
            acknowledge if command == case.command("orders explain") else command,
        )


def _what_follows(code: AttentionCode, acknowledge: str) -> str:
    if code in _ASKED_AT_STRIPE:
        return f"Stripe's current answer settles it, if this version knows it; else `{acknowledge}` does."
    if code is AttentionCode.OVERSOLD:
        return f"Nothing: refund it; or deliver it all the same: `{acknowledge}` counts its pieces as sold."
    if code is AttentionCode.FRAUD_WARNING:
        return f"{FRAUD_ADVICE} If you know the customer, `{acknowledge}`."
    return "Nothing: a person must decide."


def _failed_refunds(case: Case, lines: Sequence[StripeLine | PaymentLine]) -> Iterable[Finding]:
    code = AttentionCode.REFUND_FAILED.value
    for line in lines:
        if isinstance(line, RefundLine):
            acknowledge = f"then `{case.command('orders ack', code)}`"
            description, following, command = failed_refund(case.view, line, acknowledge)
            yield Finding(code, f"{description}.", following, command)


def _unanswered_disputes(case: Case, lines: Sequence[StripeLine | PaymentLine]) -> Iterable[Finding]:
    """Find disputes without naming `orders ack`: an alarm that is off does not answer the bank."""
    for line in lines:
        if not isinstance(line, DisputeLine):
            continue
        reason = f" ({line.reason.replace('_', ' ')})" if line.reason else ""
        over = line.due_by is not None and line.due_by <= case.now
        advice = dispute_advice(line.id, line.status, case.order.number, over=over)
        by = "" if line.due_by is None else f" by {case.when(line.due_by)}"
        yield Finding(
            AttentionCode.DISPUTE_NEEDS_RESPONSE.value,
            f"The dispute {line.id} of {money(line.amount, line.currency)}{reason} {'needed' if over else 'needs'} our "
            f"response{by}. {advice.action}",
            advice.otherwise if over else f"{advice.otherwise} Stripe reports a response, which ends this attention.",
            advice.command,
            page=dispute_url(case.stripe_api_base, line.id, line.payment_id, livemode=case.order.livemode),
        )


def _refused_payments(case: Case) -> Iterable[Finding]:
    refused = refused_payments(case.view.events)
    if refused and case.order.status == "pending":
        times = "once" if len(refused) == 1 else f"{len(refused)} times"
        last = case.when(refused[-1].created_at or refused[-1].received_at)
        yield Finding(
            PAYMENT_REFUSED,
            f"The customer tried to pay {times} and was refused, last {last}{case.because}.",
            "The session stays open: they may try another card.",
        )


def _unapplied_event(case: Case) -> Iterable[Finding]:
    for event in case.unapplied:
        yield Finding(
            f"event_{event.status}",
            f"{event.type} {event.id} arrived but could not be applied: {_error(event.last_error)}.",
            f"Nothing: it was tried {event.attempts} times."
            if event.status == "dead"
            else f"It is retried {case.when(event.next_attempt_at)}, attempt {event.attempts + 1} of {EVENT_TRIES}.",
            f"checkout events replay {event.id}",
        )


def _missing_event(case: Case) -> Iterable[Finding]:
    """Find that only a question to Stripe revealed the payment. Other events may be missing as well."""
    paid_at = case.order.paid_at
    reported = any(event.type in _REPORT_PAYMENT for event in (*case.view.events, *case.unapplied))
    reported |= case.order.imported_from is not None
    if not reported and paid_at is not None and case.now - KEPT < paid_at < case.now - _UNDER_WAY:
        since = (paid_at - timedelta(minutes=5)).replace(second=0, microsecond=0)
        yield Finding(
            "event_missing",
            "Stripe was asked and answered that it was paid: no event about the payment has arrived.",
            "A running daemon compares Stripe's list of events with the stored ones every minute.",
            f"checkout events backfill --since {since:%Y-%m-%dT%H:%M:%SZ}",
        )


def _refund_unanswered(case: Case) -> Iterable[Finding]:
    if (request := case.refund_request) is not None:
        yield Finding(
            "refund_unanswered",
            f"Stripe was asked for a refund of {money(request.amount, request.currency)} of {request.payment_id} "
            f"{case.when(request.started_at)}, and has not answered for certain: it is under way.",
            f"A running daemon looks for it at Stripe, next {case.when(request.next_attempt_at)}, and asks again with "
            "the same key, so that it is made once. Do not request it again.",
        )


def _refund_pending(case: Case) -> Iterable[Finding]:
    for refund in case.view.refunds:
        if refund.status in ("pending", "requires_action"):
            needed = refund.status == "requires_action"
            yield Finding(
                "refund_on_its_way",
                f"Refund {refund.id} of {money(refund.amount, refund.currency)} is {refund.status.replace('_', ' ')}, "
                f"since {case.when(refund.created_at)}"
                f"{': the customer must answer an email from Stripe about their bank account' if needed else ''}.",
                "Stripe reports when it has arrived or failed.",
                case.command("sessions sync"),
            )


def _refund_canceled(case: Case) -> Iterable[Finding]:
    for refund in case.view.refunds:
        if refund.status == "canceled" and not replacing(case.view, refund):
            yield Finding(
                "refund_canceled",
                f"Refund {refund.id} of {money(refund.amount, refund.currency)} was canceled: we still have the money.",
                "Nothing: it was not paid out.",
                refund_again(case.view, refund),
            )


def _dispute_won_unpaid(case: Case) -> Iterable[Finding]:
    for dispute in case.view.disputes:
        if dispute.status == "won" and dispute.funds == "withdrawn":
            yield Finding(
                "dispute_won_unpaid",
                f"The dispute {dispute.id} is won, but Stripe has not reported that its money came back.",
                "Stripe returns the money with its next booking, and reports it.",
                case.command("sessions sync"),
            )


def _refund_missing(case: Case) -> Iterable[Finding]:
    for hint in case.hints:
        yield Finding(
            "refund_not_held",
            f"Stripe reported {money(hint.amount_refunded, case.order.currency)} of {hint.charge_id} as refunded, and "
            f"the stored refunds are {money(hint.amount_held, case.order.currency)}.",
            "A running daemon asks Stripe for them within a minute.",
            case.command("sessions sync"),
        )


def _payable_again(case: Case) -> Iterable[Finding]:
    if case.valid_payments or case.order.status == "canceled":
        for session in case.open_sessions:
            if session.expires_at is None or session.expires_at > case.now:
                yield Finding(
                    "second_session_open",
                    f"Session {session.id} is still open, until {case.when(session.expires_at)}, and can be paid.",
                    "It ends then.",
                    f"checkout sessions expire {session.id}",
                )


def _undelivered_message(case: Case) -> Iterable[Finding]:
    for message in case.undelivered:
        dead = message.status == "dead"
        yield Finding(
            f"message_{message.status}",
            f"The {message.kind} by {message.route} was not delivered: {_error(message.last_error)}.",
            f"Nothing: it was tried {message.attempts} times."
            if dead
            else f"It is retried {case.when(message.next_attempt_at)}.",
            f"checkout outbox replay {message.id}" if dead else None,
        )


def _imported(case: Case) -> Iterable[Finding]:
    if case.order.imported_from:
        yield Finding(
            "imported",
            f"It was imported from {case.order.imported_from}, which another system made: nothing was sent to its "
            "customer or the shop's systems about what had happened by then.",
        )


def _customer_erased(case: Case) -> Iterable[Finding]:
    if case.erased:
        yield Finding("customer_erased", "Its customer was erased: nothing can be mailed any more.")


def _error(error: str | None) -> str:
    return error or "the reason was not stored"


TROUBLE_RULES = (
    _attention,
    _refused_payments,
    _unapplied_event,
    _missing_event,
    _refund_unanswered,
    _refund_pending,
    _refund_canceled,
    _dispute_won_unpaid,
    _refund_missing,
    _payable_again,
    _undelivered_message,
    _imported,
    _customer_erased,
)
