"""Settings: what each means, and what is wrong with it. Where they come from: `sources`.

First found wins: the environment, `.env` in the working directory, then `dev.env` in the state directory, which
`checkout dev` writes; the daemon that it starts takes `dev.env` first.
Every setting can also be given as `NAME_FILE`, a path to a file that holds the value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from checkout_daemon.errors import ConfigurationError
from checkout_daemon.settings.sources import (
    DEV_ENV,
    DEV_ENV_FIRST,
    Reader,
    SettingsFile,
    decided_elsewhere,
    demo_layer,
    environment,
    given_layers,
)
from checkout_daemon.settings.values import fault_of_api_key, fault_of_secrets, is_live_key, is_signing_secret
from checkout_daemon.urls import BadUrl, bare_host, http_url, is_loopback, reachable_host, read_http_url

STRIPE_API_BASE = "https://api.stripe.com"
DEFAULT_STATE_DIR = ".checkout"
_SHORTEST_AUDIT_KEY = 32


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the programs can be told; amounts of time are in the unit that the name ends with."""

    database_url: str | None = field(repr=False)
    database_listen_url: str | None = field(repr=False)  # direct, for LISTEN and migrations; the other has a pooler
    stripe_api_key: str | None = field(repr=False)
    stripe_api_base: str
    webhook_secrets: tuple[str, ...] = field(repr=False)
    public_url: str  # no trailing slash; success and cancel URLs derive from it
    host: str
    port: int
    log_format: str  # "console" or "json"
    state_dir: Path
    cors_origins: tuple[str, ...]
    trusted_proxies: tuple[str, ...]  # addresses or networks whose X-Forwarded-For is believed
    rate_limit: int  # checkouts a minute and address; 0 = off, with the three below unless they are set
    quote_limit: int  # quotes a minute and address; 0 = off
    look_limit: int  # looks at orders a minute and address; 0 = off
    failed_tries: int  # wrong discount codes, or declined payments, an hour for an address or email; then slow; 0 = off
    challenge_url: str | None  # siteverify of hCaptcha, Turnstile or the like: who solved it is not slowed
    challenge_secret: str | None = field(repr=False)
    metrics: str  # who may read /metrics: "local" (this machine, through no proxy), "public" or "off"
    metrics_token: str | None = field(repr=False)  # as "Authorization: Bearer …", read from anywhere
    connections: int  # that a process keeps open at most; fewer where the limit on open files asks for it
    connections_per_address: int  # of them, those of one address; trusted proxies may have all
    session_minutes: int | None  # None: Stripe decides (24 hours)
    payload_days: int
    time_zone: str
    mask: bool  # the terminal shows names, addresses and phone numbers only when asked to
    currency: str  # lower-case; of the catalog
    # smtp:// (STARTTLS where offered, or ?starttls=always or never) or smtps://, with user:password@
    smtp_url: str | None = field(repr=False)
    mail_from: str | None  # address, or Name <address>; without it and smtp_url no mail is sent
    mail_reply_to: str | None  # where answers of customers go; mail_from unless set
    mail_templates: Path | None  # a folder with the shop's own mail templates: those it has are taken instead of ours
    alert_to: str | None  # the operator's address, comma-separated for several
    locale: str  # of mails to customers whose language is not known
    shop_name: str  # as mails sign
    shop_webhook_url: str | None = field(repr=False)  # where the shop's own systems hear of orders
    shop_webhook_secrets: tuple[str, ...] = field(repr=False)  # Standard Webhooks; all of them sign each delivery
    audit_keys: tuple[str, ...] = field(repr=False)  # anchors of the operator log are signed with the first
    audit_key_since: datetime | None  # anchors from before that are accepted without a signature
    audit_anchor: Path | None  # the file that anchors are appended to: file:/PATH
    files: tuple[SettingsFile, ...] = ()  # that settings were taken from
    demo_unused_for: tuple[str, ...] = ()  # settings that are set, so that nothing of a dev.env was taken

    @property
    def livemode(self) -> bool:
        """An order's livemode is its key's."""
        return is_live_key(self.stripe_api_key or "")

    @property
    def public_url_is_local(self) -> bool:
        """Whether neither shoppers nor Stripe reach the public URL, because it names this machine to itself."""
        return is_loopback(read_http_url(self.public_url).host)

    def require_database_url(self) -> str:
        if not self.database_url:
            raise ConfigurationError(
                "DATABASE_URL is not set: set it, or run `checkout dev` in this folder, which brings a database"
                + self._about_the_demo()
            )
        return self.database_url

    def require_stripe_api_key(self) -> str:
        if not self.stripe_api_key:
            raise ConfigurationError(
                "STRIPE_API_KEY is not set: set it, or run `checkout dev` in this folder, "
                "which brings an offline Stripe" + self._about_the_demo()
            )
        return self.stripe_api_key

    def require_webhook_secrets(self) -> tuple[str, ...]:
        if not self.webhook_secrets:
            raise ConfigurationError(
                "STRIPE_WEBHOOK_SECRET is not set: set the whsec_… of your webhook endpoint; "
                "without it no delivery can be told from a forged one" + self._about_the_demo()
            )
        return self.webhook_secrets

    def _about_the_demo(self) -> str:
        if not self.demo_unused_for:
            return ""
        return f" ({DEV_ENV} of the demo is not used, because {', '.join(self.demo_unused_for)} is set)"


