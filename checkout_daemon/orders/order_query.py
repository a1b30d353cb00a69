"""The filter language of order lists: `status:failed amount:>50 -country:AT muller`.

A text is terms, all of which an order must meet, in any sequence. `key:a,b` is any of these values, `-key:value` leaves
out what `key:value` finds, and quotes keep blanks and commas together. A phone number may have blanks: `+49 170 123`.
Every other word is a search (orders/lookup.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches
from zoneinfo import ZoneInfo

from checkout_daemon.errors import CheckoutError
from checkout_daemon.model.text import cleaned, search_form
from checkout_daemon.model.time_ranges import EXAMPLES, read_past
from checkout_daemon.orders.order_filter import CHARGE_KEYS, Amounts, Condition, OrderFilter
from checkout_daemon.orders.query_keys import ALIASES, KEYS, QueryKey
from checkout_daemon.orders.query_values import amounts_of, join_phones, phone_globs, unclear_amount

_TERM = re.compile(r"(-?)([A-Za-z][A-Za-z0-9_]*)(:|(?=[<>]))")
_QUOTE = '"'
_LONGEST = 1000
_MOST_TERMS = 20
_MOST_SHOWN = 8
_MISTYPED = 0.75  # how alike a value of an open list is to one that is known: Stripe adds values at any time
_TIMES = ("since", "until")


class InvalidQuery(CheckoutError, code="invalid_filter", status=422, exit_code=2, title="The filter cannot be read"):
    """A filter has a key or value that does not exist; the message names it and what is allowed."""


@dataclass(frozen=True, slots=True)
class SearchWord:
    """A word, or words in quotes, that is no `key:value`."""

    text: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A filter as written: what needs no database, and the words to search for."""

    wanted: OrderFilter
    words: tuple[SearchWord, ...] = ()


@dataclass(frozen=True, slots=True)
class Term:
    """A part of a filter. `key` is None for a word. `start` is where the term begins in the text."""

    start: int
    negated: bool
    key: str | None
    values: tuple[str, ...]


def parse_query(text: str, *, time_zone: str, now: datetime, wanted: OrderFilter | None = None) -> Query:
    """Read a filter, in addition to the one that is `wanted` already. Raise InvalidQuery."""
    wanted = wanted or OrderFilter()
    words: list[SearchWord] = []
    charge: dict[str, tuple[str, ...]] = {}
    for term in terms(text):
        if term.key is None:
            words.append(SearchWord(term.values[0], term.negated))
            continue
        key = KEYS[term.key]
        values = tuple(_checked(key, value) for value in term.values)
        if term.key in _TIMES:
            wanted = _bounded(wanted, term, time_zone, now)
        elif term.key in CHARGE_KEYS and not term.negated and term.key not in charge:
            charge[term.key] = values
        else:
            wanted = _narrowed(wanted, _condition(term.key, values, term.negated))
    if wanted.since is not None and wanted.until is not None and wanted.since >= wanted.until:
        since, until = (f"{at.astimezone(ZoneInfo(time_zone)):%Y-%m-%d %H:%M}" for at in (wanted.since, wanted.until))
        raise InvalidQuery(f"no order was made since {since} and also before {until}: since takes the earlier time")
    return Query(_charged(wanted, charge), tuple(words))


def begun_query(text: str) -> str:
    """Return a text without its last term, which may not be complete while it is typed."""
    quoted = text.count(_QUOTE) % 2 == 1
    parts = join_phones(_parts(f"{text}{_QUOTE}" if quoted else text))
    return text[: parts[-1][0]].strip() if parts else ""


def terms(text: str) -> Iterator[Term]:
    """Yield the terms of a filter, with full keys. Raise InvalidQuery."""
    if len(text) > _LONGEST:
        raise InvalidQuery(f"a filter has at most {_LONGEST:,} characters")
    for count, (start, raw) in enumerate(join_phones(_parts(text))):
        if count == _MOST_TERMS:
            raise InvalidQuery(f"a filter has at most {_MOST_TERMS} terms")
        match = _TERM.match(raw)
        if match is None:
            negated = len(raw) > 1 and raw[0] == "-"
            word = "".join(_split(raw[negated:], ""))
            if word.strip():
                yield Term(start, negated, None, (word,))
            continue
        name = match[2].lower()
        key = ALIASES.get(name, name)
        if key not in KEYS:
            raise InvalidQuery(f"there is no filter {name!r}{_meant(name, [*KEYS, *ALIASES])}; to search for the text, "
                               f"put it in quotes")  # fmt: skip
        values = tuple(value for value in _split(raw[match.end() :], ",") if value)
        if not values:
            raise InvalidQuery(f"{key}: needs a value: {_allowed(KEYS[key])}")
        yield Term(start, bool(match[1]), key, values)


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """Yield the parts between blanks, with their quotes and where each begins."""
    start, quoted = None, False
    for place, char in enumerate(text):
        if char.isspace() and not quoted:
            if start is not None:
                yield start, text[start:place]
            start = None
            continue
        start = place if start is None else start
        quoted ^= char == _QUOTE
    if quoted:
        raise InvalidQuery(f"a quote is not closed: {text[start:]}")
    if start is not None:
        yield start, text[start:]


def _split(raw: str, at: str) -> list[str]:
    """Return the values of a part, without its quotes."""
    values, quoted = [""], False
    for char in raw:
        if char == _QUOTE:
            quoted = not quoted
        elif at and char == at and not quoted:
            values.append("")
        else:
            values[-1] += char
    return values


