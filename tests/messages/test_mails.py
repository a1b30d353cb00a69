"""Mails through a real mail server: both parts, languages, and headers that nobody can write into."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest

from checkout_daemon.ledger.charge_facts import ChargeFact, ChargeStatus
from checkout_daemon.ledger.facts import (
    Link,
    LinkRank,
    PaymentStatus,
    RefundFact,
    RefundStatus,
    SessionFact,
    SessionStatus,
)
from checkout_daemon.ledger.merge import Update, merge
from checkout_daemon.messages.delivering import deliver_due
from checkout_daemon.messages.rendering import language_of, render
from checkout_daemon.model.messages import Channel, MessageKind
from checkout_daemon.outbox.outbox_store import owe
from checkout_daemon.runtime import Runtime, open_runtime
from checkout_daemon.settings import load_settings
from checkout_daemon.settings.mail import parse_smtp_url
from checkout_daemon.settings.values import BadValue
from checkout_daemon.shop.colors import LEAST_CONTRAST, contrast
from tests.support.hostile import HOSTILE, unsafe_in
from tests.support.mail_server import CERTIFICATE, PASSWORD, USER, MailServer, free_port
from tests.support.orders import add_order
from tests.support.payments import paid
from tests.support.selling import SELLING, to_be_sent

LONG_NAME = "Jörg-Günther Müller-Lüdenscheidt von und zu " + "Überlänge " * 15 + "ß"


@pytest.fixture
def server() -> Iterator[MailServer]:
    server = MailServer()
    yield server
    server.stop()


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@asynccontextmanager
async def daemon(database_url: str, folder: Path, smtp_url: str, **settings: str) -> AsyncIterator[Runtime]:
    environ = {
        "DATABASE_URL": database_url,
        "CHECKOUT_SMTP_URL": smtp_url,
        "CHECKOUT_MAIL_FROM": "Müllers Papier <shop@example.com>",
        "CHECKOUT_SHOP_NAME": "Müllers Papier",
        "CHECKOUT_ALERT_TO": "boss@example.com, night@example.com",
        "CHECKOUT_PUBLIC_URL": "https://shop.example.com",
        "CHECKOUT_TIME_ZONE": "Europe/Vienna",
    }
    async with open_runtime(load_settings(environ | settings, cwd=folder)) as runtime:
        yield runtime


async def order_of(connection: asyncpg.Connection, **fields: Any) -> str:
    order_id = await add_order(connection, amount_subtotal=5500, amount_discount=500, amount_total=5000, **fields)
    await connection.execute(
        "INSERT INTO order_items (order_id, position, sku, name, unit_amount, quantity, amount, amount_discount)"
        " VALUES ($1, 1, 'A5', 'Heft »Käfer« <kariert>', 2750, 2, 5500, 500)",
        order_id,
    )
    return order_id


async def send_to_vienna(connection: asyncpg.Connection, order_id: str) -> None:
    """Add shipping and taxes to an order, as placing it does."""
    await connection.execute(
        "UPDATE orders SET amount_shipping = 490, amount_total = amount_total + 490, amount_tax = 832 WHERE id = $1",
        order_id,
    )
    await connection.execute(
        "INSERT INTO order_shipping (order_id, rate, label, name, line1, city, postal_code, country)"
        " VALUES ($1, 'post', 'Post', 'Ada', 'Ring 1', 'Wien', '1010', 'AT')",
        order_id,
    )
    await connection.execute(
        "INSERT INTO order_taxes (order_id, position, tax_class, percent, amount_gross, amount)"
        " VALUES ($1, 1, 'standard', 20, 4392, 732), ($1, 2, 'reduced', 10.5, 1052, 100)",
        order_id,
    )


async def pay(runtime: Runtime, order_id: str) -> None:
    await runtime.database.run(merge, [paid(order_id, f"pi_{order_id}")])


async def outcomes(connection: asyncpg.Connection, channel: str = "mail") -> list[tuple[str, str | None]]:
    rows = await connection.fetch("SELECT status, last_error FROM outbox WHERE channel = $1 ORDER BY status", channel)
    return [tuple(row) for row in rows]


async def test_a_confirmation_in_german_with_umlauts_and_a_very_long_name(
    database_url: str, connection: asyncpg.Connection, server: MailServer, tmp_path: Path
) -> None:
    order_id = await order_of(connection, customer_name=LONG_NAME, locale="de-AT")
    async with daemon(database_url, tmp_path, server.start(), CHECKOUT_MAIL_REPLY_TO="hilfe@example.com") as runtime:
        await pay(runtime, order_id)
        await deliver_due(runtime, Channel.MAIL)
    (taken,) = server.taken
    row = await connection.fetchrow("SELECT outbox.id, number FROM outbox, orders WHERE channel = 'mail'")
    assert row is not None
    assert (taken.sender, taken.recipients) == ("shop@example.com", ("ada@example.com",))
    headers = {name: str(value) for name, value in taken.mail.items()}
    date = parsedate_to_datetime(headers.pop("Date"))
    assert abs(datetime.now(UTC) - date) < timedelta(minutes=5)
    del headers["Content-Type"], headers["MIME-Version"]
    assert headers == {
        "From": "Müllers Papier <shop@example.com>",
        "Reply-To": "hilfe@example.com",
        "To": "ada@example.com",
        "Subject": f"Ihre Bestellung {row['number']} bei Müllers Papier",
        "Message-ID": f"<{row['id']}@example.com>",
        "Auto-Submitted": "auto-generated",
        "Content-Language": "de",
    }
    for part in (taken.part("plain"), taken.part("html")):
        assert f"{LONG_NAME[:59].rstrip()}…" in part
        assert LONG_NAME not in part
        assert "Rabatt" in part
        assert "€\N{NO-BREAK SPACE}50,00" in part  # as Austria writes it
    assert "2 × Heft »Käfer« <kariert>  €\N{NO-BREAK SPACE}55,00" in taken.part("plain")
    assert "Heft »Käfer« &lt;kariert&gt;" in taken.part("html")
    assert max(len(line) for line in taken.raw.splitlines()) <= 998
    assert taken.raw.isascii()


async def test_a_confirmation_is_a_receipt(
    database_url: str, connection: asyncpg.Connection, server: MailServer, tmp_path: Path
) -> None:
    (tmp_path / "shop.toml").write_text(f'seller = ["Müllers Papier GmbH", "UID ATU1234"]\n{SELLING}')
    order_id = await order_of(connection, discount_code="TEN", locale="de-AT")
    await send_to_vienna(connection, order_id)
    shop = {"CHECKOUT_SHOP_FILE": str(tmp_path / "shop.toml")}
    async with daemon(database_url, tmp_path, server.start(), **shop) as runtime:
        await runtime.database.run(merge, [paid(order_id, "pi_1", amount=5490)])
        await deliver_due(runtime, Channel.MAIL)
    (taken,) = server.taken
    text = " ".join(taken.part("plain").replace("\N{NO-BREAK SPACE}", " ").split())
    for line in (
        "Zwischensumme € 55,00 Rabatt TEN −€ 5,00 Versand: Post € 4,90 Gesamtsumme € 54,90",
        "enthält € 7,32 USt. (20 %) enthält € 1,00 USt. (10,5 %)",
        "Lieferadresse Ada Ring 1 1010 WIEN AUSTRIA",
        "Bezahlt: ",
        f"https://shop.example.com/success?order_id={order_id}",
        "Müllers Papier GmbH UID ATU1234",
    ):
        assert line in text, text
    assert "Versand: Post" in taken.part("html")


@pytest.mark.parametrize(
    ("locale", "nothing", "claims"),
    [
        ("en", "There was nothing to pay", ("received", "Paid:")),
        ("de", "Es war nichts zu bezahlen", ("eingegangen", "Bezahlt:")),
    ],
)
async def test_a_confirmation_of_an_order_for_nothing_claims_no_payment(
    database_url: str,
    connection: asyncpg.Connection,
    server: MailServer,
    tmp_path: Path,
    locale: str,
    nothing: str,
    claims: tuple[str, str],
) -> None:
    order_id = await add_order(connection, amount_discount=1250, amount_total=0, locale=locale)
    async with daemon(database_url, tmp_path, server.start()) as runtime:
        await runtime.database.run(merge, [paid(order_id, "cs_free", amount=0)])
        await deliver_due(runtime, Channel.MAIL)
    (taken,) = server.taken
    plain, html = taken.part("plain"), taken.part("html")
    assert (plain.count(nothing), html.count(nothing)) == (1, 2)  # the HTML has it in lists of mails, too
    assert [claim for claim in claims if claim in plain or claim in html] == []


async def test_an_address_is_whole_and_carries_no_link(
    database_url: str, connection: asyncpg.Connection, server: MailServer, tmp_path: Path
) -> None:
    street = "Mariahilfer Straße 1, Stiege 12, Tür 34, im Hof bei der Druckerei, zweiter Stock links"
    order_id = await order_of(connection)
    await send_to_vienna(connection, order_id)
    await connection.execute("UPDATE order_shipping SET line1 = $1, line2 = 'www.evil.com'", street)
    async with daemon(database_url, tmp_path, server.start()) as runtime:
        await runtime.database.run(merge, [paid(order_id, "pi_1", amount=5490)])
        await deliver_due(runtime, Channel.MAIL)
    (taken,) = server.taken
    for part in (taken.part("plain"), taken.part("html")):
        assert street in part
        assert "www evil com" in part


async def test_nobody_writes_into_the_headers_or_the_html(
    database_url: str, connection: asyncpg.Connection, server: MailServer, tmp_path: Path
) -> None:
    evil = 'Ada\r\nBcc: everybody@example.com\r\n\r\n<script>alert("x")</script>'
    order_id = await order_of(connection, customer_name=evil)
    async with daemon(database_url, tmp_path, server.start()) as opened:
        # The settings refuse such a name; the mail must hold without them.
        settings = replace(opened.settings, shop_name="Shop\r\nBcc: everybody@example.com")
        runtime = replace(opened, settings=settings)
        await pay(runtime, order_id)
        await deliver_due(runtime, Channel.MAIL)
    (taken,) = server.taken
    assert taken.recipients == ("ada@example.com",)
    assert "Bcc" not in taken.mail
    assert taken.mail["Subject"].endswith("at Shop Bcc: everybody@example.com")
    assert "<script>" not in taken.part("html")
    assert "&lt;script&gt;" in taken.part("html")


async def test_nothing_in_a_mail_commands_a_terminal(
    database_url: str, connection: asyncpg.Connection, server: MailServer, tmp_path: Path
) -> None:
    order_id = await order_of(connection, customer_name=HOSTILE)
    await connection.execute("UPDATE order_items SET name = $1", HOSTILE)
    await to_be_sent(connection, order_id)
    await connection.execute("UPDATE order_shipping SET label = $1, name = $1, line1 = $1, city = $1", HOSTILE)
    async with daemon(database_url, tmp_path, server.start()) as runtime:
        await pay(runtime, order_id)
        await deliver_due(runtime, Channel.MAIL)
    (taken,) = server.taken
    assert "Bcc" not in taken.mail
    for part in (taken.part("plain").replace("\r\n", "\n"), taken.part("html").replace("\r\n", "\n")):
        assert unsafe_in(part) == set()
        assert [line for line in part.splitlines() if line.startswith("Bcc:")] == []
        assert "{{ 7 * 7 }}" in part
    assert "<script>" not in taken.part("html")


@pytest.mark.parametrize(
    "address", ["ada@example.com\r\nRCPT TO:<evil@example.com>", "ada@example.com,evil@example.com", "no"]
)
async def test_a_mail_to_an_invalid_address_is_dead(
    database_url: str, connection: asyncpg.Connection, server: MailServer, tmp_path: Path, address: str
) -> None:
    order_id = await order_of(connection, customer_email=address)
    async with daemon(database_url, tmp_path, server.start()) as runtime:
        await pay(runtime, order_id)
        await deliver_due(runtime, Channel.MAIL)
    assert server.taken == []
    assert await outcomes(connection) == [("dead", "the customer's address is not a mail address")]


async def test_a_server_that_was_down_gets_the_mail_when_it_is_up(
    database_url: str, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    port = free_port()
    async with daemon(database_url, tmp_path, f"smtp://127.0.0.1:{port}") as runtime:
        await pay(runtime, await order_of(connection))
        await deliver_due(runtime, Channel.MAIL)
        assert await outcomes(connection) == [("failed", "the mail server was not reached: connection refused")]
        late = MailServer(port=port)
        late.start()
        try:
            await connection.execute("UPDATE outbox SET next_attempt_at = now()")
            await deliver_due(runtime, Channel.MAIL)
        finally:
            late.stop()
    assert len(late.taken) == 1
    assert await outcomes(connection) == [("sent", None)]


async def test_a_mail_to_an_unknown_mailbox_is_dead_at_once_and_others_are_sent(
    database_url: str, connection: asyncpg.Connection, server: MailServer, tmp_path: Path
) -> None:
    server.refuse = lambda address: f"550 5.1.1 <{address}> unknown" if "gone" in address else None
    async with daemon(database_url, tmp_path, server.start()) as runtime:
        for email in ("gone@example.com", "here@example.com"):
            await pay(runtime, await order_of(connection, customer_email=email))
        await deliver_due(runtime, Channel.MAIL)
    assert [taken.recipients for taken in server.taken] == [("here@example.com",)]
    assert await outcomes(connection) == [
        ("dead", "the mail server refused the address: 550 5.1.1 <[email]> unknown"),
        ("sent", None),
    ]


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
async def test_the_daemon_logs_in_if_the_server_requires_it(
    database_url: str, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    server = MailServer(login=True)
    url = server.start().replace("://", f"://{USER}:{quote(PASSWORD, safe='')}@")
    try:
        async with daemon(database_url, tmp_path, url) as runtime:
            await pay(runtime, await order_of(connection))
            await deliver_due(runtime, Channel.MAIL)
    finally:
        server.stop()
    assert await outcomes(connection) == [("sent", None)]


@pytest.mark.parametrize(("trusted", "end"), [(False, "failed"), (True, "sent")])
async def test_tls_needs_a_valid_certificate(
    database_url: str,
    connection: asyncpg.Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    trusted: bool,
    end: str,
) -> None:
    server = MailServer(starttls=True)
    url = server.start()
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    try:
        async with daemon(database_url, tmp_path, f"{url}?starttls=always") as runtime:
            await pay(runtime, await order_of(connection))
            await deliver_due(runtime, Channel.MAIL)
    finally:
        server.stop()
    assert [status for status, _ in await outcomes(connection)] == [end]
    assert len(server.taken) == trusted


async def test_a_server_without_tls_gets_nothing_if_tls_is_required(
    database_url: str, connection: asyncpg.Connection, server: MailServer, tmp_path: Path
) -> None:
    async with daemon(database_url, tmp_path, f"{server.start()}?starttls=always") as runtime:
        await pay(runtime, await order_of(connection))
        await deliver_due(runtime, Channel.MAIL)
    assert server.taken == []
    assert [status for status, _ in await outcomes(connection)] == ["failed"]


async def test_mails_about_a_failed_payment_a_refund_and_a_link_to_pay(
    database_url: str, connection: asyncpg.Connection, server: MailServer, tmp_path: Path
) -> None:
    failed, refunded, unpaid = [await order_of(connection) for _ in range(3)]
    url = "https://pay.example.com/?a=1&b=2"
    expires_at = datetime(2099, 7, 1, 10, tzinfo=UTC)
    updates = [
        session(failed, "cs_f", SessionStatus.COMPLETE, PaymentStatus.FAILED),
        session(unpaid, "cs_u", SessionStatus.OPEN, PaymentStatus.UNPAID, url=url, expires_at=expires_at),
        paid(refunded, "pi_r"),
        Update("refund.created", "stripe", subject_id="pi_r", facts=[refund("re_1", 1250), refund("re_2", 750)]),
    ]
    async with daemon(database_url, tmp_path, server.start()) as runtime:
        await runtime.database.run(merge, updates)
        link = '{"session_id":"cs_u"}'
        await owe(connection, MessageKind.SESSION_LINK, order_id=unpaid, subject_id="cs_u", payload=link)
        await deliver_due(runtime, Channel.MAIL)
    plain = [" ".join(taken.part("plain").split()) for taken in server.taken]
    assert len(plain) == 5
    (sorry,) = [text for text in plain if "€50.00 for order 1001 did not go through" in text]
    assert f"https://shop.example.com/cancel?order_id={failed}" in sorry
    assert sum("Total refunded: €20.00 of €50.00" in text for text in plain) == 2
    assert sum("We have refunded €12.50" in text for text in plain) == 1
    linked = next(taken for taken in server.taken if "pay.example.com" in taken.part("plain"))
    assert "https://pay.example.com/?a=1&b=2" in linked.part("plain")
    assert 'href="https://pay.example.com/?a=1&amp;b=2"' in linked.part("html")
    assert "until July 1, 2099, 12:00\N{NARROW NO-BREAK SPACE}PM" in linked.part("plain")


async def test_a_refunded_duplicate_is_not_the_whole_of_what_was_paid(
    database_url: str, connection: asyncpg.Connection, server: MailServer, tmp_path: Path
) -> None:
    order_id = await order_of(connection)
    async with daemon(database_url, tmp_path, server.start()) as runtime:
        await runtime.database.run(merge, [paid(order_id, "pi_1", "pi_r")])
        update = Update("refund.created", "stripe", subject_id="pi_r", facts=[refund("re_1", 5000)])
        await runtime.database.run(merge, [update])
        await deliver_due(runtime, Channel.MAIL)
    (taken,) = [taken for taken in server.taken if "refunded" in taken.part("plain")]
    for part in (taken.part("plain"), taken.part("html")):
        assert "Total refunded: €50.00 of €100.00 paid" in part


async def test_an_order_whose_payment_takes_days_is_acknowledged_at_once(
    database_url: str, connection: asyncpg.Connection, server: MailServer, tmp_path: Path
) -> None:
    order_id = await order_of(connection)
    async with daemon(database_url, tmp_path, server.start()) as runtime:
        waiting = session(order_id, "cs_w", SessionStatus.COMPLETE, PaymentStatus.UNPAID)
        for _ in range(2):
            await runtime.database.run(merge, [waiting])
            await deliver_due(runtime, Channel.MAIL)
        await pay(runtime, order_id)
        await deliver_due(runtime, Channel.MAIL)
    subjects = [str(taken.mail["Subject"]) for taken in server.taken]
    assert subjects == ["We have received your order 1001 at Müllers Papier", "Your order 1001 at Müllers Papier"]


async def test_an_order_that_is_paid_by_now_is_only_confirmed(
    database_url: str, connection: asyncpg.Connection, server: MailServer, tmp_path: Path
) -> None:
    order_id = await order_of(connection)
    async with daemon(database_url, tmp_path, server.start()) as runtime:
        await runtime.database.run(merge, [session(order_id, "cs_w", SessionStatus.COMPLETE, PaymentStatus.UNPAID)])
        await pay(runtime, order_id)
        await deliver_due(runtime, Channel.MAIL)
    assert [str(taken.mail["Subject"]) for taken in server.taken] == ["Your order 1001 at Müllers Papier"]
    assert await outcomes(connection) == [("sent", None), ("skipped", "the order is completed by now")]


async def test_a_mail_about_a_refund_names_its_items_and_the_card(
    database_url: str, connection: asyncpg.Connection, server: MailServer, tmp_path: Path
) -> None:
    order_id = await order_of(connection)
    async with daemon(database_url, tmp_path, server.start()) as runtime:
        await runtime.database.run(merge, [paid(order_id, "pi_r")])
        charge = ChargeFact(
            "pi_r", "ch_1", False, datetime.now(UTC), ChargeStatus.SUCCEEDED, "card", brand="visa", last4="4242"
        )
        facts = [refund("re_1", 2500), charge]
        await runtime.database.run(merge, [Update("refund.created", "stripe", subject_id="pi_r", facts=facts)])
        await connection.execute(
            "INSERT INTO refund_requests (id, order_id, payment_id, amount, currency, parameters, started_at,"
            " next_attempt_at, answered_at, refund_id, items)"
            " VALUES (gen_random_uuid(), $1, 'pi_r', 2500, 'eur', '{}', now(), now(), now(), 're_1', $2)",
            order_id,
            '[{"sku": "A5", "quantity": 1, "amount": 2500}]',
        )
        await deliver_due(runtime, Channel.MAIL)
    (text,) = [taken.part("plain") for taken in server.taken if "refunded" in taken.part("plain")]
    assert "We have refunded €25.00 for order 1001 to Visa 4242." in text
    assert "It is for: 1 × Heft »Käfer« <kariert>" in text


@pytest.mark.parametrize(("locale", "zone"), [("en", "CEST"), ("de", "MESZ")])
async def test_a_time_has_the_name_of_its_zone(
    database_url: str, connection: asyncpg.Connection, server: MailServer, tmp_path: Path, locale: str, zone: str
) -> None:
    order_id = await order_of(connection, locale=locale, created_at=datetime(2026, 7, 1, 10, tzinfo=UTC))
    async with daemon(database_url, tmp_path, server.start()) as runtime:
        await pay(runtime, order_id)
        await deliver_due(runtime, Channel.MAIL)
    (taken,) = server.taken
    assert re.search(rf"(1\. Juli 2026|July 1, 2026), 12:00\W*(PM)? {zone}", taken.part("plain"))


def test_the_layout_is_made_of_tables_that_outlook_draws(tmp_path: Path) -> None:
    """Word, which draws Outlook's mails, ignores the padding of div and a, and max-width."""
    layout = (files("checkout_daemon.messages") / "templates" / "layout.html").read_text()
    assert re.findall(r"<div[^>]*padding", layout) == []
    assert layout.count("<table") == layout.count("</table>") == layout.count('role="presentation"')
    assert "prefers-color-scheme: dark" in layout
    button = (files("checkout_daemon.messages") / "templates" / "button.html").read_text()
    assert re.search(r"<td[^>]*bgcolor", button)
    assert not re.search(r"<a[^>]*padding", button)


