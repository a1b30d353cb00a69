"""Settings: where each comes from, what it means, and what is wrong with it.

First found wins: the environment, `.env` in the working directory, then `dev.env` in the state directory, which
`checkout dev` writes; the daemon that it starts takes `dev.env` first.
Every setting can also be given as `NAME_FILE`, a path to a file that holds the value.
"""

from __future__ import annotations

import os
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from checkout_daemon.errors import ConfigurationError

STRIPE_API_BASE = "https://api.stripe.com"
DEFAULT_STATE_DIR = ".checkout"
DEV_ENV = "dev.env"
DEV_ENV_FIRST = "CHECKOUT_DEV_ENV_FIRST"
"""Set for the daemon of `checkout dev`: what dev.env says holds, so that a secret added there is found."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the programs can be told; amounts of time are in the unit that the name ends with."""

    database_url: str | None
    database_listen_url: str | None  # direct; for LISTEN and migrations where database_url goes through a pooler
    stripe_api_key: str | None
    stripe_api_base: str
    webhook_secrets: tuple[str, ...]
    public_url: str  # no trailing slash; success and cancel URLs derive from it
    host: str
    port: int
    log_format: str  # "console" or "json"
    state_dir: Path
    cors_origins: tuple[str, ...]
    trusted_proxies: tuple[str, ...]  # addresses or networks whose X-Forwarded-For is believed
    rate_limit: int  # checkouts a minute and address; 0 = off
    session_minutes: int | None  # None: Stripe decides (24 hours)
    payload_days: int
    time_zone: str
    mask: bool  # the terminal shows names, addresses and phone numbers only when asked to
    currency: str  # lower-case; of the catalog
    smtp_url: (
        str | None
    )  # smtp:// (STARTTLS where offered, or ?starttls=always or never) or smtps://, with user:password@
    mail_from: str | None  # address, or Name <address>; without it and smtp_url no mail is sent
    mail_reply_to: str | None  # where answers of customers go; mail_from unless set
    mail_templates: Path | None  # a folder with the shop's own mail templates: those it has are taken instead of ours
    alert_to: str | None  # the operator's address, comma-separated for several
    locale: str  # of mails to customers whose language is not known
    shop_name: str  # as mails sign
    shop_webhook_url: str | None  # where the shop's own systems hear of orders, signed as Standard Webhooks has it
    shop_webhook_secrets: tuple[str, ...]  # whsec_ and base64; each delivery is signed with all of them

    @property
    def livemode(self) -> bool:
        """An order's livemode is its key's."""
        return is_live_key(self.stripe_api_key or "")

    def require_database_url(self) -> str:
        if not self.database_url:
            raise ConfigurationError(
                "DATABASE_URL is not set: set it, or run `checkout dev` in this folder, which brings a database"
            )
        return self.database_url

    def require_stripe_api_key(self) -> str:
        if not self.stripe_api_key:
            raise ConfigurationError(
                "STRIPE_API_KEY is not set: set it, or run `checkout dev` in this folder, "
                "which brings an offline Stripe"
            )
        return self.stripe_api_key

    def require_webhook_secrets(self) -> tuple[str, ...]:
        if not self.webhook_secrets:
            raise ConfigurationError(
                "STRIPE_WEBHOOK_SECRET is not set: set the whsec_… of your webhook endpoint; "
                "without it no delivery can be told from a forged one"
            )
        return self.webhook_secrets


def is_live_key(key: str) -> bool:
    return key.startswith(("sk_live_", "rk_live_"))


def is_signing_secret(secret: str) -> bool:
    """As Standard Webhooks has it: https://www.standardwebhooks.com."""
    try:
        key = b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        return False
    return secret.startswith("whsec_") and 24 <= len(key) <= 64


