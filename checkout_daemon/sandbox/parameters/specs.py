"""Declared parameters: their types and limits. Values are converted, or refused in Stripe's words."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from checkout_daemon.sandbox.errors import (
    ApiError,
    BadChoice,
    UnknownParameter,
    bad_parameter,
    empty_parameter,
    missing_parameter,
    not_modelled,
)
from checkout_daemon.sandbox.parameters.checking import (
    DECIMAL,
    INTEGER,
    check_filled,
    check_values,
    in_words,
    join,
    read_value,
    too_long,
)
from checkout_daemon.sandbox.parameters.forms import Tree
from checkout_daemon.sandbox.parameters.stripe_types import Shape

Params = dict[str, Any]

_MAX_METADATA_KEYS = 50
_LONGEST_KEY = 40
_LONGEST_VALUE = 500


@dataclass(frozen=True, slots=True)
class Text:
    """A text."""

    required: bool = False
    maximum: int = 5000
    choices: tuple[str, ...] = ()
    email: bool = False

    def read(self, value: Tree | str, name: str) -> Any:
        """Return the text, or None for an empty one."""
        if not isinstance(value, str):
            raise ApiError(f"Invalid string: {_show(value)}", param=name, stored=False)
        if not value:
            if self.required:
                raise empty_parameter(name)
            return None
        if len(value) > self.maximum:
            raise too_long(value, self.maximum, name)
        if self.choices and value not in self.choices:
            raise BadChoice(name, value, self.choices)
        if self.email and ("@" not in value[1:-1] or " " in value):
            raise bad_parameter(f"Invalid email address: {value}", "email_invalid", name)
        return value


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number."""

    required: bool = False
    minimum: int | None = None
    maximum: int = 999_999_999_999

    def read(self, value: Tree | str, name: str) -> int:
        """Return the number."""
        if isinstance(value, str) and not value:
            raise empty_parameter(name)
        if not isinstance(value, str) or not INTEGER.fullmatch(value):
            raise bad_parameter(f"Invalid integer: {_show(value)}", "parameter_invalid_integer", name)
        number = int(value)
        if self.minimum is not None and number < self.minimum:
            bound = f"greater than or equal to {self.minimum}"
            raise bad_parameter(f"This value must be {bound}.", "parameter_invalid_integer", name)
        if number > self.maximum:
            message = f"This value must be less than or equal to {self.maximum}."
            raise bad_parameter(message, "parameter_invalid_integer", name)
        return number


@dataclass(frozen=True, slots=True)
class DecimalNumber:
    """A decimal number, kept as text."""

    required: bool = False

    def read(self, value: Tree | str, name: str) -> str:
        """Return the decimal as written."""
        if not isinstance(value, str) or not DECIMAL.fullmatch(value):
            raise ApiError(f"Invalid decimal: {_show(value)}", param=name, stored=False)
        return value


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    required: bool = False

    def read(self, value: Tree | str, name: str) -> bool:
        """Return the flag."""
        if value not in ("true", "false"):
            raise ApiError(f"Invalid boolean: {_show(value)}", param=name, stored=False)
        return value == "true"


@dataclass(frozen=True, slots=True)
class Metadata:
    """Metadata with any keys. An empty value removes its key, an empty map removes all."""

    required: bool = False

    def read(self, value: Tree | str, name: str) -> dict[str, str]:
        """Return the metadata, in which empty values stand for removed keys."""
        value = _entries(value, name)
        if len(value) > _MAX_METADATA_KEYS:
            raise _too_many_keys(name)
        read: dict[str, str] = {}
        for key, text in value.items():
            if not isinstance(text, str):
                message = f"Metadata values must be strings, but for key {key} you passed in a value of type hash"
                raise ApiError(message, param=name, stored=False)
            _check_length("key", key, _LONGEST_KEY, name)
            _check_length("value", text, _LONGEST_VALUE, name)
            read[key] = text
        return read


@dataclass(frozen=True, slots=True)
class Refused:
    """A parameter that Stripe has and the sandbox lacks. `because` is a sentence with the reason, or empty."""

    because: str
    required: bool = False

    def read(self, value: Tree | str, name: str) -> None:
        """Raise ApiError, except for `false`, which asks for nothing."""
        if value != "false":
            raise not_modelled(f"the parameter {name}", name, self.because)


@dataclass(frozen=True, slots=True)
class Entries:
    """A map with any keys, currencies for example, and values of one type."""

    element: Spec
    required: bool = False

    def read(self, value: Tree | str, name: str) -> Params:
        """Return the map with its values converted."""
        return {key: self.element.read(item, f"{name}[{key}]") for key, item in _entries(value, name).items()}


