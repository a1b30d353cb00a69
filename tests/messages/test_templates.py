"""Every template renders in every language with only the variables that docs/MESSAGES.md promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from checkout_daemon.messages.customer_mails import greeted, shop_values
from checkout_daemon.messages.mails import template_name
from checkout_daemon.messages.outcomes import TryLater
from checkout_daemon.messages.rendering import language_of, render
from checkout_daemon.messages.words import words_in
from checkout_daemon.model.messages import Channel, MessageKind
from checkout_daemon.model.text import names_address
from checkout_daemon.settings import load_settings

MANUAL = (Path(__file__).parents[2] / "docs" / "MESSAGES.md").read_text()
CUSTOMER_KINDS = [kind for kind in MessageKind if Channel.MAIL in kind.channels]
COMMON = re.search(r"Every template has the variables\s+`([\w\s]+)`", MANUAL)


def promised(name: str) -> list[str]:
    (variables,) = re.findall(rf"^\| `{name}` +\| `([\w ]+)` +\|$", MANUAL, re.MULTILINE)
    assert COMMON is not None
    return [*COMMON.group(1).split(), *variables.split()]


def values_of(name: str, language: str) -> dict[str, object]:
    """Return a value for every variable that the manual promises for a template."""
    values: dict[str, object] = {
        variable: False if variable == "free" else f"<{variable}>" for variable in promised(name)
    }
    values["shop_links"] = [{"label": "<terms>", "url": "https://shop.example/terms"}]
    values["items"] = values["refunded_items"] = [{"name": "<pen>", "quantity": 2, "amount": "€2"}]
    values["sums"] = [{"kind": kind, "label": f"<{kind}>", "amount": "€2"} for kind in ("", "total", "tax")]
    values |= {"words": words_in(language), "address": ["<street>", "<town>"], "seller": ["<seller>"]}
    return values


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("name", [template_name(kind) for kind in CUSTOMER_KINDS])
def test_a_customers_mail_needs_only_what_is_promised(name: str, language: str) -> None:
    values = values_of(name, language)
    made = render(None, name, language, values)
    assert "<number>" in made.subject
    assert "<name>" in made.text
    assert "&lt;name&gt;" in made.html
    assert "<name>" not in made.html
    assert not re.search(r"<(pen|street|seller|terms|total|tax)>", made.html)
    assert re.search(r"mso-hide:all\">.+</div>", made.html), "there is a line for lists of mails"
    assert "<order_url>" in made.text or "<url>" in made.text
    assert "\n\n\n" not in made.text
    assert f'lang="{values["language"]}"'.replace("<", "&lt;").replace(">", "&gt;") in made.html


@pytest.mark.parametrize("name", [template_name(kind) for kind in CUSTOMER_KINDS])
def test_a_mail_from_right_to_left_is_the_mirror_of_the_other(name: str) -> None:
    values = values_of(name, "en")
    ltr, rtl = (render(None, name, "en", values | {"direction": direction}).html for direction in ("ltr", "rtl"))
    mirrored = {"left": "right", "right": "left", "center": "center"}
    sides = re.compile(r'(?:text-align:|\balign=")(\w+)')
    assert re.findall(r'<(\w+)[^>]* dir="rtl"', rtl) == ["html", "table"]
    assert sides.findall(rtl) == [mirrored[side] for side in sides.findall(ltr)]


@pytest.mark.parametrize(
    ("language", "direction"), [("de", "ltr"), ("he", "rtl"), ("ar-EG", "rtl"), ("sm", "ltr"), ("pnb", "rtl")]
)
def test_a_mail_has_the_direction_of_its_language(tmp_path: Path, language: str, direction: str) -> None:
    (tmp_path / "translations").mkdir()
    (tmp_path / "translations" / "pnb.json").write_text('{"language": {"name": "Panjabi", "direction": "rtl"}}')
    (tmp_path / "shop.toml").write_text('languages = ["en", "pnb"]\ntranslations = "translations"\n')
    environ = {"DATABASE_URL": "postgresql:///shop", "CHECKOUT_SHOP_FILE": str(tmp_path / "shop.toml")}
    assert shop_values(load_settings(environ, cwd=tmp_path), language)["direction"] == direction


@pytest.mark.parametrize(
    ("name", "greeting"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("Dr. A. Smith", "Dr. A. Smith"),
        ("A" * 60, "A" * 60),
        ("B" * 200, "B" * 59 + "…"),
        ("Win https://evil.example/x now", "Win https evil example x now"),
        ("www.evil.com", "www evil com"),
        ("write a@evil.com", "write a evil com"),
        ("evil．com", "evil com"),
        ("A\u202e\u200bB\r\nC", "A B C"),
    ],
)
def test_a_greeting_cannot_carry_a_strangers_message(name: str, greeting: str) -> None:
    assert greeted(name) == greeting
    assert not names_address(greeted(name))


def test_the_manual_names_every_message() -> None:
    missing = [kind.value for kind in MessageKind if f"`{kind.value}`" not in MANUAL]
    assert missing == []


def test_a_file_of_the_shop_has_the_words_of_a_further_language(tmp_path: Path) -> None:
    (tmp_path / "words.pl.json").write_text('{"total": "Razem", "tax": "w tym {label}: {amount}"}')
    (tmp_path / "words.de-AT.json").write_text('{"total": "Summe"}')
    found = {tag: words_in(tag, tmp_path)["total"] for tag in ("pl", "pl-PL", "de", "de-AT", "fr", "en")}
    assert found == {
        "pl": "Razem",
        "pl-PL": "Razem",
        "de": "Gesamtsumme",
        "de-AT": "Summe",
        "fr": "Total",
        "en": "Total",
    }
    assert (words_in("pl", tmp_path)["shipping"], words_in("de-AT", tmp_path)["shipping"]) == ("Shipping", "Versand")


@pytest.mark.parametrize("text", ["{", "[]", '{"total": 1}', '{"tax": "{sum}"}', '{"tax": "{"}', '{"tax": "{}"}'])
def test_faulty_words_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "words.pl.json").write_text(text)
    with pytest.raises(TryLater, match=r"^the words of words\.pl\.json are faulty: "):
        words_in("pl", tmp_path)


def test_a_shops_files_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    for name, text in (
        ("words.pl.json", '{"total": "Razem"}'),
        ("payment_failed.pl.txt", "Subject: {{ number }}\n\nDzień dobry"),
        ("payment_failed.pl.html", "<p>Dzień dobry</p>"),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8-sig")
    made = render(tmp_path, "payment_failed", "pl", {"number": 7})
    assert words_in("pl", tmp_path)["total"] == "Razem"
    assert (made.subject, made.text, made.html) == ("7", "Dzień dobry\n", "<p>Dzień dobry</p>\n")


@pytest.mark.parametrize(
    "text", [b"Subject: {% if %}", b"Subject: {{ 1 / 0 }}", b"Subject: {{ 'a' + 1 }}", b"Subject: \xfcber"]
)
def test_a_faulty_template_is_named_and_the_mail_waits(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "payment_failed.pl.txt").write_bytes(text)
    (tmp_path / "payment_failed.pl.html").write_text("<p>Dzień dobry</p>", encoding="utf-8")
    assert language_of(tmp_path, "payment_failed", "pl-PL") == "pl"
    with pytest.raises(TryLater, match=r"^the template payment_failed\.pl is faulty"):
        render(tmp_path, "payment_failed", "pl", {"number": 7})
