"""Shows an order as it was at a time in the past, from the change log and from when each fact became known.

The change log has every step of the status, so the status is certain. What else was derived then follows from the facts
known then; their statuses are only held as they are now. A session, refund or dispute on which Stripe reported again
later is shown as the events that had arrived then report it, as long as their payloads are stored. Otherwise its status
is unknown, and where one is needed, the session counts as open and the refund as pending, as they begin. If these facts
lead to the status of the log, the attention is what it was; otherwise it is not known any more. Nor is it once an order
that was paid has ever been oversold: of what was reserved, only the present state is held. The customer and the address
are those of now: what was corrected or erased is kept nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from checkout_daemon.database.queries import sql
from checkout_daemon.database.reading import Readable
from checkout_daemon.database.records import record_of
from checkout_daemon.errors import CheckoutError, NotFound
from checkout_daemon.ledger.change_log import ChangeLine
from checkout_daemon.ledger.charge_facts import ChargeFact
from checkout_daemon.ledger.derive import Derived, OrderFacts, derive
from checkout_daemon.ledger.facts import (
    Act,
    ActKind,
    DisputeFact,
    DisputeStatus,
    Fact,
    Funds,
    Observation,
    PaymentStatus,
    RefundFact,
    RefundStatus,
    SessionFact,
    SessionStatus,
)
from checkout_daemon.ledger.fraud_facts import FraudWarning
from checkout_daemon.ledger.translate import translate_event
from checkout_daemon.ledger.translate.envelope import parse_event
from checkout_daemon.model.events import EventLine
from checkout_daemon.model.orders import Order, OrderTerms
from checkout_daemon.model.shipping import OrderShipping
from checkout_daemon.orders.charge_lines import ChargeLine
from checkout_daemon.orders.order_lists import DisputeLine, FraudWarningLine, OrderSession, OrderView, RefundLine
from checkout_daemon.orders.order_pages import show_order

_UNKNOWN = "unknown"
_Reported = SessionFact | RefundFact | DisputeFact | ChargeFact | FraudWarning


@dataclass(frozen=True, slots=True)
class KnownTime:
    """When something about an order became known, and when Stripe last reported on it. See the statement."""

    kind: str
    id: str
    about: str
    known_from: datetime
    reported_at: datetime | None


@dataclass(frozen=True, slots=True)
class OrderThen:
    """An order as of `at`. `changed_since` are ids of objects whose status then is not known any more.

    `attention_known`: whether the order's attention is what it was; otherwise it is empty.
    """

    at: datetime
    view: OrderView
    attention_known: bool
    changed_since: tuple[str, ...]


async def show_order_at(database: Readable, text: str, at: datetime) -> OrderThen:
    """Return an order as it was. `text` is what find_order takes. Raise NotFound, also if there was no order yet."""
    view = await show_order(database, text)
    async with database.connection() as connection:
        times = [record_of(KnownTime, row) for row in await connection.fetch(sql("known_times"), view.order.id)]
        stored = await connection.fetch(sql("payloads_of_order"), view.order.id)
        oversold: bool = await connection.fetchval(sql("was_oversold"), view.order.id)
    payloads = [(row["payload"], row["received_at"]) for row in stored]
    return order_at(view, times, at, payloads, oversold=oversold)


def _reported(payloads: Iterable[tuple[str, datetime]], at: datetime) -> tuple[dict[str, Fact], set[str]]:
    """Return what events report that had arrived, by the object's id, and the ids that later ones report on."""
    facts: dict[str, Fact] = {}
    later: set[str] = set()
    for payload, received_at in payloads:
        try:
            translation = translate_event(parse_event(payload.encode()), received_at)
        except CheckoutError:  # an older release could read it
            continue
        for fact in () if translation is None else translation.facts:
            if not isinstance(fact, _Reported):
                continue
            if received_at > at:
                later.add(fact.id)
            else:
                held: Fact | None = facts.get(fact.id)
                facts[fact.id] = fact if held is None else held.join(fact)
    return facts, later


def status_at(changes: Iterable[ChangeLine], at: datetime) -> str | None:
    """Return the status that an order had, from its changes, oldest first; None if there was no order yet."""
    return next((change.to_status for change in reversed([*changes]) if change.at <= at), None)


