"""checkout tokens: a token is printed once, and listed without its secret."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.commands.conftest import Run, faults_of_log


def test_a_token_is_printed_once_and_listed_without_its_secret(run: Run) -> None:
    made = run("tokens", "create", "erp", "--expires", "90d")
    assert made.code == 0
    assert made.out.startswith("ckt_")
    assert "only once" in made.err
    (listed,) = run("tokens", "list", "--json").lines
    assert (listed["name"], listed["scopes"], listed["status"]) == ("erp", ["orders:read"], "active")
    assert listed["expires_at"] is not None
    assert made.out.strip() not in run("tokens", "list").out


def test_the_list_has_the_time_of_expiry_in_the_shop_s_zone(run: Run, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CHECKOUT_TIME_ZONE", "Asia/Tokyo")
    day = (datetime.now(UTC) + timedelta(days=30)).date()
    assert run("tokens", "create", "erp", "--expires", f"{day}T22:30:00Z").code == 0
    table = run("tokens", "list").out
    assert f"{day + timedelta(days=1)} 07:30:00 JST" in table, table


def test_json_has_the_token(run: Run) -> None:
    made = run("tokens", "create", "desk", "--scope", "orders:read", "--scope", "orders:write", "--json").json
    assert made["scopes"] == ["orders:read", "orders:write"]
    assert made["token"].startswith(f"ckt_{made['id']}_")


def test_a_revoked_one_is_listed_only_with_all(run: Run, database_url: str) -> None:
    run("tokens", "create", "erp")
    assert run("tokens", "revoke", "erp").code == 2  # nobody confirmed
    assert run("tokens", "revoke", "erp", "--yes", "--note", "left").code == 0
    assert run("tokens", "list", "--json").lines == []
    assert [token["status"] for token in run("tokens", "list", "--all", "--json").lines] == ["revoked"]
    assert run("tokens", "revoke", "erp", "--yes").code == 3
    assert run("tokens", "revoke", "erp").code == 3  # what is not there needs no question
    assert faults_of_log(database_url) == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["ERP"], 2, "small letters"),
        (["erp", "--scope", "all"], 2, "orders:read"),
        (["erp", "--expires", "never"], 2, "--expires takes"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_made(run: Run, arguments: list[str], code: int, words: str) -> None:
    ran = run("tokens", "create", *arguments)
    assert (ran.code, words in ran.err) == (code, True)
    assert run("tokens", "list", "--json").lines == []


def test_a_name_in_use_is_refused(run: Run) -> None:
    run("tokens", "create", "erp")
    ran = run("tokens", "create", "erp")
    assert (ran.code, ran.out) == (4, "")
    assert "tokens revoke erp" in ran.err
