"""Which orders a list contains: the filter, its conditions, and whether an order meets them.

order_search.sql decides the same in the database. tests/orders/test_filters_agree.py holds both to one another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from checkout_daemon.model.money import exponent
from checkout_daemon.model.orders import Order
from checkout_daemon.model.text import search_form

EXPONENTS = (0, 2, 3)
"""How many decimals currencies have."""

CHARGE_KEYS = ("brand", "last4", "funding", "country", "wallet", "network", "method", "decline", "risk")
"""The keys of a filter that are about one attempt to pay."""

_CHARGE_FIELDS = {"decline": "decline_code", "risk": "risk_level"}

Range = tuple[int | None, int | None]


@dataclass(frozen=True, slots=True)
class ChargeFacts:
    """What filters compare of an attempt to pay."""

    brand: str | None = None
    last4: str | None = None
    funding: str | None = None
    country: str | None = None
    wallet: str | None = None
    network: str | None = None
    method: str | None = None
    decline_code: str | None = None
    risk_level: str | None = None


@dataclass(frozen=True, slots=True)
class ComparedFacts:
    """What filters compare besides the order itself."""

    skus: tuple[str, ...] = ()
    charges: tuple[ChargeFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class Amounts:
    """Ranges of money. For each number of decimals in EXPONENTS those in minor units, both ends inclusive or open."""

    ranges: tuple[tuple[Range, ...], ...]

    def contain(self, amount: int, currency: str) -> bool:
        """Return whether an amount in minor units of its currency is in one of the ranges."""
        return any(
            (low is None or amount >= low) and (high is None or amount <= high)
            for low, high in self.ranges[EXPONENTS.index(exponent(currency))]
        )


@dataclass(frozen=True, slots=True)
class Word:
    """What a word of a search may stand for: part of a name, email or code, or the orders that it names.

    `phones` are globs of the digits of a phone number, `sku` is a glob as well. Empty: it cannot be that. `number`: the
    digits that each of `phones` contains. `domain`: part of an email as it is stored, if its domain is not ASCII.
    """

    text: str = ""
    ids: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    number: str = ""
    domain: str = ""
    sku: str = ""
    last4: str = ""
    amounts: Amounts | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a filter: `key` has any of these values, or none of them if it is negated.

    `texts` are whole values of status, attention, currency, livemode, imported, shipped and ids; for email, name,
    phone, discount and sku they are globs with `*` and `?` of the value in lower case. `amounts` are for amount and
    refunded. The values of `charge`, by key, must all be those of the same attempt to pay.
    """

    key: str
    texts: tuple[str, ...] = ()
    negated: bool = False
    amounts: Amounts | None = None
    charge: tuple[tuple[str, tuple[str, ...]], ...] = ()
    word: Word | None = None

    def holds(self, order: Order, facts: ComparedFacts) -> bool:
        """Return whether an order meets the condition."""
        return self._matches(order, facts) is not self.negated

    def _matches(self, order: Order, facts: ComparedFacts) -> bool:
        match self.key:
            case "attention":
                return bool(order.attention if self.texts == ("any",) else set(order.attention) & set(self.texts))
            case "status":
                return order.status in self.texts
            case "ids":
                return order.id in self.texts
            case "currency":
                return order.currency in self.texts
            case "livemode":
                return str(order.livemode).lower() in self.texts
            case "imported":
                return str(order.imported_from is not None).lower() in self.texts
            case "shipped":
                return _shipped(order) in self.texts
            case "email":
                return matches_any(self.texts, order.customer_email.lower())
            case "name":
                return matches_any(self.texts, search_form(order.customer_name))
            case "phone":
                return matches_any(self.texts, order.customer_phone.lstrip("+"))
            case "discount":
                return order.discount_code is not None and matches_any(self.texts, order.discount_code.lower())
            case "sku":
                return any(matches_any(self.texts, sku.lower()) for sku in facts.skus)
            case "amount":
                return self.amounts is not None and self.amounts.contain(order.amount_total, order.currency)
            case "refunded":
                return self.amounts is not None and self.amounts.contain(order.amount_refunded, order.currency)
            case "charge":
                return any(
                    all(getattr(charge, _CHARGE_FIELDS.get(key, key)) in values for key, values in self.charge)
                    for charge in facts.charges
                )
            case "word":
                return self.word is not None and _stands_for(self.word, order, facts)
            case _:
                raise ValueError(f"no such condition: {self.key}")

    def document(self) -> dict[str, Any]:
        """Return the condition as order_search.sql reads it from JSON."""
        amounts, word = self.amounts, self.word
        found: dict[str, Any] = {"key": self.key, "negated": self.negated}
        globs = self.key in ("email", "name", "phone", "discount", "sku")
        found["texts"] = [like(text) for text in self.texts] if globs else self.texts
        found |= dict(self.charge)
        if word is not None:
            found |= {"text": word.text or None, "ids": word.ids, "phones": [like(glob) for glob in word.phones]}
            found |= {"sku": like(word.sku) if word.sku else None, "ending": word.last4 or None}
            found["domain"] = word.domain or None
            amounts = word.amounts
        if amounts is not None:
            found |= {f"amounts{places}": _multirange(amounts, at) for at, places in enumerate(EXPONENTS)}
        return found


