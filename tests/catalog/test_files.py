"""Catalog files are read whole, refused with every fault and its line, and written so that they read back."""

from __future__ import annotations

import csv
import io
import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout_daemon.catalog.cart import Product
from checkout_daemon.catalog.catalog import read_catalog
from checkout_daemon.catalog.files import CatalogFile, CatalogRejected, csv_text, json_text, parse_catalog
from checkout_daemon.catalog.pricing import Discount
from checkout_daemon.catalog.rows import read_product

PEN = Product("PEN", "Pen, black", 'It "writes".\nWell.', "/products/PEN.svg", 250, "eur", True)
LAMP = Product("LAMP", "Lamp; für den Tisch", "", None, 8900, "eur", False)
SUMMER = Discount(
    "SUMMER",
    Decimal("12.5"),
    None,
    None,
    0,
    datetime(2025, 6, 1, tzinfo=UTC),
    datetime(2025, 9, 1, 12, 30, 0, 1, tzinfo=UTC),
    0,
)
FIVE_OFF = Discount("FIVE-OFF", None, 500, "eur", 2000, None, None, 7)
CATALOG = CatalogFile((PEN, LAMP), (SUMMER, FIVE_OFF))
FORMULAS = tuple("=+-@＝＋－＠")


def faults_of(text: str, *, discounts: bool = False) -> tuple[str, ...]:
    with pytest.raises(CatalogRejected) as caught:
        parse_catalog(text, discounts=discounts)
    return caught.value.faults


def test_written_csv_reads_back() -> None:
    assert parse_catalog(csv_text(CATALOG, discounts=False)) == CatalogFile(products=CATALOG.products)
    assert parse_catalog(csv_text(CATALOG, discounts=True), discounts=True) == CatalogFile(discounts=CATALOG.discounts)


def test_written_json_reads_back() -> None:
    assert parse_catalog(json_text(CATALOG, discounts=False)) == CatalogFile(products=CATALOG.products)
    assert parse_catalog(json_text(CATALOG, discounts=True)) == CatalogFile(discounts=CATALOG.discounts)


def test_an_empty_catalog_reads_back() -> None:
    empty = CatalogFile()
    assert parse_catalog(csv_text(empty, discounts=False)) == parse_catalog(json_text(empty, discounts=True)) == empty


def test_json_is_an_object_with_both_or_a_list_of_either() -> None:
    products = json.loads(json_text(CATALOG, discounts=False))["products"]
    discounts = json.loads(json_text(CATALOG, discounts=True))["discounts"]
    assert parse_catalog(json.dumps({"discounts": discounts, "products": products})) == CATALOG
    assert parse_catalog(json.dumps(products)) == CatalogFile(products=CATALOG.products)
    assert parse_catalog(json.dumps(discounts), discounts=True) == CatalogFile(discounts=CATALOG.discounts)


def test_the_csv_of_a_spreadsheet_is_read() -> None:
    header = "\ufeffSKU;Name;Unit_Amount;Currency;Available"
    text = "\r\n".join([header, "PEN;Pen;250;EUR;yes", ";;;;", "", "LAMP;Lamp;8900;eur;No", ""])
    assert parse_catalog(text).products == (
        Product("PEN", "Pen", "", None, 250, "eur", True),
        Product("LAMP", "Lamp", "", None, 8900, "eur", False),
    )


@pytest.mark.parametrize(
    ("first", "sign"),
    [
        ("sep=;\n", ";"),
        ("\ufeffSEP=;\r\n", ";"),
        ('"sep=,"\r\n', ","),
        ("sep=\t\n", "\t"),
        ("sep=;;;;\n", ";"),
        ("", "\t"),
    ],
)
def test_a_first_line_may_name_the_delimiter(first: str, sign: str) -> None:
    text = first + "sku,name,unit_amount,currency\nPEN,Pen,250,eur\n".replace(",", sign)
    assert parse_catalog(text).products == (Product("PEN", "Pen", "", None, 250, "eur", True),)


