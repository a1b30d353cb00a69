"""Reading a shop's file: what it may say, and that every fault names its key and line."""

from __future__ import annotations

import os
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from checkout_daemon.errors import ConfigurationError
from checkout_daemon.settings import load_settings
from checkout_daemon.shop.records import NAME, Shop, Words
from checkout_daemon.shop.shop_file import BadShopFile, read_shop
from checkout_daemon.shop.translations import BUILT_IN
from tests.settings.refusing import refused


def write(folder: Path, text: str) -> Path:
    path = folder / "shop.toml"
    path.write_text(text)
    return path


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(BadShopFile) as caught:
        read_shop(write(folder, text))
    return [str(fault) for fault in caught.value.faults]


def test_an_empty_file_is_a_shop_with_a_name_only(tmp_path: Path) -> None:
    path = write(tmp_path, "")
    assert read_shop(path) == Shop(path=path, words={"en": Words()})
    assert (Shop().name, Shop().languages) == (NAME, BUILT_IN)


def test_the_demo_shop_has_no_faults() -> None:
    with as_file(files("checkout_daemon.dev") / "shop.toml") as path:
        shop = read_shop(path)
    assert (shop.name, shop.currency) == ("Folio", "eur")
    assert shop.words_in("de-AT").heading == "Schönes zum Schreiben"


def test_words_are_found_by_language_then_in_the_shops_own(tmp_path: Path) -> None:
    text = 'locale = "de-AT"\nheading = "Gutes"\n[texts.en]\nheading = "Good"\n'
    shop = read_shop(write(tmp_path, text))
    found = [shop.words_in(tag).heading for tag in ("en", "en-GB", "de", "de-CH", "fr")]
    assert found == ["Good", "Good", "Gutes", "Gutes", "Gutes"]


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    assert read_shop(write(tmp_path, "\ufeffname = 'Folio'\n")).name == "Folio"
    assert faults(tmp_path, "\ufeffnmae = 'Folio'\n")[0].startswith("line 1: nmae is not known")


def test_a_whole_file(tmp_path: Path) -> None:
    (tmp_path / "logo.svg").write_text("<svg/>")
    text = """
name = " Bits & Bytes "
logo = "logo.svg"
locale = "en-US"
currency = "usd"
languages = ["en"]
after_payment = ["Your download starts at once."]

[links]
privacy = "/privacy.html"
imprint = "https://bits.example/imprint?lang=en"
contact = "mailto:help@bits.example"

[colors]
accent = "#3A1D8F"

[colors.dark]
accent = "#c3b3ff"
"""
    shop = read_shop(write(tmp_path, text))
    assert (shop.name, shop.locale, shop.currency, shop.languages) == ("Bits & Bytes", "en-US", "usd", ("en",))
    assert list(shop.links) == ["imprint", "privacy", "contact"]  # in the order of the footer
    assert (shop.light, shop.dark) == ({"accent": "#3a1d8f"}, {"accent": "#c3b3ff"})
    assert shop.logo is not None
    assert shop.logo.content == b"<svg/>"
    assert shop.words_in("en").after_payment == ("Your download starts at once.",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name = 3", "line 1: name must be a text in quotes, not 3"),
        ('\nname = "a\\nb"', "line 2: name has a line end or an invisible character"),
        ('name = "a\\u202Eb"', "line 1: name has a line end or an invisible character"),
        (f'name = "{"x" * 61}"', "line 1: name is longer than 60 characters"),
        ('nmae = "x"', "line 1: nmae is not known; did you mean name?"),
        ('currency = "EUR"', "line 1: currency must be three lower-case letters such as eur, not 'EUR'"),
        ('languages = ["en", "fr"]', "line 1: languages has 'fr': there are en, de"),
        ("languages = []", "line 1: languages must be a list"),
        ('languages = ["en"]\nlocale = "de"', "line 2: locale 'de' is not one of the languages: en"),
        ('after_payment = "x"', "line 1: after_payment must be a list of texts"),
        ('after_payment = ["1","2","3","4","5","6"]', "line 1: after_payment has more than 5 texts"),
        ('logo = "logo.gif"', "line 1: logo must be a file that ends with .svg"),
        ('logo = "none.svg"', "line 1: logo cannot be read at"),
        ("links = 1", "line 1: links must be a table: write [links]"),
        ('[links]\nterm = "/x"', "line 2: links.term is not known"),
        ('[links]\nterms = "javascript:alert(1)"', "line 2: links.terms must be https://"),
        ('[links]\nterms = "//evil.example"', "line 2: links.terms must be https://"),
        ('links.terms = "x"', "line 1: links.terms must be https://"),
        ('[colors]\naccent = "green"', "line 2: colors.accent must be a colour such as #2d5a4a, not 'green'"),
        ('[colors]\naccent = "#ffff00"', "line 2: colors.accent is hard to read: accent on paper has 1.0"),
        ('[colors.dark]\nink = "#333333"', "line 2: colors.dark.ink is hard to read: ink on paper"),
        ('[colors]\ndark = "x"', "line 2: colors.dark must be a table"),
        ('[texts.fr]\nheading = "x"', "line 1: texts.fr is not a further language"),
        ('[texts.de]\nname = "x"', "line 2: texts.de.name is not known"),
        ('[texts]\nde = "x"', "line 2: texts.de must be a table"),
        ('name = "x', "line 1: this is not TOML"),
        ('name = "x"\n[links', "line 2: this is not TOML"),
    ],
)
def test_a_fault_names_its_key_and_line(tmp_path: Path, text: str, expected: str) -> None:
    assert any(fault.startswith(expected) for fault in faults(tmp_path, text)), faults(tmp_path, text)


