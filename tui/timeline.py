"""An order's history as one line of time: deliveries, attempts, changes, acts of people and mails, newest first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from checkout_daemon.present.statuses import tone, transition
from checkout_daemon.present.text import plain, words
from checkout_daemon.services.history import DeedLine, split_changes
from checkout_daemon.store.attempts import AttemptLine
from checkout_daemon.store.change_reads import ChangeLine
from checkout_daemon.store.event_reads import EventLine
from checkout_daemon.store.outbox import MessageLine
from tui.order_details import OrderDetails
from tui.texts import short_id
from tui.theme import COLOURS


@dataclass(frozen=True, slots=True)
class Moment:
    """`colour` is one of the theme's; `step`: the statuses that the order went through then."""

    at: datetime
    mark: str
    what: str
    colour: str
    step: str = ""
    detail: str = ""


_DAEMON = ("stripe", "shopper", "checkout-daemon")


def moments(whole: OrderDetails) -> list[Moment]:
    """A change that an event caused is told with its event, and that of a person with their entry in the log."""
    view = whole.view
    caused: dict[str, list[ChangeLine]] = {}
    alone: list[ChangeLine] = []
    events = {event.id: event for event in view.events}
    for change in view.changes:
        if change.note in events and events[change.note].type == change.cause:
            caused.setdefault(change.note, []).append(change)
        else:
            alone.append(change)
    found = [_event(event, caused.get(event.id, [])) for event in view.events]
    alone, _ = split_changes(alone, whole.history.deeds)
    found += [_deed(deed) for deed in whole.history.deeds]
    found += [_change(change) for change in alone]
    found += [_attempt(each) for each in whole.history.attempts]
    found += [_message(message) for message in whole.messages]
    return sorted(found, key=lambda each: (each.at, each.what), reverse=True)


def _event(event: EventLine, changes: Iterable[ChangeLine]) -> Moment:
    state = words(event.status) + (f": {words(event.reason)}" if event.reason else "")
    if event.attempts > 1:
        state += f" at attempt {event.attempts}" if event.status == "applied" else f", {event.attempts} attempts"
    error = f"\n{plain(event.last_error)}" if event.last_error and event.status != "applied" else ""
    step = ", ".join(filter(None, (_step(each) for each in changes)))
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


def _deed(deed: DeedLine) -> Moment:
    """What a person did, as the operator log has it."""
    step = "" if deed.from_status == deed.to_status else transition(deed.from_status, deed.to_status)
    details = ", ".join(f"{words(name)} {short_id(plain(text))}" for name, text in deed.details)
    note = "" if not deed.note else plain(deed.note)
    entry = ", ".join(filter(None, (details, f"operator log entry {deed.number}")))
    detail = "\n".join(filter(None, (note, entry)))
    return Moment(deed.at, "●", f"{plain(deed.actor)}: {words(deed.kind)}", "primary", step, detail)


def _attempt(attempt: AttemptLine) -> Moment:
    """A session asked of Stripe, and what came of it."""
    if attempt.session_id is not None:
        return Moment(
            attempt.started_at, "·", f"session {attempt.number} made", "muted", detail=short_id(attempt.session_id)
        )
    came = "refused" if attempt.rejected_at else "asked for, no answer kept"
    error = plain(attempt.error) if attempt.error else ""
    return Moment(attempt.started_at, "·", f"session {attempt.number} {came}", "warning", detail=error)


def _step(change: ChangeLine) -> str:
    if change.from_status == change.to_status:
        return ""
    return transition(change.from_status, change.to_status)


def _message(message: MessageLine) -> Moment:
    error = plain(message.last_error) if message.last_error else ""
    text = f"{words(message.channel)}: {words(message.kind)}  {words(message.status)}"
    colour = COLOURS[tone("message", message.status)]
    return Moment(message.sent_at or message.created_at, "✉", text, colour, detail=error)
