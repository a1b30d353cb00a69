"""Replace identifiers by the objects they name, as `expand[]` asks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from checkout_daemon.sandbox.errors import ApiError
from checkout_daemon.sandbox.storage import Body, Storage

_MAX_DEPTH = 4
_LISTS = {("checkout.session", "line_items"): "item", ("charge", "refunds"): "refund"}


def expand(storage: Storage, body: Body, paths: Iterable[str]) -> Body:
    """The object with each of these dotted paths replaced by what it names."""
    for path in paths:
        parts = path.split(".")
        if len(parts) > _MAX_DEPTH:
            raise ApiError(f"You cannot expand more than {_MAX_DEPTH} levels of a property: {path}.")
        if not _follow(storage, body, parts):
            raise ApiError(f"This property cannot be expanded ({path}).", param="expand")
    return body


def _follow(storage: Storage, node: Any, parts: list[str]) -> bool:
    if not parts:
        return True
    if isinstance(node, list):
        return all(_follow(storage, each, parts) for each in node)
    if not isinstance(node, dict):
        return node is None
    name, rest = parts[0], parts[1:]
    listed = _LISTS.get((str(node.get("object")), name))
    if listed and name not in node:
        node[name] = child_list(storage, node, name, listed)
    if name not in node:
        return False
    value = node[name]
    if isinstance(value, str):
        found = storage.find(value)
        if found is None:
            return False
        node[name] = found.body
    elif value is not None and not isinstance(value, dict):
        structured = isinstance(value, list) and not any(isinstance(each, str) for each in value)
        if not structured:
            return False
    return _follow(storage, node[name], rest)


def child_list(storage: Storage, body: Body, name: str, kind: str, limit: int = 10) -> Body:
    """The list object of what belongs to this object: the first few, as Stripe includes them."""
    found = storage.children(body["id"], kind)
    if kind == "refund":
        found.reverse()
    folder = "checkout/sessions" if body["object"] == "checkout.session" else "charges"
    return {
        "object": "list",
        "data": [each.body for each in found[:limit]],
        "has_more": len(found) > limit,
        "url": f"/v1/{folder}/{body['id']}/{name}",
    }
