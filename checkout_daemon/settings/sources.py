"""Where settings come from: the environment, `.env` in the working directory, and `dev.env` of a demo.

First found wins. `dev.env` is one demo's, taken as a whole or not at all: as soon as one of its settings is set
elsewhere to something else, nothing of it is used, so that a demo's secrets and addresses never end up in production.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from checkout_daemon.errors import ConfigurationError
from checkout_daemon.private_files import fault_of_ownership
from checkout_daemon.settings.values import fault_of_text
from checkout_daemon.urls import BadUrl, read_http_url

DEV_ENV = "dev.env"
DEV_ENV_FIRST = "CHECKOUT_DEV_ENV_FIRST"
"""Set for the daemon of `checkout dev`: what dev.env says holds, so that a secret added there is found."""

DECIDES = ("DATABASE_URL", "DATABASE_LISTEN_URL", "STRIPE_API_KEY", "STRIPE_API_BASE", "STRIPE_WEBHOOK_SECRET")
"""Settings that say which shop this is: where one is set elsewhere, dev.env is another shop's."""


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """A file that settings were taken from, and their names."""

    path: Path
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """Settings of one source; `path` is None for the environment."""

    values: Mapping[str, str]
    path: Path | None = None

    def has(self, name: str) -> bool:
        return bool(self.values.get(name, "").strip() or self.values.get(f"{name}_FILE", "").strip())


class Reader:
    """Looks names up through the layers, and collects the faults and which file each name came from."""

    def __init__(self, layers: list[Layer]) -> None:
        self.layers = layers
        self._faults: dict[str, None] = {}
        self._taken: dict[Path, dict[str, None]] = {}

    @property
    def faults(self) -> list[str]:
        return list(self._faults)

    @property
    def files(self) -> tuple[SettingsFile, ...]:
        return tuple(SettingsFile(path, tuple(names)) for path, names in self._taken.items())

    def fault(self, text: str) -> None:
        self._faults[text] = None

    def optional(self, name: str, *, prose: bool = False) -> str | None:
        for layer in self.layers:
            if not layer.has(name):
                continue
            if layer.path is not None:
                self._taken.setdefault(layer.path, {})[name] = None
            text = layer.values.get(name, "").strip() or self._from_file(name, layer.values[f"{name}_FILE"].strip())
            if fault := fault_of_text(text, prose=prose):
                self.fault(f"{name} {fault}")
                return None
            return text or None
        return None

    def text(self, name: str, default: str, *, prose: bool = False) -> str:
        return self.optional(name, prose=prose) or default

    def names(self, name: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in (self.optional(name) or "").split(",") if part.strip())

    def number(self, name: str, default: int, least: int, most: int) -> int:
        text = self.optional(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 20) or not least <= int(text) <= most:
            self.fault(f"{name} must be a whole number from {least} to {most}, not {text!r}")
            return default
        return int(text)

    def directory(self, name: str, cwd: Path) -> Path | None:
        text = self.optional(name)
        if text is None:
            return None
        if not (cwd / text).is_dir():
            self.fault(f"{name}: {text!r} is not a directory; set it to one that exists")
        return cwd / text

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        text = self.text(name, default)
        if text not in allowed:
            self.fault(f"{name} must be one of {', '.join(allowed)}, not {text!r}")
            return default
        return text

    def time_zone(self, name: str, default: str) -> str:
        text = self.text(name, default)
        try:
            ZoneInfo(text)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.fault(f"{name} must be an IANA time zone such as Europe/Vienna, not {text!r}")
            return default
        return text

    def base_url(self, name: str, default: str) -> str:
        """Read a URL that paths are appended to: without trailing slash, user, query and fragment."""
        text = self.optional(name)
        if text is None:
            return default
        try:
            return read_http_url(text).text
        except BadUrl as error:
            self.fault(f"{name} {error}; set it to a URL such as https://shop.example")
            return default

    def final_url(self, name: str) -> str | None:
        """Read a URL that is used as it is; it may hold a password."""
        text = self.optional(name)
        try:
            if text is not None:
                read_http_url(text, final=True)
        except BadUrl as error:
            self.fault(f"{name} {error}")
        return text

    def moment(self, name: str) -> datetime | None:
        """Read a time with its zone, as RFC 3339 writes it."""
        text = self.optional(name)
        if text is None:
            return None
        try:
            moment: datetime | None = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            self.fault(f"{name} must be a time such as 2026-11-28T12:00:00Z, not {text!r}")
            return None
        return moment

    def file(self, name: str) -> Path | None:
        """Read an absolute path, written as `file:/path`."""
        text = self.optional(name)
        if text is None:
            return None
        path = Path(text.removeprefix("file://").removeprefix("file:"))
        if not text.startswith(("file:", "/")) or not path.is_absolute():
            self.fault(
                f"{name} must be file: and an absolute path, such as file:/var/log/checkout/anchors, not {text!r}"
            )
            return None
        return path

    def _from_file(self, name: str, path: str) -> str:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            self.fault(f"{name}_FILE names {path}, which cannot be read: {why}")
            return ""


def given_layers(environ: Mapping[str, str], cwd: Path) -> list[Layer]:
    """Return what the operator set: the environment and `.env`. Raises ConfigurationError for an unusable `.env`."""
    return [Layer(environ), _read_env_file(cwd / ".env")]


def demo_layer(state_dir: Path) -> Layer:
    """Return dev.env of the state directory. Raises ConfigurationError if another user may have written it."""
    path = state_dir / DEV_ENV
    if path.is_file():
        for place in (state_dir, path):
            if fault := fault_of_ownership(place):
                raise ConfigurationError(fault)
    return _read_env_file(path)


def decided_elsewhere(given: Sequence[Layer], demo: Layer, *, daemon: bool) -> tuple[str, ...]:
    """Return the settings because of which nothing of dev.env is used; none if it is used as a whole.

    Commands of the operator who started the demo with settings of their own hold the same values. A daemon
    started alone takes the demo only if nothing else says which shop it serves.
    """
    if not demo.values:
        return ()
    set_here = [name for name in DECIDES if any(layer.has(name) for layer in given)]
    if daemon:
        return tuple(set_here)
    reader, demo_reader = Reader(list(given)), Reader([demo])
    return tuple(name for name in set_here if not _agree(name, reader, demo_reader))


def _agree(name: str, given: Reader, demo: Reader) -> bool:
    if name == "DATABASE_LISTEN_URL":  # the direct way to the database of DATABASE_URL
        return given.optional("DATABASE_URL") is not None or demo.optional("DATABASE_URL") is None
    if not demo.layers[0].has(name):
        return True
    if name == "STRIPE_WEBHOOK_SECRET":  # `checkout listen` adds to the demo's
        return set(given.names(name)) <= set(demo.names(name))
    return given.optional(name) == demo.optional(name)


def _read_env_file(path: Path) -> Layer:
    if not path.is_file():
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


def environment(environ: Mapping[str, str] | None) -> Mapping[str, str]:
    return os.environ if environ is None else environ