def order_at(
    view: OrderView,
    times: Sequence[KnownTime],
    at: datetime,
    payloads: Iterable[tuple[str, datetime]] = (),
    *,
    oversold: bool = False,
) -> OrderThen:
    """Return the view as of a time. Raise NotFound if the order was created later.

    `payloads` are those of its events that are still stored, each with the time of its arrival. `oversold`: whether the
    order ever was.
    """
    reported, later = _reported(payloads, at)
    status = status_at(view.changes, at)
    if status is None:
        created = f"{view.order.created_at:%Y-%m-%d %H:%M:%S} UTC"
        raise NotFound(f"order {view.order.number} did not exist then: it was created at {created}")
    known = {time.id for time in times if time.known_from <= at}
    changed = {time.id for time in times if time.reported_at is not None and time.reported_at > at} & known
    changed |= later & known
    then = replace(
        view,
        sessions=tuple(
            _session_then(line, reported.get(line.id)) if line.id in changed else line
            for line in view.sessions
            if line.id in known
        ),
        payments=tuple(line for line in view.payments if line.id in known),
        charges=tuple(
            _charge_then(line, reported.get(line.id)) if line.id in later else line
            for line in view.charges
            if line.created_at <= at
        ),
        refunds=tuple(
            _refund_then(line, reported.get(line.id)) if line.id in changed else line
            for line in view.refunds
            if line.id in known
        ),
        disputes=tuple(
            _dispute_then(line, reported.get(line.id)) if line.id in changed else line
            for line in view.disputes
            if line.id in known
        ),
        fraud_warnings=tuple(
            _warning_then(line, at, reported.get(line.id)) for line in view.fraud_warnings if line.created_at <= at
        ),
        events=tuple(_event_then(line, at) for line in view.events if line.received_at <= at),
        changes=tuple(line for line in view.changes if line.at <= at),
        shipping=_shipping_then(view, at),
    )
    changed -= reported.keys()
    known_then = [time for time in times if time.known_from <= at]
    # Stripe may have reported a change earlier than it arrived here: then it is one of these that has changed since.
    refunds = changed | {line.id for line in then.refunds}
    for candidate in (changed, refunds, refunds | {line.id for line in then.sessions}):
        derived = _derive(then, known_then, candidate)
        if derived.status == status:
            changed = candidate
            break
    else:  # not even these lead there: no status that is held now need be that of then
        changed = {time.id for time in known_then if time.reported_at is not None} - reported.keys()
    certain = derived.status == status and changed.isdisjoint(line.id for line in then.disputes)
    certain &= not oversold or derived.paid_at is None
    order = replace(
        view.order,
        status=status,
        attention=tuple(derived.attention_codes) if certain else (),
        amount_refunded=derived.amount_refunded,
        paid_at=derived.paid_at,
        updated_at=then.changes[-1].at,
        shipped_at=_unless_later(view.order.shipped_at, at),
    )
    then = replace(
        then,
        order=order,
        sessions=tuple(
            replace(line, status=_UNKNOWN, payment_status=_UNKNOWN) if line.id in changed else line
            for line in then.sessions
        ),
        refunds=tuple(replace(line, status=_UNKNOWN) if line.id in changed else line for line in then.refunds),
        disputes=tuple(replace(line, status=_UNKNOWN) if line.id in changed else line for line in then.disputes),
    )
    return OrderThen(at, then, certain, tuple(sorted(changed)))


def _session_then(line: OrderSession, fact: Fact | None) -> OrderSession:
    if not isinstance(fact, SessionFact):
        return line
    unknown = None if fact.unknown is None else line.unknown
    return replace(line, status=fact.status, payment_status=fact.payment_status, unknown=unknown)


def _refund_then(line: RefundLine, fact: Fact | None) -> RefundLine:
    if not isinstance(fact, RefundFact):
        return line
    return replace(line, status=fact.status, unknown=None if fact.unknown is None else line.unknown)


def _dispute_then(line: DisputeLine, fact: Fact | None) -> DisputeLine:
    if not isinstance(fact, DisputeFact):
        return line
    unknown = None if fact.status is not DisputeStatus.UNKNOWN else line.unknown
    return replace(line, status=fact.status, due_by=fact.due_by, unknown=unknown, funds=fact.funds)