def load_settings(
    environ: Mapping[str, str] | None = None, *, cwd: Path | None = None, state_dir: Path | None = None
) -> Settings:
    """Read all layers. Raises ConfigurationError that lists every fault, not only the first."""
    environ = os.environ if environ is None else environ
    cwd = Path.cwd() if cwd is None else cwd
    layers: list[Mapping[str, str]] = [environ, _read_env_file(cwd / ".env")]
    reader = _Reader(layers)
    state = state_dir or Path(reader.text("CHECKOUT_STATE_DIR", DEFAULT_STATE_DIR))
    layers.insert(0 if environ.get(DEV_ENV_FIRST) else len(layers), _read_env_file(cwd / state / DEV_ENV))

    host = reader.text("CHECKOUT_HOST", "127.0.0.1")
    port = reader.number("CHECKOUT_PORT", 8000, 0, 65535)
    session_minutes = reader.number("CHECKOUT_SESSION_MINUTES", 0, 31, 1430)
    settings = Settings(
        database_url=reader.optional("DATABASE_URL"),
        database_listen_url=reader.optional("DATABASE_LISTEN_URL"),
        stripe_api_key=reader.optional("STRIPE_API_KEY"),
        stripe_api_base=reader.text("STRIPE_API_BASE", STRIPE_API_BASE).rstrip("/"),
        webhook_secrets=reader.names("STRIPE_WEBHOOK_SECRET"),
        public_url=reader.text("CHECKOUT_PUBLIC_URL", f"http://{_reachable(host)}:{port}").rstrip("/"),
        host=host,
        port=port,
        log_format=reader.choice("CHECKOUT_LOG_FORMAT", "console", ("console", "json")),
        state_dir=cwd / state,
        cors_origins=reader.names("CHECKOUT_CORS_ORIGINS"),
        trusted_proxies=reader.names("CHECKOUT_TRUSTED_PROXIES"),
        rate_limit=reader.number("CHECKOUT_RATE_LIMIT", 600, 0, 1_000_000),
        session_minutes=session_minutes or None,
        payload_days=reader.number("CHECKOUT_PAYLOAD_DAYS", 90, 1, 36_500),
        time_zone=reader.time_zone("CHECKOUT_TIME_ZONE", "UTC"),
        mask=reader.choice("CHECKOUT_MASK", "off", ("on", "off")) == "on",
        currency=reader.text("CHECKOUT_CURRENCY", "eur").lower(),
        smtp_url=reader.optional("CHECKOUT_SMTP_URL"),
        mail_from=reader.optional("CHECKOUT_MAIL_FROM"),
        mail_reply_to=reader.optional("CHECKOUT_MAIL_REPLY_TO"),
        mail_templates=reader.directory("CHECKOUT_MAIL_TEMPLATES", cwd),
        alert_to=reader.optional("CHECKOUT_ALERT_TO"),
        locale=reader.text("CHECKOUT_LOCALE", "en"),
        shop_name=reader.text("CHECKOUT_SHOP_NAME", "Checkout"),
        shop_webhook_url=reader.optional("CHECKOUT_SHOP_WEBHOOK_URL"),
        shop_webhook_secrets=reader.names("CHECKOUT_SHOP_WEBHOOK_SECRET"),
    )
    if len(settings.currency) != 3 or not settings.currency.isalpha():
        reader.faults.append("CHECKOUT_CURRENCY must be a three-letter currency code, such as eur")
    if not settings.public_url.startswith(("http://", "https://")):
        reader.faults.append("CHECKOUT_PUBLIC_URL must start with http:// or https://")
    for secret in settings.webhook_secrets:
        if not secret.startswith("whsec_"):
            reader.faults.append("STRIPE_WEBHOOK_SECRET must hold secrets that start with whsec_, comma-separated")
            break
    if settings.shop_webhook_url and not settings.shop_webhook_url.startswith(("http://", "https://")):
        reader.faults.append("CHECKOUT_SHOP_WEBHOOK_URL must start with https:// or http://")
    if settings.shop_webhook_url and not settings.shop_webhook_secrets:
        reader.faults.append(
            "CHECKOUT_SHOP_WEBHOOK_SECRET is not set: what is sent to CHECKOUT_SHOP_WEBHOOK_URL is signed"
        )
    if not all(is_signing_secret(secret) for secret in settings.shop_webhook_secrets):
        reader.faults.append(
            "CHECKOUT_SHOP_WEBHOOK_SECRET must hold whsec_ and 24 to 64 bytes in base64, comma-separated: "
            'echo "whsec_$(openssl rand -base64 32)" makes one'
        )
    if settings.stripe_api_key and not settings.stripe_api_key.startswith(("sk_", "rk_")):
        reader.faults.append("STRIPE_API_KEY must start with sk_ or rk_")
    if reader.faults:
        raise ConfigurationError("; ".join(reader.faults))
    return settings


def read_setting(name: str, environ: Mapping[str, str] | None = None, *, cwd: Path | None = None) -> str | None:
    """One setting from the environment or `.env` only: what the operator set, not what `checkout dev` wrote."""
    environ = os.environ if environ is None else environ
    cwd = Path.cwd() if cwd is None else cwd
    return _Reader([environ, _read_env_file(cwd / ".env")]).optional(name)


class _Reader:
    """Looks a name up through the layers and collects the faults."""

    def __init__(self, layers: list[Mapping[str, str]]) -> None:
        self.layers = layers
        self.faults: list[str] = []

    def optional(self, name: str) -> str | None:
        for layer in self.layers:
            if value := layer.get(name, "").strip():
                return value
            if path := layer.get(f"{name}_FILE", "").strip():
                try:
                    return Path(path).read_text(encoding="utf-8").strip() or None
                except (OSError, UnicodeDecodeError) as error:
                    self.faults.append(f"{name}_FILE names {path}, which cannot be read: {error}")
                    return None
        return None

    def text(self, name: str, default: str) -> str:
        return self.optional(name) or default

    def names(self, name: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in (self.optional(name) or "").split(",") if part.strip())

    def number(self, name: str, default: int, least: int, most: int) -> int:
        text = self.optional(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit()) or not least <= int(text) <= most:
            self.faults.append(f"{name} must be a whole number from {least} to {most}, not {text!r}")
            return default
        return int(text)

    def directory(self, name: str, cwd: Path) -> Path | None:
        text = self.optional(name)
        if text is None:
            return None
        if not (cwd / text).is_dir():
            self.faults.append(f"{name} must be a folder, and {text!r} is none")
        return cwd / text

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        text = self.text(name, default)
        if text not in allowed:
            self.faults.append(f"{name} must be one of {', '.join(allowed)}, not {text!r}")
            return default
        return text

    def time_zone(self, name: str, default: str) -> str:
        text = self.text(name, default)
        try:
            ZoneInfo(text)
        except (ZoneInfoNotFoundError, ValueError):
            self.faults.append(f"{name} must be an IANA time zone such as Europe/Vienna, not {text!r}")
            return default
        return text


def _read_env_file(path: Path) -> Mapping[str, str]:
    if not path.is_file():
        return {}
    from dotenv import dotenv_values  # most commands never get here

    # A "$" in a password is a "$": no interpolation.
    return {name: value for name, value in dotenv_values(path, interpolate=False).items() if value is not None}


def _reachable(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "::", "") else host  # noqa: S104