def test_a_first_line_that_names_the_delimiter_counts_as_a_line() -> None:
    assert faults_of("sep=;\nsku;name;unit_amount;currency\nPEN;Pen;x;eur\n") == (
        "line 3: unit_amount must be a whole number from 0 to 99999999, not 'x'",
    )


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-8"])
def test_a_file_may_have_any_encoding_that_spreadsheets_write(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "catalog.txt"
    file.write_bytes("sku\tname\tunit_amount\tcurrency\r\nPEN\tStift für Übung\t250\teur\r\n".encode(encoding))
    (found,) = read_catalog(file).products
    assert found.name == "Stift für Übung"


@pytest.mark.parametrize("amount", ["250", " 250 ", "250.0", "+250", "２５０", "\u200b250\u00a0", "0250"])
def test_an_amount_as_text_is_a_number_however_it_is_written(amount: str) -> None:
    (found,) = parse_catalog(f"sku,name,unit_amount,currency\nPEN,Pen,{amount},eur\n").products
    assert found.unit_amount == 250


@pytest.mark.parametrize("amount", ["250", "250.0", "2.5e2", "25E+1"])
def test_an_amount_in_json_is_a_number_however_it_is_written(amount: str) -> None:
    text = '[{"sku": "PEN", "name": "Pen", "currency": "eur", "unit_amount": ' + amount + "}]"
    (found,) = parse_catalog(text).products
    assert found.unit_amount == 250


def test_characters_that_pasting_adds_are_removed() -> None:
    row = "\u200bＰＥＮ\u2011Ａ５;\u00a0\u2068Blue\u00a0pen\u2069;\ufeff250;ＥＵＲ;ＴＲＵＥ"
    (found,) = parse_catalog(f"sku\u200b;\u00a0name;unit_amount;currency;available\n{row}\n").products
    assert found == Product("PEN-A5", "Blue\u00a0pen", "", None, 250, "eur", True)
    (code,) = parse_catalog("code,percent_off\n\u200bsummer\u2011２５ , １０\n", discounts=True).discounts
    assert (code.code, code.percent_off) == ("SUMMER-25", Decimal(10))


@pytest.mark.parametrize("percent", ["12,5", "12,50%", "12.5 %", "12,5\u00a0％"])
def test_a_percentage_may_be_as_a_spreadsheet_writes_it(percent: str) -> None:
    (found,) = parse_catalog(f"code;percent_off\nSUMMER;{percent}\n", discounts=True).discounts
    assert found.percent_off == Decimal("12.5")


def test_codes_and_times_are_normalized() -> None:
    text = '[{"code": " summer ", "percent_off": 12.50, "starts_at": "2025-06-01T02:00:00+02:00"}]'
    (found,) = parse_catalog(text, discounts=True).discounts
    assert (found.code, found.percent_off, found.starts_at) == ("SUMMER", Decimal("12.5"), SUMMER.starts_at)


def test_every_fault_is_named_with_its_line() -> None:
    text = (
        "sku,name,image_url,unit_amount,currency,available\n"
        'A B,"two\nlines",javascript:alert(1),14.50,euro,maybe\n'
        "\n"
        "PEN,Pen,,250,eur,\n"
        "PEN,Pen,,250,eur,\n"
        "LAMP\n"
        ",,,,,true\n"
        "INK,Ink,,50,isk,\n"
    )
    assert faults_of(text) == (
        "line 2: sku must be 1 to 64 of A-Z a-z 0-9 . _ -, not 'A B'",
        "line 2: name contains a character that cannot be used: U+000A",
        "line 2: image_url must start with https:// or /, not 'javascript:alert(1)'",
        "line 2: unit_amount must be a whole number from 0 to 99999999, not '14.50'",
        "line 2: currency must be a three-letter code such as eur, not 'euro'",
        "line 2: available must be true or false, not 'maybe'",
        "line 6: duplicate PEN, first on line 5",
        "line 7: 1 cells, but the header has 6",
        "line 8: sku is missing",
        "line 8: name is missing",
        "line 8: unit_amount is missing",
        "line 8: currency is missing",
        "line 9: unit_amount must be a multiple of 100 in isk, not 50",
    )


def test_json_faults_have_the_line_where_their_object_begins() -> None:
    text = """{
  "products": [
    {"sku": "PEN", "name": "Pen", "unit_amount": 250, "currency": "eur"},
    {
      "sku": "PEN", "name": "Pen", "unit_amount": 250, "currency": "eur"
    },
    "LAMP"
  ],
  "discounts": [{"code": "A", "percent_off": "10", "amount_off": 5, "currency": "eur"}],
  "prices": [], "products": 3
}"""
    assert faults_of(text) == (
        "line 4: duplicate PEN, first on line 3",
        "line 7: products must hold objects",
        "line 9: exactly one of percent_off and amount_off must be given",
        "line 10: unknown field 'prices'; there are products and discounts",
        "line 10: products must be a list",
    )


def test_a_duplicate_on_the_same_line_is_a_fault_too() -> None:
    pen = json.dumps({"sku": "PEN", "name": "Pen", "unit_amount": 250, "currency": "eur"})
    assert faults_of(f"[{pen}, {pen}]") == ("line 1: duplicate PEN, first on line 1",)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("code", "A B"),
        ("code", ""),
        ("code", None),
        ("code", 5),
        ("percent_off", "0"),
        ("percent_off", "100.01"),
        ("percent_off", "33.333"),
        ("percent_off", 33.333),
        ("percent_off", "NaN"),
        ("percent_off", "Infinity"),
        ("percent_off", "ten"),
        ("percent_off", "1,2,5"),
        ("percent_off", "%"),
        ("percent_off", True),
        ("percent_off", -5),
        ("currency", "eu"),
        ("minimum_subtotal", -1),
        ("minimum_subtotal", "1e3"),
        ("minimum_subtotal", 10.5),
        ("starts_at", "2025-06-01"),
        ("starts_at", "2025-06-01T00:00:00"),
        ("starts_at", "0001-01-01T00:00:00+14:00"),
        ("starts_at", 1748736000),
        ("ends_at", "2024-06-01T00:00:00Z"),
        ("redemption_limit", 2**31),
        ("redemption_limit", "three"),
        ("percent", "10"),
    ],
)
def test_a_discount_with_one_wrong_field_is_refused(field: str, value: object) -> None:
    good: dict[str, object] = {"code": "A", "percent_off": "10", "starts_at": "2025-01-01T00:00:00Z"}
    assert len(parse_catalog(json.dumps([good]), discounts=True).discounts) == 1
    (fault,) = faults_of(json.dumps([good | {field: value}]), discounts=True)
    assert field in fault


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sku", "A\x00"),
        ("sku", "a" * 65),
        ("sku", ["A"]),
        ("name", "N" * 251),
        ("name", "\u0000"),
        ("name", "\ud800"),
        ("description", "D" * 2001),
        ("description", "\x1b[31m"),
        ("image_url", "//other.example/pen.png"),
        ("image_url", "data:image/png;base64,AAAA"),
        ("unit_amount", -1),
        ("unit_amount", 100_000_000),
        ("unit_amount", True),
        ("unit_amount", 1.5),
        ("unit_amount", "14.50"),
        ("unit_amount", "14.00"),
        ("unit_amount", "1,450"),
        ("unit_amount", "1e2"),
        ("name", "A\u202eB"),
        ("name", "\u3164"),
        ("name", "A\U000e0041"),
        ("unit_amount", "١٠"),
        ("currency", "€"),
        ("available", "perhaps"),
        ("price", 5),
    ],
)
def test_a_product_with_one_wrong_field_is_refused(field: str, value: object) -> None:
    good: dict[str, object] = {"sku": "A", "name": "A", "unit_amount": 100, "currency": "eur"}
    assert len(parse_catalog(json.dumps([good])).products) == 1
    faults = faults_of(json.dumps([good | {field: value}]))
    assert {field in fault for fault in faults} == {True}


