"""An order's history as one timeline: events, attempts, changes, operator actions and messages, newest first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from rich.text import Text

from checkout_daemon.database.records import LONG_AGO
from checkout_daemon.ledger.change_log import ChangeLine
from checkout_daemon.model.events import EventLine
from checkout_daemon.orders.history import ActionLine, split_changes
from checkout_daemon.orders.session_attempt_store import AttemptLine
from checkout_daemon.outbox.outbox_store import MessageLine
from checkout_daemon.present.money import money
from checkout_daemon.present.statuses import tone, transition
from checkout_daemon.present.text import plain, words
from checkout_daemon.present.times import clock, time_of_day

from .order_facts import Colour, OrderDetails
from .texts import hanging, short_id
from .theme import COLOURS


@dataclass(frozen=True, slots=True)
class Moment:
    """One entry of the timeline. `colour` is one of the theme's; `step` is how the order's status changed.

    `line` is what is stored. `until` is when all that it led to had happened.
    """

    at: datetime
    mark: str
    text: str
    colour: str
    line: MomentLine
    step: str = ""
    detail: str = ""
    until: datetime = field(default=LONG_AGO)

    @property
    def state_at(self) -> datetime:
        """The time at which the order had the state that this led to."""
        return max(self.at, self.until)

    def is_of(self, other: Moment) -> bool:
        """Return whether both are of one thing, which may have changed."""
        return type(self.line) is type(other.line) and _name(self.line) == _name(other.line)


_INDENT = " " * 12

MomentLine = EventLine | ChangeLine | ActionLine | AttemptLine | MessageLine


def _name(line: MomentLine) -> object:
    if isinstance(line, ChangeLine):
        return line.seq
    return line.number if isinstance(line, ActionLine | AttemptLine) else line.id


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
    found += [_audit_entry(entry, view.order.currency) for entry in details.history.actions]
    found += [_change(change) for change in alone]
    found += [_attempt(attempt) for attempt in details.history.attempts]
    found += [_message(message) for message in details.messages]
    return sorted(found, key=lambda moment: (moment.at, moment.text), reverse=True)


def _event(event: EventLine, changes: Iterable[ChangeLine]) -> Moment:
    state = words(event.status) + (f": {words(event.reason)}" if event.reason else "")
    if event.attempts > 1:
        state += f" at attempt {event.attempts}" if event.status == "applied" else f", {event.attempts} attempts"
    error = f"\n{plain(event.last_error)}" if event.last_error and event.status != "applied" else ""
    changes = tuple(changes)
    step = ", ".join(filter(None, map(_step, changes)))
    colour = COLOURS[tone("event", event.status)]
    until = max((change.at for change in changes), default=event.received_at)
    text = f"{plain(event.type)}  {state}"
    return Moment(event.received_at, "▸", text, colour, event, step, f"{event.id}{error}", until)


def _change(change: ChangeLine) -> Moment:
    person = change.actor not in _DAEMON
    note = plain(change.note) if " " in change.note else short_id(plain(change.note))
    return Moment(
        change.at,
        "●" if person else "·",
        f"{plain(change.actor)}: {words(change.cause)}" if person else words(change.cause),
        "primary" if person else "foreground",
        change,
        _step(change),
        note,
    )


def _audit_entry(entry: ActionLine, currency: str) -> Moment:
    """Return an operator's action, from the audit log."""
    step = "" if entry.from_status == entry.to_status else transition(entry.from_status, entry.to_status)
    currency = dict(entry.details).get("currency", currency)
    details = [f"{words(name)} {_detail(name, text, currency)}" for name, text in entry.details]
    note = plain(entry.note) if entry.note else ""
    detail = "\n".join(filter(None, (note, ", ".join([*details, f"audit entry {entry.number}"]))))
    return Moment(entry.at, "●", f"{plain(entry.actor)}: {words(entry.kind)}", "primary", entry, step, detail)


def _detail(name: str, text: str, currency: str) -> str:
    """Return a detail as it is shown on a line."""
    found = _money_or_text(name, text, currency)
    return short_id(plain(text)) if found == text else found


def _money_or_text(name: str, text: str, currency: str) -> str:
    """Return a detail with an amount as money: they are stored in minor units."""
    return money(int(text), currency) if name == "amount" and text.isdecimal() else text


def _attempt(attempt: AttemptLine) -> Moment:
    """Return an attempt to create a Checkout Session, and its result."""
    if attempt.session_id is not None:
        return Moment(
            attempt.started_at,
            "·",
            f"session {attempt.number} created",
            "muted",
            attempt,
            detail=short_id(attempt.session_id),
        )
    result = "rejected by Stripe" if attempt.rejected_at else "requested, no answer yet"
    error = plain(attempt.error) if attempt.error else ""
    return Moment(attempt.started_at, "·", f"session {attempt.number} {result}", "warning", attempt, detail=error)


def _step(change: ChangeLine) -> str:
    if change.from_status == change.to_status:
        return ""
    return transition(change.from_status, change.to_status)


def _message(message: MessageLine) -> Moment:
    error = plain(message.last_error) if message.last_error else ""
    text = f"{plain(message.route)}: {words(message.kind)}  {words(message.status)}"
    colour = COLOURS[tone("message", message.status)]
    return Moment(message.sent_at or message.created_at, "✉", text, colour, message, detail=error)


def entry_text(moment: Moment, time_zone: str, colour: Colour, room: int) -> Text:
    """Return an entry as the timeline shows it, with its details wrapped to the room."""
    muted = colour("muted")
    at = time_of_day(moment.at, time_zone)
    text = Text()
    text.append(f"{at}  ", muted).append(f"{moment.mark} {moment.text}", colour(moment.colour))
    if moment.step:
        text.append(f"  {moment.step}", "bold")
    for line in filter(None, moment.detail.split("\n")):
        text.append(f"\n{hanging(line, _INDENT, room)}", muted)
    return text


def record_of_moment(
    line: ChangeLine | ActionLine | AttemptLine, time_zone: str, currency: str
) -> tuple[str, str, str]:
    """Return a title, everything that is stored about a line, and what is worth copying. Ids are whole.

    `currency` is that of the order: amounts are shown as money in it, unless the line has its own.
    """

    def at(time: datetime | None) -> str:
        return "" if time is None else clock(time, time_zone)

    if isinstance(line, ActionLine):
        title, copied = f"Audit entry {line.number}", f"{line.kind} by {line.actor}"
        facts = {"at": at(line.at), "what": words(line.kind), "who": line.actor, "why": line.note or ""}
        facts |= {"status": f"{words(line.from_status)} → {words(line.to_status)}"}
        own = dict(line.details).get("currency", currency)
        facts |= {words(name): _money_or_text(name, value, own) for name, value in line.details}
    elif isinstance(line, AttemptLine):
        title, copied = f"Session attempt {line.number}", line.session_id or str(line.number)
        facts = {"started": at(line.started_at), "session": line.session_id or "", "rejected": at(line.rejected_at)}
        facts |= {"error": line.error or ""}
    else:
        title, copied = f"Change {line.seq}", line.note or line.cause
        facts = {"at": at(line.at), "cause": words(line.cause), "by": line.actor, "note": line.note}
        facts |= {"status": f"{words(line.from_status or 'new')} → {words(line.to_status)}"}
    return title, "\n".join(f"{name}: {plain(value)}" for name, value in facts.items() if value), copied
