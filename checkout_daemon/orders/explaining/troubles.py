"""What else is wrong with an order, or on its way."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from checkout_daemon.backoff import EVENT_TRIES
from checkout_daemon.model.advice import attention_command
from checkout_daemon.model.orders import AttentionCode
from checkout_daemon.orders.explaining.case import Case, Finding, ids, money
from checkout_daemon.stripe_api.events import KEPT

ATTENTION_DESCRIPTIONS = {
    AttentionCode.AMOUNT_MISMATCH: "{subject} told of another amount than the order's",
    AttentionCode.CURRENCY_MISMATCH: "{subject} told of another currency than the order's",
    AttentionCode.LIVEMODE_MISMATCH: "{subject} was told in the other mode than the order's: test and live are mixed",
    AttentionCode.PAID_TWICE: "It was paid more than once: {subject}",
    AttentionCode.PAID_AFTER_CANCEL: "It was paid though it was canceled: {subject}",
    AttentionCode.REFUND_FAILED: "The bank sent the refund {subject} back: the customer does not have the money",
    AttentionCode.DISPUTE_NEEDS_RESPONSE: "The dispute {subject} waits for an answer of ours, in Stripe's dashboard",
    AttentionCode.DISPUTE_LOST: "The dispute {subject} is lost: the money is gone",
    AttentionCode.DISPUTE_REINSTATED: "The dispute {subject} is lost, and yet Stripe has given the money back",
    AttentionCode.DISPUTE_WITHDRAWN: "The dispute {subject} is over, and the customer's bank has kept the money",
    AttentionCode.UNKNOWN_STATUS: "Stripe reported a status that this version does not know: {subject}",
    AttentionCode.PAYMENT_CANCELED: "The payment of session {subject} was canceled: no money will come of it",
    AttentionCode.APPEARED_LATE: "{subject} appeared at Stripe after its request was given up: was it asked for again",
}
_SUBJECTS = {
    AttentionCode.AMOUNT_MISMATCH: lambda case: ids(case.wrong_payments),
    AttentionCode.CURRENCY_MISMATCH: lambda case: ids(case.wrong_payments),
    AttentionCode.LIVEMODE_MISMATCH: lambda case: ids(case.wrong_payments),
    AttentionCode.PAID_TWICE: lambda case: ids(case.valid_payments),
    AttentionCode.PAID_AFTER_CANCEL: lambda case: ids(case.valid_payments),
    AttentionCode.REFUND_FAILED: lambda case: ", ".join(
        each.id for each in case.view.refunds if each.status == "failed"
    ),
    AttentionCode.DISPUTE_NEEDS_RESPONSE: lambda case: ", ".join(
        each.id for each in case.view.disputes if each.status.endswith("needs_response")
    ),
    AttentionCode.DISPUTE_LOST: lambda case: _lost(case, reinstated=False),
    AttentionCode.DISPUTE_REINSTATED: lambda case: _lost(case, reinstated=True),
    AttentionCode.DISPUTE_WITHDRAWN: lambda case: ", ".join(
        each.id
        for each in case.view.disputes
        if each.status in ("warning_closed", "prevented") and each.funds == "withdrawn"
    ),
    AttentionCode.UNKNOWN_STATUS: lambda case: ", ".join(
        f"{each.id} ({each.unknown})"
        for each in (*case.view.sessions, *case.view.refunds, *case.view.disputes)
        if each.unknown
    ),
    AttentionCode.PAYMENT_CANCELED: lambda case: ", ".join(
        each.id for each in case.view.sessions if each.status == "complete" and each.payment_status == "unpaid"
    ),
    AttentionCode.APPEARED_LATE: lambda case: ", ".join(case.late) or "A refund or session",
}
_ASKED_AT_STRIPE = (AttentionCode.UNKNOWN_STATUS, AttentionCode.PAYMENT_CANCELED)
_TOLD_OF_PAYMENT = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "payment_intent.succeeded",
    "charge.succeeded",
)
_UNDER_WAY = timedelta(minutes=2)


def _lost(case: Case, *, reinstated: bool) -> str:
    lost = [each for each in case.view.disputes if each.status == "lost"]
    return ", ".join(each.id for each in lost if (each.funds == "reinstated") == reinstated)


def attention(case: Case) -> Iterable[Finding]:
    for code in map(AttentionCode, case.order.attention):
        subject = _SUBJECTS[code](case)
        acknowledge = case.command("orders ack", code.value)
        looks = case.command("orders explain")  # where we are: nothing to be put right by it
        command = attention_command(code, subject.replace(", ", ","), case.order.number)
        yield Finding(
            code.value,
            f"{ATTENTION_DESCRIPTIONS[code].format(subject=subject)}.",
            "Nothing: a person must decide."
            if code not in _ASKED_AT_STRIPE
            else f"What Stripe answers now settles it, if this version knows it; else `{acknowledge}` does.",
            acknowledge if command == looks else command,
        )


def refused_tries(case: Case) -> Iterable[Finding]:
    if case.tries and case.order.status == "pending":
        last, times = case.tries[-1], len(case.tries)
        yield Finding(
            "payment_refused",
            f"The customer tried to pay {'once' if times == 1 else f'{times} times'} and was refused, last "
            f"{case.when(last.created_at or last.received_at)}{case.because}.",
            "The session stays open: they may try another card.",
        )


def unapplied_event(case: Case) -> Iterable[Finding]:
    for each in case.unapplied:
        error = each.last_error or "the reason was not kept"
        if each.status == "dead":
            coming = f"Nothing: it was tried {each.attempts} times."
        else:
            coming = (
                f"It is tried again {case.when(each.next_attempt_at)}, attempt {each.attempts + 1} of {EVENT_TRIES}."
            )
        yield Finding(
            f"event_{each.status}",
            f"{each.type} {each.id} came and could not be applied: {error}.",
            coming,
            f"checkout events replay {each.id}",
        )


def missing_event(case: Case) -> Iterable[Finding]:
    """It was paid, and we know it from asking Stripe only: what else did not arrive?"""
    if any(each.type in _TOLD_OF_PAYMENT for each in (*case.view.events, *case.unapplied)):
        return
    paid_at = case.order.paid_at
    if paid_at is not None and case.now - KEPT < paid_at < case.now - _UNDER_WAY:
        since = (paid_at - timedelta(minutes=5)).replace(second=0, microsecond=0)
        yield Finding(
            "event_missing",
            "That it was paid is known from asking Stripe: no event of it has arrived.",
            "A running daemon compares Stripe's list of events with what is held every minute.",
            f"checkout events backfill --since {since:%Y-%m-%dT%H:%M:%SZ}",
        )


def refund_unanswered(case: Case) -> Iterable[Finding]:
    if (request := case.refund_request) is not None:
        yield Finding(
            "refund_unanswered",
            f"A refund of {money(request.amount, request.currency)} of {request.payment_id} was asked of Stripe "
            f"{case.when(request.started_at)}, and there is no certain answer: it is under way.",
            f"A running daemon looks for it at Stripe, next {case.when(request.next_attempt_at)}, and asks again with "
            "the same key, so that it is made once. Do not ask for it again.",
        )


def refund_on_its_way(case: Case) -> Iterable[Finding]:
    for each in case.view.refunds:
        if each.status in ("pending", "requires_action"):
            needed = each.status == "requires_action"
            yield Finding(
                "refund_on_its_way",
                f"Refund {each.id} of {money(each.amount, each.currency)} is {each.status.replace('_', ' ')}, since "
                f"{case.when(each.created_at)}"
                f"{': the customer has to answer a mail of Stripe about their bank account' if needed else ''}.",
                "Stripe tells when it has arrived or failed.",
                case.command("sessions sync"),
            )


def refund_undone(case: Case) -> Iterable[Finding]:
    for each in case.view.refunds:
        if each.status == "canceled":
            yield Finding(
                "refund_canceled",
                f"Refund {each.id} of {money(each.amount, each.currency)} was canceled: the money is still ours.",
                "Nothing: it was not given back.",
                case.command("orders refund"),
            )


def won_and_not_reinstated(case: Case) -> Iterable[Finding]:
    for each in case.view.disputes:
        if each.status == "won" and each.funds == "withdrawn":
            yield Finding(
                "dispute_won_unpaid",
                f"The dispute {each.id} is won, and that its money came back has not been told.",
                "Stripe gives it back with its next booking, and tells.",
                case.command("sessions sync"),
            )


def refund_hinted(case: Case) -> Iterable[Finding]:
    for each in case.hints:
        yield Finding(
            "refund_not_held",
            f"Stripe told that {money(each.amount_refunded, case.order.currency)} of {each.charge_id} was given back, "
            f"and the refunds held are {money(each.amount_held, case.order.currency)}.",
            "A running daemon asks Stripe for them within a minute.",
            case.command("sessions sync"),
        )


def payable_though_paid(case: Case) -> Iterable[Finding]:
    if case.valid_payments or case.order.status == "canceled":
        for each in case.open_sessions:
            if each.expires_at is None or each.expires_at > case.now:
                yield Finding(
                    "second_session_open",
                    f"Session {each.id} is open all the same, until {case.when(each.expires_at)}, and can be paid.",
                    "It ends then.",
                    f"checkout sessions expire {each.id}",
                )


def undelivered_message(case: Case) -> Iterable[Finding]:
    for each in case.undelivered:
        error = each.last_error or "the reason was not kept"
        dead = each.status == "dead"
        yield Finding(
            f"message_{each.status}",
            f"The {each.channel} {each.kind} was not delivered: {error}.",
            f"Nothing: it was tried {each.attempts} times."
            if dead
            else f"It is tried again {case.when(each.next_attempt_at)}.",
            f"checkout outbox replay {each.id}" if dead else None,
        )


def customer_erased(case: Case) -> Iterable[Finding]:
    if case.erased:
        yield Finding("customer_erased", "Its customer was forgotten: nothing can be mailed any more.")