def test_an_amount_off_needs_its_currency() -> None:
    assert faults_of('[{"code": "A", "amount_off": 5}]', discounts=True) == ("line 1: currency is missing",)


def test_columns_of_another_file_are_refused_once() -> None:
    text = csv_text(CATALOG, discounts=True)
    assert [fault.partition(";")[0] for fault in faults_of(text)][:2] == [
        "line 1: unknown column 'code'",
        "line 1: unknown column 'percent_off'",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "line 1: the file is empty"),
        (" \n ", "line 1: the file is empty"),
        ('{"products": [\n}', "line 2: this is not JSON: Expecting value"),
        ("[" * 100_000, "line 1: this JSON is nested too deeply or has a number that is too long"),
        ("[" + "9" * 5_000 + "]", "line 1: this JSON is nested too deeply or has a number that is too long"),
        ('sku,name\n"PEN', "line 2: this is not CSV: unexpected end of data"),
        ("sku,sku\n1,2\n", "line 1: duplicate column sku"),
    ],
)
def test_a_file_that_is_not_a_catalog_is_refused(text: str, fault: str) -> None:
    assert faults_of(text) == (fault,)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing, binary = tmp_path / "missing.csv", tmp_path / "binary.csv"
    binary.write_bytes(b"sku,name\nPEN,\xff\n")
    with pytest.raises(CatalogRejected, match=r"missing\.csv, it cannot be read: No such file"):
        read_catalog(missing)
    with pytest.raises(CatalogRejected, match=r"binary\.csv, line 2: this is not UTF-8 text") as caught:
        read_catalog(binary)
    assert caught.value.exit_code == 2


names = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=40)


def with_pictures(product: Product) -> Product:
    """Give a product with a picture two more."""
    return replace(product, images=(product.image_url, "/2.svg", "/3.svg")) if product.image_url else product


products = st.builds(
    Product,
    sku=st.from_regex(r"\A[A-Za-z0-9._-]{1,64}\Z"),
    name=names.map(lambda text: f"a{text}z"),
    description=st.one_of(st.just(""), names.map(lambda text: f"a{text}\n{text}z")),
    image_url=st.sampled_from([None, "/a.svg", "https://shop.example/a.png?b=c;d,e"]),
    unit_amount=st.integers(0, 99_999_999).map(lambda amount: amount // 100 * 100),
    currency=st.sampled_from(["eur", "jpy", "kwd", "isk"]),
    available=st.booleans(),
).map(with_pictures)


@given(st.lists(products, max_size=5, unique_by=lambda product: product.sku))
def test_any_products_read_back_from_both_formats(listed: list[Product]) -> None:
    catalog = CatalogFile(products=tuple(listed))
    assert parse_catalog(csv_text(catalog, discounts=False)) == catalog
    assert parse_catalog(json_text(catalog, discounts=False)) == catalog


@pytest.mark.parametrize(
    ("columns", "image_url", "images"),
    [
        ({"images": ["/1.svg", "/2.svg"]}, "/1.svg", ("/1.svg", "/2.svg")),
        ({"images": " /1.svg\n/2.svg "}, "/1.svg", ("/1.svg", "/2.svg")),
        ({"images": "/1.svg"}, "/1.svg", ()),
        ({"images": [], "image_url": "/1.svg"}, "/1.svg", ()),
        ({"images": "/1.svg /2.svg", "image_url": "/1.svg"}, "/1.svg", ("/1.svg", "/2.svg")),
    ],
)
def test_the_first_picture_of_several_is_the_products(
    columns: dict[str, object], image_url: str, images: tuple[str, ...]
) -> None:
    product, faults = read_product({"sku": "A", "name": "A", "unit_amount": 100, "currency": "eur"} | columns)
    assert faults == []
    assert product is not None
    assert (product.image_url, product.images) == (image_url, images)


@pytest.mark.parametrize(
    "columns",
    [
        {"images": "/1.svg http://shop.example/2.svg"},
        {"images": ["/1.svg", 2]},
        {"images": ["/1 svg"]},
        {"images": ["/1\u00a0.svg"]},
        {"images": ["/1.svg", "/2.svg", "/1.svg"]},
        {"images": 5},
        {"images": " ".join(f"/{number}.svg" for number in range(21))},
        {"images": "/1.svg /2.svg", "image_url": "/2.svg"},
    ],
)
def test_faulty_pictures_are_named(columns: dict[str, object]) -> None:
    product, faults = read_product({"sku": "A", "name": "A", "unit_amount": 100, "currency": "eur"} | columns)
    assert product is None
    assert [fault.startswith("images must ") for fault in faults] == [True]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "'=1", "''=1", "'", "＝1"])
