"""Read the settings from all of their sources, and collect every fault."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checkout_daemon.errors import ConfigurationError
from checkout_daemon.settings.sources import (
    DEV_ENV_FIRST,
    Found,
    Layer,
    SettingsFile,
    decided_elsewhere,
    demo_layer,
    environment,
    find,
    find_text,
    given_layers,
)
from checkout_daemon.settings.table import DEFAULT_STATE_DIR, ROWS, Settings
from checkout_daemon.settings.values import BadValue, check_key_destination, check_text
from checkout_daemon.shop.records import Shop
from checkout_daemon.urls import with_schema


@dataclass(frozen=True, slots=True)
class Examined:
    """The settings, where each one was found, and every fault. A faulty setting has its default.

    `sources` and `faults` are by the setting's name; a fault is a sentence that begins with it. `minor` names the
    settings whose faults stop only a daemon.
    """

    settings: Settings
    sources: Mapping[str, Found]
    faults: Mapping[str, str]
    minor: frozenset[str] = frozenset()


def load_settings(
    environ: Mapping[str, str] | None = None,
    *,
    cwd: Path | None = None,
    state_dir: Path | None = None,
    daemon: bool = False,
    strict: bool = False,
) -> Settings:
    """Read the settings. Raise ConfigurationError that lists every fault, not only the first.

    `strict`: minor faults count, too, as they do for a daemon. `daemon`:
    dev.env counts only where nothing else decides which shop this is, see `decided_elsewhere`.
    """
    examined = examine_settings(environ, cwd=cwd, state_dir=state_dir, daemon=daemon)
    faults = {name: fault for name, fault in examined.faults.items() if daemon or strict or name not in examined.minor}
    if faults:
        raise ConfigurationError("; ".join(faults.values()))
    return examined.settings


def read_setting(name: str) -> str | None:
    """Return the text of a setting that the operator set: in the environment or `.env`, not in dev.env."""
    return find_text(name, given_layers(environment(None), Path.cwd()))


def examine_settings(
    environ: Mapping[str, str] | None = None,
    *,
    cwd: Path | None = None,
    state_dir: Path | None = None,
    daemon: bool = False,
) -> Examined:
    """Read the settings, with the source of each and all faults. Raise ConfigurationError for an unusable file."""
    environ = environment(environ)
    cwd = Path.cwd() if cwd is None else cwd
    given = given_layers(environ, cwd)
    state_dir = cwd / (state_dir or find_text("CHECKOUT_STATE_DIR", given) or DEFAULT_STATE_DIR)
    demo = demo_layer(state_dir)
    layers = given
    unused_for: tuple[str, ...] = ()
    if environ.get(DEV_ENV_FIRST):
        layers = [demo, *given]
    elif not (unused_for := decided_elsewhere(given, demo, daemon=daemon)):
        layers = [*given, demo]

    values: dict[str, Any] = {}
    sources: dict[str, Found] = {}
    faults: dict[str, str] = {}
    minor: set[str] = set()
    for field, row in ROWS.items():
        values[field] = row.default_for(values)
        try:
            if (found := find(row.name, layers)) is None:
                continue
            sources[row.name] = found
            check_text(found.text, prose=row.kind.prose)
            if found.text:
                values[field] = row.kind.read(found.text, cwd)
        except BadValue as error:
            faults[row.name] = f"{row.name} {error}"
            if error.usable is not None:
                values[field] = error.usable
                minor.add(row.name)
    for url in ("database_url", "database_listen_url", "database_read_url"):
        values[url] = values[url] and with_schema(values[url], values["database_schema"])
    settings = Settings(**values | {"state_dir": state_dir}, files=_files(sources), demo_unused_for=unused_for)
    sources |= _from_shop_file(settings.shop, sources)
    for fault, names in _check_together(settings):
        if faults.keys().isdisjoint(names):
            faults[names[0]] = fault
    return Examined(settings, sources, faults, frozenset(minor))


def _from_shop_file(shop: Shop, sources: Mapping[str, Found]) -> dict[str, Found]:
    """Return the settings that the shop's file decides, because nothing else sets them."""
    if shop.path is None:
        return {}
    layer, unset = Layer({}, shop.path), Shop()
    return {
        row.name: Found(str(value), layer)
        for row in ROWS.values()
        if row.shop_key and row.name not in sources
        if (value := getattr(shop, row.shop_key)) != getattr(unset, row.shop_key)
    }


def _files(sources: Mapping[str, Found]) -> tuple[SettingsFile, ...]:
    names: dict[Path, list[str]] = {}
    for name, found in sources.items():
        if found.layer.path is not None:
            names.setdefault(found.layer.path, []).append(name)
    return tuple(SettingsFile(path, tuple(taken)) for path, taken in names.items())


def _check_together(settings: Settings) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the faults of settings that do not fit each other, with their names."""
    url, secret = "CHECKOUT_SHOP_WEBHOOK_URL", "CHECKOUT_SHOP_WEBHOOK_SECRET"
    if settings.shop_webhook_url and not settings.shop_webhook_secrets:
        yield f"{secret} is not set: set it to sign what is sent to {url}", (secret, url)
    url, secret = "CHECKOUT_CHALLENGE_URL", "CHECKOUT_CHALLENGE_SECRET"
    if bool(settings.challenge_url) != bool(settings.challenge_secret):
        yield f"{url} and {secret} belong together: set both or neither", (url, secret)
    try:
        check_key_destination(settings.stripe_api_key or "", settings.stripe_api_base)
    except ConfigurationError as error:
        yield error.detail, ("STRIPE_API_KEY", "STRIPE_API_BASE")
