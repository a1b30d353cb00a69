"""Names, emails and phone numbers: what passes, in which form, and what does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout_daemon.domain.customer import Customer, check_customer

GOOD = ("Ada Lovelace", "ada@example.com", "+43 664 1234567")


def faults(name: str, email: str, phone: str) -> list[tuple[str, str]]:
    customer, errors = check_customer(name, email, phone)
    assert (customer is None) == bool(errors)
    return [(error.pointer, error.code) for error in errors]


def test_a_customer_is_brought_into_one_form() -> None:
    customer, errors = check_customer("  Ada Lovelace ", " Ada@Example.COM ", "+43 (0) 664 / 123 45 67")
    assert (customer, errors) == (Customer("Ada Lovelace", "Ada@example.com", "+436641234567"), [])


def test_every_fault_is_named() -> None:
    assert faults("", "nobody", "0664 1234567") == [
        ("/customer/name", "invalid_name"),
        ("/customer/email", "invalid_email"),
        ("/customer/phone", "invalid_phone"),
    ]


@pytest.mark.parametrize(
    "name", ["X", "J" * 200, "أحمد", "山田 太郎", "Nguyễn Văn A", "O'Brien-Łukasz, Jr.", "می‌خواهم"]
)
def test_names_of_all_the_world_pass(name: str) -> None:
    assert faults(name, *GOOD[1:]) == []


@pytest.mark.parametrize(
    "name", ["", "   ", "J" * 201, "A\x00B", "A\nB", "A\ud800B", "A\x1b[31mB", "A\u202eB", "A\u2028B", "\u200b", "\x7f"]
)
def test_names_that_are_empty_too_long_or_forged_do_not(name: str) -> None:
    assert faults(name, *GOOD[1:]) == [("/customer/name", "invalid_name")]


def test_two_spellings_of_one_letter_are_one_name() -> None:
    one, _ = check_customer("Zoe\u0308", *GOOD[1:])
    other, _ = check_customer("Zo\u00eb", *GOOD[1:])
    assert one == other


@pytest.mark.parametrize(
    ("email", "form"),
    [
        ("a@example.com", "a@example.com"),
        ("a@shop.test", "a@shop.test"),
        ("first.last+tag@example.co.uk", "first.last+tag@example.co.uk"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
    ],
)
def test_emails_that_can_be_sent_to_pass(email: str, form: str) -> None:
    customer, _ = check_customer(GOOD[0], email, GOOD[2])
    assert customer is not None
    assert customer.email == form


@pytest.mark.parametrize(
    "email",
    [
        "",
        "a",
        "a@",
        "@example.com",
        "a@b@example.com",
        "a@localhost",
        "a b@example.com",
        "a@example..com",
        "ü@example.com",
        "a\x00@example.com",
        "\ud800@example.com",
        "a@ex\ud800ample.com",
        "a@example.com\r\nBcc: b@example.com",
        "Ada <a@example.com>",
        "a" * 250 + "@example.com",
    ],
)
def test_other_emails_do_not(email: str) -> None:
    assert faults(GOOD[0], email, GOOD[2]) == [("/customer/email", "invalid_email")]


@pytest.mark.parametrize(
    ("phone", "form"),
    [
        ("+15555550123", "+15555550123"),  # kept for fiction
        ("+1 (555) 555-0123", "+15555550123"),
        ("+43 664 1234567", "+436641234567"),
        ("+39 06 1234 5678", "+390612345678"),  # Italy keeps its zero
        ("＋４３ 664 1234567", "+436641234567"),
    ],
)
def test_international_phone_numbers_pass(phone: str, form: str) -> None:
    customer, _ = check_customer(*GOOD[:2], phone)
    assert customer is not None
    assert customer.phone == form


@pytest.mark.parametrize(
    "phone", ["", "+", "0664 1234567", "+1", "+999123456789", "call me", "\x00", "\ud800", "+" * 500]
)
def test_other_phone_numbers_do_not(phone: str) -> None:
    assert faults(*GOOD[:2], phone) == [("/customer/phone", "invalid_phone")]


# What people mistype, and what attackers send: any text, and texts made of the parts of good ones.
texts = st.one_of(st.text(), st.text("aé@.+-0123456789 \x00\ud800", max_size=40))


@given(texts, texts, texts)
def test_any_text_is_answered_and_what_passes_can_be_stored(name: str, email: str, phone: str) -> None:
    for told in ((name, *GOOD[1:]), (GOOD[0], email, GOOD[2]), (*GOOD[:2], phone), (name, email, phone)):
        customer, errors = check_customer(*told)
        assert (customer is None) == bool(errors)
        if customer is not None:
            stored = customer.name + customer.email + customer.phone
            assert "\x00" not in stored
            assert stored.encode().decode() == stored
            assert check_customer(customer.name, customer.email, customer.phone) == (customer, [])