def _charge_then(line: ChargeLine, fact: Fact | None) -> ChargeLine:
    return replace(line, status=fact.status) if isinstance(fact, ChargeFact) else line


def _warning_then(line: FraudWarningLine, at: datetime, fact: Fact | None) -> FraudWarningLine:
    """Return a warning as events had reported it; without these, it was actionable until Stripe's last report."""
    actionable = fact.actionable if isinstance(fact, FraudWarning) else line.actionable or line.observed_at > at
    decided = line.decided_at is not None and line.decided_at <= at
    return replace(
        line,
        actionable=actionable,
        decision=line.decision if decided else None,
        decided_at=line.decided_at if decided else None,
    )


def _unless_later(time: datetime | None, at: datetime) -> datetime | None:
    return None if time is None or time > at else time


def _shipping_then(view: OrderView, at: datetime) -> OrderShipping | None:
    """Return how it is sent. A parcel that was stated later, perhaps instead of another one, is left out."""
    if view.shipping is None or not any(line.cause == "order.shipped" and line.at > at for line in view.changes):
        return view.shipping
    return replace(view.shipping, carrier="", tracking_number="", tracking_url="")


def _event_then(line: EventLine, at: datetime) -> EventLine:
    """Return an event as it was: one that was applied later had failed until then."""
    if line.applied_at is None or line.applied_at <= at:
        return line
    return replace(line, status="failed", applied_at=None)


def _derive(then: OrderView, times: Iterable[KnownTime], changed: set[str]) -> Derived:
    order = then.order
    payments: dict[str, tuple[Observation, ...]] = {}
    for line in then.payments:
        if line.amount is not None and line.currency is not None and line.livemode is not None and line.paid_at:
            seen = Observation(line.id, line.amount, line.currency, line.livemode, line.paid_at)
            payments[line.id] = (*payments.get(line.id, ()), seen)
    requests = {time.id: time.about for time in times if time.kind == "refund"}
    kinds = {kind.value for kind in ActKind}
    facts = OrderFacts(
        sessions=tuple(_session(line, order, changed) for line in then.sessions),
        payments=payments,
        refunds=tuple(_refund(line, order, changed, requests.get(line.id)) for line in then.refunds),
        disputes=tuple(_dispute(line, order) for line in then.disputes),
        acts=frozenset(Act(ActKind(time.kind), time.id, time.about) for time in times if time.kind in kinds),
        canceled=frozenset(time.id for time in times if time.kind == "payment_canceled"),
        warnings=tuple(_warning(line, order) for line in then.fraud_warnings),
    )
    return derive(OrderTerms(order.id, order.amount_total, order.currency, order.livemode), facts)


def _session(line: OrderSession, order: Order, changed: set[str]) -> SessionFact:
    if line.id in changed or line.unknown:
        return SessionFact(line.id, order.livemode, SessionStatus.OPEN, PaymentStatus.UNPAID, line.attempt)
    status, payment_status = SessionStatus(line.status), PaymentStatus(line.payment_status)
    return SessionFact(line.id, order.livemode, status, payment_status, line.attempt)


def _refund(line: RefundLine, order: Order, changed: set[str], request: str | None) -> RefundFact:
    status = (
        RefundStatus.PENDING
        if line.id in changed
        else RefundStatus.UNKNOWN
        if line.unknown
        else RefundStatus(line.status)
    )
    return RefundFact(line.id, order.livemode, line.payment_id, status, line.amount, line.currency, request or None)


def _dispute(line: DisputeLine, order: Order) -> DisputeFact:
    moved = order.created_at  # a time at all is enough: only the last movement is held
    return DisputeFact(
        line.id,
        order.livemode,
        line.payment_id,
        DisputeStatus.UNKNOWN if line.unknown else DisputeStatus(line.status),
        line.due_by,
        line.amount,
        line.currency,
        line.reason,
        observed_at=moved,
        event_id="",
        withdrawn_at=moved if line.funds == Funds.WITHDRAWN else None,
        reinstated_at=moved if line.funds == Funds.REINSTATED else None,
    )


def _warning(line: FraudWarningLine, order: Order) -> FraudWarning:
    observed = (line.warned_at, line.observed_at, "")
    return FraudWarning(line.id, order.livemode, line.payment_id, line.fraud_type, line.actionable, *observed)
