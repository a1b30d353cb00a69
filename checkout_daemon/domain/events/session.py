"""checkout.session.*: the session itself, whose it is, and what it says of its payment."""

from __future__ import annotations

from checkout_daemon.domain.events import payment_intent
from checkout_daemon.domain.events.reading import (
    Object,
    ObjectSnapshot,
    Translation,
    UnreadableObject,
    child,
    choice,
    moment,
    named_attempt,
    observations,
    order_link,
    reference_link,
    stripe_id,
    text,
    unknown_values,
)
from checkout_daemon.domain.facts import Link, LinkRank, PaymentStatus, SessionFact, SessionStatus, later

# Of these modes an amount may be absent though nothing is owed: https://docs.stripe.com/api/checkout/sessions/object
_MODES_WITHOUT_AMOUNT = ("setup", "subscription")


def completed(snapshot: ObjectSnapshot) -> Translation:
    """Complete is not paid: with payment_status=unpaid a delayed method is still on its way."""
    return _translate(snapshot, SessionStatus.COMPLETE, PaymentStatus.UNPAID)


def async_payment_succeeded(snapshot: ObjectSnapshot) -> Translation:
    absent = snapshot.object.get("payment_status") is None
    return _translate(snapshot, SessionStatus.COMPLETE, PaymentStatus.PAID if absent else PaymentStatus.UNPAID)


def async_payment_failed(snapshot: ObjectSnapshot) -> Translation:
    return _translate(snapshot, SessionStatus.COMPLETE, PaymentStatus.FAILED)


def expired(snapshot: ObjectSnapshot) -> Translation:
    return _translate(snapshot, SessionStatus.EXPIRED, PaymentStatus.UNPAID)


def fetched(snapshot: ObjectSnapshot) -> Translation:
    """A session as Stripe's API answered it, with its PaymentIntent and charge expanded where it has them."""
    translation = _translate(snapshot, SessionStatus.OPEN, _outcome_of_intent(snapshot))
    if (intent := child(snapshot.object, "payment_intent")) is not None:
        of_intent = payment_intent.fetched(
            ObjectSnapshot(intent, snapshot.observed_at, snapshot.event_id, snapshot.modes)
        )
        translation.links += of_intent.links
        translation.facts += of_intent.facts
    return translation


def _attempt(session: Object) -> int:
    """Return the attempt that the metadata of a session of ours names; 0 for a session that is not ours."""
    named = named_attempt(session)
    return named[1] if named is not None and session.get("client_reference_id") == named[0] else 0


def _outcome_of_intent(snapshot: ObjectSnapshot) -> PaymentStatus:
    """A delayed payment that failed: its session alone would look as if it were still processing."""
    intent = child(snapshot.object, "payment_intent")
    over = intent is not None and intent.get("status") in ("requires_payment_method", "canceled")
    return PaymentStatus.FAILED if over and snapshot.object.get("status") == "complete" else PaymentStatus.UNPAID


def _translate(snapshot: ObjectSnapshot, at_least: SessionStatus, outcome_at_least: PaymentStatus) -> Translation:
    session = snapshot.object
    session_id = stripe_id(session, "id")
    if session_id is None:
        raise UnreadableObject("checkout.session.id is missing")
    payment_id = stripe_id(session, "payment_intent")
    named_status, unknown_status = choice(session, "status", SessionStatus)
    named_outcome, unknown_outcome = choice(session, "payment_status", PaymentStatus)
    status = later(named_status or at_least, at_least)
    outcome = later(named_outcome or outcome_at_least, outcome_at_least)
    translation = Translation(subject_id=session_id)
    translation.links += reference_link(session, session_id) + order_link(session, session_id)
    if payment_id is not None:
        translation.links.append(Link(session_id, payment_id, LinkRank.STRIPE))
    if snapshot.livemode is not None:
        translation.facts.append(
            SessionFact(
                session_id,
                snapshot.livemode,
                status,
                outcome,
                attempt=_attempt(session),
                url=text(session, "url"),
                expires_at=moment(session, "expires_at"),
                **unknown_values(snapshot, unknown_status, unknown_outcome),
            )
        )
    priceless = session.get("amount_total") is None and session.get("mode") in _MODES_WITHOUT_AMOUNT
    if outcome in (PaymentStatus.PAID, PaymentStatus.NO_PAYMENT_REQUIRED) and not priceless:
        translation.facts += observations(snapshot, payment_id or session_id, ("amount_total",))
    return translation
