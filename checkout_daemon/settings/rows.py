"""A row of the settings table: the setting's name, the kind of its value, its default and its description."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

if TYPE_CHECKING:
    from typing_extensions import TypeVar as DefaultedTypeVar

    D = DefaultedTypeVar("D", default=None)

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

ROW = "row"
"""The key of a field's metadata that its row is kept under."""


class Group(StrEnum):
    """The headings that settings are listed under, in this order."""

    DATABASE = "Database"
    STRIPE = "Stripe"
    SERVER = "Server"
    SHOP = "Shop"
    LIMITS = "Limits on requests"
    METRICS = "Logs and metrics"
    MAIL = "Mail"
    WEBHOOKS = "Webhooks to the shop's own systems"
    AUDIT = "Audit log and retention"
    OPERATORS = "Commands and terminal"

    def setting(
        self,
        name: str,
        kind: Kind[T],
        *,
        about: str,
        default: D = None,  # type: ignore[assignment]
        derive: Callable[[Mapping[str, Any]], D] | None = None,
        example: str = "",
        unset: str = "",
        secret: bool = False,
        shop_key: str = "",
    ) -> T | D:
        """Return the dataclass field of a setting of this group, typed as its value.

        `derive` computes the default from the values of the settings above it, by field name. `unset` describes a
        default that cannot be printed. The value of a secret is never printed whole. `shop_key` is the field of Shop,
        and the key in the shop's file, that the setting has its default from.
        """
        row = SettingRow(name, kind, default, derive, self, about, example, unset, secret, shop_key)
        return cast("T | D", field(repr=not secret, metadata={ROW: row}))


@dataclass(frozen=True, slots=True)
class Kind(Generic[T_co]):
    """A kind of value, and how text is read as one.

    `read` takes the text and the working directory, and raises BadValue. `show` returns what may be printed of a
    secret, or None to hide all of it.
    """

    words: str
    read: Callable[[str, Path], T_co]
    prose: bool = False
    show: Callable[[str], str | None] = lambda _: None


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting as operators see it."""

    name: str
    kind: Kind[Any]
    default: Any
    derive: Callable[[Mapping[str, Any]], Any] | None
    group: Group
    about: str
    example: str
    unset: str
    secret: bool
    shop_key: str = ""

    def default_for(self, values: Mapping[str, Any]) -> Any:
        """Return the value of the setting where it is not set; `values` are those of the rows above it."""
        return self.derive(values) if self.derive else self.default

    def default_words(self) -> str:
        """Return the default as the manual states it."""
        return self.unset or written(self.default) or "not set"

    def shown(self, value: Any) -> str | None:
        """Return what may be printed of a value of this setting; None if it has none, or if all of it is secret."""
        text = written(value)
        return self.kind.show(text) if self.secret and text else text or None


def written(value: Any) -> str:
    """Return a value as its setting is written; the empty string for None."""
    match value:
        case None:
            return ""
        case bool():
            return "on" if value else "off"
        case tuple():
            return ",".join(value)
        case _:
            return value.isoformat() if hasattr(value, "isoformat") else str(value)
