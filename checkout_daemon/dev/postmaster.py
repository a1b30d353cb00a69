"""What a PostgreSQL server says of itself in its data directory, in the file postmaster.pid."""

from __future__ import annotations

from pathlib import Path

from checkout_daemon.dev.processes import runs_with

PROGRAM = "postgres"


def postmaster_pid(data: Path) -> int | None:
    """The process that the file names: perhaps long gone, and its number somebody else's."""
    first = next(iter(_lines(data)), "")
    return int(first) if first.isdigit() else None


def is_running(data: Path) -> bool:
    pid = postmaster_pid(data)
    return pid is not None and runs_with(pid, PROGRAM, str(data))


def is_ready(data: Path, pid: int) -> bool:
    """Whether that server takes connections: the last line says so, as pg_ctl reads it too. It costs no connection."""
    lines = _lines(data)
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _lines(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
