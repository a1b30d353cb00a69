"""The storefront's texts by language: ours are package data; a shop's folder overrides them and adds languages.

A file is named after its language (`pl.json`) and has the keys of `texts/en.json`. A text that depends on a number is a
table by plural category (https://cldr.unicode.org/index/cldr-spec/plural-rules): one, few, many, other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

Texts = Mapping[str, Any]
"""Texts as their file nests them."""

BUILT_IN = ("en", "de")
"""The languages that come with the storefront. English is complete, and shown where another lacks a text."""
PLURALS = ("zero", "one", "two", "few", "many", "other")
_FOLDER = Path(__file__).with_name("texts")
_FILE = re.compile(r"([a-z]{2,3})\.json")
_NAME = re.compile(r"\{(\w+)\}")
_MOST_BYTES = 200_000
_DIRECTIONS = ("ltr", "rtl")


class BadTexts(ValueError):
    """A file of texts that cannot be used. The message names what is wrong, and where in the file."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A text in place of which another is shown, or that nothing shows: the file's name, the key and what is wrong."""

    file: str
    key: str
    problem: str

    def __str__(self) -> str:
        """Return the file, the key and the problem."""
        return f"{self.file}: {self.key} {self.problem}"


def read_folder(folder: Path) -> dict[str, Texts]:
    """Return the texts of a shop's folder by language. Raise BadTexts, or OSError."""
    found: dict[str, Texts] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if (name := _FILE.fullmatch(path.name)) is None:
            raise BadTexts(f"{path.name} is not named after a language: write {BUILT_IN[-1]}.json, for example")
        found[name[1]] = _read(path)
    return found


def texts_in(language: str, own: Mapping[str, Texts]) -> dict[str, Any]:
    """Return all texts in a language: the shop's own, else ours in it, else ours in English."""
    texts = _built_in(BUILT_IN[0])
    for layer in (_built_in(language) if language in BUILT_IN else {}, own.get(language, {})):
        texts = _over(texts, layer)
    return dict(texts)


def gaps_in(own: Mapping[str, Texts]) -> Iterator[Gap]:
    """Yield what is missing, unknown or unusable in a shop's own texts. Files of our languages may be partial."""
    for language, texts in own.items():
        yield from _gaps(language, texts, _built_in(BUILT_IN[0]), "", partial=language in BUILT_IN)


def _gaps(language: str, texts: Texts, english: Texts, place: str, *, partial: bool) -> Iterator[Gap]:
    file = f"{language}.json"
    for key in texts:
        if key not in english:
            yield Gap(file, f"{place}{key}", "is not known: nothing shows it")
    for key, ours in english.items():
        path = f"{place}{key}"
        if key not in texts:
            if not partial and ours is not None:
                yield from (Gap(file, missing, "is missing: English is shown") for missing in _paths(path, ours))
        elif _is_table(ours):
            if isinstance(texts[key], dict):
                yield from _gaps(language, texts[key], ours, f"{path}.", partial=partial)
            else:
                yield Gap(file, path, "must be a table: English is shown")
        elif (problem := _problem(language, path, texts[key], ours)) is not None:
            yield Gap(file, path, problem)


def _problem(language: str, path: str, text: object, ours: object) -> str | None:
    if path == "language.direction":
        return None if text in _DIRECTIONS else f"must be one of {', '.join(_DIRECTIONS)}: ltr is used"
    if not _fits(text, ours):
        kind: dict[type, str] = {list: "a list of texts", dict: 'a text for each plural category, at least "other"'}
        return f"must be {kind.get(type(ours), 'a text')}: English is shown"
    known = {name for part in _parts(ours) for name in _NAME.findall(part)}
    for part in _parts(text) if ours is not None else ():
        for name in _NAME.findall(part):
            if name not in known:
                return f"has {{{name}}}, which nothing fills: there is {', '.join(sorted(known)) or 'nothing to fill'}"
    if isinstance(text, dict) and (lacking := [plural for plural in _plurals(language) if plural not in text]):
        return f"lacks the plural {', '.join(lacking)}: other is shown"
    return None


def _plurals(language: str) -> list[str]:
    from babel import Locale, UnknownLocaleError  # slow to import, and needed only for the check

    try:
        used = Locale.parse(language).plural_form.tags
    except UnknownLocaleError:
        return []
    return [plural for plural in PLURALS if plural in used]


def _over(texts: Texts, layer: Texts) -> dict[str, Any]:
    """Return the texts with those of the layer that fit over them."""
    merged = dict(texts)
    for key, ours in texts.items():
        text = layer.get(key)
        if _is_table(ours):
            merged[key] = _over(ours, text) if isinstance(text, dict) else ours
        elif text is not None and _fits(text, ours) and (key != "direction" or text in _DIRECTIONS):
            merged[key] = text
    return merged


def _fits(text: object, ours: object) -> bool:
    if ours is None:
        return text is None or isinstance(text, str)
    if isinstance(ours, dict):
        plurals = isinstance(text, dict) and "other" in text and text.keys() <= set(PLURALS)
        return plurals and all(isinstance(part, str) for part in _parts(text))
    if isinstance(ours, list):
        return isinstance(text, list) and all(isinstance(part, str) for part in text)
    return isinstance(text, str) and bool(text.strip())


def _is_table(ours: object) -> bool:
    """Return whether it is a table of texts, and not one text by plural category."""
    return isinstance(ours, dict) and "other" not in ours


def _parts(text: object) -> list[Any]:
    if isinstance(text, dict):
        return list(text.values())
    return list(text) if isinstance(text, list) else [text or ""]


def _paths(path: str, ours: object) -> Iterator[str]:
    if not _is_table(ours) or not isinstance(ours, dict):
        yield path
        return
    for key, inner in ours.items():
        if inner is not None:
            yield from _paths(f"{path}.{key}", inner)


@cache
def _built_in(language: str) -> Texts:
    return _read(_FOLDER / f"{language}.json")


def _read(path: Path) -> Texts:
    content = path.read_bytes()
    if len(content) > _MOST_BYTES:
        raise BadTexts(f"{path.name} is larger than {_MOST_BYTES:,} bytes")
    try:
        found = json.loads(content)
    except UnicodeDecodeError as error:
        raise BadTexts(f"{path.name} is not UTF-8 text") from error
    except (ValueError, RecursionError) as error:
        raise BadTexts(f"{path.name} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise BadTexts(f"{path.name} must be one table of texts, as in {BUILT_IN[0]}.json")
    return found
