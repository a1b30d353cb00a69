"""No secret and no customer's data is in any output: answers, logs, metrics, commands, terminal, process list, files.

Every secret setting has a secret of its own, and everything that fails fails while it is used.
"""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import stat
import sys
import threading
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import psutil

from checkout_daemon.audit.operators import Operator
from checkout_daemon.database.pool import Database
from checkout_daemon.settings.table import ROWS
from checkout_daemon.tokens.api_tokens import Scope, create_token
from tests.support.flaky_stripe import FlakyStripe
from tests.support.serving import Serve
from tests.support.stripe_events import event_body, signed
from tests.support.waiting import until
from tests.tui.test_real_terminal import terminal

_SHOWN = 10  # characters of a secret that would be too many
_COMMAND = ("-P", "-m", "checkout_daemon")
NAME, EMAIL, PHONE = f"Ada {secrets.token_hex(6)}", f"{secrets.token_hex(8)}@example.com", "+436641234567"
CUSTOMER = {"name": NAME, "email": EMAIL, "phone": PHONE}


class Canaries:
    """Secrets by the name of what they are for, and where one was seen."""

    def __init__(self) -> None:
        self.planted: dict[str, str] = {}
        self.seen: list[str] = []

    def plant(self, name: str) -> str:
        self.planted[name] = secrets.token_hex(20)
        return self.planted[name]

    def look(self, where: str, text: str, *, customer: bool = False) -> None:
        """Note the secrets in a text, and with `customer` the customer's data, which it may then not have either."""
        for name, secret in self.planted.items():
            if secret[:_SHOWN] in text or secret[-_SHOWN:] in text:
                self.seen.append(f"{name} in {where}")
        for part in CUSTOMER.values() if customer else ():
            if part in text or part.strip("+") in text:
                self.seen.append(f"{part!r} in {where}")


@asynccontextmanager
async def role_with_password(url: str, password: str) -> AsyncIterator[str]:
    """Make a user with a password, and yield the URL with both."""
    user, parts = f"canary_{secrets.token_hex(4)}", urlsplit(url)
    connection = await asyncpg.connect(url)
    await connection.execute(f"CREATE ROLE {user} SUPERUSER LOGIN PASSWORD '{password}'")
    try:
        yield f"postgresql://{user}:{password}@{parts.hostname}:{parts.port}{parts.path}"
    finally:
        await connection.execute(f"REASSIGN OWNED BY {user} TO {parts.username}; DROP OWNED BY {user}")
        await connection.execute(f"DROP ROLE {user}")
        await connection.close()


def settings(canaries: Canaries, database_url: str, stripe_base: str, mail_port: int, token: str) -> dict[str, str]:
    """Return an environment in which every secret setting is set."""
    canaries.planted["an operator's token"] = token.split("_", 2)[2]  # a secret may have a _ itself
    encoded = base64.b64encode(canaries.plant("the shop's webhook secret").encode()).decode()
    canaries.planted["the shop's webhook secret, encoded"] = encoded.rstrip("=")
    secret = {
        "DATABASE_URL": database_url,
        "DATABASE_LISTEN_URL": database_url,
        "DATABASE_READ_URL": database_url,
        "STRIPE_API_KEY": f"sk_test_{canaries.plant('Stripe key')}",
        "STRIPE_WEBHOOK_SECRET": f"whsec_{canaries.plant('signing secret')}",
        "CHECKOUT_CHALLENGE_URL": f"http://127.0.0.1:9/{canaries.plant('address of the challenge')}",
        "CHECKOUT_CHALLENGE_SECRET": canaries.plant("secret of the challenge"),
        "CHECKOUT_METRICS_TOKEN": canaries.plant("token of the metrics"),
        "CHECKOUT_SMTP_URL": f"smtp://shop:{canaries.plant('mail password')}@127.0.0.1:{mail_port}?starttls=never",
        "CHECKOUT_SHOP_WEBHOOK_URL": f"http://127.0.0.1:9/{canaries.plant('address of the shop')}",
        "CHECKOUT_SHOP_WEBHOOK_SECRET": f"whsec_{encoded}",
        "CHECKOUT_ALERT_URLS": f"json://127.0.0.1:9/{canaries.plant('address of the chat')}",
        "CHECKOUT_AUDIT_KEY": canaries.plant("audit key"),
        "CHECKOUT_OPERATOR_TOKEN": token,
    }
    unplanted = {row.name for row in ROWS.values() if row.secret} - secret.keys()
    assert not unplanted, "a new secret setting: plant a secret for it here"
    return secret | {
        "STRIPE_API_BASE": stripe_base, "CHECKOUT_MAIL_FROM": "orders@shop.example", "CHECKOUT_ALERT_TO":
        "ops@shop.example", "CHECKOUT_FAILED_TRIES": "1", "CHECKOUT_LOG_FORMAT": "json",
    }  # fmt: skip


