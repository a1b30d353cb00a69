"""`tui.toml`: an operator's own keys, filters and columns. A wrong part is left out, and a fault names its line."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from checkout_daemon.errors import CheckoutError
from checkout_daemon.model.orders import Order
from checkout_daemon.orders.order_query import parse_query
from checkout_daemon.present.order_columns import COLUMNS, FIELDS

from .own_keys import ALLOWED_KEYS, known_key

_MOST_BYTES = 100_000
_MOST_TABS = 9
_LONGEST_NAME = 40
_COLUMN_WIDTHS = range(4, 61)
_COLUMN_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_FIELDS = tuple(field.name for field in fields(Order))
_SHORT = {"order": "number", "email": "customer_email", "name": "customer_name", "phone": "customer_phone"}
_PLACEHOLDER = re.compile(r"(?<!\$)\{(" + "|".join((*_FIELDS, *_SHORT)) + r")\}")

SCREENS = {"orders": "Orders", "order": "Order"}
WHERE = ("box", "terminal")
_TABLES: dict[str, dict[str, type]] = {
    "keys": {"key": str, "name": str, "run": str, "where": str, "screens": list, "reads": bool},
    "tabs": {"name": str, "filter": str},
    "columns": {"name": str, "field": str, "title": str, "width": int},
}
_NEEDED = {"keys": ("key", "name", "run"), "tabs": ("name", "filter"), "columns": ("name", "field")}
_WORDS: dict[type, str] = {str: "a text", bool: "true or false", list: "a list of texts", int: "a whole number"}


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A key that runs a shell command about the order under the cursor. `where` is one of WHERE."""

    key: str
    name: str
    run: str
    where: str = "box"
    screens: tuple[str, ...] = tuple(SCREENS)
    reads: bool = False
    line: int = 0


@dataclass(frozen=True, slots=True)
class OwnTab:
    """A saved filter of the order list, in the filter language."""

    name: str
    filter: str


@dataclass(frozen=True, slots=True)
class OwnColumn:
    """A column of the order list: a field of the order. `width` is in cells; 0: as wide as there is room."""

    name: str
    field: str
    title: str
    width: int = 0


@dataclass(frozen=True, slots=True)
class ConfigFault:
    """What is wrong with a part of the file, and what is allowed. `line` is 0 where none is to blame."""

    path: Path
    line: int
    problem: str

    @property
    def text(self) -> str:
        return f"{self.path}:{self.line}: {self.problem}" if self.line else f"{self.path}: {self.problem}"


@dataclass(frozen=True, slots=True)
class UserConfig:
    """What the file adds, and its faults. `path` is None without a file. `unusable` are keys with a fault."""

    path: Path | None = None
    keys: tuple[OwnKey, ...] = ()
    tabs: tuple[OwnTab, ...] = ()
    columns: tuple[OwnColumn, ...] = ()
    faults: tuple[ConfigFault, ...] = ()
    unusable: tuple[OwnKey, ...] = ()


