"""The tables [shipping] and [tax] of a shop's file."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from checkout_daemon.shop.selling import ByLanguage
from checkout_daemon.shop.shop_file import BadShopFile, read_shop
from tests.support.selling import SELLING


def faults(folder: Path, text: str) -> list[str]:
    path = folder / "shop.toml"
    path.write_text(text)
    with pytest.raises(BadShopFile) as caught:
        read_shop(path)
    assert caught.value.shop is None  # nobody may be charged by the rest of the file
    return [str(fault) for fault in caught.value.faults]


def test_a_shop_that_sends_goods(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text(SELLING)
    shop = read_shop(path)
    assert shop.shipping is not None
    assert shop.tax is not None
    assert shop.shipping.countries == ("AT", "DE", "IT", "US")
    post, express, near, far = shop.shipping.rates
    assert (post.id, post.countries, post.label.text("de-AT"), post.label.text("fr")) == (
        "post",
        ("AT",),
        "Post",
        "Mail",
    )
    assert [post.amount(subtotal) for subtotal in (0, 4999, 5000)] == [490, 490, 0]
    assert [near.amount(subtotal) for subtotal in (0, 2999, 3000, 99999)] == [990, 990, 690, 690]
    assert (express.estimate, far.amount(1)) == (ByLanguage(""), 2490)
    assert [shop.shipping.needed(skus) for skus in (["EBOOK"], ["EBOOK", "PEN"])] == [False, True]
    assert (shop.tax.class_of("PEN"), shop.tax.class_of("NOTE")) == ("reduced", "standard")
    assert [shop.tax.percent("reduced", country) for country in ("IT", None, "US")] == [4, 10, 0]


def test_amounts_may_be_as_large_as_any_currency_has_them(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    text = SELLING.replace("amount = 490", "amount = 150000000").replace("free_from = 5000", "free_from = 999999999999")
    path.write_text(f'currency = "idr"\n{text}')
    shipping = read_shop(path).shipping
    assert shipping is not None
    post = shipping.rates[0]
    assert [post.amount(subtotal) for subtotal in (0, 999_999_999_999)] == [150_000_000, 0]


def test_a_shop_without_these_tables_sends_and_taxes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text('name = "Downloads"\n')
    shop = read_shop(path)
    assert (shop.shipping, shop.tax) == (None, None)


def test_decimals_of_a_rate_are_exact(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text('[tax]\ncountry = "FR"\n[tax.rates.standard]\nFR = 5.5\nCH = 2.125\n')
    tax = read_shop(path).tax
    assert tax is not None
    assert (tax.percent("standard", None), tax.percent("standard", "CH")) == (Decimal("5.5"), Decimal("2.125"))
    assert tax.label.text("en") == "VAT"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('home = ["AT"]', 'home = ["AUT"]', "line 6: shipping.zones.home has 'AUT': name a country by two"),
        ('home = ["AT"]', 'home = "AT"', "line 6: shipping.zones.home must be a list of countries"),
        ('zone = "far"', 'zone = "fare"', "shipping.rates.far.zone 'fare' is not one of [shipping.zones]"),
        ("amount = 2490", "amount = 24.90", "shipping.rates.far.amount must be an amount in minor units"),
        ("amount = 2490", "amount = -1", "shipping.rates.far.amount must be an amount in minor units"),
        ("[[0, 990], [3000, 690]]", "[[3000, 690]]", "shipping.rates.near.amount must be an amount"),
        ("[[0, 990], [3000, 690]]", "[[0, 990], [0, 690]]", "shipping.rates.near.amount must be an amount"),
        ("free_from = 5000", "free_form = 5000", "shipping.rates.post.free_form is not known; did you mean free_from?"),
        ("free_from = 5000", 'free_from = "50"', "shipping.rates.post.free_from must be an amount"),
        ('label = "Express"', "", "shipping.rates.express.label is missing"),
        (', de = "Post" }', ', fr = "Poste" }', "shipping.rates.post.label has 'fr': the languages are en, de"),
        ("[shipping.rates.far]", "[shipping.rates.Far]", "shipping.rates.Far must be named with lower-case"),
        ('digital = ["EBOOK"]', 'address = "ours"', "shipping.address must be form or stripe, not 'ours'"),
        ('digital = ["EBOOK"]', "digital = [1]", "shipping.digital must be a list of skus or patterns"),
        ('country = "AT"\nlabel', "label", "tax.country is missing"),
        ("AT = 20", "AT = 100", "tax.rates.standard.AT must be a percentage such as 20 or 5.5, not 100"),
        ("AT = 20", "AT = nan", "tax.rates.standard.AT must be a percentage such as 20 or 5.5, not NaN"),
        ("AT = 20", "AT = 5.1234", "tax.rates.standard.AT must be a percentage"),
        ("AT = 20", "Austria = 20", "tax.rates.standard.Austria has 'Austria': name a country by two"),
        ('reduced = ["PEN"]', 'cheap = ["PEN"]', "tax.classes.cheap 'cheap' is no class of [tax.rates]"),
        ("[tax.rates.standard]", "[tax.rates.normal]", "tax.rates must have the class standard"),
    ],
)  # fmt: skip
def test_a_fault_names_its_key_and_line(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert old in SELLING
    found = faults(tmp_path, SELLING.replace(old, new, 1))
    assert any(fault in text and text.startswith("line ") for text in found), found


def test_a_zone_without_a_rate_is_a_fault(tmp_path: Path) -> None:
    text = SELLING.replace('far = ["US"]', 'far = ["US"]\nother = ["CH"]')
    assert "line 9: shipping.zones.other has no rate: write [shipping.rates.NAME] with this zone" in faults(
        tmp_path, text
    )
