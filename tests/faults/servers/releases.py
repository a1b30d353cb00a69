"""The tests of the store and of the intake on every release of PostgreSQL that this machine has."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

from checkout_daemon.operations.doctor.database import OLDEST_POSTGRESQL
from tests.faults.report import Options, Part, Result
from tests.support.installed import VARIABLE

EMBEDDED = 18
_PROGRAMS = "/usr/lib/postgresql/{}/bin"
_ROOT = Path(__file__).resolve().parents[3]
_TESTS = (
    "tests/operations/test_schema.py", "tests/operations/test_retention.py", "tests/database/test_queries.py",
    "tests/database/test_schema_backfills.py", "tests/ledger", "tests/checkout", "tests/catalog",
    "tests/orders/test_refunding.py", "tests/audit",
)  # fmt: skip


async def run(options: Options) -> list[Result]:
    """Run the tests on each release from the oldest that is supported."""
    results = []
    for release in range(OLDEST_POSTGRESQL, EMBEDDED + 1):
        programs = Path(_PROGRAMS.format(release))
        promise = f"the tests of store and intake pass on PostgreSQL {release}"
        if release != EMBEDDED and not programs.is_dir():
            results.append(Result(promise, {"not run": f"apt-get install postgresql-{release}"}))
            continue
        environ = dict(os.environ) if release == EMBEDDED else os.environ | {VARIABLE: str(programs)}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", *_TESTS,
            cwd=_ROOT, env=environ, stdout=PIPE, stderr=STDOUT,
        )  # fmt: skip
        printed = (await process.communicate())[0].decode()
        (options.directory / f"postgresql-{release}.log").write_text(printed)
        counted = re.search(r"(\d+) passed", printed)
        failed = tuple(line for line in printed.splitlines() if line.startswith(("FAILED", "ERROR")))
        if process.returncode != 0 and not failed:
            failed = (printed.strip().splitlines()[-1],)
        results.append(Result(promise, {"passed": counted[1] if counted else 0}, failed))
    return results


PART = Part("releases", "the tests of the store and of the intake on every installed release of PostgreSQL", run)
