"""An order's history as one line of time: deliveries, changes, acts of people, sessions and mails, newest first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tui.data import ChangeLine, EventLine, MessageLine, WholeOrder
from tui.texts import plain, short_id, words


@dataclass(frozen=True, slots=True)
class Moment:
    """`tone` is a colour of the theme beside the words; `step`: the statuses that the order went through then."""

    at: datetime
    mark: str
    what: str
    tone: str
    step: str = ""
    detail: str = ""


_EVENT_TONES = {"applied": "success", "ignored": "muted", "failed": "warning", "dead": "error"}
_DAEMON = ("stripe", "shopper", "checkout-daemon")


def moments(whole: WholeOrder) -> list[Moment]:
    """A change that an event caused is told with its event."""
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
    found += [_change(change) for change in alone]
    found += [
        Moment(each.created_at, "·", f"session {each.attempt} made", "muted", detail=short_id(each.id))
        for each in view.sessions
        if each.attempt
    ]
    found += [_message(message) for message in whole.messages]
    return sorted(found, key=lambda each: each.at, reverse=True)


def _event(event: EventLine, changes: Iterable[ChangeLine]) -> Moment:
    state = words(event.status) + (f": {words(event.reason)}" if event.reason else "")
    if event.attempts > 1:
        state += f" at attempt {event.attempts}" if event.status == "applied" else f", {event.attempts} attempts"
    error = f"\n{plain(event.last_error)}" if event.last_error and event.status != "applied" else ""
    step = ", ".join(filter(None, (_step(each) for each in changes)))
    tone = _EVENT_TONES.get(event.status, "foreground")
    return Moment(event.received_at, "▸", f"{plain(event.type)}  {state}", tone, step, f"{event.id}{error}")


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


def _step(change: ChangeLine) -> str:
    if change.from_status == change.to_status:
        return ""
    before = "new" if change.from_status is None else words(change.from_status)
    return f"{before} → {words(change.to_status)}"


def _message(message: MessageLine) -> Moment:
    error = plain(message.last_error) if message.last_error else ""
    tone = {"dead": "error", "failed": "warning", "skipped": "muted"}.get(message.status, "foreground")
    at = message.sent_at or message.created_at
    return Moment(
        at, "✉", f"{words(message.channel)}: {words(message.kind)}  {words(message.status)}", tone, detail=error
    )
