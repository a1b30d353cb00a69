"""The result of a check."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check. `ok` is None if it does not apply: it is skipped, and `detail` is the reason.

    `fix` is the command that fixes the fault, or None if nothing is wrong.
    """

    check: str
    ok: bool | None
    detail: str
    fix: str | None = None

    @classmethod
    def passed(cls, check: str, detail: str) -> Check:
        """Return the result of a check that found no fault."""
        return cls(check, True, detail)

    @classmethod
    def skipped(cls, check: str, detail: str) -> Check:
        """Return the result of a check that does not apply, for this reason."""
        return cls(check, None, detail)

    @property
    def fault(self) -> bool:
        """Return whether something is wrong."""
        return self.ok is False

    @classmethod
    def failed(cls, check: str, detail: str, fix: str) -> Check:
        """Return the result of a check that found a fault."""
        return cls(check, False, detail, fix)
