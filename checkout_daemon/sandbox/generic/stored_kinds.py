"""The description of a stored kind: where it lives, what it refers to, what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from checkout_daemon.sandbox.box import Change
from checkout_daemon.sandbox.objects.paging import Filter
from checkout_daemon.sandbox.parameters.specs import Fields


@dataclass(frozen=True, slots=True)
class ObjectAction:
    """The action `POST {path}/{id}/{name}`, for objects with one of the `allowed` statuses; by default with any.

    `run` does what is special. Then `fields` are set, `times` set to the current time, and the events emitted, whose
    verbs `events` lists separated by spaces; `reached` is the name of that time in `status_transitions`.
    """

    events: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    times: tuple[str, ...] = ()
    reached: str = ""
    allowed: tuple[str, ...] = ()
    takes: Fields = field(default_factory=dict)
    uses: tuple[str, ...] = ()
    run: Change | None = None


@dataclass(frozen=True, slots=True)
class StoredKind:
    """A kind of object. Its fields and their initial values are in shapes.json.

    Functions: `build` completes a new object before it is stored, and `then` runs after its event. `revise` changes an
    object before an update is stored, and `revised` runs after its event. DELETE runs `on_delete`, and with `deletes`
    removes the object.

    Parameters: those with a field of their name are stored there. `takes` declares creation parameters with rules of
    their own. `uses` (at creation) and `revises` (at updates) are read by the functions. All others would have no
    effect, so they are refused; so are those in `computed`, whose fields Stripe fills differently.

    Fields: `unique` ones differ in all objects of the kind, and `refers` ones hold the id of an object of the given
    type.

    Lists: `filters` are parameters that compare something else than the field of their name. Objects whose status is
    `hides` are listed only if a status is requested.

    `verbs` are those of created, updated and deleted that have an event. `creates`, `lists`, `retrieves` and `updates`
    are false where Stripe has no such request.
    """

    path: str
    object: str
    prefix: str
    events: str = ""
    verbs: tuple[str, ...] = ("created", "updated")
    takes: Fields = field(default_factory=dict)
    uses: tuple[str, ...] = ()
    revises: tuple[str, ...] = ()
    computed: tuple[str, ...] = ()
    unique: tuple[str, ...] = ()
    refers: Mapping[str, str] = field(default_factory=dict)
    filters: Mapping[str, Filter] = field(default_factory=dict)
    hides: str = ""
    creates: bool = True
    deletes: bool = False
    lists: bool = True
    updates: bool = True
    retrieves: bool = True
    build: Change | None = None
    then: Change | None = None
    revise: Change | None = None
    revised: Change | None = None
    on_delete: Change | None = None
    actions: Mapping[str, ObjectAction] = field(default_factory=dict)

    def event(self, verb: str) -> str:
        """Return the type of event for this verb."""
        return f"{self.events or self.object}.{verb}"
