"""Name every fault of a request body in plain words, each with a JSON pointer. The decoder itself names only one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from msgspec import inspect

from checkout_daemon.errors import FieldError
from checkout_daemon.web.failures import pointer_part

_MOST_FAULTS = 50
_LONGEST_NAME = 100
_EXPECTED: dict[type[inspect.Type], str] = {
    inspect.StrType: "text",
    inspect.IntType: "a whole number",
    inspect.FloatType: "a number",
    inspect.BoolType: "true or false",
    inspect.ListType: "a list",
    inspect.StructType: "an object",
}


def faults_of(value: Any, kind: Any) -> list[FieldError]:
    """Return the faults of decoded JSON by a Struct that it should be: at most 50, in the sequence of its fields."""
    return list(islice(_faults(value, inspect.type_info(kind), ""), _MOST_FAULTS))


def _faults(value: Any, kind: inspect.Type, pointer: str) -> Iterator[FieldError]:
    if isinstance(kind, inspect.Metadata):
        yield from _faults(value, kind.type, pointer)
    elif isinstance(kind, inspect.UnionType):
        if value is not None:  # of our unions, one member is null
            (member,) = (one for one in kind.types if not isinstance(one, inspect.NoneType))
            yield from _faults(value, member, pointer)
    elif not _fits(value, kind):
        yield FieldError(pointer, "wrong_type", f"this must be {_EXPECTED[type(kind)]}, and not {_called(value)}")
    elif isinstance(kind, inspect.ListType):
        for place, item in enumerate(value):
            yield from _faults(item, kind.item_type, f"{pointer}/{place}")
    elif isinstance(kind, inspect.StructType):
        yield from _of_fields(value, kind, pointer)


def _of_fields(value: dict[str, Any], kind: inspect.StructType, pointer: str) -> Iterator[FieldError]:
    fields = {field.encode_name: field for field in kind.fields}
    for name, field in fields.items():
        if name in value:
            yield from _faults(value[name], field.type, f"{pointer}/{pointer_part(name)}")
        elif field.required:
            yield FieldError(f"{pointer}/{pointer_part(name)}", "missing_field", f"the field {name!r} is required")
    for name in value:
        if name not in fields:
            where = f"{pointer}/{pointer_part(name[:_LONGEST_NAME])}"
            yield FieldError(where, "unknown_field", f"this field is not known here; there are {', '.join(fields)}")


def _fits(value: Any, kind: inspect.Type) -> bool:
    match kind:
        case inspect.StrType():
            return isinstance(value, str)
        case inspect.IntType():
            return isinstance(value, int) and not isinstance(value, bool)
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.ListType():
            return isinstance(value, list)
        case inspect.StructType():
            return isinstance(value, dict)
        case _:  # no request has one: the decoder's own fault is used
            return True


def _called(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case str():
            return "text"
        case int():
            return "a number"
        case float():
            return "a number with decimals" if abs(value) < 2**53 else "a number as large as that"
        case list():
            return "a list"
        case _:
            return "an object"
