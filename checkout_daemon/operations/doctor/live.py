"""What else must hold before real payments: `checkout doctor --live`, after docs/GOING_LIVE.md."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from checkout_daemon.database.queries import sql
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.model.messages import Channel
from checkout_daemon.operations.backups import read_last_backup
from checkout_daemon.operations.doctor.check import Check
from checkout_daemon.operations.doctor.probes import Probes
from checkout_daemon.outbox.channels import missing_setting

_BACKUP_WITHIN = timedelta(days=2)
_SETTINGS = {
    "CHECKOUT_SMTP_URL": "smtps://user:password@mail.example",
    "CHECKOUT_MAIL_FROM": "orders@shop.example",
    "CHECKOUT_ALERT_TO": "ops@shop.example",
}


def key_is_live(probes: Probes) -> Check:
    """Check that the key takes real money, and only what it needs."""
    settings = probes.settings
    if not settings.livemode:
        return Check.failed("live_key", "STRIPE_API_KEY is no live key: nobody pays", "export STRIPE_API_KEY=rk_live_…")
    kind = "restricted" if (settings.stripe_api_key or "").startswith("rk_") else "secret"
    advice = "" if kind == "restricted" else "; a restricted one (rk_live_…) could do less harm"
    return Check.passed("live_key", f"STRIPE_API_KEY is a live {kind} key{advice}")


def shoppers_come_back(probes: Probes) -> Check:
    """Check that the public URL is of the shop, and encrypted."""
    url = probes.settings.public_url
    fix = "export CHECKOUT_PUBLIC_URL=https://YOUR-SHOP"
    if probes.settings.public_url_is_local:
        return Check.failed("public_url", f"CHECKOUT_PUBLIC_URL is {url}, which is the shopper's own machine", fix)
    if not url.startswith("https://"):
        return Check.failed(
            "public_url", f"CHECKOUT_PUBLIC_URL is {url}: Stripe delivers live events by https only", fix
        )
    return Check.passed("public_url", f"shoppers and events come to {url}")


def mail_goes_out(probes: Probes) -> Check:
    """Check that customers and operators can be sent mail."""
    for channel in (Channel.MAIL, Channel.ALERT):
        if (name := missing_setting(probes.settings, channel)) is not None:
            who = "customers get no mail" if channel is Channel.MAIL else "nobody is alerted"
            return Check.failed("mail", f"{who}, because {name} is not set", f"export {name}={_SETTINGS[name]}")
    return Check.passed("mail", f"from {probes.settings.mail_from}, alerts to {probes.settings.alert_to}")


async def orders_are_real(probes: Probes) -> Check:
    """Check that the database has no orders of test mode, which lists show among the real ones."""
    if probes.database is None or probes.server is None:
        raise DatabaseUnavailable("cannot be checked without the database")
    async with probes.database.connection() as connection:
        found = await connection.fetchval(sql("has_test_orders"))
    if found:
        detail = (
            "the database has test orders, which lists show among the real ones; take a new one for the live shop, and "
            "import the catalog there"
        )
        return Check.failed("test_orders", detail, "checkout catalog export > catalog.csv")
    return Check.passed("test_orders", "the database has no orders of test mode")


async def backups_known(probes: Probes) -> Check:
    """Check that a backup was made lately, if `checkout db backup` makes them: of other tools nothing is known."""
    if probes.database is None or probes.server is None:
        raise DatabaseUnavailable("cannot be checked without the database")
    last = await read_last_backup(probes.database)
    if last is None:
        detail = "`checkout db backup` has made none; whether another tool does is not known here: docs/OPERATIONS.md"
        return Check.skipped("backup", detail)
    age = datetime.now(UTC) - last
    detail = f"`checkout db backup` made the last one {last:%Y-%m-%d %H:%M} UTC"
    if age > _BACKUP_WITHIN:
        return Check.failed("backup", f"{detail}, {age.days} days ago", "checkout db backup FILE")
    return Check.passed("backup", f"{detail}; try a restore now and then")
