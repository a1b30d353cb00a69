"""Read `shop.toml`. Every fault names the key and the line, and all of them are found at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from checkout_daemon.shop.colors import LEAST_CONTRAST, unreadable
from checkout_daemon.shop.phones import PHONE_RULE, PhoneRule
from checkout_daemon.shop.records import COLORS, LINKS, NAME, Logo, Shop, Words
from checkout_daemon.shop.selling_file import Checks, SellingReader
from checkout_daemon.shop.translations import BUILT_IN, BadTexts, Texts, read_folder
from checkout_daemon.urls import BadUrl, read_http_url

_MOST_BYTES = 100_000
_MOST_LOGO_BYTES = 200_000
_LONGEST_NAME, _LONGEST_TEXT, _MOST_STEPS, _MOST_SELLER_LINES = 60, 300, 5, 8
_LOGOS = (".svg", ".png", ".webp", ".jpg", ".jpeg")
_COLOR = re.compile(r"#[0-9a-f]{6}")
_CURRENCY = re.compile(r"[a-z]{3}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_PHONES: tuple[Literal["required", "optional", "off"], ...] = ("required", "optional", "off")
_PATH = re.compile(r"/(?!/)[A-Za-z0-9._~!$&'()*+,;=:@/%-]*")
_MAILTO = re.compile(r"mailto:[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+")
_WORDS = tuple(field.name for field in fields(Words))
_DECISIVE = ("currency", "shipping", "tax")  # what a shopper pays, and for what
_TABLES = ("[links]", "[colors]", "[texts.…]", "[shipping]", "[tax]")
_KEYS = ("name", "logo", "locale", "languages", "currency", "translations", "phone", "country", "seller", *_WORDS)


@dataclass(frozen=True, slots=True)
class ShopFault:
    """What is wrong in the file. `line` is 0 if no line is to blame."""

    key: str
    line: int
    problem: str

    def __str__(self) -> str:
        """Return the line, the key and the problem."""
        place = f"line {self.line}: " if self.line else ""
        return f"{place}{self.key} {self.problem}" if self.key else f"{place}{self.problem}"


class BadShopFile(ValueError):
    """A file that cannot be used, with every fault that was found.

    `shop` is what the rest of the file states, or None if that would mislead: prices need the right
    currency, shipping and tax.
    """

    def __init__(self, path: Path, faults: tuple[ShopFault, ...], shop: Shop | None = None) -> None:
        super().__init__(f"{path}: " + "; ".join(map(str, faults)))
        self.path, self.faults, self.shop = path, faults, shop


def read_shop(path: Path) -> Shop:
    """Read the file. Raise BadShopFile with every fault."""
    try:
        content = path.read_bytes()
        if len(content) > _MOST_BYTES:
            raise BadShopFile(path, (ShopFault("", 0, f"the file is longer than {_MOST_BYTES:,} bytes"),))
        text = content.decode("utf-8-sig")
        found = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        number = int(line[1]) if line else text.count("\n") + 1
        raise BadShopFile(path, (ShopFault("", number, f"this is not TOML: {error}"),)) from error
    except UnicodeDecodeError as error:
        raise BadShopFile(path, (ShopFault("", 0, "the file is not UTF-8 text"),)) from error
    except OSError as error:
        raise BadShopFile(path, (ShopFault("", 0, f"cannot be read: {error.strerror}"),)) from error
    except RecursionError as error:
        raise BadShopFile(path, (ShopFault("", 0, "the file is nested too deep"),)) from error
    return _Reader(path, text).read(found)


class _Reader:
    """Checks one file, and collects what is wrong with it."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = text.split("\n")
        self._faults: list[ShopFault] = []

    def read(self, found: dict[str, Any]) -> Shop:
        tables = {name: self._table(found, name) for name in ("links", "colors", "texts", "shipping", "tax")}
        top = {key: value for key, value in found.items() if key not in tables}
        self._only("", top, _KEYS, "keys of the file", more=_TABLES)
        self._only("links", tables["links"], LINKS, "links")
        translations = self._translations(top)
        known = tuple(dict.fromkeys((*BUILT_IN, *translations)))
        languages = self._languages(top, known)
        locale = self._text("", "locale", top)
        if locale and locale.partition("-")[0] not in languages:
            self._fault("", "locale", f"{locale!r} is not one of the languages: {', '.join(languages)}")
        own = (locale or languages[0]).partition("-")[0]
        words = {own: self._words("", top)}
        for tag, table in tables["texts"].items():
            if tag not in known or tag == own:
                others = ", ".join(language for language in known if language != own)
                self._fault("texts", tag, f"is not a further language of the shop: it may have {others}")
            elif not isinstance(table, dict):
                self._fault("texts", tag, f"must be a table: write [texts.{tag}]")
            else:
                self._only(f"texts.{tag}", table, _WORDS, "texts")
                words[tag] = self._words(f"texts.{tag}", table)
        light, dark = self._colors(tables["colors"])
        selling = SellingReader(
            Checks(self._only, self._text, self._fault), (own, *(language for language in known if language != own))
        )
        shop = Shop(
            path=self._path,
            name=self._text("", "name", top, longest=_LONGEST_NAME) or NAME,
            locale=locale or None,
            currency=self._text("", "currency", top, check=_check_currency) or None,
            languages=languages,
            words=words,
            links={
                name: url for name in LINKS if (url := self._text("links", name, tables["links"], check=_check_link))
            },
            light=light,
            dark=dark,
            logo=self._logo(top),
            translations=translations,
            seller=self._texts("", "seller", top, _MOST_SELLER_LINES, "Example Tea GmbH"),
            shipping=selling.shipping(tables["shipping"]),
            tax=selling.tax(tables["tax"]),
            phone=self._phone(top, locale),
        )
        if self._faults:
            faults = tuple(sorted(self._faults, key=lambda fault: fault.line))
            misleads = any(fault.key.partition(".")[0] in _DECISIVE for fault in faults)
            raise BadShopFile(self._path, faults, None if misleads else shop)
        return shop

    def _words(self, place: str, table: Mapping[str, Any]) -> Words:
        steps = self._texts(place, "after_payment", table, _MOST_STEPS, "We pack your order.")
        texts = {key: self._text(place, key, table) for key in _WORDS if key != "after_payment"}
        return Words(**texts, after_payment=steps)

    def _texts(self, place: str, key: str, table: Mapping[str, Any], most: int, example: str) -> tuple[str, ...]:
        texts = table.get(key, [])
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            self._fault(place, key, f'must be a list of texts, such as ["{example}"]')
            texts = []
        if len(texts) > most:
            self._fault(place, key, f"has more than {most} texts")
        for text in texts:
            self._check_prose(place, key, text, _LONGEST_TEXT)
        return tuple(text.strip() for text in texts)

    def _languages(self, top: Mapping[str, Any], known: tuple[str, ...]) -> tuple[str, ...]:
        languages = top.get("languages", list(BUILT_IN))
        if not isinstance(languages, list) or not languages or not all(isinstance(tag, str) for tag in languages):
            self._fault("", "languages", f'must be a list such as ["{BUILT_IN[0]}"]')
            return BUILT_IN
        for tag in languages:
            if tag not in known:
                more = "" if "translations" in top else "; `translations` names a folder with more"
                self._fault("", "languages", f"has {tag!r}: there are {', '.join(known)}{more}")
        return tuple(dict.fromkeys(tag for tag in languages if tag in known)) or BUILT_IN

    def _phone(self, top: Mapping[str, Any], locale: str) -> PhoneRule:
        asked = self._text("", "phone", top, check=_check_phone)
        country = self._text("", "country", top, check=_check_country)
        region = locale.rpartition("-")[2]
        rule = next((name for name in _PHONES if name == asked), PHONE_RULE.asked)
        return PhoneRule(rule, country or (region if _COUNTRY.fullmatch(region) else None))

    def _translations(self, top: Mapping[str, Any]) -> dict[str, Texts]:
        name = self._text("", "translations", top)
        if not name:
            return {}
        folder = self._path.parent / name
        try:
            return read_folder(folder)
        except OSError as error:
            self._fault("", "translations", f"cannot be read at {folder}: {error.strerror}")
        except BadTexts as error:
            self._fault("", "translations", f"has a faulty file: {error}")
        return {}

    def _colors(self, table: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
        dark = table.get("dark", {})
        if not isinstance(dark, dict):
            self._fault("colors", "dark", "must be a table: write [colors.dark]")
            dark = {}
        light = {key: value for key, value in table.items() if key != "dark"}
        read: list[dict[str, str]] = []
        for place, colors in (("colors", light), ("colors.dark", dark)):
            self._only(place, colors, COLORS, "colours")
            before = len(self._faults)
            found = {
                key: color.lower()
                for key in COLORS
                if (color := self._text(place, key, colors, check=lambda text: _check_color(text.lower())))
            }
            read.append(found)
            if len(self._faults) == before:
                for text, ground, ratio in unreadable(found, dark=place.endswith("dark")):
                    given = text if text in found else ground
                    least = f"text needs a contrast of {LEAST_CONTRAST}"
                    self._fault(place, given, f"is hard to read: {text} on {ground} has {ratio:.1f}, {least}")
        return read[0], read[1]

    def _logo(self, top: Mapping[str, Any]) -> Logo | None:
        name = self._text("", "logo", top)
        if not name:
            return None
        path = self._path.parent / name
        if path.suffix.lower() not in _LOGOS:
            self._fault("", "logo", f"must be a file that ends with {', '.join(_LOGOS)}, not {name!r}")
            return None
        try:
            content = path.read_bytes()
        except OSError as error:
            self._fault("", "logo", f"cannot be read at {path}: {error.strerror}")
            return None
        if len(content) > _MOST_LOGO_BYTES:
            self._fault("", "logo", f"is larger than {_MOST_LOGO_BYTES:,} bytes")
        return Logo(path.suffix.lower(), content)

    def _table(self, found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        table = found.get(name, {})
        if isinstance(table, dict):
            return table
        self._fault("", name, f"must be a table: write [{name}]")
        return {}

    def _only(
        self, place: str, table: Mapping[str, Any], allowed: tuple[str, ...], what: str, more: tuple[str, ...] = ()
    ) -> None:
        for key in table:
            if key not in allowed:
                near = get_close_matches(key, allowed, n=1)
                meant = f"; did you mean {near[0]}?" if near else f": the {what} are {', '.join((*allowed, *more))}"
                self._fault(place, key, f"is not known{meant}")

    def _text(
        self,
        place: str,
        key: str,
        table: Mapping[str, Any],
        *,
        longest: int = _LONGEST_TEXT,
        check: Callable[[str], str | None] = lambda _: None,
    ) -> str:
        """Return a text without surrounding blanks, or the empty text if it is absent or faulty."""
        value = table.get(key, "")
        if not isinstance(value, str):
            self._fault(place, key, f"must be a text in quotes, not {value!r}")
            return ""
        value = value.strip()
        problem = (check(value) if value else None) or _prose_problem(value, longest)
        if problem:
            self._fault(place, key, problem)
            return ""
        return value

    def _check_prose(self, place: str, key: str, text: str, longest: int) -> None:
        if problem := _prose_problem(text, longest):
            self._fault(place, key, problem)

    def _fault(self, place: str, key: str, problem: str) -> None:
        name = f"{place}.{key}" if place else key
        self._faults.append(ShopFault(name, _line_of(self._lines, place, key), problem))


def _prose_problem(text: str, longest: int) -> str | None:
    if len(text) > longest:
        return f"is longer than {longest} characters"
    if not text.isprintable():
        return "has a line end or an invisible character"
    return None


def _check_color(text: str) -> str | None:
    return None if _COLOR.fullmatch(text) else f"must be a colour such as #2d5a4a, not {text!r}"


def _check_currency(text: str) -> str | None:
    return None if _CURRENCY.fullmatch(text) else f"must be three lower-case letters such as eur, not {text!r}"


def _check_phone(text: str) -> str | None:
    return None if text in _PHONES else f"must be one of {', '.join(_PHONES)}, not {text!r}"


def _check_country(text: str) -> str | None:
    return None if _COUNTRY.fullmatch(text) else f"must be two capital letters such as AT, not {text!r}"


def _check_link(text: str) -> str | None:
    if _PATH.fullmatch(text) or _MAILTO.fullmatch(text):
        return None
    try:
        read_http_url(text, final=True)
    except BadUrl:
        return f"must be https://…, mailto:… or a path such as /terms.html, not {text!r}"
    return None


def _line_of(lines: list[str], place: str, key: str) -> int:
    """Return the line of a key in a table, else of the table, counted from 1; 0 if neither is found."""
    title = 0
    for number, table, name in _keys(lines):
        if table == place and name == key:
            return number
        if name == "" and (table == place or table == f"{place}.{key}".lstrip(".")):
            title = title or number
    return title


def _keys(lines: list[str]) -> Iterator[tuple[int, str, str]]:
    """Yield each line that opens a table or sets a key: its number, the table, and the key or the empty text."""
    table = ""
    for number, line in enumerate(lines, start=1):
        if found := re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line):
            table = re.sub(r"[\s\"']", "", found[1])
            yield number, table, ""
        elif found := re.match(r"\s*([\"'\w.-]+)\s*=", line):
            *above, name = re.sub(r"[\"']", "", found[1]).split(".")
            yield number, ".".join(filter(None, (table, *above))), name