def _checked(key: QueryKey, value: str) -> str:
    """Return a value in the form in which it is compared. Raise InvalidQuery."""
    value = key.form(cleaned(value))
    if key.shape is not None and not key.shape.fullmatch(value):
        raise InvalidQuery(f"{key.name}:{value} is not allowed{_meant(value, key.values)}: {_allowed(key)}")
    mistyped = key.name not in _TIMES and get_close_matches(value, key.values, 1, _MISTYPED)
    if value not in key.values and (key.closed or mistyped):
        raise InvalidQuery(f"{key.name}:{value} is not known{_meant(value, key.values)}: {_allowed(key)}")
    return value


def _allowed(key: QueryKey) -> str:
    shown = ", ".join(key.values[:_MOST_SHOWN])
    more = ", …" if len(key.values) > _MOST_SHOWN and not key.closed else ""
    if key.closed and key.values:
        return "it is " + ", ".join(key.values)
    return f"{key.takes}{f', such as {shown}{more}' if shown else ''}"


def _meant(text: str, known: Sequence[str]) -> str:
    (close,) = get_close_matches(text, known, 1) or [""]
    return f" (did you mean {close}?)" if close else ""


def _bounded(wanted: OrderFilter, term: Term, time_zone: str, now: datetime) -> OrderFilter:
    if term.negated or len(term.values) > 1:
        raise InvalidQuery(f"{term.key}: takes one time, and no minus")
    time = read_past(cleaned(term.values[0]), time_zone, now)
    if time is None:
        raise InvalidQuery(f"{term.key}:{term.values[0]} is no time: it takes {EXAMPLES}")
    if term.key == "since":
        return replace(wanted, since=time if wanted.since is None else max(time, wanted.since))
    return replace(wanted, until=time if wanted.until is None else min(time, wanted.until))


def _condition(key: str, values: tuple[str, ...], negated: bool) -> Condition:
    if key in CHARGE_KEYS:
        return Condition("charge", charge=((key, values),), negated=negated)
    if key in ("amount", "refunded"):
        amounts = amounts_of(values)
        if isinstance(amounts, Amounts):
            amounts = next(filter(None, map(unclear_amount, values)), amounts)
        if isinstance(amounts, str):
            raise InvalidQuery(f"{key}:{amounts}: {_allowed(KEYS[key])}")
        return Condition(key, amounts=amounts, negated=negated)
    made = _TEXTS.get(key)
    texts = tuple(text for value in values for text in (made(value) if made else (value,)))
    if not texts:
        raise InvalidQuery(f"{key}:{','.join(values)} is not allowed: {_allowed(KEYS[key])}")
    if key == "is":
        return Condition("livemode", texts, negated)
    if key == "attention" and "none" in texts:
        if len(texts) > 1:
            raise InvalidQuery("attention:none goes with no other value")
        return Condition(key, ("any",), not negated)
    if key == "attention" and "any" in texts:
        texts = ("any",)
    return Condition(key, texts, negated)


def _email_globs(value: str) -> tuple[str, ...]:
    value = value.lower()
    local, _, domain = value.partition("@")
    is_whole = "." in domain and "*" not in value
    if is_whole and local:
        from checkout_daemon.model.customer import email_form  # slow to import

        return (email_form(value).lower(),)
    glob = value if "*" in value else f"*{value}" if is_whole else f"*{value}*"
    if glob.isascii():
        return (glob,)
    from checkout_daemon.model.customer import domain_form

    return tuple(dict.fromkeys((glob, domain_form(glob))))


_TEXTS: dict[str, Callable[[str], tuple[str, ...]]] = {
    "email": _email_globs,
    "name": lambda value: (f"*{search_form(value)}*",),
    "phone": phone_globs,
    "is": lambda value: ("true" if value == "live" else "false",),
    "imported": lambda value: ("true" if value == "yes" else "false",),
}


def _narrowed(wanted: OrderFilter, condition: Condition) -> OrderFilter:
    """Return the filter with a condition, in a field of its own where there is one: such lists are read fastest."""
    key, texts = condition.key, condition.texts
    if key == "status" and not wanted.statuses:
        known = KEYS["status"].values
        return replace(
            wanted, statuses=tuple(status for status in known if (status in texts) is not condition.negated) or ("",)
        )
    if not condition.negated:
        if key == "attention" and texts == ("any",):
            return replace(wanted, attention=True)
        if key == "email" and wanted.email is None and len(texts) == 1 and "*" not in texts[0] and "?" not in texts[0]:
            return replace(wanted, email=texts[0])
    return replace(wanted, conditions=(*wanted.conditions, condition))


def _charged(wanted: OrderFilter, charge: dict[str, tuple[str, ...]]) -> OrderFilter:
    """Return the filter with what the same attempt to pay must be like."""
    if not charge:
        return wanted
    simple = charge.keys() <= {"last4", "decline"} and all(len(values) == 1 for values in charge.values())
    if simple and not wanted.of_charges:
        last4, decline = charge.get("last4"), charge.get("decline")
        return replace(wanted, last4=last4[0] if last4 else None, decline=decline[0] if decline else None)
    condition = Condition("charge", charge=tuple(charge.items()))
    return replace(wanted, conditions=(*wanted.conditions, condition))
