"""The files that `checkout dev` keeps in the state directory: private ones, written whole, and logs."""

from __future__ import annotations

from pathlib import Path

_LOG_BYTES = 5_000_000


def log_tail(path: Path, begin: int = 0, *, lines: int = 12) -> str:
    """The last lines written after byte `begin`."""
    with path.open("rb") as file:
        file.seek(max(begin, path.stat().st_size - 16_384))
        text = file.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-lines:])
