"""Finds at Stripe the events that something just done has made, though other traffic makes events at the same time.

What is new since just before is ours where it carries our mark in its metadata, or belongs, through the ids by which
Stripe's objects name one another, to something that does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from checkout_daemon.stripe_api.client import StripeGateway
from checkout_daemon.stripe_api.events import events_since, newest_events

# Customers and products are shared by unrelated payments; these are not.
_REFERENCES = ("id", "payment_intent", "charge", "latest_charge")


@dataclass(frozen=True, slots=True)
class CorrelatedEvents:
    """An event that Stripe has."""

    id: str
    type: str


class MadeEvents:
    """The search: begun before the action, looked into after it."""

    def __init__(self, gateway: StripeGateway, types: Collection[str], marks: Collection[str]) -> None:
        """`marks`: values of metadata and ids of objects, of which each event of ours leads to one."""
        self._gateway = gateway
        self._types = tuple(types)
        self._known: set[str] = set()
        self._since = 0
        self._ids = set(marks)
        self._others: dict[str, dict[str, Any]] = {}
        self.found: dict[str, CorrelatedEvents] = {}

    async def begin(self) -> None:
        """Note what Stripe has now. By its own clock and ids: ours may differ."""
        newest = await newest_events(self._gateway)
        self._known = {event["id"] for event in newest}
        self._since = newest[0]["created"] if newest else 0

    async def look(self, *, anything: Collection[str] = ()) -> list[CorrelatedEvents]:
        """What is new since the last look. `anything`: types of which every new event counts."""
        new: dict[str, dict[str, Any]] = {}
        async for page in events_since(self._gateway, self._types, self._since):
            new |= {event["id"]: event for event in page if event["id"] not in self._known}
        self._known |= new.keys()
        self._others |= dict(reversed(new.items()))  # oldest first
        fresh: list[dict[str, Any]] = []
        while ours := [each for each in self._others.values() if each["type"] in anything or self._is_ours(each)]:
            for event in ours:
                self._ids.update(_references(event["data"]["object"]))
                del self._others[event["id"]]
            fresh += ours
        made = [
            CorrelatedEvents(each["id"], each["type"]) for each in sorted(fresh, key=lambda each: int(each["created"]))
        ]
        self.found |= {each.id: each for each in made}
        return made

    def _is_ours(self, event: dict[str, Any]) -> bool:
        told = event["data"]["object"]
        metadata = told.get("metadata") or {}
        return not self._ids.isdisjoint(_references(told)) or not self._ids.isdisjoint(metadata.values())


def _references(told: dict[str, Any]) -> Iterator[str]:
    for name in _REFERENCES:
        value = told.get(name)
        if isinstance(value, dict):
            value = value.get("id")
        if isinstance(value, str):
            yield value
