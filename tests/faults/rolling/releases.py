"""Another release of this project, taken from its git history and installed into a folder."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from checkout_daemon.database.migrations import code_version
from tests.faults.report import MissingPackage

_ROOT = Path(__file__).resolve().parents[3]
_PREPARE = """
import asyncio, sys
from checkout_daemon.database.migrations import migrate
from checkout_daemon.dev.main import seed_catalog
asyncio.run(migrate(sys.argv[1]))
asyncio.run(seed_catalog(sys.argv[1]))
"""


@dataclass(frozen=True, slots=True)
class Release:
    """An installed release. `environ` makes Python find it before this tree; it shares this environment's packages."""

    commit: str
    version: int
    folder: Path

    @property
    def environ(self) -> Mapping[str, str]:
        return {"PYTHONPATH": str(self.folder)}

    async def prepare(self, database_url: str) -> None:
        """Make its schema and catalog. Raise MissingPackage if it does not run with this environment's packages."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-c", _PREPARE, database_url),
            cwd=self.folder, env=dict(self.environ), stdout=PIPE, stderr=STDOUT,
        )  # fmt: skip
        printed, _ = await process.communicate()
        if process.returncode:
            end = printed.decode(errors="replace").strip().splitlines()[-1]
            raise MissingPackage(f"release {self.commit} does not run with the packages of this environment: {end}")


def install(folder: Path, ref: str | None) -> Release:
    """Install the release of a tag or commit, or else the newest one with an older schema. Raise MissingPackage."""
    commit = _git("rev-parse", "--short", f"{ref}^{{commit}}").strip() if ref else _before_this_schema()
    source, installed = folder / "source", folder / "installed"
    source.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", commit], cwd=_ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(source)], check=True, input=archive)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"),
            *("--no-build-isolation", "--no-index", "--target", str(installed), str(source)),
        ],
        check=True,
    )
    return Release(commit, _schema_of(commit), installed)


def _before_this_schema() -> str:
    version = code_version()
    for commit in _git("rev-list", "--abbrev-commit", "HEAD").split():
        if _schema_of(commit) < version:
            return commit
    raise MissingPackage("the previous release needs this repository's history: git fetch --unshallow")


def _schema_of(commit: str) -> int:
    names = _git("ls-tree", "--name-only", commit, "sql/migrations/").split()
    return max((int(Path(name).name.partition("_")[0]) for name in names if name.endswith(".sql")), default=0)


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=_ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MissingPackage(f"the previous release needs this repository's history: {done.stderr.strip()}")
    return done.stdout