async def test_the_button_stands_out_from_dark_paper(
    database_url: str, connection: asyncpg.Connection, server: MailServer, tmp_path: Path
) -> None:
    order_id = await order_of(connection, locale="en")
    async with daemon(database_url, tmp_path, server.start()) as runtime:
        await pay(runtime, order_id)
        await deliver_due(runtime, Channel.MAIL)
    (taken,) = server.taken
    found = re.search(r"td\.button a { background: (#\w{6}) !important; color: (#\w{6})", taken.part("html"))
    assert found
    button, text = found.groups()
    card = "#201e1b"
    assert f"background: {card}" in taken.part("html")
    assert contrast(button, card) >= LEAST_CONTRAST
    assert contrast(text, button) >= LEAST_CONTRAST


async def test_a_mail_that_is_no_longer_true_is_not_sent(
    database_url: str, connection: asyncpg.Connection, server: MailServer, tmp_path: Path
) -> None:
    order_id = await order_of(connection)
    async with daemon(database_url, tmp_path, server.start()) as runtime:
        failed = session(order_id, "cs_f", SessionStatus.COMPLETE, PaymentStatus.FAILED)
        await runtime.database.run(merge, [failed])
        await pay(runtime, order_id)
        await deliver_due(runtime, Channel.MAIL)
    assert [taken.mail["Subject"] for taken in server.taken] == ["Your order 1001 at Müllers Papier"]
    assert await outcomes(connection) == [("sent", None), ("skipped", "the order is completed by now")]