def test_all_faults_are_found_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = faults(tmp_path, 'name = 1\ncurrency = "x"\n[links]\nterms = "x"\n[colors]\nink = "x"\n')
    assert [fault.split(":")[0] for fault in found] == ["line 1", "line 2", "line 4", "line 6"]


def test_what_is_no_file_or_no_text_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(BadShopFile, match="cannot be read"):
            read_shop(path)
    (tmp_path / "shop.toml").write_bytes(b'name = "\xff"')
    with pytest.raises(BadShopFile, match="not UTF-8"):
        read_shop(tmp_path / "shop.toml")
    assert faults(tmp_path, "#" * 100_001) == ["the file is longer than 100,000 bytes"]
    assert faults(tmp_path, "a = " + "[" * 5_000) == ["the file is nested too deep"]


def test_the_file_is_the_default_of_name_locale_and_currency(tmp_path: Path) -> None:
    write(tmp_path, 'name = "Tea"\nlocale = "de"\ncurrency = "chf"\n')
    settings = load_settings({"CHECKOUT_SHOP_FILE": "shop.toml"}, cwd=tmp_path)
    assert (settings.shop_name, settings.locale, settings.currency) == ("Tea", "de", "chf")
    environ = {"CHECKOUT_SHOP_FILE": "shop.toml", "CHECKOUT_SHOP_NAME": "Tee", "CHECKOUT_CURRENCY": "eur"}
    settings = load_settings(environ, cwd=tmp_path)
    assert (settings.shop_name, settings.currency) == ("Tee", "eur")


def test_a_faulty_file_stops_a_daemon_and_commands_do_without_the_faulty_part(tmp_path: Path) -> None:
    write(tmp_path, 'name = "Tea"\ntaglin = "x"\ncurrency = "chf"\n')
    environ = {"CHECKOUT_SHOP_FILE": "shop.toml"}
    settings = load_settings(environ, cwd=tmp_path)
    assert (settings.shop_name, settings.currency) == ("Tea", "chf")
    for daemon in (True, False):
        with pytest.raises(ConfigurationError, match="line 2: taglin is not known; did you mean tagline"):
            load_settings(environ, cwd=tmp_path, daemon=daemon, strict=not daemon)


def test_no_command_goes_by_a_file_whose_currency_is_wrong(tmp_path: Path) -> None:
    for text in ('currency = "CHF"\n', 'name = "x\n'):
        write(tmp_path, text)
        assert "line 1" in refused(tmp_path, CHECKOUT_SHOP_FILE="shop.toml")


def test_a_faulty_file_is_a_fault_of_the_setting(tmp_path: Path) -> None:
    write(tmp_path, "currency = 3\n")
    message = refused(tmp_path, CHECKOUT_SHOP_FILE="shop.toml")
    assert f"CHECKOUT_SHOP_FILE names {tmp_path / 'shop.toml'}: line 1: currency must be a text" in message
    assert os.linesep not in message


@pytest.mark.parametrize(
    ("text", "asked", "country"),
    [
        ("", "required", None),
        ('locale = "de-AT"', "required", "AT"),
        ('locale = "de"', "required", None),
        ('phone = "optional"\ncountry = "US"', "optional", "US"),
        ('phone = "off"\nlocale = "de-AT"\ncountry = "DE"', "off", "DE"),
    ],
)
def test_a_shop_states_whether_it_asks_for_a_phone_number(
    tmp_path: Path, text: str, asked: str, country: str | None
) -> None:
    found = read_shop(write(tmp_path, text)).phone
    assert (found.asked, found.country) == (asked, country)


@pytest.mark.parametrize("text", ['phone = "maybe"', 'country = "at"', 'country = "Austria"'])
def test_what_is_no_rule_for_phone_numbers_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadShopFile, match=r"line 1: (phone|country) must be"):
        read_shop(write(tmp_path, text))