def check_key_destination(api_key: str, api_base: str) -> None:
    """Raise ConfigurationError for a live key that would go anywhere but to Stripe's own https address."""
    if is_live_key(api_key) and api_base != STRIPE_API_BASE:
        raise ConfigurationError(
            f"STRIPE_API_KEY is a live key (it does not start with sk_test_ or rk_test_) and STRIPE_API_BASE is "
            f"{api_base}: a live key is sent to {STRIPE_API_BASE} only; unset STRIPE_API_BASE, or use a test key"
        )


def load_settings(
    environ: Mapping[str, str] | None = None,
    *,
    cwd: Path | None = None,
    state_dir: Path | None = None,
    daemon: bool = False,
) -> Settings:
    """Read all layers. Raises ConfigurationError that lists every fault, not only the first.

    `daemon`: dev.env counts only where nothing else says which shop this is, see `decided_elsewhere`.
    """
    environ = environment(environ)
    cwd = Path.cwd() if cwd is None else cwd
    given = given_layers(environ, cwd)
    reader = Reader(given)
    state = state_dir or Path(reader.text("CHECKOUT_STATE_DIR", DEFAULT_STATE_DIR))
    demo = demo_layer(cwd / state)
    unused_for: tuple[str, ...] = ()
    if environ.get(DEV_ENV_FIRST):
        reader.layers = [demo, *given]
    elif not (unused_for := decided_elsewhere(given, demo, daemon=daemon)):
        reader.layers = [*given, demo]

    host = bare_host(reader.text("CHECKOUT_HOST", "127.0.0.1"))
    port = reader.number("CHECKOUT_PORT", 8000, 0, 65535)
    rate_limit = reader.number("CHECKOUT_RATE_LIMIT", 600, 0, 1_000_000)
    session_minutes = reader.number("CHECKOUT_SESSION_MINUTES", 0, 31, 1430)
    settings = Settings(
        database_url=reader.optional("DATABASE_URL"),
        database_listen_url=reader.optional("DATABASE_LISTEN_URL"),
        stripe_api_key=reader.optional("STRIPE_API_KEY"),
        stripe_api_base=_stripe_base(reader),
        webhook_secrets=reader.names("STRIPE_WEBHOOK_SECRET"),
        public_url=reader.base_url("CHECKOUT_PUBLIC_URL", http_url(reachable_host(host), port)),
        host=host,
        port=port,
        log_format=reader.choice("CHECKOUT_LOG_FORMAT", "console", ("console", "json")),
        state_dir=cwd / state,
        cors_origins=_origins(reader),
        trusted_proxies=reader.names("CHECKOUT_TRUSTED_PROXIES"),
        rate_limit=rate_limit,
        quote_limit=reader.number("CHECKOUT_QUOTE_LIMIT", 600 if rate_limit else 0, 0, 1_000_000),
        look_limit=reader.number("CHECKOUT_LOOK_LIMIT", 1_200 if rate_limit else 0, 0, 1_000_000),
        failed_tries=reader.number("CHECKOUT_FAILED_TRIES", 20 if rate_limit else 0, 0, 10_000),
        challenge_url=reader.final_url("CHECKOUT_CHALLENGE_URL"),
        challenge_secret=reader.optional("CHECKOUT_CHALLENGE_SECRET"),
        metrics=reader.choice("CHECKOUT_METRICS", "local", ("local", "public", "off")),
        metrics_token=reader.optional("CHECKOUT_METRICS_TOKEN"),
        connections=reader.number("CHECKOUT_CONNECTIONS", 10_000, 16, 50_000),
        connections_per_address=reader.number("CHECKOUT_CONNECTIONS_PER_ADDRESS", 1_000, 8, 50_000),
        session_minutes=session_minutes or None,
        payload_days=reader.number("CHECKOUT_PAYLOAD_DAYS", 90, 1, 36_500),
        time_zone=reader.time_zone("CHECKOUT_TIME_ZONE", "UTC"),
        mask=reader.choice("CHECKOUT_MASK", "off", ("on", "off")) == "on",
        currency=reader.text("CHECKOUT_CURRENCY", "eur").lower(),
        smtp_url=reader.optional("CHECKOUT_SMTP_URL"),
        mail_from=reader.optional("CHECKOUT_MAIL_FROM", prose=True),
        mail_reply_to=reader.optional("CHECKOUT_MAIL_REPLY_TO", prose=True),
        mail_templates=reader.directory("CHECKOUT_MAIL_TEMPLATES", cwd),
        alert_to=reader.optional("CHECKOUT_ALERT_TO"),
        locale=reader.text("CHECKOUT_LOCALE", "en"),
        shop_name=reader.text("CHECKOUT_SHOP_NAME", "Checkout", prose=True),
        shop_webhook_url=reader.final_url("CHECKOUT_SHOP_WEBHOOK_URL"),
        shop_webhook_secrets=reader.names("CHECKOUT_SHOP_WEBHOOK_SECRET"),
        audit_keys=reader.names("CHECKOUT_AUDIT_KEY"),
        audit_key_since=reader.moment("CHECKOUT_AUDIT_KEY_SINCE"),
        audit_anchor=reader.file("CHECKOUT_AUDIT_ANCHOR"),
        files=reader.files,
        demo_unused_for=unused_for,
    )
    _check(settings, reader)
    if reader.faults:
        raise ConfigurationError("; ".join(reader.faults))
    return settings