@dataclass(frozen=True, slots=True)
class Map:
    """An object with these fields."""

    fields: Mapping[str, Spec]
    required: bool = False

    def read(self, value: Tree | str, name: str) -> Params | None:
        """Return the object with its fields converted, or None for an empty one."""
        if value == "" and not self.required:
            return None
        return _read_fields(_entries(value, name, empty=False), self.fields, name)


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list with elements of one type."""

    element: Spec = field(default_factory=Text)
    required: bool = False
    maximum: int = 100

    def read(self, value: Tree | str, name: str) -> list[Any]:
        """Return the elements in the order of their positions."""
        if value == "":
            if self.required:
                raise empty_parameter(name)
            return []
        if isinstance(value, str) or not all(key.isdigit() and key.isascii() and len(key) < 10 for key in value):
            raise ApiError(f"Invalid array: {_show(value)}", param=name, stored=False)
        if len(value) > self.maximum:
            raise ApiError(f"Arrays can have up to {self.maximum} elements.", param=name, stored=False)
        return [self.element.read(value[key], f"{name}[{key}]") for key in sorted(value, key=int)]


@dataclass(frozen=True, slots=True)
class Range:
    """A number or bounds: `created=5`, `created[gte]=5`."""

    required: bool = False

    def read(self, value: Tree | str, name: str) -> dict[str, int]:
        """Return the bounds by name; a single number is `eq`."""
        if isinstance(value, str):
            return {"eq": Integer().read(value, name)}
        bounds = {bound: Integer() for bound in ("gt", "gte", "lt", "lte")}
        return _read_fields(value, bounds, name)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a multipart body: its name, and its content in base64, as the middleware reads them."""

    required: bool = True

    def read(self, value: Tree | str, name: str) -> tuple[str, bytes]:
        """Return the file's name and content."""
        if isinstance(value, str):
            message = f"Invalid {name}: upload it with the content type multipart/form-data"
            raise ApiError(message, param=name, stored=False)
        try:
            return str(value.get("name") or "blob"), base64.b64decode(str(value.get("data")), validate=True)
        except (binascii.Error, ValueError):
            raise ApiError(f"Invalid {name}", param=name, stored=False) from None


@dataclass(frozen=True, slots=True)
class StripeType:
    """A value that has one of Stripe's types and no other rules. `code` is the type's in Stripe's table."""

    code: str
    required: bool = False

    def read(self, value: Tree | str, name: str) -> Any:
        """Return the value converted to its type, or None for an empty one."""
        return read_value(self.code, value, name)


Spec = StripeType | Text | Integer | DecimalNumber | Flag | Metadata | Refused | Entries | Map | ListOf | Range | Upload
Fields = Mapping[str, Spec]


EXPAND: Fields = {"expand": ListOf(Text())}
PAGING: Fields = {
    **EXPAND,
    "limit": Integer(minimum=1, maximum=100),
    "starting_after": Text(),
    "ending_before": Text(),
}


def read_params(tree: Tree, specs: Mapping[str, Spec], shape: Shape | None = None, *, filled: bool = False) -> Params:
    """Return the given parameters, converted. `shape` holds the parameters of Stripe's route, if it has this one.

    Raise ApiError for the first parameter that is unknown, missing or wrong, by its declaration or by Stripe's types;
    and for an empty one that Stripe cannot unset, if it is an identifier or with `filled`.
    """
    if shape is None:
        return _read_fields(tree, specs, "")
    check_filled(tree, shape, everything=filled)
    try:
        read = _read_fields(tree, specs, "")
        check_values(tree, shape)
    except ApiError as error:
        raise in_words(error, shape) from None
    return read


def _read_fields(tree: Tree, specs: Mapping[str, Spec], prefix: str) -> Params:
    unknown = [join(prefix, key) for key in tree if key not in specs]
    if unknown:
        raise UnknownParameter(*unknown)
    for key, spec in specs.items():
        if spec.required and key not in tree:
            raise missing_parameter(join(prefix, key))
    return {key: specs[key].read(value, join(prefix, key)) for key, value in tree.items()}


def _entries(value: Tree | str, name: str, *, empty: bool = True) -> Tree:
    """Return the entries of an object. If `empty`, an empty text means no entries."""
    if value == "" and empty:
        return {}
    if isinstance(value, str):
        raise ApiError(f"Invalid object: {value}", param=name, stored=False)
    return value


def _show(value: Tree | str) -> str:
    return value[:200] if isinstance(value, str) else "hash"


def _check_length(part: str, text: str, maximum: int, name: str) -> None:
    if len(text) > maximum:
        message = (
            f"Metadata {part}s can have up to {maximum} characters, but you passed in a {part} that is {len(text)} "
            f"characters. Invalid {part}: {text}"
        )
        raise ApiError(message, param=name, stored=False)


def _too_many_keys(name: str = "metadata") -> ApiError:
    return ApiError(f"You can only set up to {_MAX_METADATA_KEYS} metadata keys.", param=name, stored=False)


def merge_metadata(old: Mapping[str, str] | None, given: Mapping[str, str] | None) -> dict[str, str]:
    """Return metadata after an update: given keys replace old ones, empty values remove them."""
    if given is None:
        return dict(old or {})
    if not given:
        return {}
    merged = {key: value for key, value in {**(old or {}), **given}.items() if value}
    if len(merged) > _MAX_METADATA_KEYS:
        raise _too_many_keys()
    return merged


def check_url(url: str, param: str) -> str:
    """Return the URL. Raise ApiError if it is not an absolute HTTP URL."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and not set(url) & set(" \t\r\n")
        parts.port  # noqa: B018 - raises ValueError for what is no port
    except ValueError:
        valid = False
    if not valid:
        raise ApiError("Not a valid URL", code="url_invalid", param=param)
    return url
