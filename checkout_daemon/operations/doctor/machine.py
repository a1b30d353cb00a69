"""Checks of this machine: the Stripe CLI, the mail server, the disk."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from checkout_daemon.model.counts import counted
from checkout_daemon.model.messages import Channel
from checkout_daemon.operations.doctor.check import Check
from checkout_daemon.operations.doctor.probes import Probes
from checkout_daemon.outbox.outbox_store import count_messages
from checkout_daemon.settings.mail import parse_smtp_url
from checkout_daemon.stripe_cli.program import find_stripe_cli, install_command

LEAST_FREE_BYTES = 1 << 30
_SMTP_SECONDS = 5


def cli_found(probes: Probes) -> Check:
    """Check that the Stripe CLI is installed, where somebody develops."""
    path, looked = find_stripe_cli(probes.settings.stripe_cli)
    if path is None and (probes.settings.livemode or not probes.settings.public_url_is_local):
        return Check.skipped(
            "cli", "the Stripe CLI is not found; a shop on a server needs it for `checkout events resend` only"
        )
    if path is None:
        return Check.failed("cli", f"the Stripe CLI is not found: {looked}", install_command())
    return Check.passed("cli", str(path))


async def smtp_answers(probes: Probes) -> Check:
    """Check that the mail server greets us."""
    url = probes.settings.smtp_url
    if url is None:
        detail = "no mail is sent, although the success page promises one, because CHECKOUT_SMTP_URL is not set"
        return Check.skipped("smtp", f"{detail}{await _waiting_mails(probes)}")
    if probes.settings.mail_from is None:
        return Check.failed("smtp", "CHECKOUT_MAIL_FROM is not set", "export CHECKOUT_MAIL_FROM=shop@example.com")
    server = parse_smtp_url(url)
    host, port = server.host, server.port
    greeting = await _greeting(host, port, tls=server.tls)
    if not greeting.startswith("220"):
        answer = f"answers {greeting!r}" if greeting else "does not answer"
        return Check.failed("smtp", f"{host} port {port} {answer}", f"nc -v {host} {port}")
    return Check.passed("smtp", f"{host} port {port} answers")


def disk_has_room(probes: Probes) -> Check:
    """Check that the file system of the state directory has room."""
    directory = probes.settings.state_dir
    while not directory.exists():
        directory = directory.parent
    free = shutil.disk_usage(directory).free
    detail = f"{free / (1 << 30):.1f} GiB free for {directory}"
    if free < LEAST_FREE_BYTES:
        return Check.failed("disk", detail, f"du -xh {_mount_point(directory)} | sort -h | tail")
    return Check.passed("disk", detail)


async def _waiting_mails(probes: Probes) -> str:
    if probes.database is None or probes.server is None:
        return ""
    async with probes.database.connection() as connection:
        backlogs = await count_messages(connection)
    waiting = sum(
        backlog.messages for backlog in backlogs if backlog.channel == Channel.MAIL and backlog.status != "dead"
    )
    return f"; {counted(waiting, 'mail')} {'waits' if waiting == 1 else 'wait'} for it" if waiting else ""


async def _greeting(host: str, port: int, *, tls: bool) -> str:
    """Return the first line that the server sends; empty if it sends none."""
    try:
        async with asyncio.timeout(_SMTP_SECONDS):
            reader, writer = await asyncio.open_connection(host, port, ssl=tls or None)
            try:
                return (await reader.readline()).decode(errors="replace").strip()
            finally:
                writer.close()
                await writer.wait_closed()
    except (OSError, ValueError):  # OSError: also timeouts and TLS failures; ValueError: an overlong line
        return ""


def _mount_point(path: Path) -> Path:
    path = path.resolve()
    while not path.is_mount():
        path = path.parent
    return path
