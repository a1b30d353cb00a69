"""What the page shows, as records that it can draw without knowing Stripe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Tone = Literal["good", "bad", "wait", "quiet"]


@dataclass(frozen=True, slots=True)
class Badge:
    """A state in words, with the tone to show it in."""

    text: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class ListRow:
    """A row of a list. `seq` is where the next page begins, `place` is what a click opens (`events/evt_1`)."""

    seq: int
    id: str
    place: str
    states: tuple[Badge, ...]
    title: str
    text: str
    at: float


@dataclass(frozen=True, slots=True)
class Detail:
    """A labeled text. An `id` can be copied, a `time` is in seconds; a `place` links to another object."""

    label: str
    text: str
    kind: Literal["text", "id", "time", "code"] = "text"
    place: str | None = None


def filled(*details: Detail) -> tuple[Detail, ...]:
    """Return the details that have a text."""
    return tuple(detail for detail in details if detail.text)


@dataclass(frozen=True, slots=True)
class ButtonInput:
    """An input field of an action."""

    name: str
    label: str
    value: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Button:
    """A button that sends `name` and `given`, or a link if it has an `href`."""

    name: str
    label: str
    given: Mapping[str, str] = field(default_factory=dict)
    fields: tuple[ButtonInput, ...] = ()
    href: str | None = None


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """One attempt to deliver an event."""

    id: int
    at: float
    seconds: float
    state: Badge
    text: str
    url: str | None
    response: str | None


@dataclass(frozen=True, slots=True)
class ObjectView:
    """An object with its details, actions and parts. `body` is its JSON."""

    id: str
    kind: str
    title: str
    states: tuple[Badge, ...]
    facts: tuple[Detail, ...] = ()
    actions: tuple[Button, ...] = ()
    body: Any = None
    note: str | None = None
    parts: tuple[ObjectView, ...] = ()
    attempts: tuple[DeliveryAttempt, ...] = ()
    rows: tuple[ListRow, ...] = ()


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page of a list's rows, newest first."""

    rows: tuple[ListRow, ...]
    more: bool
