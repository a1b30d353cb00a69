"""The embedded PostgreSQL on disk: the record we keep of its cluster, and what its server writes to postmaster.pid."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from checkout_daemon.dev.processes import runs_with
from checkout_daemon.private_files import write_private

RECORD = "postgres.json"
PROGRAM = "postgres"


@dataclass(frozen=True, slots=True)
class Record:
    """What must survive a restart: where the cluster is, its password and its last port."""

    home: str  # the cluster's directory, which is not always in the state directory: see placement
    password: str = field(repr=False)
    port: int = 0  # reused if it is still free, so that URLs stay valid
    database_created: bool = False


def load_record(state_dir: Path) -> Record | None:
    """Return the record, or None if there is no cluster yet or its directory is gone."""
    try:
        record = Record(**json.loads((state_dir / RECORD).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    return record if Path(record.home).is_dir() else None


def save_record(state_dir: Path, record: Record) -> None:
    """Write the record to a private file in the state directory."""
    write_private(state_dir / RECORD, json.dumps(asdict(record), indent=2) + "\n")


def postmaster_pid(data: Path) -> int | None:
    """Return the process id in postmaster.pid. That process may be gone, and its id given to another program."""
    first = next(iter(_pid_file(data)), "")
    return int(first) if first.isdigit() else None


def is_running(data: Path) -> bool:
    """Return whether a server runs on this data directory."""
    pid = postmaster_pid(data)
    return pid is not None and runs_with(pid, PROGRAM, str(data))


def is_ready(data: Path, pid: int) -> bool:
    """Return whether the server takes connections, as pg_ctl does: from the file's last line, without connecting."""
    lines = _pid_file(data)
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _pid_file(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
