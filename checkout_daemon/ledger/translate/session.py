"""Translates checkout.session.*: the session, its order and PaymentIntent, and the payment that it reports."""

from __future__ import annotations

import re

from msgspec.structs import replace

from checkout_daemon.ledger.facts import Link, LinkRank, PaymentStatus, SessionFact, SessionStatus, later
from checkout_daemon.ledger.translate import payment_intent
from checkout_daemon.ledger.translate.stripe_objects import (
    Object,
    ObjectSnapshot,
    Translation,
    child,
    choice,
    moment,
    named_attempt,
    observations,
    order_link,
    own_id,
    reference_link,
    stripe_id,
    text,
    unknown_values,
)
from checkout_daemon.model.address import MAXIMUM_LENGTH, Address

# In these modes the amount may be absent without anything being owed: https://docs.stripe.com/api/checkout/sessions/object
_COUNTRY = re.compile(r"[A-Z]{2}")
_ADDRESS = ("line1", "line2", "city", "state", "postal_code")
_MODES_WITHOUT_AMOUNT = ("setup", "subscription")


def completed(snapshot: ObjectSnapshot) -> Translation:
    """Translate a session that is complete; if its payment_status is unpaid, a delayed payment is on its way."""
    return _translate(snapshot, SessionStatus.COMPLETE, PaymentStatus.UNPAID)


def async_payment_succeeded(snapshot: ObjectSnapshot) -> Translation:
    """Translate a session whose delayed payment arrived."""
    absent = snapshot.object.get("payment_status") is None
    return _translate(snapshot, SessionStatus.COMPLETE, PaymentStatus.PAID if absent else PaymentStatus.UNPAID)


def async_payment_failed(snapshot: ObjectSnapshot) -> Translation:
    """Translate a session whose delayed payment was refused."""
    return _translate(snapshot, SessionStatus.COMPLETE, PaymentStatus.FAILED)


def expired(snapshot: ObjectSnapshot) -> Translation:
    """Translate a session that expired."""
    return _translate(snapshot, SessionStatus.EXPIRED, PaymentStatus.UNPAID)


def fetched(snapshot: ObjectSnapshot) -> Translation:
    """Translate a session that the Stripe API returned, with its PaymentIntent and charge if they are expanded."""
    translation = _translate(snapshot, SessionStatus.OPEN, _payment_status_of_intent(snapshot))
    if (intent := child(snapshot.object, "payment_intent")) is not None:
        translation.add(payment_intent.fetched(replace(snapshot, object=intent)))
    return translation


def collected_address(session: Object) -> Address | None:
    """Return the address that the session's page has collected, or None.

    Since API version 2025-03-31 it is in `collected_information`, before that in `shipping_details`.
    """
    collected = child(session, "collected_information") or {}
    details = child(collected, "shipping_details") or child(session, "shipping_details")
    return None if details is None else address_of(details)


def address_of(details: Object) -> Address | None:
    """Return the address in an object with `name` and `address`, or None if it has no country."""
    address = child(details, "address") or {}
    country = text(address, "country") or ""
    if not _COUNTRY.fullmatch(country):
        return None
    lines = {name: (text(address, name) or "")[:MAXIMUM_LENGTH] for name in _ADDRESS}
    return Address(country, (text(details, "name") or "")[:MAXIMUM_LENGTH], **lines)


def _attempt(session: Object) -> int:
    """Return the attempt that the metadata names, or 0 for a session that is not ours."""
    named = named_attempt(session)
    return named[1] if named is not None and session.get("client_reference_id") == named[0] else 0


def _payment_status_of_intent(snapshot: ObjectSnapshot) -> PaymentStatus:
    """Return FAILED for a delayed payment that failed: the session alone looks as if it were still processing."""
    intent = child(snapshot.object, "payment_intent")
    over = intent is not None and intent.get("status") in ("requires_payment_method", "canceled")
    return PaymentStatus.FAILED if over and snapshot.object.get("status") == "complete" else PaymentStatus.UNPAID


def _translate(snapshot: ObjectSnapshot, at_least: SessionStatus, payment_at_least: PaymentStatus) -> Translation:
    session = snapshot.object
    session_id = own_id(session, "checkout.session")
    payment_id = stripe_id(session, "payment_intent")
    known_status, unknown_status = choice(session, "status", SessionStatus)
    known_payment, unknown_payment = choice(session, "payment_status", PaymentStatus)
    status = later(known_status or at_least, at_least)
    payment_status = later(known_payment or payment_at_least, payment_at_least)
    translation = Translation(subject_id=session_id, address=collected_address(session))
    translation.links += reference_link(session, session_id) + order_link(session, session_id)
    if payment_id is not None:
        translation.links.append(Link(session_id, payment_id, LinkRank.STRIPE))
    if snapshot.livemode is not None:
        translation.facts.append(
            SessionFact(
                session_id,
                snapshot.livemode,
                status,
                payment_status,
                attempt=_attempt(session),
                url=text(session, "url"),
                expires_at=moment(session, "expires_at"),
                **unknown_values(snapshot, unknown_status, unknown_payment),
            )
        )
    priceless = session.get("amount_total") is None and session.get("mode") in _MODES_WITHOUT_AMOUNT
    if payment_status in (PaymentStatus.PAID, PaymentStatus.NO_PAYMENT_REQUIRED) and not priceless:
        translation.facts += observations(snapshot, payment_id or session_id, ("amount_total",))
    return translation
