"""Replace identifiers by the objects they name, as `expand[]` asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from checkout_daemon.sandbox.api.expandable import EXPANDABLE
from checkout_daemon.sandbox.api.includes import INCLUDES
from checkout_daemon.sandbox.errors import ApiError
from checkout_daemon.sandbox.storage import Body, Record, Storage

_MAX_DEPTH = 4
_PLAIN = ("id", "object")

Owner = Body
"""The nearest object above with an id: what its parts without one belong to."""


def expand(storage: Storage, body: Body, paths: Iterable[str]) -> Body:
    """The object with each of these dotted paths replaced by what it names."""
    for path in paths:
        parts = path.split(".")
        if len(parts) > _MAX_DEPTH:
            raise ApiError(f"You cannot expand more than {_MAX_DEPTH} levels of a property: {path}.", param="expand")
        if not _follow(storage, body, body, parts):
            hint = ""
            if body.get("object") == "list" and parts[0] != "data":
                hint = f" You may want to try expanding 'data.{path}' instead."
            raise ApiError(f"This property cannot be expanded ({path}).{hint}", param="expand")
    return body


def _follow(storage: Storage, node: Any, owner: Owner, parts: list[str]) -> bool:
    if isinstance(node, list):
        return all(_follow(storage, each, owner, parts) for each in node)
    if not isinstance(node, dict):
        return node is None
    owner = node if "object" in node else owner
    name, rest = parts[0], parts[1:]
    if name in _PLAIN:
        return False
    place = name if node is owner else f"{_name_of(owner, node)}.{name}"
    include = INCLUDABLE.get((str(owner.get("object")), place))
    if include is not None and name not in node:
        node[name] = include(storage, owner)
    if name not in node:
        # Some properties are there only when they have a value.
        return place in EXPANDABLE.get(str(owner.get("object")), ())
    if include is None and (isinstance(node[name], str) or not rest):
        if not _expandable(storage, owner, place, node[name]):
            return False
        node[name] = _found(storage, node[name])
    return not rest or _follow(storage, node[name], owner, rest)


def _expandable(storage: Storage, owner: Owner, place: str, value: Any) -> bool:
    """Whether a property can hold an object; of kinds whose properties are not known, whether it names one."""
    if isinstance(value, dict) and "object" in value:
        return True
    known = EXPANDABLE.get(str(owner.get("object")))
    if known is not None:
        return place in known
    return value is None or (isinstance(value, str) and storage.find(value) is not None)


def _name_of(owner: Owner, node: Body) -> str:
    """Under which name the owner has this part, directly or below other parts."""
    for name, value in owner.items():
        if value is node or (isinstance(value, list) and any(each is node for each in value)):
            return name
        if isinstance(value, dict) and "object" not in value and (below := _name_of(value, node)):
            return f"{name}.{below}"
    return ""


def _found(storage: Storage, value: Any) -> Any:
    """The object for an identifier; what is gone, or no identifier, stays."""
    if isinstance(value, list):
        return [_found(storage, each) for each in value]
    if not isinstance(value, str):
        return value
    record = storage.find(value)
    if record is None:
        return value
    return _deleted(record) if record.private.get("deleted") else record.body


def _deleted(record: Record) -> Body:
    return {"id": record.id, "object": record.type, "deleted": True}


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


def _line_items(storage: Storage, session: Owner) -> Body:
    return child_list(storage, session, "line_items", "item")


def _refunds(storage: Storage, charge: Owner) -> Body:
    return child_list(storage, charge, "refunds", "refund")


def _breakdown(storage: Storage, session: Owner) -> Body:
    record = storage.find(session["id"])
    given = record and record.private.get("discount")
    amount = session["total_details"]["amount_discount"]
    found = [{"amount": amount, "discount": _discount(given, session)}] if given else []
    return {"discounts": found, "taxes": []}


def _line_discounts(storage: Storage, line: Owner) -> list[Body]:
    record = storage.find(line["id"])
    session = storage.find(record.parent) if record and record.parent else None
    given = session and session.private.get("discount")
    if not session or not given:
        return []
    return [{"amount": line["amount_discount"], "discount": _discount(given, session.body)}]


def _discount(given: Body, session: Body) -> Body:
    return {
        "id": given["id"],
        "object": "discount",
        "checkout_session": session["id"],
        "customer": session["customer"],
        "customer_account": None,
        "end": None,
        "invoice": None,
        "invoice_item": None,
        "promotion_code": given["promotion_code"],
        "source": {"coupon": given["coupon"]["id"], "type": "coupon"},
        "start": given["start"],
        "subscription": None,
        "subscription_item": None,
    }


def _no_taxes(_: Storage, __: Owner) -> list[Body]:
    return []


def _applies_to(storage: Storage, coupon: Owner) -> Body | None:
    record = storage.find(coupon["id"])
    return record.private.get("applies_to") if record else None


INCLUDABLE: Mapping[tuple[str, str], Callable[[Storage, Owner], Any]] = {
    **INCLUDES,
    ("charge", "refunds"): _refunds,
    ("checkout.session", "line_items"): _line_items,
    ("checkout.session", "total_details.breakdown"): _breakdown,
    ("coupon", "applies_to"): _applies_to,
    ("item", "discounts"): _line_discounts,
    ("item", "taxes"): _no_taxes,
}
"""What is there only for those who ask to expand it."""
