"""What a check says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `mend`: the command that puts it right, or None where nothing is wrong."""

    check: str
    ok: bool
    detail: str
    mend: str | None = None

    @classmethod
    def passed(cls, check: str, detail: str) -> Check:
        return cls(check, True, detail)

    @classmethod
    def failed(cls, check: str, detail: str, mend: str) -> Check:
        return cls(check, False, detail, mend)