def read_setting(name: str, environ: Mapping[str, str] | None = None, *, cwd: Path | None = None) -> str | None:
    """One setting from the environment or `.env` only: what the operator set, not what `checkout dev` wrote."""
    return Reader(given_layers(environment(environ), Path.cwd() if cwd is None else cwd)).optional(name)


def _check(settings: Settings, reader: Reader) -> None:
    if len(settings.currency) != 3 or not (settings.currency.isascii() and settings.currency.isalpha()):
        reader.fault("CHECKOUT_CURRENCY must be a three-letter currency code, such as eur")
    try:
        read_http_url(http_url(reachable_host(settings.host), settings.port or 1))
    except BadUrl:
        reader.fault("CHECKOUT_HOST must be a host name or an address of this machine, such as 127.0.0.1 or ::")
    if fault := fault_of_secrets(settings.webhook_secrets):
        reader.fault(f"STRIPE_WEBHOOK_SECRET {fault}")
    if settings.shop_webhook_url and not settings.shop_webhook_secrets:
        reader.fault("CHECKOUT_SHOP_WEBHOOK_SECRET is not set: what is sent to CHECKOUT_SHOP_WEBHOOK_URL is signed")
    if not all(is_signing_secret(secret) for secret in settings.shop_webhook_secrets):
        reader.fault(
            "CHECKOUT_SHOP_WEBHOOK_SECRET must hold whsec_ and 24 to 64 bytes in base64, comma-separated: "
            'echo "whsec_$(openssl rand -base64 32)" makes one'
        )
    _check_mail(settings, reader)
    if bool(settings.challenge_url) != bool(settings.challenge_secret):
        reader.fault("CHECKOUT_CHALLENGE_URL and CHECKOUT_CHALLENGE_SECRET belong together: set both or neither")
    if not all(len(key) >= _SHORTEST_AUDIT_KEY and key.isascii() and key.isprintable() for key in settings.audit_keys):
        reader.fault(
            "CHECKOUT_AUDIT_KEY must hold keys of 32 or more random characters, comma-separated: "
            "`openssl rand -base64 32` makes one"
        )
    if settings.stripe_api_key and (fault := fault_of_api_key(settings.stripe_api_key)):
        reader.fault(f"STRIPE_API_KEY {fault}")
    try:
        check_key_destination(settings.stripe_api_key or "", settings.stripe_api_base)
    except ConfigurationError as error:
        reader.fault(error.detail)


def _check_mail(settings: Settings, reader: Reader) -> None:
    """Find what could never send a mail now, not when the first one is owed."""
    if not (settings.smtp_url or settings.mail_from or settings.mail_reply_to or settings.alert_to):
        return
    from checkout_daemon.settings.mail import parse_smtp_url, read_address, read_addresses  # most commands need none

    checks = (
        (settings.smtp_url, lambda text: parse_smtp_url(text)),
        (settings.mail_from, lambda text: read_address(text, "CHECKOUT_MAIL_FROM")),
        (settings.mail_reply_to, lambda text: read_address(text, "CHECKOUT_MAIL_REPLY_TO")),
        (settings.alert_to, lambda text: read_addresses(text, "CHECKOUT_ALERT_TO")),
    )
    for text, read in checks:
        try:
            if text:
                read(text)
        except ConfigurationError as error:
            reader.fault(error.detail)


def _stripe_base(reader: Reader) -> str:
    """Return Stripe's own address in its one form, however it was written."""
    base = reader.base_url("STRIPE_API_BASE", STRIPE_API_BASE)
    if base.endswith("/v1"):
        reader.fault("STRIPE_API_BASE ends with /v1, which is appended to it: leave that out")
    return STRIPE_API_BASE if base == f"{STRIPE_API_BASE}:443" else base


def _origins(reader: Reader) -> tuple[str, ...]:
    """Return the origins as browsers send them (RFC 6454), or `*`."""
    origins = []
    for origin in reader.names("CHECKOUT_CORS_ORIGINS"):
        if origin == "*":
            origins.append(origin)
            continue
        try:
            url = read_http_url(origin)
            if url.path:
                raise BadUrl("has a path")
            origins.append(url.origin)
        except BadUrl as error:
            reader.fault(f"CHECKOUT_CORS_ORIGINS must hold origins such as https://shop.example; {origin!r} {error}")
    return tuple(origins)
