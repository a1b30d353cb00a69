"""What the page shows, in shapes that it can draw without knowing Stripe: rows, things, facts, actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Tone = Literal["good", "bad", "wait", "quiet"]


@dataclass(frozen=True, slots=True)
class Badge:
    text: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class ListRow:
    """A line of a list; `seq` is where the next page begins, `place` what a click opens (`events/evt_1`)."""

    seq: int
    id: str
    place: str
    states: tuple[Badge, ...]
    title: str
    text: str
    at: float


@dataclass(frozen=True, slots=True)
class Detail:
    """`kind` says how to show the text: an id can be copied, a time is seconds, a place leads to another thing."""

    label: str
    text: str
    kind: Literal["text", "id", "time", "code"] = "text"
    place: str | None = None


@dataclass(frozen=True, slots=True)
class ButtonInput:
    """What a person types for an action."""

    name: str
    label: str
    value: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Button:
    """A button: `name` and `given` are what it sends. With `href` it is a link instead."""

    name: str
    label: str
    given: Mapping[str, str] = field(default_factory=dict)
    fields: tuple[ButtonInput, ...] = ()
    href: str | None = None


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """One try to deliver an event; `next_at` on the last one says when the next follows."""

    id: int
    at: float
    seconds: float
    state: Badge
    text: str
    url: str | None
    response: str | None


@dataclass(frozen=True, slots=True)
class ObjectView:
    """An object with what belongs to it; `body` is its JSON."""

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
    """Some rows of a list, newest first."""

    rows: tuple[ListRow, ...]
    more: bool
