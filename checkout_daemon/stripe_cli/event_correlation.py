"""Find at Stripe the events that an action caused, although other traffic causes events at the same time.

A new event is ours if its object carries our mark in its metadata, or is linked by id to an object of such an event.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from checkout_daemon.stripe_api.client import StripeGateway
from checkout_daemon.stripe_api.events import events_since, newest_events

# Customers and products are shared by unrelated payments; these are not.
_REFERENCES = ("id", "payment_intent", "charge", "latest_charge")


class EventSearch:
    """A search that begins before the action and looks for new events after it. `found` has their types by id."""

    def __init__(self, gateway: StripeGateway, types: Collection[str], marks: Collection[str]) -> None:
        """Prepare the search. `marks` are metadata values and object ids, one of which every event of ours leads to."""
        self._gateway = gateway
        self._types = tuple(types)
        self._known: set[str] = set()
        self._since = 0
        self._ids = set(marks)
        self._others: dict[str, dict[str, Any]] = {}
        self.found: dict[str, str] = {}

    async def begin(self) -> None:
        """Note the events that Stripe has now, by its ids and clock: ours may differ."""
        newest = await newest_events(self._gateway)
        self._known = {event["id"] for event in newest}
        self._since = newest[0]["created"] if newest else 0

    async def look(self, *, unmarked: Collection[str] = ()) -> bool:
        """Add the new events of ours to `found`; return whether there are any. Events of `unmarked` types all count."""
        new: dict[str, dict[str, Any]] = {}
        async for page in events_since(self._gateway, self._types, self._since):
            new |= {event["id"]: event for event in page if event["id"] not in self._known}
        self._known |= new.keys()
        self._others |= dict(reversed(new.items()))  # oldest first
        fresh: list[dict[str, Any]] = []
        while ours := [event for event in self._others.values() if event["type"] in unmarked or self._is_ours(event)]:
            for event in ours:
                self._ids.update(_references(event["data"]["object"]))
                del self._others[event["id"]]
            fresh += ours
        for event in sorted(fresh, key=lambda event: int(event["created"])):
            self.found[event["id"]] = event["type"]
        return bool(fresh)

    def _is_ours(self, event: dict[str, Any]) -> bool:
        content = event["data"]["object"]
        return not self._ids.isdisjoint([*_references(content), *(content.get("metadata") or {}).values()])


def _references(content: dict[str, Any]) -> Iterator[str]:
    for name in _REFERENCES:
        value = content.get(name)
        if isinstance(value, dict):
            value = value.get("id")
        if isinstance(value, str):
            yield value
