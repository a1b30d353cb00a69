"""What the embedded PostgreSQL keeps between starts: where its cluster is, its password and its port."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from checkout_daemon.private_files import write_private

RECORD = "postgres.json"


@dataclass(frozen=True, slots=True)
class Record:
    home: str  # the cluster's directory: not always in the state dir, see placement
    password: str = field(repr=False)
    port: int = 0  # of the last start, taken again where it is free, so that URLs stay good
    database_created: bool = False


def load_record(state_dir: Path) -> Record | None:
    """None if there was no cluster yet, or its directory is gone."""
    try:
        record = Record(**json.loads((state_dir / RECORD).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    return record if Path(record.home).is_dir() else None


def save_record(state_dir: Path, record: Record) -> None:
    write_private(state_dir / RECORD, json.dumps(asdict(record), indent=2) + "\n")