async def refuse_mail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer as a mail server that denies every password."""
    writer.write(b"220 mail\r\n")
    while line := await reader.readline():
        is_greeting = line.upper().startswith(b"EHLO")
        writer.write(b"250-mail\r\n250 AUTH PLAIN LOGIN\r\n" if is_greeting else b"535 5.7.8 denied\r\n")
    writer.close()


@contextmanager
def watched_processes(canaries: Canaries) -> Iterator[None]:
    """Look at the command lines of all processes until the end of the block."""
    ended = threading.Event()
    lines: set[str] = set()

    def look() -> None:
        while not ended.wait(0.005):
            for pid in psutil.pids():
                with suppress(OSError):
                    lines.add(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    assert any("checkout_daemon" in line for line in lines)
    for line in lines:
        canaries.look(f"the process list: {line.split()[:5]}", line, customer=True)


async def command(directory: Path, environ: Mapping[str, str], *arguments: object) -> str:
    """Run a command and return all that it printed."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, *_COMMAND, *map(str, arguments), cwd=directory, env=kept | dict(environ),
        stdin=DEVNULL, stdout=PIPE, stderr=STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(60):
        printed, _ = await process.communicate()
    return printed.decode()


async def pay(http: aiohttp.ClientSession, base: str, key: str, session: str, amount: int) -> None:
    """Pay a session at Stripe with a card."""
    headers = {"Authorization": f"Bearer {key}"}
    card = {"type": "card", "card[token]": "tok_visa"}
    async with http.post(f"{base}/v1/payment_methods", data=card, headers=headers) as answer:
        method = (await answer.json())["id"]
    confirm = {"payment_method": method, "expected_amount": str(amount)}
    async with http.post(f"{base}/v1/payment_pages/{session}/confirm", data=confirm, headers=headers) as answer:
        assert answer.status == 200, await answer.text()


async def sell(http: aiohttp.ClientSession, address: str, canaries: Canaries, secret: str) -> None:
    """Use the shop as shoppers, Stripe and strangers do, rightly and wrongly, and look at every answer."""
    body = {"items": [{"sku": "NOTE", "quantity": 1}], "customer": CUSTOMER}
    signed_event = event_body("customer.created", {"id": "cus_1", "email": EMAIL, "name": NAME, "phone": PHONE})
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/api/stripe-checkout", {"json": body}),
        ("POST", "/api/stripe-checkout", {"json": body | {"customer": CUSTOMER | {"email": f"{EMAIL}\0"}}}),
        ("POST", "/api/stripe-checkout", {"json": body | {"discount_code": "WRONG"}}),
        ("POST", "/api/stripe-checkout", {"json": body | {"discount_code": "WRONG"}}),
        ("POST", "/api/webhook", {"data": signed_event, "headers": {"Stripe-Signature": signed(signed_event, secret)}}),
        ("POST", "/api/webhook", {"data": signed_event, "headers": {"Stripe-Signature": "t=1,v1=00"}}),
        ("GET", "/api/products", {}), ("GET", "/healthz", {}), ("GET", "/readyz", {}), ("GET", "/openapi.json", {}),
        ("GET", "/nothing", {}), ("GET", "/metrics", {}),
        ("GET", "/metrics", {"headers": {"Authorization": "Bearer wrong", "X-Forwarded-For": "192.0.2.1"}}),
    ]  # fmt: skip
    for method, path, given in asked:
        async with http.request(method, address + path, **given) as answer:
            told = f"{answer.headers}\n{await answer.text()}"
        canaries.look(f"the answer to {method} {path}", told, customer=True)


