"""What else finds the orders of a filter besides reading the newest: texts, ids, cards, SKUs and amounts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from checkout_daemon.model.text import search_form
from checkout_daemon.orders.order_filter import Condition

TRIGRAM = 3  # characters
_RAREST, _RAREST_OF_SEVERAL = 4, 3  # trigrams of a text that are looked up
_MOST_PHRASES = 4  # texts that one look-up of trigrams combines
_MOST_ALTERNATIVES = 2  # texts of one lead
_OF_TEXTS = ("email", "name", "phone", "discount")


@dataclass(frozen=True, slots=True)
class Lead:
    """What orders that meet a condition have one of: a text, an id, a card's last digits, a SKU or an amount.

    `texts`: any of them. `skus` are globs. `is_part`: other orders may meet the condition as well.
    """

    texts: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    last4: str | None = None
    skus: tuple[str, ...] = ()
    amounts: tuple[int, ...] = ()
    is_part: bool = False

    @property
    def looked_up(self) -> bool:
        """Whether some of its orders are found by lookups."""
        return bool(self.last4 or self.skus or self.amounts)


@dataclass(frozen=True, slots=True)
class Phrase:
    """Texts that an order has all of, or one that it has instead, with the few trigrams that find each."""

    texts: tuple[str, ...]
    trigrams: tuple[str, ...]
    other: str | None = None
    other_trigrams: tuple[str, ...] = ()


def leads_of(conditions: Sequence[Condition]) -> list[Lead]:
    """Return a lead for each condition that has one."""
    leads = [lead for condition in conditions if (lead := _lead_of(condition)) is not None]
    if any(lead.texts for lead in leads):
        return leads
    # Words too short for the index may be neighbours, as in the name Li Wu.
    text = " ".join(condition.word.text for condition in conditions if condition.word and not condition.negated)
    return [*leads, Lead((text,), is_part=True)] if " " in text.strip() else leads


def texts_of(leads: Sequence[Lead]) -> list[str]:
    """Return the texts of all leads."""
    return [text for lead in leads for text in lead.texts]


def phrase_of(leads: Sequence[Lead], shares: Mapping[str, float]) -> Phrase:
    """Return the phrase of a lead, or of several that have one text each. `shares`: of the texts with a trigram."""
    first, *more = leads[:_MOST_PHRASES]
    if not more:
        found = [_rarest(text, shares, _RAREST) for text in first.texts]
        return Phrase(first.texts[:1], found[0], *((first.texts[1], found[1]) if len(found) > 1 else ()))
    texts = tuple(lead.texts[0] for lead in (first, *more))
    trigrams = [trigram for text in texts for trigram in _rarest(text, shares, _RAREST_OF_SEVERAL)]
    return Phrase(texts, tuple(dict.fromkeys(trigrams)))


def share_of(text: str, shares: Mapping[str, float]) -> float:
    """Return the share of the texts that have the rarest trigram of a text."""
    return min((shares.get(trigram, 0.0) for trigram in _trigrams(text)), default=0.0)


def exact_amounts(condition: Condition) -> tuple[int, ...]:
    """Return the amounts that a condition or word allows, or none if they are ranges."""
    amounts = condition.amounts if condition.word is None else condition.word.amounts
    if amounts is None:
        return ()
    ends = {end for ranges in amounts.ranges for end in ranges}
    return tuple(sorted({low for low, _ in ends if low is not None})) if all(a == b for a, b in ends) else ()


def begin_of(glob: str) -> str:
    """Return the text with which everything that a glob matches begins."""
    return re.split(r"[*?]", glob)[0]


def _trigrams(text: str) -> set[str]:
    return {text[at : at + TRIGRAM] for at in range(len(text) - TRIGRAM + 1)}


def _rarest(text: str, shares: Mapping[str, float], most: int) -> tuple[str, ...]:
    """Return the trigrams that the fewest texts have: an index reads all that is asked for."""
    return tuple(sorted(_trigrams(text), key=lambda trigram: (shares.get(trigram, 0.0), trigram))[:most])


def _lead_of(condition: Condition) -> Lead | None:
    """Return what else finds the orders of a condition, or None: the index of texts, or lookups."""
    if condition.negated:
        return None
    if condition.key == "ids":
        return Lead(ids=condition.texts)
    if (word := condition.word) is not None:
        if not word.text:
            return Lead(ids=word.ids)
        texts = tuple(text for text in (word.text, word.number or word.domain) if text)
        short = min(map(len, texts)) < TRIGRAM
        skus = (word.sku,) if word.sku else ()
        lookups = (word.last4 or None, skus, exact_amounts(condition))
        return Lead(() if short else _distinct(texts), word.ids, *lookups, is_part=short)
    if condition.key == "sku":
        return Lead(skus=condition.texts)
    if condition.key in _OF_TEXTS and 1 <= len(condition.texts) <= _MOST_ALTERNATIVES:
        longest = tuple(search_form(max(re.split(r"[*?]", glob), key=len)) for glob in condition.texts)
        return Lead(_distinct(longest)) if min(map(len, longest)) >= TRIGRAM else None
    return None


def _distinct(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the texts without those that contain another one, which finds their orders as well."""
    found = tuple(text for text in texts if not any(other in text and other != text for other in texts))
    return tuple(dict.fromkeys(found))