async def test_the_operator_gets_one_mail_about_an_attention_with_the_command_that_fixes_it(
    database_url: str, connection: asyncpg.Connection, server: MailServer, tmp_path: Path
) -> None:
    order_id = await order_of(connection)
    async with daemon(database_url, tmp_path, server.start()) as runtime:
        for _ in range(3):
            await runtime.database.run(merge, [paid(order_id, "pi_1", "pi_2")])
        await deliver_due(runtime, Channel.ALERT)
    (taken,) = server.taken
    assert set(taken.recipients) == {"boss@example.com", "night@example.com"}
    assert taken.mail["Subject"] == "[Müllers Papier] Order 1001 needs attention: paid twice"
    assert "checkout orders refund 1001 --payment pi_2" in taken.part("plain")


def test_a_shops_folder_overrides_templates_and_adds_languages(tmp_path: Path) -> None:
    (tmp_path / "payment_failed.fr.txt").write_text("Subject: Échec {{ number }}\n\nBonjour {{ name }}")
    (tmp_path / "payment_failed.fr.html").write_text("<p>Bonjour {{ name }}</p>")
    assert language_of(tmp_path, "payment_failed", "fr-CA", "de") == "fr"
    assert language_of(tmp_path, "order_completed", "fr-CA", "de") == "de"
    assert language_of(None, "payment_failed", None, "tlh") == "en"
    made = render(tmp_path, "payment_failed", "fr", {"number": 7, "name": "<Zoë>"})
    assert (made.subject, made.text, made.html) == ("Échec 7", "Bonjour <Zoë>\n", "<p>Bonjour &lt;Zoë&gt;</p>\n")


