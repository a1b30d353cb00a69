"""The secret that signs what `stripe listen` forwards: ask the CLI for it, and share it with the daemons."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable
from pathlib import Path

from checkout_daemon.errors import CheckoutError, StripeUnavailable
from checkout_daemon.private_files import write_private
from checkout_daemon.settings import DEV_ENV, Settings
from checkout_daemon.stripe_cli import daemons
from checkout_daemon.stripe_cli.program import StripeCli, run_cli

NAME = "STRIPE_WEBHOOK_SECRET"

_SECRET = re.compile(r"whsec_\w+")
_CLI_SECONDS = 30.0
_LOOK_SECONDS = 1.0
_LINE = re.compile(rf"^[ \t]*(?:export[ \t]+)?{NAME}[ \t]*=(.*)$", re.MULTILINE)


class NoSecret(CheckoutError):
    """`stripe listen` was refused; the message has its reason."""

    code = "no_listen_secret"
    title = "Stripe cannot be listened to"


async def learn_secret(cli: StripeCli, *options: str) -> str:
    """Return the signing secret of `stripe listen`, which never changes. Raise NoSecret and StripeUnavailable."""
    finished = await run_cli(cli, "listen", "--print-secret", *options, timeout_seconds=_CLI_SECONDS)
    if not finished.code and (found := _SECRET.search(finished.stdout)):
        return found.group()
    reason = " ".join(finished.stderr.split())[:500] or f"exit status {finished.code}"
    if "dial tcp" in reason or "connection refused" in reason:
        raise StripeUnavailable(f"Stripe does not answer the Stripe CLI: {reason}")
    raise NoSecret(f"the Stripe CLI could not start to listen: {reason}")


def share_secret(settings: Settings, secret: str, *, reload: bool = True) -> bool:
    """Add the secret to dev.env, if this shop has one, and return whether the daemons know it then.

    `reload` makes them read it even if it was there: a daemon that was starting meanwhile may not have.
    """
    path = settings.state_dir / DEV_ENV
    if settings.demo_unused_for or not path.is_file():
        return secret in settings.webhook_secrets
    added = _change_secrets(path, lambda secrets: secrets if secret in secrets else [*secrets, secret])
    if added or reload:
        daemons.reload_secrets(settings.state_dir)
    return True


async def keep_sharing(settings: Settings, secret: str) -> None:
    """Share the secret until cancelled: a new `checkout dev` overwrites dev.env, and new daemons read only that."""
    informed: list[int] = []
    while True:
        pids = daemons.running(settings.state_dir)
        with contextlib.suppress(OSError):  # the file is being rewritten
            share_secret(settings, secret, reload=pids != informed)
            informed = pids
        await asyncio.sleep(_LOOK_SECONDS)


def withdraw_secret(settings: Settings, secret: str) -> bool:
    """Remove the secret from dev.env, unless it is the only one; return whether it was removed."""
    path = settings.state_dir / DEV_ENV
    if not path.is_file() or not _change_secrets(path, lambda secrets: [kept for kept in secrets if kept != secret]):
        return False
    daemons.reload_secrets(settings.state_dir)
    return True


def line_to_set(settings: Settings, secret: str) -> str:
    """Return the line of an environment file that adds the secret to those in use."""
    return f"{NAME}={','.join(dict.fromkeys([*settings.webhook_secrets, secret]))}"


def _change_secrets(path: Path, change: Callable[[list[str]], list[str]]) -> bool:
    """Rewrite the secrets in dev.env, but never to none; return whether that changed the file."""
    text = path.read_text(encoding="utf-8")
    found = _LINE.search(text)
    before = _SECRET.findall(found.group(1)) if found else []
    after = change(before)
    if not after or after == before:
        return False
    line = f"{NAME}={','.join(after)}"
    if found:
        text = text[: found.start()] + line + text[found.end() :]
    else:
        text = f"{text}{'' if text.endswith(chr(10)) or not text else chr(10)}{line}\n"
    write_private(path, text)
    return True
