"""The approval of what an operator may not do alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Approval:
    """The approved proposal that a refund carries out: its number, and who proposed it."""

    proposal: int
    proposed_by: str