async def test_the_sums_of_a_mail_have_the_words_of_the_shop(
    database_url: str, connection: asyncpg.Connection, server: MailServer, tmp_path: Path
) -> None:
    (tmp_path / "words.en.json").write_text('{"total": "All in all"}')
    async with daemon(database_url, tmp_path, server.start(), CHECKOUT_MAIL_TEMPLATES=str(tmp_path)) as runtime:
        await pay(runtime, await order_of(connection))
        await deliver_due(runtime, Channel.MAIL)
    assert "All in all" in server.taken[0].part("plain")


async def test_a_mail_with_a_faulty_template_waits_until_it_is_fixed(
    database_url: str, connection: asyncpg.Connection, server: MailServer, tmp_path: Path
) -> None:
    (tmp_path / "order_completed.en.txt").write_text("Subject: {{ nubmer }}\n")
    async with daemon(database_url, tmp_path, server.start(), CHECKOUT_MAIL_TEMPLATES=str(tmp_path)) as runtime:
        await pay(runtime, await order_of(connection))
        await deliver_due(runtime, Channel.MAIL)
        assert await outcomes(connection) == [
            ("failed", "the template order_completed.en is faulty: 'nubmer' is undefined")
        ]
        (tmp_path / "order_completed.en.txt").write_text("Subject: {{ number }}\nfine")
        await connection.execute("UPDATE outbox SET next_attempt_at = now()")
        await deliver_due(runtime, Channel.MAIL)
    assert [taken.mail["Subject"] for taken in server.taken] == ["1001"]