@dataclass(frozen=True, slots=True)
class OrderCursor:
    """The order after which a page begins."""

    created_at: datetime
    number: int

    @classmethod
    def after(cls, order: Order) -> OrderCursor:
        """Return the cursor of an order."""
        return cls(order.created_at, order.number)


@dataclass(slots=True)
class Extent:
    """What was searched for a list. `whole`: all orders, so that it contains every one that fits.

    `thorough`: search all of them, however long that takes.
    """

    whole: bool = True
    thorough: bool = False


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders a list contains: those that meet every condition that is set. `until` is exclusive.

    `last4` and `decline` match orders with a charge to this card or account, and with this decline code. `conditions`
    are those that these fields cannot express, and the words of a search.
    """

    statuses: tuple[str, ...] = ()
    email: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    attention: bool = False
    last4: str | None = None
    decline: str | None = None
    conditions: tuple[Condition, ...] = ()

    @property
    def of_charges(self) -> bool:
        """Return whether the orders are found by their charges."""
        return self.last4 is not None or self.decline is not None

    @property
    def needs_facts(self) -> bool:
        """Return whether `fits` has to know the order's items and charges."""
        return self.of_charges or any(condition.key in ("sku", "charge", "word") for condition in self.conditions)

    @property
    def all_conditions(self) -> tuple[Condition, ...]:
        """Return the filter as conditions, without its times."""
        found = list(self.conditions)
        if self.statuses:
            found.append(Condition("status", self.statuses))
        if self.attention:
            found.append(Condition("attention", ("any",)))
        if self.email is not None:
            found.append(Condition("email", (self.email.lower(),)))
        if self.of_charges:
            named = (("last4", self.last4), ("decline", self.decline))
            found.append(
                Condition("charge", charge=tuple((key, (value,)) for key, value in named if value is not None))
            )
        return tuple(found)

    def fits(self, order: Order, facts: ComparedFacts | None = None) -> bool:
        """Return whether an order belongs to the list, by the same rules as list_orders.

        `facts` are the order's, where `needs_facts`.
        """
        return (
            (self.since is None or order.created_at >= self.since)
            and (self.until is None or order.created_at < self.until)
            and all(condition.holds(order, facts or ComparedFacts()) for condition in self.all_conditions)
        )


def _shipped(order: Order) -> str:
    if order.shipped_at is not None:
        return "yes"
    return "no" if order.amount_shipping is not None else ""


def like(glob: str) -> str:
    """Return a glob as a pattern of LIKE."""
    return re.sub(r"([\\%_])", r"\\\1", glob).replace("*", "%").replace("?", "_")


def _stands_for(word: Word, order: Order, facts: ComparedFacts) -> bool:
    texts = (search_form(order.customer_name), search_form(order.customer_email), (order.discount_code or "").lower())
    return (
        order.id in word.ids
        or (word.text != "" and any(word.text in text for text in texts))
        or (word.domain != "" and word.domain in order.customer_email.lower())
        or matches_any(word.phones, order.customer_phone.lstrip("+"))
        or (word.sku != "" and any(matches_any((word.sku,), sku.lower()) for sku in facts.skus))
        or (word.last4 != "" and any(charge.last4 == word.last4 for charge in facts.charges))
        or (word.amounts is not None and word.amounts.contain(order.amount_total, order.currency))
    )


def matches_any(globs: tuple[str, ...], text: str) -> bool:
    """Return whether any of the globs matches a whole text."""
    return any(_pattern(glob).fullmatch(text) for glob in globs)


@lru_cache(maxsize=256)
def _pattern(glob: str) -> re.Pattern[str]:
    signs = {"*": ".*", "?": "."}
    return re.compile("".join(signs.get(char) or re.escape(char) for char in glob), re.DOTALL)


def _multirange(amounts: Amounts, at: int) -> str:
    ends = (("" if low is None else low, "" if high is None else high) for low, high in amounts.ranges[at])
    return "{" + ",".join(f"[{low},{high}]" for low, high in ends) + "}"
