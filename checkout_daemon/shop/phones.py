"""Whether a shop asks for phone numbers, and how it reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class PhoneRule:
    """Whether customers must give a phone number, and the country (ISO 3166) of numbers without a country code.

    `asked` is required, optional or off; a number that was not asked for is not kept.
    """

    asked: Literal["required", "optional", "off"] = "required"
    country: str | None = None


PHONE_RULE = PhoneRule()
"""The rule of a shop that states none: a number with its country code."""
