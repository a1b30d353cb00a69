"""Replace identifiers with the objects that they name, as `expand[]` asks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from checkout_daemon.sandbox.errors import ApiError, not_modelled
from checkout_daemon.sandbox.objects.shapes import deleted_object
from checkout_daemon.sandbox.parameters.stripe_types import expandable
from checkout_daemon.sandbox.payments.balance import as_of_now
from checkout_daemon.sandbox.resources import EXPANDABLE
from checkout_daemon.sandbox.storage import Body, Storage

_MAX_DEPTH = 4
_PLAIN = ("id", "object")
_DELETABLE = frozenset(("account", "coupon", "customer", "invoice", "plan", "price", "product"))
"""Types whose objects the sandbox removes when they are deleted. Stripe remembers that they existed."""
_INCLUDED_BY_STRIPE = frozenset(
    (
        ("identity.verification_session", "provided_details"),
        ("identity.verification_session", "verified_outputs"),
    )
)
"""Fields that Stripe includes on request and the sandbox does not have, except lists."""

Owner = Body
"""The nearest enclosing object with an id. Its nested parts have no id of their own."""


def expand(storage: Storage, body: Body, paths: Iterable[str]) -> Body:
    """Return the object with the value at every dotted path expanded. Raise ApiError (400)."""
    for path in paths:
        parts = path.split(".")
        if len(parts) > _MAX_DEPTH:
            raise ApiError(f"You cannot expand more than {_MAX_DEPTH} levels of a property: {path}.", param="expand")
        if not _follow(storage, body, body, parts, path):
            hint = ""
            if body.get("object") == "list" and parts[0] != "data":
                hint = f" You may want to try expanding 'data.{path}' instead."
            raise ApiError(f"This property cannot be expanded ({path}).{hint}", param="expand")
    return body


def _follow(storage: Storage, node: Any, owner: Owner, parts: list[str], path: str) -> bool:
    if isinstance(node, list):
        return all(_follow(storage, element, owner, parts, path) for element in node)
    if not isinstance(node, dict):
        return node is None
    owner = node if "object" in node else owner
    name, rest = parts[0], parts[1:]
    if name in _PLAIN:
        return False
    kind = str(owner.get("object"))
    place = name if node is owner else f"{_name_of(owner, node)}.{name}"
    include = EXPANDABLE.get((kind, place))
    if include is not None and name not in node:
        node[name] = include(storage, owner)
    places = expandable(kind)
    named = places.get(place)
    if name not in node:
        if named == "list" or (kind, place) in _INCLUDED_BY_STRIPE:
            raise not_modelled(f"{path} to expand", "expand")
        # Some properties exist only if they have a value.
        return named is not None or any(known.startswith(f"{place}.") for known in places)
    if include is None and (not rest or _names(node[name])):
        if named is None and not _is_object(node[name]):
            return False
        node[name] = _found(storage, node[name], named or "", path)
    return not rest or _follow(storage, node[name], owner, rest, path)


def _names(value: Any) -> bool:
    """Return whether a value is an identifier or contains some. Paths below it continue inside the named object."""
    return isinstance(value, str) or (isinstance(value, list) and any(isinstance(element, str) for element in value))


def _is_object(value: Any) -> bool:
    """Return whether a value is already an object or a list object, so that expanding it changes nothing."""
    return isinstance(value, dict) and "object" in value


def _name_of(owner: Owner, node: Body) -> str:
    """Return the dotted name of a part inside its owner."""
    for name, value in owner.items():
        if value is node or (isinstance(value, list) and any(element is node for element in value)):
            return name
        if isinstance(value, dict) and "object" not in value and (below := _name_of(value, node)):
            return f"{name}.{below}"
    return ""


def _found(storage: Storage, value: Any, kinds: str, path: str) -> Any:
    """Return the object for an identifier, the objects for a list of them, or the marker of a deleted object."""
    if isinstance(value, list):
        return [_found(storage, element, kinds, path) for element in value]
    if not isinstance(value, str):
        return value
    record = storage.find(value)
    if record is not None:
        if record.private.get("deleted"):
            return deleted_object(record.id, record.type)
        return as_of_now(record.body) if record.type == "balance_transaction" else record.body
    gone = next((kind for kind in kinds.split() if kind in _DELETABLE), None)
    if gone is None:
        raise not_modelled(f"{path} to expand", "expand", "It does not store the object that is named there.")
    return deleted_object(value, gone)
