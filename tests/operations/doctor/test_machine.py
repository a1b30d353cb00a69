"""Doctor's checks of the disk, the Stripe CLI and the mail server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from checkout_daemon.settings import Settings
from tests.support.doctor import results


async def test_a_full_disk_is_a_fault(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    roomy = (await results(settings))["disk"]
    monkeypatch.setattr("checkout_daemon.operations.doctor.machine.LEAST_FREE_BYTES", 1 << 62)
    full = (await results(settings))["disk"]
    assert (roomy.ok, full.ok, (full.fix or "").startswith("du -xh /")) == (True, False, True)


async def test_no_stripe_cli_is_a_fault(settings: Settings) -> None:
    local = replace(settings, stripe_cli=Path("/nowhere/stripe"), public_url="http://127.0.0.1:8000")
    cli = (await results(local))["cli"]
    assert (cli.ok, "/nowhere/stripe" in cli.detail, cli.fix is not None) == (False, True, True)


async def test_a_server_needs_no_stripe_cli(settings: Settings) -> None:
    served = replace(settings, stripe_cli=Path("/nowhere/stripe"), public_url="https://shop.example")
    assert (await results(served))["cli"].ok is None


@pytest.mark.parametrize(("greeting", "ok"), [(b"220 mail.example ESMTP\r\n", True), (b"554 go away\r\n", False)])
async def test_a_mail_server_is_asked(settings: Settings, greeting: bytes, ok: bool) -> None:
    async with serving(greeting) as port:
        configured = replace(settings, smtp_url=f"smtp://u:verysecret@127.0.0.1:{port}", mail_from="shop@example.com")
        smtp = (await results(configured))["smtp"]
    assert (smtp.ok, "verysecret" in str(smtp)) == (ok, False)


async def test_a_mail_server_that_does_not_answer_or_lacks_a_sender_is_a_fault(settings: Settings) -> None:
    away = replace(settings, smtp_url="smtp://127.0.0.1:1", mail_from="shop@example.com")
    no_sender = replace(away, mail_from=None)
    assert [(await results(mail))["smtp"].ok for mail in (away, no_sender)] == [False, False]


@asynccontextmanager
async def serving(greeting: bytes) -> AsyncIterator[int]:
    """Run a server that sends a greeting, and yield its port."""
    import asyncio

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
