"""The result of a check."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check. `fix` is the command that fixes the fault, or None if nothing is wrong."""

    check: str
    ok: bool
    detail: str
    fix: str | None = None

    @classmethod
    def passed(cls, check: str, detail: str) -> Check:
        """Return the result of a check that found no fault."""
        return cls(check, True, detail)

    @classmethod
    def failed(cls, check: str, detail: str, fix: str) -> Check:
        """Return the result of a check that found a fault."""
        return cls(check, False, detail, fix)
