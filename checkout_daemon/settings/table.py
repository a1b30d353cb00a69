"""The table of settings: one field per setting, whose row has its name, kind, default, group and description.

To add a setting, add its field here and read it where it is used; `make manual` brings docs/SETTINGS.md up to date.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from checkout_daemon.errors import ConfigurationError
from checkout_daemon.settings import kinds
from checkout_daemon.settings.rows import ROW, Group, SettingRow
from checkout_daemon.settings.sources import DEV_ENV, SettingsFile
from checkout_daemon.settings.values import STRIPE_API_BASE, is_live_key
from checkout_daemon.shop.records import NAME, Shop
from checkout_daemon.urls import http_url, is_loopback, reachable_host, read_http_url

if TYPE_CHECKING:
    from datetime import datetime

T = TypeVar("T")

DEFAULT_STATE_DIR = ".checkout"


def _own_address(values: Mapping[str, Any]) -> str:
    return http_url(reachable_host(values["host"]), values["port"])


def _unless_off(number: int) -> Callable[[Mapping[str, Any]], int]:
    """Make the default of a limit that CHECKOUT_RATE_LIMIT=0 turns off as well."""
    return lambda values: number if values["rate_limit"] else 0


@dataclass(frozen=True, slots=True)
class Settings:
    """The value of every setting. Each amount of time is in the unit that the field's name ends with."""

    database_url: str | None = Group.DATABASE.setting(
        "DATABASE_URL",
        kinds.DATABASE_URL,
        secret=True,
        example="postgresql://checkout@db1:5432,db2:5432/shop",
        about="The PostgreSQL database, version 15 or newer. Name several hosts where there is a standby: the one that "
        "accepts writes is found. The parameters of libpq are taken, such as sslrootcert=system and connect_timeout. "
        "One that cannot be honoured is refused by name, except channel_binding, which is ignored: "
        "sslmode=verify-full protects better.",
    )
    database_listen_url: str | None = Group.DATABASE.setting(
        "DATABASE_LISTEN_URL",
        kinds.DATABASE_URL,
        secret=True,
        unset="DATABASE_URL",
        example="postgresql://checkout@db1:5432/shop",
        about="The same database without a pooler in between, for LISTEN and migrations. Set it if DATABASE_URL goes "
        "through PgBouncer or another pooler.",
    )
    database_read_url: str | None = Group.DATABASE.setting(
        "DATABASE_READ_URL",
        kinds.DATABASE_URL,
        secret=True,
        unset="DATABASE_URL",
        example="postgresql://checkout@db2:5432,db3:5432/shop",
        about="A standby of the database, which lists, exports and the terminal read; of several hosts, one that is a "
        "standby. While none answers, or it lacks what an operator has just changed, the primary is read instead.",
    )
    database_schema: str | None = Group.DATABASE.setting(
        "CHECKOUT_DATABASE_SCHEMA",
        kinds.SCHEMA,
        unset="the search path that the server sets, public unless it was changed",
        example="checkout",
        about="The schema that has the shop's tables, in a database that other programs use as well. "
        "`checkout db init` makes it. Every connection uses it and no other, also through a pooler.",
    )
    database_connections: int = Group.DATABASE.setting(
        "CHECKOUT_DATABASE_CONNECTIONS",
        kinds.whole(2, 1_000),
        default=10,
        about="How many connections one process of the daemon opens at most for requests and jobs. Three more take "
        "deliveries and listen. `checkout doctor` compares them with what the server allows.",
    )
    stripe_api_key: str | None = Group.STRIPE.setting(
        "STRIPE_API_KEY",
        kinds.API_KEY,
        secret=True,
        example="sk_test_…",
        about="Your secret or restricted key; `checkout doctor` names the permissions that a restricted one lacks. A "
        "key that starts with neither sk_test_ nor rk_test_ counts as live, and "
        f"a live key is sent to {STRIPE_API_BASE} only.",
    )
    stripe_api_base: str = Group.STRIPE.setting(
        "STRIPE_API_BASE",
        kinds.STRIPE_URL,
        default=STRIPE_API_BASE,
        example="http://127.0.0.1:8001",
        about="The address of Stripe's API without /v1. Change it only to test against an offline Stripe.",
    )
    webhook_secrets: tuple[str, ...] = Group.STRIPE.setting(
        "STRIPE_WEBHOOK_SECRET",
        kinds.ENDPOINT_SECRETS,
        default=(),
        secret=True,
        example="whsec_…",
        about="The signing secret of the webhook endpoint; several while one is being rotated. `checkout webhook "
        "create` makes the endpoint and prints this line.",
    )
    stripe_cli: Path | None = Group.STRIPE.setting(
        "STRIPE_CLI",
        kinds.PATH,
        unset="`stripe` on PATH, then frontend/node_modules",
        example="/usr/local/bin/stripe",
        about="The native binary of Stripe's official CLI, for `checkout trigger` and `checkout listen`.",
    )
    host: str = Group.SERVER.setting(
        "CHECKOUT_HOST",
        kinds.HOST,
        default="127.0.0.1",
        example="0.0.0.0",  # noqa: S104 - an example
        about="The address that the daemon listens on. 0.0.0.0 is every IPv4 address of the machine, :: every address.",
    )
    port: int = Group.SERVER.setting(
        "CHECKOUT_PORT",
        kinds.whole(0, 65535),
        default=8000,
        about="The port that the daemon listens on. 0 picks a free one.",
    )
    unix_socket: Path | None = Group.SERVER.setting(
        "CHECKOUT_UNIX_SOCKET",
        kinds.PATH,
        unset="CHECKOUT_HOST and CHECKOUT_PORT are used",
        example="/run/checkout/checkout.sock",
        about="The path of a Unix socket that the daemon listens on instead of a port. X-Forwarded-For of whoever "
        "connects to it is trusted.",
    )
    unix_socket_mode: str = Group.SERVER.setting(
        "CHECKOUT_UNIX_SOCKET_MODE",
        kinds.MODE,
        default="660",
        example="666",
        about="The mode of that socket: whoever may write to it can connect.",
    )
    admin_listen: str | None = Group.SERVER.setting(
        "CHECKOUT_ADMIN_LISTEN",
        kinds.LISTEN,
        unset="the daemon's own address answers",
        example="127.0.0.1:9100",
        about="An address of its own for /metrics, /healthz and /readyz, whose clients need no token. /metrics is then "
        "no longer answered anywhere else; the other two are.",
    )
    drain: int = Group.SERVER.setting(
        "CHECKOUT_DRAIN",
        kinds.whole(0, 3600),
        default=0,
        example="5",
        about="How many seconds the daemon serves on after SIGTERM, while /readyz answers 503, so that a load balancer "
        "stops sending requests first.",
    )
    public_url: str = Group.SERVER.setting(
        "CHECKOUT_PUBLIC_URL",
        kinds.BASE_URL,
        default="http://127.0.0.1:8000",
        derive=_own_address,
        unset="http:// with CHECKOUT_HOST and CHECKOUT_PORT, or --host and --port of `checkout serve`",
        example="https://shop.example",
        about="Where shoppers reach the storefront. Stripe sends them back there, and Stripe's webhooks arrive there.",
    )
    cors_origins: tuple[str, ...] = Group.SERVER.setting(
        "CHECKOUT_CORS_ORIGINS",
        kinds.ORIGINS,
        default=(),
        example="https://shop.example,https://www.shop.example",
        about="The origins whose pages may call the API from a browser. Not needed for the storefront that the daemon "
        "serves itself.",
    )
    trusted_proxies: tuple[str, ...] = Group.SERVER.setting(
        "CHECKOUT_TRUSTED_PROXIES",
        kinds.NETWORKS,
        default=(),
        example="10.0.0.0/8",
        about="The proxies whose X-Forwarded-For header is believed. Set it behind a reverse proxy, or all shoppers "
        "share the proxy's limits.",
    )
    state_dir: Path = Group.SERVER.setting(
        "CHECKOUT_STATE_DIR",
        kinds.PATH,
        default=Path(DEFAULT_STATE_DIR),
        example="/var/lib/checkout",
        about="The directory for files of the daemon and of `checkout dev`. Other users must not be able to write to "
        "it.",
    )
    shop: Shop = Group.SHOP.setting(
        "CHECKOUT_SHOP_FILE",
        kinds.SHOP_FILE,
        default=Shop(),
        example="/etc/checkout/shop.toml",
        about="The file with the shop's name, words, links, colours and logo: see docs/CUSTOMIZE.md. `checkout shop "
        "check` reads it and names every fault.",
    )
    shop_name: str = Group.SHOP.setting(
        "CHECKOUT_SHOP_NAME",
        kinds.PROSE,
        default=NAME,
        derive=lambda values: values["shop"].name,
        unset="`name` in the shop's file, else Checkout",
        shop_key="name",
        example="Example Tea",
        about="The shop's name, on its pages and in its mails.",
    )
    currency: str = Group.SHOP.setting(
        "CHECKOUT_CURRENCY",
        kinds.CURRENCY,
        default="eur",
        derive=lambda values: values["shop"].currency or "eur",
        unset="`currency` in the shop's file, else eur",
        shop_key="currency",
        example="usd",
        about="The currency of the catalog's prices.",
    )
    locale: str = Group.SHOP.setting(
        "CHECKOUT_LOCALE",
        kinds.TEXT,
        default="en",
        derive=lambda values: values["shop"].locale or "en",
        unset="`locale` in the shop's file, else en",
        shop_key="locale",
        example="de",
        about="The language of mails to customers whose language is not known.",
    )
    time_zone: str = Group.SHOP.setting(
        "CHECKOUT_TIME_ZONE",
        kinds.TIME_ZONE,
        default="UTC",
        example="Europe/Vienna",
        about="The time zone of times in mails, in commands and in the terminal. It also decides when a day begins.",
    )
    session_minutes: int | None = Group.SHOP.setting(
        "CHECKOUT_SESSION_MINUTES",
        kinds.whole(31, 1430),
        unset="Stripe decides: 24 hours",
        example="60",
        about="How many minutes a shopper has to pay before the Checkout Session expires.",
    )
    late_payment: str = Group.SHOP.setting(
        "CHECKOUT_LATE_PAYMENT",
        kinds.one_of("reinstate", "refund", "ask"),
        default="reinstate",
        example="ask",
        about="What happens to an order that is paid after its pieces went back on sale: `reinstate` takes them again, "
        "and asks for a person if they are sold; `refund` gives the money back; `ask` always asks for a person. It "
        "counts as it was when the pieces were reserved.",
    )
    fraud_warning: str = Group.SHOP.setting(
        "CHECKOUT_FRAUD_WARNING",
        kinds.one_of("refund", "ask", "ignore"),
        default="ask",
        example="refund",
        about="What happens when the issuer of a card reports a payment as fraudulent (Stripe's early fraud warning), "
        "before there is a dispute with its fee: `refund` gives back all that is left of the payment, with the reason "
        "fraudulent; `ask` asks for a person; `ignore` acknowledges it.",
    )
    fraud_refund_up_to: tuple[str, ...] = Group.SHOP.setting(
        "CHECKOUT_FRAUD_REFUND_UP_TO",
        kinds.AMOUNTS,
        default=(),
        unset="any amount",
        example="eur:10000,usd:12000",
        about="Up to which amount CHECKOUT_FRAUD_WARNING=refund refunds without a person, in minor units. With a "
        "value, a payment in a currency that it does not name is left to a person.",
    )
    fraud_refund_risk: str = Group.SHOP.setting(
        "CHECKOUT_FRAUD_REFUND_RISK",
        kinds.one_of("normal", "elevated", "highest"),
        default="normal",
        example="elevated",
        about="From which risk level CHECKOUT_FRAUD_WARNING=refund refunds without a person, as Stripe had assessed "
        "the payment; with `normal` every payment, also one that was not assessed.",
    )
    refund_policy: Path | None = Group.SHOP.setting(
        "CHECKOUT_REFUND_POLICY",
        kinds.PATH,
        unset="left out",
        example="/etc/checkout/returns.txt",
        about="A text file that states how the shop takes goods back and refunds them. The evidence of disputes has "
        "it, and the link `returns` of the shop's file.",
    )
    cancellation_policy: Path | None = Group.SHOP.setting(
        "CHECKOUT_CANCELLATION_POLICY",
        kinds.PATH,
        unset="left out",
        example="/etc/checkout/cancellation.txt",
        about="A text file that states how an order can be canceled. The evidence of disputes has it, and the link "
        "`terms` of the shop's file.",
    )
    connections: int = Group.LIMITS.setting(
        "CHECKOUT_CONNECTIONS",
        kinds.whole(16, 50_000),
        default=10_000,
        about="How many connections one process keeps open at most. The limit on open files may allow fewer.",
    )
    connections_per_address: int = Group.LIMITS.setting(
        "CHECKOUT_CONNECTIONS_PER_ADDRESS",
        kinds.whole(8, 50_000),
        default=1_000,
        about="How many of these connections one address may have. Trusted proxies may have all of them.",
    )
    rate_limit: int = Group.LIMITS.setting(
        "CHECKOUT_RATE_LIMIT",
        kinds.whole(0, 1_000_000),
        default=600,
        about="How many checkouts one address may start per minute. 0 turns the limit off, and with it the three "
        "limits below that are not set.",
    )
    quote_limit: int = Group.LIMITS.setting(
        "CHECKOUT_QUOTE_LIMIT",
        kinds.whole(0, 1_000_000),
        default=600,
        derive=_unless_off(600),
        unset="600, or 0 if CHECKOUT_RATE_LIMIT is 0",
        about="How many prices one address may ask for per minute. 0 turns the limit off.",
    )
    look_limit: int = Group.LIMITS.setting(
        "CHECKOUT_LOOK_LIMIT",
        kinds.whole(0, 1_000_000),
        default=1_200,
        derive=_unless_off(1_200),
        unset="1200, or 0 if CHECKOUT_RATE_LIMIT is 0",
        about="How many times one address may look at orders per minute. 0 turns the limit off.",
    )
    failed_tries: int = Group.LIMITS.setting(
        "CHECKOUT_FAILED_TRIES",
        kinds.whole(0, 10_000),
        default=20,
        derive=_unless_off(20),
        unset="20, or 0 if CHECKOUT_RATE_LIMIT is 0",
        about="How many wrong discount codes or declined payments an address or email may have per hour before "
        "further ones are slowed down. 0 turns the limit off.",
    )
    token_limit: int = Group.LIMITS.setting(
        "CHECKOUT_TOKEN_LIMIT",
        kinds.whole(0, 1_000_000),
        default=600,
        about="How many requests to /api/orders one token may make per minute, in each process. 0 turns the limit off.",
    )
    challenge_url: str | None = Group.LIMITS.setting(
        "CHECKOUT_CHALLENGE_URL",
        kinds.FINAL_URL,
        secret=True,
        example="https://api.hcaptcha.com/siteverify",
        about="The siteverify address of hCaptcha, Turnstile or a similar service. A shopper who solves its challenge "
        "is not slowed down. Needs CHECKOUT_CHALLENGE_SECRET.",
    )
    challenge_secret: str | None = Group.LIMITS.setting(
        "CHECKOUT_CHALLENGE_SECRET",
        kinds.TEXT,
        secret=True,
        about="The secret that the service of CHECKOUT_CHALLENGE_URL gave you.",
    )
    log_format: str = Group.METRICS.setting(
        "CHECKOUT_LOG_FORMAT",
        kinds.one_of("console", "json"),
        default="console",
        example="json",
        about="How the daemon writes its log: lines for people, or one JSON object per line.",
    )
    log_level: str = Group.METRICS.setting(
        "CHECKOUT_LOG_LEVEL",
        kinds.one_of("debug", "info", "warning", "error"),
        default="info",
        example="warning",
        about="The least important lines that the daemon writes to its log. debug has a line for every request and for "
        "every call to Stripe.",
    )
    traces: str = Group.METRICS.setting(
        "CHECKOUT_TRACES",
        kinds.one_of("off", "otlp"),
        default="off",
        example="otlp",
        about="Whether the daemon sends traces by OTLP over HTTP. Needs the packages of `checkout-daemon[otel]`; the "
        "variables of OpenTelemetry, such as OTEL_EXPORTER_OTLP_ENDPOINT, decide where to.",
    )
    metrics: str = Group.METRICS.setting(
        "CHECKOUT_METRICS",
        kinds.one_of("local", "public", "off"),
        default="local",
        about="Who may read /metrics without a token: local is this machine, through no proxy; public is everybody; "
        "off is nobody.",
    )
    metrics_token: str | None = Group.METRICS.setting(
        "CHECKOUT_METRICS_TOKEN",
        kinds.TEXT,
        secret=True,
        about="A token that /metrics can be read with from anywhere, as `Authorization: Bearer TOKEN`.",
    )
    smtp_url: str | None = Group.MAIL.setting(
        "CHECKOUT_SMTP_URL",
        kinds.SMTP_URL,
        secret=True,
        unset="no mail is sent",
        example="smtp://user:password@mail.example:587",
        about="The mail server. smtp:// uses STARTTLS if it is offered, and always with a password; "
        "?starttls=always, auto or never decides otherwise. smtps:// uses TLS from the start.",
    )
    mail_from: str | None = Group.MAIL.setting(
        "CHECKOUT_MAIL_FROM",
        kinds.ADDRESS,
        unset="no mail is sent",
        example="Example Tea <orders@shop.example>",
        about="The sender of every mail: an address, or a name and an address.",
    )
    mail_reply_to: str | None = Group.MAIL.setting(
        "CHECKOUT_MAIL_REPLY_TO",
        kinds.ADDRESS,
        unset="CHECKOUT_MAIL_FROM",
        example="help@shop.example",
        about="Where the answers of customers go.",
    )
    mail_templates: Path | None = Group.MAIL.setting(
        "CHECKOUT_MAIL_TEMPLATES",
        kinds.DIRECTORY,
        unset="the built-in templates",
        example="/etc/checkout/mails",
        about="A directory with your own mail templates. A template that it lacks is taken from the built-in ones.",
    )
    alert_to: str | None = Group.MAIL.setting(
        "CHECKOUT_ALERT_TO",
        kinds.ADDRESSES,
        unset="no alert is mailed",
        example="ops@shop.example,night@shop.example",
        about="Who gets a mail when an order needs a person, or when something is wrong with the shop.",
    )
    alert_urls: tuple[str, ...] = Group.MAIL.setting(
        "CHECKOUT_ALERT_URLS",
        kinds.ALERT_URLS,
        default=(),
        secret=True,
        unset="alerts are only mailed",
        example="ntfys://ntfy.sh/my-shop,slack://…",
        about="Where alerts go besides mail: chat, phone or pager, as Apprise's addresses, comma-separated (a comma in "
        "one is %2C). Needs the extra: pip install 'checkout-daemon[alerts]'.",
    )
    alert_quiet: str | None = Group.MAIL.setting(
        "CHECKOUT_ALERT_QUIET",
        kinds.HOURS,
        unset="alerts come at any time",
        example="22:00-07:00",
        about="When the addresses of CHECKOUT_ALERT_URLS get only urgent alerts, in CHECKOUT_TIME_ZONE. The others "
        "come afterwards.",
    )
    reminder_hours: int | None = Group.MAIL.setting(
        "CHECKOUT_REMINDER_HOURS",
        kinds.whole(1, 168),
        unset="nobody is reminded",
        example="24",
        about="After how many hours a shopper gets one mail about an order that was left unpaid. Ask a lawyer whether "
        "your customers must agree to such mails.",
    )
    shop_webhook_url: str | None = Group.WEBHOOKS.setting(
        "CHECKOUT_SHOP_WEBHOOK_URL",
        kinds.FINAL_URL,
        secret=True,
        unset="no webhook is sent",
        example="https://erp.shop.example/orders",
        about="Where your own systems receive what happens to orders. Needs CHECKOUT_SHOP_WEBHOOK_SECRET.",
    )
    shop_webhook_secrets: tuple[str, ...] = Group.WEBHOOKS.setting(
        "CHECKOUT_SHOP_WEBHOOK_SECRET",
        kinds.SHOP_SECRETS,
        default=(),
        secret=True,
        example="whsec_…",
        about="The secret that deliveries to CHECKOUT_SHOP_WEBHOOK_URL are signed with; with several, each delivery "
        'is signed with all. `echo "whsec_$(openssl rand -base64 32)"` makes one.',
    )
    webhook_customer: bool = Group.WEBHOOKS.setting(
        "CHECKOUT_WEBHOOK_CUSTOMER",
        kinds.ON_OFF,
        default=False,
        example="on",
        about="Whether webhooks to your own systems have the customer's name, email, phone and address.",
    )
    audit_keys: tuple[str, ...] = Group.AUDIT.setting(
        "CHECKOUT_AUDIT_KEY",
        kinds.AUDIT_KEYS,
        default=(),
        secret=True,
        unset="anchors are not signed",
        about="The key that anchors of the audit log are signed with; of several the first signs and all verify. "
        "`openssl rand -base64 32` makes one. Set it where the people in the log cannot read it.",
    )
    audit_key_since: datetime | None = Group.AUDIT.setting(
        "CHECKOUT_AUDIT_KEY_SINCE",
        kinds.TIME,
        example="2026-11-28T12:00:00Z",
        about="When the first key was set. Anchors from before that time are accepted without a signature.",
    )
    audit_anchor: Path | None = Group.AUDIT.setting(
        "CHECKOUT_AUDIT_ANCHOR",
        kinds.ANCHOR_FILE,
        unset="anchors stay in the database",
        example="file:/var/log/checkout/anchors",
        about="A file outside the database that anchors of the audit log are appended to; `checkout doctor` compares "
        "both.",
    )
    payload_days: int = Group.AUDIT.setting(
        "CHECKOUT_PAYLOAD_DAYS",
        kinds.whole(1, 36_500),
        default=90,
        about="How many days the payloads of Stripe's events are kept. They are deleted by whole weeks.",
    )
    keep_foreign: bool = Group.AUDIT.setting(
        "CHECKOUT_KEEP_FOREIGN",
        kinds.ON_OFF,
        default=True,
        example="off",
        about="Whether the payloads of events that belong to no order of this shop are kept as long as all others. If "
        "other systems use the Stripe account, `off` deletes them, with the cards that they name, three days after "
        "they arrived.",
    )
    operator: str | None = Group.OPERATORS.setting(
        "CHECKOUT_OPERATOR",
        kinds.OPERATOR,
        unset="only the system's user is recorded",
        example="anna",
        about="Who uses the commands and the terminal, where people share a user of the system. The audit log has it "
        "next to that user; `checkout --as anna` sets it too. It is a claim that nothing proves.",
    )
    operator_token: str | None = Group.OPERATORS.setting(
        "CHECKOUT_OPERATOR_TOKEN",
        kinds.TEXT,
        secret=True,
        unset="the system's user, or the login at the database",
        example="ckt_…",
        about="The token of the operator who uses the commands and the terminal, where people share a user of the "
        "system: `checkout tokens create anna`, `checkout operators add anna --token anna`.",
    )
    mcp_personal_data: bool = Group.OPERATORS.setting(
        "CHECKOUT_MCP_PERSONAL_DATA",
        kinds.ON_OFF,
        default=False,
        example="on",
        about="Whether assistants at `checkout mcp` see names, addresses, phone numbers, notes and links to pay.",
    )
    proposal_hours: int = Group.OPERATORS.setting(
        "CHECKOUT_PROPOSAL_HOURS",
        kinds.whole(1, 2_160),
        default=72,
        about="How many hours a proposal waits for another operator before it expires.",
    )
    mask: bool = Group.OPERATORS.setting(
        "CHECKOUT_MASK",
        kinds.ON_OFF,
        default=False,
        example="on",
        about="Whether names, addresses and phone numbers are hidden: in the terminal until a key is pressed, and in "
        "the tables and pages of commands. JSON, CSV and exports, which programs read, have them, as has the evidence "
        "of a dispute in a file or a pipe. `CHECKOUT_MASK=off checkout orders show 1001` shows them once.",
    )
    tui_config: Path | None = Group.OPERATORS.setting(
        "CHECKOUT_TUI_CONFIG",
        kinds.PATH,
        unset="tui.toml in $XDG_CONFIG_HOME/checkout-daemon or ~/.config/checkout-daemon",
        example="/etc/checkout/tui.toml",
        about="The file with an operator's own keys and saved filters for the terminal (docs/TUI.md).",
    )
    files: tuple[SettingsFile, ...] = ()  # that settings were taken from
    demo_unused_for: tuple[str, ...] = ()  # the settings because of which dev.env is not used

    @property
    def livemode(self) -> bool:
        """Return whether the key is live; orders created with it are live too."""
        return is_live_key(self.stripe_api_key or "")

    @property
    def public_url_is_local(self) -> bool:
        """Return whether the public URL names this machine to itself, so that nobody else reaches it."""
        return is_loopback(read_http_url(self.public_url).host)

    def require_database_url(self) -> str:
        """Return DATABASE_URL. Raise ConfigurationError if it is not set."""
        advice = "set it, or run `checkout dev` in this folder, which starts a database"
        return self._required("DATABASE_URL", self.database_url, advice)

    def require_stripe_api_key(self) -> str:
        """Return STRIPE_API_KEY. Raise ConfigurationError if it is not set."""
        advice = "set it, or run `checkout dev` in this folder, which starts an offline Stripe"
        return self._required("STRIPE_API_KEY", self.stripe_api_key, advice)

    def require_webhook_secrets(self) -> tuple[str, ...]:
        """Return the secrets of STRIPE_WEBHOOK_SECRET. Raise ConfigurationError if it is not set."""
        advice = "set the whsec_… of your webhook endpoint; without it a forged delivery looks like a real one"
        return self._required("STRIPE_WEBHOOK_SECRET", self.webhook_secrets, advice)

    def _required(self, name: str, value: T | None, advice: str) -> T:
        if not value:
            unused_for = ", ".join(self.demo_unused_for)
            demo = f" ({DEV_ENV} of the demo is not used, because {unused_for} is set)" if unused_for else ""
            raise ConfigurationError(f"{name} is not set: {advice}{demo}")
        return value


ROWS: Mapping[str, SettingRow] = {
    field.name: field.metadata[ROW] for field in fields(Settings) if ROW in field.metadata
}
"""Every row by the name of its field, in the order of the table."""

NAMES = frozenset(row.name for row in ROWS.values())
