"""Decode forms such as `a[0][b]=c` and `a[]=c` into nested maps, in any order of the keys."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qsl

Tree = dict[str, "Tree | str"]

_MAX_PAIRS = 5000
_MAX_DEPTH = 12


class FormError(ValueError):
    """The text is not a valid form."""


def decode_form(text: str) -> Tree:
    """Return the tree of a query string or form body. Lists are maps with numeric keys."""
    return build_tree(read_pairs(text))


def read_pairs(text: str) -> list[tuple[str, str]]:
    """Return the keys and values of a query string or form body."""
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_PAIRS)
    except ValueError as error:
        raise FormError("Too many parameters") from error


def build_tree(pairs: Iterable[tuple[str, str]]) -> Tree:
    """Return the tree of pairs of keys and values."""
    root: Tree = {}
    for key, value in pairs:
        if key:
            _insert(root, _split(key), value)
    return root


def _split(key: str) -> list[str]:
    head, bracket, rest = key.partition("[")
    if not bracket:
        return [key]
    if not head or not rest.endswith("]"):
        raise FormError(f"Invalid parameter name: {key}")
    parts = [head, *rest[:-1].split("][")]
    if len(parts) > _MAX_DEPTH or any("[" in part or "]" in part for part in parts):
        raise FormError(f"Invalid parameter name: {key}")
    return parts


def _insert(root: Tree, parts: list[str], value: str) -> None:
    node = root
    for position, part in enumerate(parts[:-1]):
        name = part or _open_element(node, parts[position + 1])
        child = node.get(name, {})
        if isinstance(child, str):
            raise FormError(f"Parameter given both a value and fields: {parts[0]}")
        node[name] = child
        node = child
    name = parts[-1] or str(len(node))
    if isinstance(node.get(name), dict):
        raise FormError(f"Parameter given both a value and fields: {parts[0]}")
    node[name] = value


def _open_element(node: Tree, field: str) -> str:
    """Return the position for `a[][b]`: the last element, or a new one if that already has a `b`."""
    if node:
        last = str(len(node) - 1)
        element = node.get(last)
        if isinstance(element, dict) and field and field not in element:
            return last
    return str(len(node))
