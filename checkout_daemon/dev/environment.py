"""The settings of `checkout dev`: which the operator gave, which it provides, and dev.env for other commands."""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from checkout_daemon.errors import ConfigurationError
from checkout_daemon.private_files import write_private
from checkout_daemon.settings import (
    DEV_ENV,
    DEV_ENV_FIRST,
    STRIPE_API_BASE,
    SettingsFile,
    is_live_key,
    load_settings,
    read_setting,
)
from checkout_daemon.urls import reachable_host, read_http_url, with_schema

API_KEY = "sandbox.key"
SHOP_FILE = "shop.toml"
DEMO_SETTINGS = {"CHECKOUT_METRICS": "public"}
"""Defaults of the demo's daemon that differ from those in production."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the operator set in the environment or in `.env`. `checkout dev` provides what is None."""

    database_url: str | None = field(repr=False)
    database_listen_url: str | None = field(repr=False)
    database_schema: str | None
    stripe_api_key: str | None = field(repr=False)
    stripe_api_base: str
    webhook_secret: str | None = field(repr=False)
    public_url: str | None
    rate_limit: str | None
    shop_file: str | None
    currency: str
    host: str  # at which the daemon is reached
    database_asked_for: bool = False  # by --database-url, so that the demo may be written into it
    files: tuple[SettingsFile, ...] = ()  # from which settings were taken
    unused: tuple[str, ...] = ()  # set, but not used by the demo: commands that use them would not reach it


@dataclass(frozen=True, slots=True)
class DevEnv:
    """Every address and secret of a running `checkout dev`."""

    database_url: str = field(repr=False)
    stripe_api_key: str = field(repr=False)
    stripe_api_base: str
    webhook_secret: str = field(repr=False)
    public_url: str
    shop_file: Path | None = None

    def variables(self) -> dict[str, str]:
        """Return them by the name of their environment variable."""
        shop = {} if self.shop_file is None else {"CHECKOUT_SHOP_FILE": str(self.shop_file)}
        return {
            "DATABASE_URL": self.database_url,
            "STRIPE_API_KEY": self.stripe_api_key,
            "STRIPE_API_BASE": self.stripe_api_base,
            "STRIPE_WEBHOOK_SECRET": self.webhook_secret,
            "CHECKOUT_PUBLIC_URL": self.public_url,
            **shop,
        }


def read_given(state_dir: Path, *, sandbox: bool, database_url: str | None = None) -> Given:
    """Read what the operator set. `database_url` is of the command line, and wins over DATABASE_URL.

    Raise ConfigurationError for faults, a live key, or a key without webhook secret.
    """
    key = read_setting("STRIPE_API_KEY")
    if key is not None and key.startswith(("sk_", "rk_")) and is_live_key(key):
        raise ConfigurationError(
            "STRIPE_API_KEY is a live key (it does not start with sk_test_ or rk_test_): `checkout dev` is for trying "
            "things out and takes test keys only"
        )
    settings = load_settings(state_dir=state_dir, strict=True)  # lists every fault of every setting
    secret = read_setting("STRIPE_WEBHOOK_SECRET")
    if key is None and not sandbox:
        raise ConfigurationError("--no-sandbox needs a Stripe to talk to: set STRIPE_API_KEY (sk_test_…)")
    if key is not None and secret is None:
        raise ConfigurationError(
            "STRIPE_API_KEY is set and STRIPE_WEBHOOK_SECRET is not: set the secret (whsec_…) of your webhook "
            "endpoint, or the one that `checkout listen` shows; unset STRIPE_API_KEY to use the offline Stripe"
        )
    host = read_setting("CHECKOUT_HOST") or "127.0.0.1"
    url, listen_url = database_url or read_setting("DATABASE_URL"), read_setting("DATABASE_LISTEN_URL")
    listen_url = listen_url if _listens(database_url) else None
    return Given(
        database_url=url and with_schema(url, settings.database_schema),
        database_listen_url=listen_url and with_schema(listen_url, settings.database_schema),
        database_schema=settings.database_schema,
        database_asked_for=database_url is not None,
        stripe_api_key=key,
        stripe_api_base=read_http_url(read_setting("STRIPE_API_BASE") or STRIPE_API_BASE).text,
        webhook_secret=secret if key is not None else None,
        public_url=read_setting("CHECKOUT_PUBLIC_URL") and settings.public_url,
        rate_limit=read_setting("CHECKOUT_RATE_LIMIT"),
        shop_file=read_setting("CHECKOUT_SHOP_FILE"),
        currency=settings.currency,
        host=reachable_host(host),
        files=settings.files,
        unused=_unused(key, database_url),
    )


def _listens(database_url: str | None) -> bool:
    """Return whether the other database settings are about the database that is used."""
    set_one = read_setting("DATABASE_URL")
    return set_one is not None and database_url in (None, set_one)


def _unused(key: str | None, database_url: str | None) -> tuple[str, ...]:
    names = () if key is not None else ("STRIPE_API_BASE", "STRIPE_WEBHOOK_SECRET")
    listen = () if _listens(database_url) else ("DATABASE_LISTEN_URL", "DATABASE_READ_URL")
    return tuple(name for name in (*names, *listen) if read_setting(name) is not None)


def sandbox_key(state_dir: Path) -> str:
    """Return the offline Stripe's API key: random, and kept between runs."""
    path = state_dir / API_KEY
    if not path.is_file():
        write_private(path, f"sk_test_{secrets.token_hex(16)}\n")
    return path.read_text(encoding="utf-8").strip()


def demo_shop_file(state_dir: Path) -> Path:
    """Return the demo shop's file in the state directory; it is copied there once, for the operator to edit."""
    path = state_dir / SHOP_FILE
    if not path.exists():
        write_private(path, files("checkout_daemon.dev").joinpath(SHOP_FILE).read_text("utf-8"))
    return path


def write_dev_env(state_dir: Path, env: DevEnv) -> None:
    """Write dev.env, from which the other commands read how to reach the demo."""
    lines = [f"{name}={_quoted(value)}\n" for name, value in env.variables().items()]
    write_private(state_dir / DEV_ENV, "".join(lines))


def child_environment(env: DevEnv, given: Given, state_dir: Path) -> dict[str, str]:
    """Return the daemon's environment: ours, with what dev.env must override."""
    child = {**os.environ, "CHECKOUT_STATE_DIR": str(state_dir), DEV_ENV_FIRST: "1"}
    child["CHECKOUT_RATE_LIMIT"] = given.rate_limit or "0"  # people who try a demo send many requests
    child.update({name: value for name, value in DEMO_SETTINGS.items() if read_setting(name) is None})
    if given.database_listen_url is None and read_setting("DATABASE_LISTEN_URL") is not None:
        child["DATABASE_LISTEN_URL"] = env.database_url  # the one that is set is for another database
    return child


def _quoted(value: str) -> str:
    """Quote a value for python-dotenv if it needs quotes."""
    if re.fullmatch(r"[^\s'\"#\\`]+", value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
