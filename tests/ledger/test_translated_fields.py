"""An event is translated from the fields that its translator declares; the rest of the object is not decoded."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkout_daemon.ledger.event_types import EVENT_TYPES
from checkout_daemon.ledger.translate import FIELDS, translate, translate_event
from checkout_daemon.ledger.translate.envelope import parse_event
from checkout_daemon.ledger.translate.stripe_objects import ObjectSnapshot, Translation, UnreadableObject
from tests.ledger.stripe_history import session_plans, tell
from tests.ledger.test_translating import EXAMPLES
from tests.support.stripe_events import event_body

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ODD = {
    "unknown_of_next_year": {"nested": [1, {"id": "x"}], "number": 1.5, "text": "\u20ac"},
    "object": "odd",
    "refunds": None,
}


class Watched(dict[str, Any]):
    """An object that notes the fields asked for."""

    def __init__(self, fields: dict[str, Any]) -> None:
        super().__init__(fields)
        self.read: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> Any:
        raise AssertionError(f"{name} may be absent")


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_translator_reads_the_fields_that_it_declares(name: str) -> None:
    example = EXAMPLES[name]
    watched = Watched(example.object | example.changes)
    translate(example.type, ObjectSnapshot(watched, NOW, "evt_1", frozenset({False})))
    assert watched.read <= declared(example.type)


@settings(max_examples=150)
@given(st.lists(session_plans, min_size=1, max_size=3), st.booleans())
def test_an_event_comes_to_the_same_as_its_whole_object(plans: list[Any], odd: bool) -> None:
    for event in tell(plans):
        stripe_object = (ODD if odd else {}) | event.object
        body = event_body(event.type, stripe_object, event_id=event.id, created=event.created, livemode=event.livemode)
        received = parse_event(body)
        whole = translate(event.type, received.snapshot(json.loads(json.dumps(stripe_object)), NOW))
        assert translate_event(received, NOW) == whole


@pytest.mark.parametrize("event_type", EVENT_TYPES)
@pytest.mark.parametrize(
    "stripe_object", [{}, {"id": 7}, {"id": "cs_1", "metadata": "none", "currency": 1, "amount": {}}]
)
def test_an_object_without_its_fields_is_refused_alike(event_type: str, stripe_object: dict[str, Any]) -> None:
    received = parse_event(event_body(event_type, stripe_object))
    assert outcome(lambda: translate_event(received, NOW)) == outcome(
        lambda: translate(event_type, received.snapshot(stripe_object, NOW))
    )


def outcome(translating: Any) -> Translation | str | None:
    try:
        found: Translation | None = translating()
    except UnreadableObject as error:
        return str(error)
    return found


def declared(event_type: str) -> set[str]:
    return set(FIELDS[EVENT_TYPES[event_type].translator.partition(".")[0]].split())