def test_no_cell_is_a_formula_and_all_read_back(name: str) -> None:
    catalog = CatalogFile(products=(Product("A", name, f"{name}\n{name}", None, 100, "eur", True),))
    text = csv_text(catalog, discounts=False)
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert [cell for cell in cells if cell[:1] in FORMULAS] == []
    assert parse_catalog(text) == catalog


FRAGMENTS = [*'{}[],:;"', "\n", "\r\n", '"products"', '"sku": "A"', "sku,name\n", "1", "\x00", "\ud800", "null"]


@given(st.one_of(st.text(), st.lists(st.sampled_from(FRAGMENTS)).map("".join)), st.booleans())
def test_any_text_is_read_or_refused(text: str, discounts: bool) -> None:
    with suppress(CatalogRejected):
        catalog = parse_catalog(text, discounts=discounts)
        assert len(catalog.products) + len(catalog.discounts) <= len(text)


@pytest.mark.parametrize(
    ("currency", "amount", "accepted"),
    [
        ("idr", 1_500_000_000, True),
        ("idr", 999_999_999_999, True),
        ("idr", 1_000_000_000_000, False),
        ("cop", 9_999_999_999, True),
        ("inr", 999_999_999, True),
        ("inr", 1_000_000_000, False),
        ("eur", 99_999_999, True),
        ("eur", 100_000_000, False),
    ],
)
def test_a_price_is_at_most_what_stripe_charges_in_its_currency(currency: str, amount: int, accepted: bool) -> None:
    product, faults = read_product({"sku": "A", "name": "A", "unit_amount": amount, "currency": currency})
    assert (product is not None, bool(faults)) == (accepted, not accepted)


def test_empty_cells_that_a_spreadsheet_adds_at_the_end_are_left_out() -> None:
    text = "sku,name,unit_amount,currency,,\nPEN,Pen,100,eur,, \nINK,Ink,200,eur\nPAD,Pad,300,eur,\n"
    assert [product.sku for product in parse_catalog(text).products] == ["PEN", "INK", "PAD"]
    assert faults_of("sku,name,unit_amount,currency,,\nPEN,Pen,100,eur,,x\n") == (
        "line 2: 6 cells, but the header has 4",
    )
    assert faults_of("sku,name,unit_amount,currency\nPEN,Pen,100\n") == ("line 2: 3 cells, but the header has 4",)


def test_a_picture_that_no_page_over_https_shows_is_refused_with_its_line() -> None:
    text = "sku,name,unit_amount,currency,image_url\nPEN,Pen,100,eur,http://pictures.example/pen.png\n"
    (fault,) = faults_of(text)
    assert fault.startswith("line 2: image_url must start with https:// or /, not")
