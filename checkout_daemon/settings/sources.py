"""Find settings in their sources: the environment, `.env` in the working directory, and `dev.env` of a demo.

The first source that sets a name wins. `dev.env` belongs to one demo and is used as a whole or not at all: as soon as
one of its settings is set elsewhere to something else, nothing of it is used, so that a demo's secrets and addresses
never end up in production.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG

from checkout_daemon.errors import ConfigurationError
from checkout_daemon.settings.values import BadValue

DEV_ENV = "dev.env"
DEV_ENV_FIRST = "CHECKOUT_DEV_ENV_FIRST"
"""Set for the daemon that `checkout dev` starts: dev.env wins, so that a secret that is added to it is found."""

PARENT_PIPE = "CHECKOUT_PARENT_PIPE"
"""The environment variable that names a pipe: it ends when our parent dies, even by kill -9, and then we stop.

The sandbox, which imports nothing of the daemon, has a copy.
"""

DECIDES = (
    *("DATABASE_URL", "DATABASE_LISTEN_URL", "DATABASE_READ_URL"),
    *("STRIPE_API_KEY", "STRIPE_API_BASE", "STRIPE_WEBHOOK_SECRET"),
)
"""Settings that decide which shop this is: where one is set elsewhere, dev.env belongs to another shop."""

_SERVICE_LINKS = ("tcp://", "udp://", "sctp://")


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """A file that settings were taken from, and their names."""

    path: Path
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """The settings of one source; `path` is None for the environment."""

    values: Mapping[str, str] = field(repr=False)
    path: Path | None = None

    @property
    def name(self) -> str:
        """Return `environment`, or the name of the file."""
        return "environment" if self.path is None else self.path.name

    def has(self, name: str) -> bool:
        """Return whether the setting is set here, as NAME or as NAME_FILE."""
        return bool(self.values.get(name, "").strip() or self.values.get(f"{name}_FILE", "").strip())


@dataclass(frozen=True, slots=True)
class Found:
    """The text of a setting and where it was found: its layer, and the file that NAME_FILE names."""

    text: str = field(repr=False)
    layer: Layer
    file: str | None = None


def find(name: str, layers: Sequence[Layer]) -> Found | None:
    """Look a setting up in the layers, first to last. Raise BadValue if its NAME_FILE cannot be read."""
    for layer in layers:
        if text := layer.values.get(name, "").strip():
            return Found(text, layer)
        if file := layer.values.get(f"{name}_FILE", "").strip():
            return Found(_read_file(name, file), layer, file)
    return None


def find_text(name: str, layers: Sequence[Layer]) -> str | None:
    """Return the text of a setting; None if it is not set, empty or unreadable."""
    try:
        found = find(name, layers)
    except BadValue:
        return None
    return found.text or None if found else None


def _read_file(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadValue(f"cannot be read from {path} ({name}_FILE): {why}") from error


def given_layers(environ: Mapping[str, str], cwd: Path) -> list[Layer]:
    """Return what the operator set: the environment and `.env`. Raise ConfigurationError for an unusable `.env`."""
    return [Layer(_without_service_link(environ)), _read_env_file(cwd / ".env")]


def _without_service_link(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Leave out the CHECKOUT_PORT that Kubernetes sets for a service named checkout, such as tcp://10.96.0.5:80."""
    if not environ.get("CHECKOUT_PORT", "").startswith(_SERVICE_LINKS):
        return environ
    return {name: value for name, value in environ.items() if name != "CHECKOUT_PORT"}


def demo_layer(state_dir: Path) -> Layer:
    """Return dev.env of the state directory. Raise ConfigurationError if another user may have written it."""
    path = state_dir / DEV_ENV
    if _is_file(path):
        from checkout_daemon.private_files import fault_of_ownership  # production has no dev.env

        for place in (state_dir, path):
            if fault := fault_of_ownership(place):
                raise ConfigurationError(fault)
    return _read_env_file(path)


def decided_elsewhere(given: Sequence[Layer], demo: Layer, *, daemon: bool) -> tuple[str, ...]:
    """Return the settings because of which nothing of dev.env is used; none if it is used as a whole.

    Commands of the operator who started the demo with settings of their own find the same values in both. A daemon
    that was started on its own uses the demo only if nothing else decides which shop it serves.
    """
    if not demo.values:
        return ()
    set_here = [name for name in DECIDES if any(layer.has(name) for layer in given)]
    return tuple(name for name in set_here if daemon or not _agree(name, given, demo))


def _agree(name: str, given: Sequence[Layer], demo: Layer) -> bool:
    if name in ("DATABASE_LISTEN_URL", "DATABASE_READ_URL"):  # other ways to the database of DATABASE_URL
        return find_text("DATABASE_URL", given) is not None or find_text("DATABASE_URL", [demo]) is None
    if not demo.has(name):
        return True
    ours, theirs = find_text(name, given), find_text(name, [demo])
    if name == "STRIPE_WEBHOOK_SECRET":  # `checkout listen` adds to the demo's
        return _parts(ours) <= _parts(theirs)
    return ours == theirs


def _parts(text: str | None) -> set[str]:
    return {part.strip() for part in (text or "").split(",") if part.strip()}


def _read_env_file(path: Path) -> Layer:
    if not _is_file(path):
        return Layer({}, path)
    from dotenv import dotenv_values  # most commands never get here

    try:
        if path.stat().st_mode & 0o002:
            raise ConfigurationError(f"{path} can be changed by every user of this machine: chmod o-w {path}")
        with path.open(encoding="utf-8-sig") as file:
            # A "$" in a password is a "$": no interpolation.
            values = dotenv_values(stream=file, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(f"{path} cannot be read: {why}") from error
    return Layer({name: value for name, value in values.items() if value is not None}, path)


def _is_file(path: Path) -> bool:
    try:
        return S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: no path at all
        return False
    except OSError as error:  # its folder may not be searched, which Path.is_file hides since Python 3.14
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error


def environment(environ: Mapping[str, str] | None) -> Mapping[str, str]:
    """Return the given variables, or those of this process."""
    return os.environ if environ is None else environ
