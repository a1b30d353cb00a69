"""Replace identifiers by the objects they name, as `expand[]` asks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from checkout_daemon.sandbox.errors import ApiError, not_modelled
from checkout_daemon.sandbox.objects.shapes import deleted_object
from checkout_daemon.sandbox.parameters.stripe_types import expandable
from checkout_daemon.sandbox.resources import EXPANDABLE
from checkout_daemon.sandbox.storage import Body, Storage

_MAX_DEPTH = 4
_PLAIN = ("id", "object")
_DELETABLE = frozenset(("account", "coupon", "customer", "invoice", "plan", "price", "product"))
"""Kinds whose objects the sandbox forgets when they are deleted; Stripe remembers that there was one."""
_INCLUDED_BY_STRIPE = frozenset(
    (
        ("identity.verification_session", "provided_details"),
        ("identity.verification_session", "verified_outputs"),
    )
)
"""What Stripe shows to those who expand it and the sandbox has not, besides lists."""

Owner = Body
"""The nearest object above with an id: what its parts without one belong to."""


def expand(storage: Storage, body: Body, paths: Iterable[str]) -> Body:
    """Return the object with each of these dotted paths replaced by what it names. Raises ApiError (400)."""
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
        return all(_follow(storage, each, owner, parts, path) for each in node)
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
        # Some properties are there only when they have a value.
        return named is not None or any(each.startswith(f"{place}.") for each in places)
    if include is None and (not rest or _names(node[name])):
        if named is None and not _is_object(node[name]):
            return False
        node[name] = _found(storage, node[name], named or "", path)
    return not rest or _follow(storage, node[name], owner, rest, path)


def _names(value: Any) -> bool:
    """Return whether this is an identifier, or a list with some: what is below it is below what it names."""
    return isinstance(value, str) or (isinstance(value, list) and any(isinstance(each, str) for each in value))


def _is_object(value: Any) -> bool:
    """Return whether this is an object already, or a list of them: expanding it changes nothing."""
    return isinstance(value, dict) and "object" in value


def _name_of(owner: Owner, node: Body) -> str:
    """Return under which name the owner has this part, directly or below other parts."""
    for name, value in owner.items():
        if value is node or (isinstance(value, list) and any(each is node for each in value)):
            return name
        if isinstance(value, dict) and "object" not in value and (below := _name_of(value, node)):
            return f"{name}.{below}"
    return ""


def _found(storage: Storage, value: Any, kinds: str, path: str) -> Any:
    """Return the object for an identifier, for each of a list, or the mark of one that was deleted."""
    if isinstance(value, list):
        return [_found(storage, each, kinds, path) for each in value]
    if not isinstance(value, str):
        return value
    record = storage.find(value)
    if record is not None:
        return deleted_object(record.id, record.type) if record.private.get("deleted") else record.body
    gone = next((kind for kind in kinds.split() if kind in _DELETABLE), None)
    if gone is None:
        raise not_modelled(f"{path} to expand", "expand", "It does not keep what is named there.")
    return deleted_object(value, gone)