async def test_no_secret_and_no_customer_is_in_any_output(
    database_url: str, connection: asyncpg.Connection, stripe: FlakyStripe, serve: Serve, http: aiohttp.ClientSession,
    tmp_path: Path,
) -> None:  # fmt: skip
    canaries = Canaries()
    database = Database(database_url, max_size=1)
    _, token = await create_token(database, "anna", (Scope.WRITE,), operator=Operator("ada", "desk"))
    await database.close()
    mail = await asyncio.start_server(refuse_mail, "127.0.0.1", 0)
    mail_port = mail.sockets[0].getsockname()[1]
    async with mail, role_with_password(database_url, canaries.plant("database password")) as url:
        environ = settings(canaries, url, stripe.base, mail_port, token)
        # In this mode asyncio logs what slow callbacks were called with.
        serving = await serve(environ | {"PYTHONASYNCIODEBUG": "1"})
        await sell(http, serving.address, canaries, environ["STRIPE_WEBHOOK_SECRET"])
        for trouble in ("deny_401", "reject_400", "fail_500", "lose_answer"):
            stripe.plan = lambda number, request, trouble=trouble: trouble  # type: ignore[misc]
            await sell(http, serving.address, canaries, environ["STRIPE_WEBHOOK_SECRET"])
        stripe.plan = lambda number, request: None
        [(order, session, amount)] = await connection.fetch(
            "SELECT o.id::text, s.id, amount_total FROM orders o JOIN checkout_sessions s ON s.order_id = o.id LIMIT 1"
        )
        await pay(http, stripe.base, environ["STRIPE_API_KEY"], session, amount)
        synced = await command(tmp_path, environ, "sessions", "sync", order)
        assert "completed" in synced
        canaries.look("`checkout sessions sync`", synced)

        async def tried() -> bool:
            return bool(await connection.fetchval("SELECT count(*) >= 2 FROM outbox WHERE last_error IS NOT NULL"))

        await until(tried)
        with watched_processes(canaries):
            told = await commands(tmp_path, environ, order)
            assert "database" in told["doctor"]
            await connection.execute("ALTER TABLE products RENAME TO gone")
            await sell(http, serving.address, canaries, environ["STRIPE_WEBHOOK_SECRET"])
            await connection.execute("ALTER TABLE gone RENAME TO products")
        for name, printed in told.items():
            canaries.look(f"`checkout {name}`", printed)
        async with terminal(url, tmp_path, **environ) as window:
            await window.shows("Ada")
            window.type("H")
            await window.shows("key mode")
            await window.shows("outbox")
        canaries.look("the terminal", window.written.decode(errors="replace"))
    log = serving.log()
    assert "Traceback" in log  # of the missing table
    assert log.count("\n") > 10
    canaries.look("the log", log, customer=True)
    assert canaries.seen == []
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "shop.dump", tmp_path / "orders.csv")} == {0o600}


async def commands(directory: Path, environ: Mapping[str, str], order: str) -> dict[str, str]:
    """Run commands that succeed, and commands that fail because of a setting, and return what they printed."""
    lines: dict[str, tuple[Mapping[str, str], tuple[str, ...]]] = {}
    for arguments in (
        ("doctor",), ("doctor", "--json"), ("settings",), ("settings", "--json"), ("db", "backup", "shop.dump"),
        ("orders", "show", order), ("orders", "export", "--output", "orders.csv"), ("outbox", "list"),
        ("events", "list"), ("webhook", "status"), ("reconcile",),
    ):  # fmt: skip
        lines[" ".join(arguments)] = (environ, arguments)
    for name, changed in {
        "away": environ["DATABASE_URL"].replace("127.0.0.1", "127.0.0.2"),
        "denied": environ["DATABASE_URL"].replace("@", "x@"),
        "malformed": environ["DATABASE_URL"].replace("127.0.0.1", "[bad"),
        "unknown scheme": environ["DATABASE_URL"].replace("postgresql", "mysql"),
    }.items():
        broken = dict(environ) | dict.fromkeys(("DATABASE_URL", "DATABASE_LISTEN_URL", "DATABASE_READ_URL"), changed)
        lines[f"doctor ({name})"] = (broken, ("doctor",))
        lines[f"db backup ({name})"] = (broken, ("db", "backup", f"{name}.dump"))
    for setting in ("STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET", "CHECKOUT_SMTP_URL", "CHECKOUT_SHOP_WEBHOOK_SECRET"):
        lines[f"doctor (odd {setting})"] = (dict(environ) | {setting: f" {environ[setting]}\x01"}, ("doctor",))
    at_once = asyncio.Semaphore(2)

    async def run(changed: Mapping[str, str], arguments: tuple[str, ...]) -> str:
        async with at_once:
            return await command(directory, changed, *arguments)

    printed = await asyncio.gather(*(run(changed, arguments) for changed, arguments in lines.values()))
    return dict(zip(lines, printed, strict=True))
