"""Evidence staged from what we hold, and the receipt as text and PDF."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.disputes import receipt_pdf as receipt_pdf_module
from checkout_daemon.disputes.answering import accept_dispute
from checkout_daemon.disputes.drafts import read_case, save_draft
from checkout_daemon.disputes.receipt import Receipt, ReceiptRow
from checkout_daemon.disputes.receipt_pdf import ReceiptNotMade, receipt_pdf
from checkout_daemon.disputes.staging import MAILS
from checkout_daemon.errors import ConfigurationError
from checkout_daemon.model.messages import Channel, MessageKind
from checkout_daemon.orders.notes import note_order
from checkout_daemon.orders.refund_rules import RefundOptions
from checkout_daemon.orders.refunding import refund
from checkout_daemon.orders.shipping import Parcel, ship_order
from checkout_daemon.runtime import Runtime
from checkout_daemon.shop.records import Shop
from tests.support.disputes import case_of, dispute, disputed_order
from tests.support.selling import to_be_sent
from tests.support.shopping import paid_order

ADA = Operator("ada", "shop1")


@pytest.fixture
async def order(runtime: Runtime, connection: asyncpg.Connection) -> CheckoutAnswer:
    return await disputed_order(runtime)


async def test_it_has_order_items_customer_timeline_mails_and_no_internal_matter(
    runtime: Runtime, connection: asyncpg.Connection, order: CheckoutAnswer
) -> None:
    await note_order(runtime.database, str(order.order_id), "looks like a fraud", operator=ADA)
    await connection.execute("UPDATE outbox SET status = 'sent', sent_at = now() WHERE channel = 'mail'")
    case = await case_of(runtime, order)
    texts = case.evidence.texts
    assert (texts["customer_name"], texts["customer_email_address"]) == ("Ada", "ada@example.com")
    assert texts["product_description"].split("\n")[0].startswith("2 x Notebook (NOTE): €")
    story = texts["uncategorized_text"]
    assert f"order {order.number} placed at" in story
    assert "payment received" in story
    assert "mail to the customer: confirmation of the order" in story
    assert "Visa 4242" in story
    assert case.receipt.text() in f"{story}\n"
    everything = "".join(texts.values())
    assert "looks like a fraud" not in everything
    assert "shop1" not in everything
    assert "shipping_address" not in texts
    assert texts["service_date"]


async def test_a_dispute_that_ended_is_no_second_payment(runtime: Runtime, connection: asyncpg.Connection) -> None:
    answer = await disputed_order(runtime, "inquiry")
    await accept_dispute(runtime, await case_of(runtime, answer), operator=ADA)
    options = RefundOptions(amount=1000)
    await refund(runtime, str(answer.order_id), options, operator=ADA)
    await dispute(runtime, answer)
    story = (await case_of(runtime, answer)).evidence.texts["uncategorized_text"]
    assert story.count("payment received") == 1
    assert story.count("refunded in part") == 1
    assert "Refunded 20" in story


def test_every_kind_of_mail_has_its_words() -> None:
    assert {*MAILS} == {kind.value for kind in MessageKind if Channel.MAIL in kind.channels}


async def test_a_parcel_and_its_address_are_in_it(runtime: Runtime, connection: asyncpg.Connection) -> None:
    answer = await paid_order(runtime)
    await to_be_sent(connection, str(answer.order_id))
    parcel = Parcel("DHL", "00340434161094", "https://track.example/00340434161094")
    await ship_order(runtime.database, str(answer.order_id), parcel, operator=ADA)
    await dispute(runtime, answer, "product_not_received")
    texts = (await case_of(runtime, answer)).evidence.texts
    assert (texts["shipping_carrier"], texts["shipping_tracking_number"]) == ("DHL", "00340434161094")
    assert texts["shipping_date"]
    assert texts["shipping_address"]
    assert "https://track.example/00340434161094" in texts["uncategorized_text"]
    assert "service_date" not in texts


async def test_policies_come_from_the_settings_and_the_shop(
    runtime: Runtime, order: CheckoutAnswer, tmp_path: Path
) -> None:
    policy = tmp_path / "returns.txt"
    policy.write_text("\ufeffReturns within 30 days.\n")
    shop = Shop(links={"returns": "/returns.html", "terms": "https://shop.example/terms"})
    settings = replace(runtime.settings, refund_policy=policy, shop=shop, shop_name="Mugs")
    case = await case_of(runtime, order)
    staged = await read_case(runtime.database, settings, case.dispute)
    assert staged.receipt.title.startswith("Mugs: receipt")
    texts = staged.evidence.texts
    shown = f"{settings.public_url}/returns.html"
    assert texts["refund_policy_disclosure"] == f"Returns within 30 days.\n\nThe shop shows this at {shown}"
    assert texts["cancellation_policy_disclosure"] == "The shop shows this at https://shop.example/terms"
    policy.unlink()
    with pytest.raises(ConfigurationError, match=r"CHECKOUT_REFUND_POLICY cannot be read from .*: No such file"):
        await read_case(runtime.database, settings, case.dispute)
    await save_draft(runtime.database, case, {"customer_name": "Ada"}, operator=ADA)
    assert (await read_case(runtime.database, settings, case.dispute)).evidence.texts == {"customer_name": "Ada"}


async def test_what_would_be_too_long_is_cut_and_what_cannot_be_shown_left_out(
    runtime: Runtime, connection: asyncpg.Connection, order: CheckoutAnswer
) -> None:
    await connection.execute("UPDATE order_items SET name = repeat('x' || chr(7), 15000)")
    case = await case_of(runtime, order)
    assert len(case.evidence.texts["product_description"]) <= 20_000
    assert len(case.evidence.texts["uncategorized_text"]) <= 20_000
    assert "\x07" not in "".join(case.evidence.texts.values())


def a_receipt(name: str) -> Receipt:
    return Receipt(
        "Mugs: receipt for order 1001",
        datetime(2026, 11, 30, 12, tzinfo=UTC),
        ("Mugs GmbH", "1010 Wien"),
        (("Order", "1001"), ("Customer", name)),
        tuple(ReceiptRow(f"{number} x Mug{' with a long name' * 6}, €12.00 each", "€24.00") for number in range(80)),
        (ReceiptRow("Total", "€1,920.00"),),
    )


def test_the_pdf_has_every_page_and_is_the_same_each_time() -> None:
    made = receipt_pdf(a_receipt("Zoë Müller"), ())
    assert made.content.startswith(b"%PDF-")
    assert made.content.count(b"/Type /Page\n") > 1
    assert made.lost == ""
    assert receipt_pdf(a_receipt("Zoë Müller"), ()).content == made.content


def test_letters_that_no_font_has_are_named() -> None:
    made = receipt_pdf(a_receipt("Łukasz"), ("/no/such/font.ttf",))
    assert made.lost == "Ł"


BLANKS = "\u1680\u2003\u2009\u2028\u2029\u202f\u205f\u3000\x1c\x85\t\n"


@pytest.mark.parametrize("place", ["title", "seller", "customer"])
def test_blanks_of_all_kinds_are_plain_ones(place: str) -> None:
    receipt, text = a_receipt("Ada"), f"a{BLANKS}b"
    if place == "customer":
        receipt = a_receipt(text)
    else:
        receipt = replace(receipt, title=text) if place == "title" else replace(receipt, seller=(text,))
    assert receipt_pdf(receipt, ()).lost == ""
    with_a_font = replace(receipt, facts=(*receipt.facts, ("Ship to", "Łódź")))
    assert not {*receipt_pdf(with_a_font).lost} & {*BLANKS}


async def test_the_shops_own_words_are_on_one_line(runtime: Runtime, order: CheckoutAnswer) -> None:
    settings = runtime.settings
    shop = replace(settings.shop, seller=("Tél.\u202f: 1", "x\udc80"))
    settings = replace(settings, shop=shop, shop_name="a\u202fb\u200b")
    case = await case_of(runtime, order)
    receipt = (await read_case(runtime.database, settings, case.dispute)).receipt
    assert receipt.title.startswith("a b: receipt")
    assert receipt.seller == ("Tél. : 1", "x")
    assert receipt_pdf(receipt, ()).lost == ""


def test_what_the_library_cannot_write_is_an_error_in_words() -> None:
    with pytest.raises(ReceiptNotMade, match="leave it out with --no-receipt"):
        receipt_pdf(replace(a_receipt("Ada"), title="a\ud800b"), ())


def test_letters_from_the_right_are_named_rather_than_printed_backwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipt_pdf_module, "can_shape", lambda: False)
    font = tmp_path / "font.ttf"
    make_font(font, "Łukasz محمد שלום हि")
    made = receipt_pdf(a_receipt("Łukasz محمد שלום हि 王"), (str(font),))
    assert b"/FontFile2" in made.content
    assert {*made.unshaped} == {*"محمدשלוםहि"}
    assert {*made.lost} == {*made.unshaped, "王"}
    assert made.remark.startswith("no font here has 王: install one")
    assert "pip install uharfbuzz" in made.remark


def test_a_font_of_the_machine_is_embedded_for_other_alphabets(tmp_path: Path) -> None:
    font = tmp_path / "font.ttf"
    make_font(font, "Łukasz")
    made = receipt_pdf(a_receipt("Łukasz 王"), (str(font),))
    assert b"/FontFile2" in made.content
    assert "Ł" not in made.lost
    assert "王" in made.lost


def make_font(path: Path, letters: str) -> None:
    """Write a font in which each of these letters, and what a receipt has, is a square."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    pen = TTGlyphPen(None)
    for x, y in ((0, 0), (0, 500), (500, 500), (500, 0)):
        (pen.lineTo if (x, y) != (0, 0) else pen.moveTo)((x, y))
    pen.closePath()
    square = pen.glyph()
    codes = sorted({*map(ord, letters), *range(32, 127), ord("€"), ord("ë")})
    names = {code: f"u{code:04X}" for code in codes}
    glyphs = [".notdef", *names.values()]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(glyphs)
    builder.setupCharacterMap(names)
    builder.setupGlyf(dict.fromkeys(glyphs, square))
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (600, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Squares", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, sTypoDescender=-200, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    builder.save(path)
