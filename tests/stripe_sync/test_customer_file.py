"""A file with customers of an old system: read as a spreadsheet writes it, and refused with the line of a fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkout_daemon.stripe_sync.customer_file import CustomersRejected, read_customers


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "line 1: the header names"),
        ("name,phone\nAda,+43664123456\n", "at least one of the first three"),
        ("email,nick\n", "not 'nick'"),
        ("email,name\nada@example.com,Ada\nno address,Bo\n", "line 3: email: Please enter an email address"),
        ("session_id,phone\ncs_1,0664\n", "line 2: phone: Please enter a phone number"),
        ("session_id,name\npi_1,Ada\n", "line 2: 'pi_1' is no session_id"),
        ("session_id,name\n,Ada\n", "line 2: it has no session_id, payment_intent_id or email"),
        ("session_id,name\ncs_1,Ada\ncs_1,Bo\n", "line 3: cs_1 is there twice"),
        ("session_id,name\ncs_1,Ada,more\n", "line 2: it has 3 cells, the header has 2"),
        ('session_id,name\ncs_1,"a\nb"\ncs_2\n', "line 4: it has 1 cells"),
        ('session_id,name\ncs_1,Ada\ncs_2,"Bo\n', "line 3: this is not CSV"),
    ],
)
def test_a_file_with_a_fault_is_refused_with_its_line(text: str, fault: str, tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CustomersRejected) as refused:
        read_customers(path)
    assert fault in refused.value.detail


def test_a_file_of_a_spreadsheet_is_read(tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    path.write_text("\ufeffEmail;Phone\r\nADA@example.com;'+43664123456\r\n\r\n", encoding="utf-8")
    (customer,) = read_customers(path).by_key.values()
    assert customer.phone == "+43664123456"


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\r\nemail;name;phone\r\nada@example.com;Ada;+43664123456\r\n",
        "email\tname\tphone\nada@example.com\tAda\t+43664123456\n",
        "email,name,phone,,\nada@example.com,Ada,+43664123456,,\n,,,,\n",
    ],
)
def test_a_file_may_have_what_spreadsheets_add(text: str, tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    path.write_text(text, encoding="utf-8")
    (customer,) = read_customers(path).by_key.values()
    assert (customer.name, customer.email, customer.phone) == ("Ada", "ada@example.com", "+43664123456")


def test_a_phone_number_without_a_code_is_of_the_shops_country(tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    path.write_text("email,phone\nada@example.com,0664 1234567\nbo@example.com,+49 170 1234567\n", encoding="utf-8")
    phones = [customer.phone for customer in read_customers(path, "AT").by_key.values()]
    assert phones == ["+436641234567", "+491701234567"]
