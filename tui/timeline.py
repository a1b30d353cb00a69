"""An order's history as one timeline: events, attempts, changes, operator actions and messages, newest first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from checkout_daemon.events.event_lists import EventLine
from checkout_daemon.ledger.change_log import ChangeLine
from checkout_daemon.orders.history import ActionLine, split_changes
from checkout_daemon.orders.session_attempt_store import AttemptLine
from checkout_daemon.outbox.outbox_store import MessageLine
from checkout_daemon.present.statuses import tone, transition
from checkout_daemon.present.text import plain, words
from tui.order_facts import OrderDetails
from tui.texts import short_id
from tui.theme import COLOURS


@dataclass(frozen=True, slots=True)
class Moment:
    """One entry of the timeline. `colour` is one of the theme's; `step` is how the order's status changed."""

    at: datetime
    mark: str
    text: str
    colour: str
    step: str = ""
    detail: str = ""


_DAEMON = ("stripe", "shopper", "checkout-daemon")


def moments(details: OrderDetails) -> list[Moment]:
    """Return the timeline. Changes made by an event or by an operator appear with the event or audit entry."""
    view = details.view
    caused: dict[str, list[ChangeLine]] = {}
    alone: list[ChangeLine] = []
    events = {event.id: event for event in view.events}
    for change in view.changes:
        if change.note in events and events[change.note].type == change.cause:
            caused.setdefault(change.note, []).append(change)
        else:
            alone.append(change)
    found = [_event(event, caused.get(event.id, [])) for event in view.events]
    alone, _ = split_changes(alone, details.history.actions)
    found += [_audit_entry(entry) for entry in details.history.actions]
    found += [_change(change) for change in alone]
    found += [_attempt(attempt) for attempt in details.history.attempts]
    found += [_message(message) for message in details.messages]
    return sorted(found, key=lambda moment: (moment.at, moment.text), reverse=True)


def _event(event: EventLine, changes: Iterable[ChangeLine]) -> Moment:
    state = words(event.status) + (f": {words(event.reason)}" if event.reason else "")
    if event.attempts > 1:
        state += f" at attempt {event.attempts}" if event.status == "applied" else f", {event.attempts} attempts"
    error = f"\n{plain(event.last_error)}" if event.last_error and event.status != "applied" else ""
    step = ", ".join(filter(None, map(_step, changes)))
    colour = COLOURS[tone("event", event.status)]
    return Moment(event.received_at, "▸", f"{plain(event.type)}  {state}", colour, step, f"{event.id}{error}")


def _change(change: ChangeLine) -> Moment:
    person = change.actor not in _DAEMON
    note = plain(change.note) if " " in change.note else short_id(plain(change.note))
    return Moment(
        change.at,
        "●" if person else "·",
        f"{plain(change.actor)}: {words(change.cause)}" if person else words(change.cause),
        "primary" if person else "foreground",
        _step(change),
        note,
    )


def _audit_entry(entry: ActionLine) -> Moment:
    """Return an operator's action, from the audit log."""
    step = "" if entry.from_status == entry.to_status else transition(entry.from_status, entry.to_status)
    details = [f"{words(name)} {short_id(plain(text))}" for name, text in entry.details]
    note = plain(entry.note) if entry.note else ""
    detail = "\n".join(filter(None, (note, ", ".join([*details, f"audit entry {entry.number}"]))))
    return Moment(entry.at, "●", f"{plain(entry.actor)}: {words(entry.kind)}", "primary", step, detail)


def _attempt(attempt: AttemptLine) -> Moment:
    """Return an attempt to create a Checkout Session, and its result."""
    if attempt.session_id is not None:
        return Moment(
            attempt.started_at, "·", f"session {attempt.number} created", "muted", detail=short_id(attempt.session_id)
        )
    result = "rejected by Stripe" if attempt.rejected_at else "requested, no answer yet"
    error = plain(attempt.error) if attempt.error else ""
    return Moment(attempt.started_at, "·", f"session {attempt.number} {result}", "warning", detail=error)


def _step(change: ChangeLine) -> str:
    if change.from_status == change.to_status:
        return ""
    return transition(change.from_status, change.to_status)


def _message(message: MessageLine) -> Moment:
    error = plain(message.last_error) if message.last_error else ""
    text = f"{words(message.channel)}: {words(message.kind)}  {words(message.status)}"
    colour = COLOURS[tone("message", message.status)]
    return Moment(message.sent_at or message.created_at, "✉", text, colour, detail=error)