@pytest.mark.parametrize(
    ("url", "tls", "starttls", "port"),
    [
        ("smtp://mail.example.com", False, None, 25),
        ("smtp://u:p@mail.example.com:587", False, True, 587),
        ("smtp://u:p@127.0.0.1", False, None, 25),
        ("smtp://mail.example.com?starttls=never", False, False, 25),
        ("smtps://u:p@mail.example.com", True, False, 465),
    ],
)
def test_a_password_is_sent_in_the_clear_only_if_configured(
    url: str,
    tls: bool,
    starttls: bool | None,
    port: int,
) -> None:
    server = parse_smtp_url(url)
    assert (server.tls, server.starttls, server.port) == (tls, starttls, port)


@pytest.mark.parametrize(
    "url", ["mail.example.com", "smtp://", "smtp://h?starttls=maybe", "http://h", "smtp://h/x", "smtp://h?tls=1"]
)
def test_an_invalid_mail_server_url_is_refused(url: str) -> None:
    with pytest.raises(BadValue):
        parse_smtp_url(url)


def session(order_id: str, session_id: str, status: SessionStatus, outcome: PaymentStatus, **fields: object) -> Update:
    fact = SessionFact(id=session_id, livemode=False, status=status, payment_status=outcome, attempt=1, **fields)  # type: ignore[arg-type]
    return Update(
        "test", "stripe", subject_id=session_id, links=[Link(session_id, order_id, LinkRank.OURS)], facts=[fact]
    )


def refund(refund_id: str, amount: int) -> RefundFact:
    return RefundFact(refund_id, False, "pi_r", RefundStatus.SUCCEEDED, amount, "eur")
