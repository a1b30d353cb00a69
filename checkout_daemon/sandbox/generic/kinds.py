"""What there is to say about a kind of object: where it lives, what it refers to, what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.objects.paging import Filter
from checkout_daemon.sandbox.parameters.specs import Fields, Params
from checkout_daemon.sandbox.storage import Stored

Change = Callable[[Box, Stored, Params], None]
"""Changes the record as the parameters ask; stores it and tells of it unless the caller says that it does."""


@dataclass(frozen=True, slots=True)
class ObjectAction:
    """`POST {path}/{id}/{name}`, for objects with one of these statuses (of any, if none is named).

    The fields get their values, the fields in `stamps` the time, and the event is told; or `run` does all of it.
    """

    event: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    stamps: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    takes: Fields = field(default_factory=dict)
    uses: tuple[str, ...] = ()
    run: Change | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object; its fields and what they are at first stand in shapes.json.

    `takes` are the parameters of creation with rules of their own, besides those of Stripe's types. Of the others,
    those that a field keeps are taken, and those in `uses` (of creation) and `revises` (of an update), which the
    functions below read; the rest are refused, as they would have no effect.
    `creates`, `lists`, `retrieves` and `updates` are false where Stripe has no such request.
    `filters` are the parameters of the list that are not the name of the field that they compare; objects whose status
    is `hides` are listed only to those who ask for a status.
    `computed` names the fields that Stripe makes something else of than the parameter of the same name.
    `unique` names the fields that no two objects of the kind share.
    `refers` names the fields that hold the id of another object, and that object's type.
    `verbs` are those of created, updated and deleted that have an event. DELETE does `on_delete`,
    and with `deletes` the object is gone. `build` completes a new object before it is stored, `then` is what
    happens after its event; `revise` changes an object before an update is stored and told,
    `revised` is what happens after.
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
        """The type of event that tells of this."""
        return f"{self.events or self.object}.{verb}"