def config_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the usual file, as the XDG Base Directory Specification has it; a relative path there is ignored."""
    base = Path(environ.get("XDG_CONFIG_HOME") or "")
    if not base.is_absolute():
        base = Path(environ.get("HOME") or "/nonexistent") / ".config"
    return base / "checkout-daemon" / "tui.toml"


def read_config(path: Path | None, *, time_zone: str) -> UserConfig:
    """Read the file, or with None the usual one, if there is one. Faults are returned, so that the terminal starts."""
    file = path or config_path()
    try:
        if file.stat().st_size > _MOST_BYTES:
            return _nothing(file, f"the file is longer than {_MOST_BYTES:,} bytes")
        text = file.read_text("utf-8-sig")
        found = tomllib.loads(text)
    except FileNotFoundError:
        return UserConfig() if path is None else _nothing(file, "there is no such file")
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        return _nothing(file, f"this is not TOML: {error}", int(line[1]) if line else text.count("\n") + 1)
    except (OSError, ValueError, RecursionError) as error:
        return _nothing(file, f"it cannot be read: {error}")
    return _Reader(file, text, time_zone).read(found)


def _nothing(path: Path, problem: str, line: int = 0) -> UserConfig:
    return UserConfig(path, faults=(ConfigFault(path, line, problem),))


class _Reader:
    """Reads the tables of one file, and collects what is wrong with them."""

    def __init__(self, path: Path, text: str, time_zone: str) -> None:
        self._path = path
        self._lines = text.split("\n")
        self._time_zone = time_zone
        self._faults: list[ConfigFault] = []
        self._unusable: list[OwnKey] = []

    def read(self, found: dict[str, Any]) -> UserConfig:
        for name in sorted(found.keys() - _TABLES.keys()):
            self._fault(name, 0, "", f"there is no {name!r}: allowed are {_listed(f'[[{one}]]' for one in _TABLES)}")
        keys = [key for place, table in self._tables(found, "keys") if (key := self._key(place, table))]
        tabs = [tab for place, table in self._tables(found, "tabs") if (tab := self._tab(place, table))]
        columns: dict[str, OwnColumn] = {}
        for place, table in self._tables(found, "columns"):
            if column := self._column(place, table, columns):
                columns[column.name] = column
        if len(tabs) > _MOST_TABS:
            self._fault("tabs", _MOST_TABS, "", f"more than {_MOST_TABS} tabs: the keys 1 to 9 switch them")
        faults = sorted(self._faults, key=lambda fault: fault.line)
        columns_read = tuple(columns.values())
        return UserConfig(
            self._path, tuple(keys), tuple(tabs[:_MOST_TABS]), columns_read, tuple(faults), tuple(self._unusable)
        )

    def _tables(self, found: dict[str, Any], name: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the tables of a name that have what they need, and only fields that exist and are of their kind."""
        tables = found.get(name, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            self._fault(name, 0, "", f"write [[{name}]], with two brackets")
            return
        for place, table in enumerate(tables):
            before = len(self._faults)
            for field, value in table.items():
                self._check_field(name, place, field, value)
            for field in _NEEDED[name]:
                if not table.get(field):
                    self._fault(name, place, "", f"[[{name}]] needs {field!r}")
            title = table.get("name")
            if isinstance(title, str) and (len(title) > _LONGEST_NAME or not title.isprintable()):
                self._fault(name, place, "name", f"name must be one line of at most {_LONGEST_NAME} characters")
            if len(self._faults) == before:
                yield place, table
            elif name == "keys" and isinstance(pressed := table.get("key"), str) and (key := known_key(pressed)):
                self._unusable.append(OwnKey(key, "", "", line=_line_of(self._lines, "keys", place, "key")))

    def _check_field(self, name: str, place: int, field: str, value: object) -> None:
        kind = _TABLES[name].get(field)
        if kind is None:
            allowed = _listed(_TABLES[name])
            self._fault(name, place, field, f"there is no {field!r} in [[{name}]]: allowed are {allowed}")
        elif (
            not isinstance(value, kind)
            or (kind is int and isinstance(value, bool))
            or (isinstance(value, list) and not all(isinstance(one, str) for one in value))
        ):
            self._fault(name, place, field, f"{field} must be {_WORDS[kind]}")

    def _key(self, place: int, table: dict[str, Any]) -> OwnKey | None:
        before, key = len(self._faults), known_key(table["key"])
        if key is None:
            self._fault("keys", place, "key", f"{table['key']!r} is no key: allowed are {ALLOWED_KEYS}")
        where, screens = table.get("where", "box"), tuple(table.get("screens", SCREENS))
        if where not in WHERE:
            self._fault("keys", place, "where", f"there is no {where!r}: allowed are {_listed(WHERE)}")
        for screen in screens:
            if screen not in SCREENS:
                self._fault("keys", place, "screens", f"there is no screen {screen!r}: allowed are {_listed(SCREENS)}")
        if found := _PLACEHOLDER.search(table["run"]):
            problem = f"{found[0]} is not filled in, because a customer's name could then run a command"
            self._fault("keys", place, "run", f'{problem}: write "${_variable_of(found[1])}", with the quotes')
        if key is None:
            return None
        line = _line_of(self._lines, "keys", place, "key")
        own = OwnKey(key, table["name"], table["run"], where, screens, table.get("reads", False), line)
        if len(self._faults) > before:
            self._unusable.append(own)
            return None
        return own

    def _tab(self, place: int, table: dict[str, Any]) -> OwnTab | None:
        try:
            parse_query(table["filter"], time_zone=self._time_zone, now=datetime.now(UTC))
        except CheckoutError as error:
            self._fault("tabs", place, "filter", error.detail)
            return None
        return OwnTab(table["name"], table["filter"])

    def _column(self, place: int, table: dict[str, Any], known: Collection[str]) -> OwnColumn | None:
        before, name, width = len(self._faults), table["name"], table.get("width", 0)
        if not _COLUMN_NAME.fullmatch(name):
            self._fault("columns", place, "name", "name must be of a to z, 0 to 9, - and _, as --columns takes it")
        elif name in COLUMNS or name in known:
            self._fault("columns", place, "name", f"there is a column {name!r} already: choose another name")
        if table["field"] not in FIELDS:
            allowed = _listed(FIELDS)
            self._fault("columns", place, "field", f"an order has no field {table['field']!r}: allowed are {allowed}")
        if width and width not in _COLUMN_WIDTHS:
            self._fault("columns", place, "width", f"width must be from {_COLUMN_WIDTHS[0]} to {_COLUMN_WIDTHS[-1]}")
        title = table.get("title", name)
        if len(title) > _LONGEST_NAME or not title.isprintable():
            self._fault("columns", place, "title", f"title must be one line of at most {_LONGEST_NAME} characters")
        return OwnColumn(name, table["field"], title, width) if len(self._faults) == before else None

    def _fault(self, table: str, place: int, field: str, problem: str) -> None:
        self._faults.append(ConfigFault(self._path, _line_of(self._lines, table, place, field), problem))


def _line_of(lines: Iterable[str], table: str, place: int, field: str) -> int:
    """Return the line of a field of the table at a place, counted from 0, or else of the table; 0 if not found."""
    title = re.compile(rf"\s*(\[?\[\s*[\"']?{re.escape(table)}[\"']?\s*\]|[\"']?{re.escape(table)}[\"']?\s*=)")
    seen, at = -1, 0
    for number, line in enumerate(lines, start=1):
        if title.match(line):
            if seen == place:
                break
            seen, at = seen + 1, number
        elif re.match(r"\s*\[", line) and seen == place:
            break
        elif field and seen == place and re.match(rf"\s*[\"']?{re.escape(field)}[\"']?\s*=", line):
            return number
    return at


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)


def _variable_of(field: str) -> str:
    return f"CHECKOUT_ORDER_{_SHORT.get(field, field).upper()}"


def order_environment(order: Order) -> dict[str, str]:
    """Return an order's fields as environment variables, such as CHECKOUT_ORDER_NUMBER.

    Amounts are minor units, times RFC 3339 in UTC, attention codes comma-separated; what an order lacks is empty.
    """
    return {_variable_of(name): _text(getattr(order, name)) for name in _FIELDS}


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, tuple):
        return ",".join(value)
    # The system takes no NUL in a variable, and no half of a UTF-16 pair.
    return str(value).replace("\0", "").encode("utf-8", "replace").decode()
