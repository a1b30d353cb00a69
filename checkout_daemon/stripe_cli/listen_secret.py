"""The secret that signs what `stripe listen` forwards: learned from the CLI, and made known to the daemon."""

from __future__ import annotations

import asyncio
import contextlib
import re
from pathlib import Path

from checkout_daemon.errors import CheckoutError, StripeUnavailable
from checkout_daemon.private_files import write_private
from checkout_daemon.settings import DEV_ENV, Settings
from checkout_daemon.stripe_cli.daemons import have_secrets_read_again, running
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
    """What `stripe listen` signs with: the same each time. Raises NoSecret and StripeUnavailable."""
    finished = await run_cli(cli, "listen", "--print-secret", *options, timeout_seconds=_CLI_SECONDS)
    if not finished.code and (found := _SECRET.search(finished.stdout)):
        return found.group()
    said = " ".join(finished.stderr.split())[:500] or f"exit status {finished.code}"
    if "dial tcp" in said or "connection refused" in said:
        raise StripeUnavailable(f"Stripe does not answer the Stripe CLI: {said}")
    raise NoSecret(f"the Stripe CLI could not begin to listen: {said}")


def make_known(settings: Settings, secret: str, *, tell: bool = True) -> bool:
    """Add it to dev.env, where one is this shop's, and have the daemons read it. Whether they know it then.

    `tell` them also where it was there: one that was starting when it was added may not have read it.
    """
    path = settings.state_dir / DEV_ENV
    if settings.demo_unused_for or not path.is_file():
        return secret in settings.webhook_secrets
    if add_secret(path, secret) or tell:
        have_secrets_read_again(settings.state_dir)
    return True


async def keep_known(settings: Settings, secret: str) -> None:
    """Until it is cancelled: a `checkout dev` that starts anew writes its own secret, and its daemon reads no other."""
    told: list[int] = []
    while True:
        daemons = running(settings.state_dir)
        with contextlib.suppress(OSError):  # the file is written anew at this moment
            make_known(settings, secret, tell=daemons != told)
            told = daemons
        await asyncio.sleep(_LOOK_SECONDS)


def make_forgotten(settings: Settings, secret: str) -> bool:
    """Take it out of dev.env, where there is one, and have the daemons read it. Whether it was there."""
    path = settings.state_dir / DEV_ENV
    if not path.is_file() or not drop_secret(path, secret):
        return False
    have_secrets_read_again(settings.state_dir)
    return True


def line_to_set(settings: Settings, secret: str) -> str:
    return f"{NAME}={','.join(dict.fromkeys([*settings.webhook_secrets, secret]))}"


def add_secret(path: Path, secret: str) -> bool:
    """Add it to the secrets in dev.env, after those that are there; False where it is one of them."""
    text = path.read_text(encoding="utf-8")
    found = _LINE.search(text)
    secrets = _SECRET.findall(found.group(1)) if found else []
    if secret in secrets:
        return False
    line = f"{NAME}={','.join([*secrets, secret])}"
    if found:
        text = text[: found.start()] + line + text[found.end() :]
    else:
        text = f"{text}{'' if text.endswith(chr(10)) or not text else chr(10)}{line}\n"
    write_private(path, text)
    return True


def drop_secret(path: Path, secret: str) -> bool:
    """Take it out of the secrets in dev.env; False where it is none of them, or the only one."""
    text = path.read_text(encoding="utf-8")
    found = _LINE.search(text)
    secrets = _SECRET.findall(found.group(1)) if found else []
    left = [each for each in secrets if each != secret]
    if found is None or not left or left == secrets:
        return False
    write_private(path, f"{text[: found.start()]}{NAME}={','.join(left)}{text[found.end() :]}")
    return True
