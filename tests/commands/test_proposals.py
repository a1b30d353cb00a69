"""`checkout operators` and `checkout proposals`, and what becomes of a refund above a limit on the command line."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from checkout_daemon.audit.operators import this_operator
from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.operations.roles import Roles, apply_roles
from tests.commands.conftest import Run, faults_of_log, go


@pytest.fixture
def tokens(run: Run, paid: CheckoutAnswer) -> dict[str, str]:
    return {name: run("tokens", "create", name).out.strip() for name in ("bo", "cy")}


@pytest.fixture
def shop(run: Run, paid: CheckoutAnswer, tokens: dict[str, str]) -> CheckoutAnswer:
    """A paid order, whoever runs this as the admin anna, and the tokens of bo, up to 10 eur, and cy, who approves."""
    user = this_operator().os_user
    assert run("operators", "add", "anna", "--role", "admin", "--system-user", user).code == 0
    for name, role in (("bo", "refund"), ("cy", "approve")):
        assert run("operators", "add", name, "--role", role, "--limit", "eur=1000", "--token", name).code == 0
    return paid


def test_a_refund_above_the_limit_is_proposed_and_approved_by_another(
    run: Run, shop: CheckoutAnswer, tokens: dict[str, str], environment: pytest.MonkeyPatch, database_url: str
) -> None:
    environment.setenv("CHECKOUT_OPERATOR_TOKEN", tokens["bo"])
    small = run("orders", "refund", "1001", "--amount", "400", "--yes", "--json")
    assert (small.code, small.json["amount"]) == (0, 400)
    large = run("orders", "refund", "1001", "--amount", "1000", "--yes")
    assert (large.code, large.out) == (0, "proposal 1\n")
    assert "Another operator must approve it until" in large.err
    refused = run("proposals", "approve", "1", "--yes")
    assert (refused.code, "bo has the role refund, and this needs approve" in refused.err) == (4, True)
    listed = run("proposals", "list", "--status", "open", "--json")
    assert [(line["number"], line["amount"], line["proposed_by"]) for line in listed.lines] == [(1, 1000, "bo")]
    environment.setenv("CHECKOUT_OPERATOR_TOKEN", tokens["cy"])
    assert "refund €10.00 of order 1001" in run("proposals", "show", "1").out
    assert run("proposals", "approve", "1").code == 2  # it asks first
    done = run("proposals", "approve", "1", "--yes", "--json")
    assert (done.code, done.json["status"], done.json["decided_by"]) == (0, "done", "cy")
    assert run("proposals", "approve", "1", "--yes").code == 4
    entries = run("audit", "list", "--order", "1001", "--json").lines
    assert {(entry["kind"], entry["operator"]) for entry in entries} >= {
        ("proposal.created", "bo"),
        ("proposal.approved", "cy"),
        ("refund.made", "cy"),
    }
    assert run("orders", "show", "1001", "--json").json["amount_refunded"] == 1400
    assert faults_of_log(database_url) == []


def test_who_proposes_cannot_approve_and_may_withdraw(
    run: Run, shop: CheckoutAnswer, tokens: dict[str, str], environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("CHECKOUT_OPERATOR_TOKEN", tokens["cy"])
    assert run("orders", "refund", "1001", "--yes", "--json").json["proposal"]["number"] == 1
    own = run("proposals", "approve", "1", "--yes")
    assert (own.code, "another operator must approve it" in own.err) == (4, True)
    assert run("proposals", "reject", "1", "--yes", "--note", "wrong order").code == 0
    assert run("proposals", "list", "--status", "rejected", "--quiet").out == "1\n"
    assert run("proposals", "show", "99").code == 3


def test_a_batch_above_the_limit_is_one_proposal(
    run: Run, shop: CheckoutAnswer, tokens: dict[str, str], environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("CHECKOUT_OPERATOR_TOKEN", tokens["bo"])
    ran = run("orders", "refund", "--status", "completed", "--yes")
    assert (ran.code, ran.out) == (0, "proposal 1\n"), ran.err
    assert run("batches", "resume", "1").code == 4
    assert run("proposals", "show", "1", "--json").json["batch"] == 1
    waiting = run("batches", "show", "1")
    assert "stopped: waits for the approval of another operator" in waiting.out
    assert waiting.err == "To approve it: checkout proposals approve 1\n"
    environment.setenv("CHECKOUT_OPERATOR_TOKEN", tokens["cy"])
    assert run("proposals", "reject", "1", "--yes").code == 0
    rejected = run("batches", "show", "1")
    assert ("stopped: was rejected\n" in rejected.out, rejected.err) == (True, "")
    refused = run("batches", "resume", "1")
    assert (refused.code, "batch 1 was rejected: `checkout proposals show 1`" in refused.err) == (4, True)
    (listed,) = run("batches", "list", "--json").lines
    assert (listed["why"], listed["proposal"], listed["approval"]) == ("was rejected", 1, "rejected")


def test_whoever_decides_is_shown_all_of_it_with_times_of_the_shops_time_zone(
    run: Run, shop: CheckoutAnswer, tokens: dict[str, str], environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("CHECKOUT_TIME_ZONE", "Asia/Tokyo")
    environment.setenv("CHECKOUT_OPERATOR_TOKEN", tokens["bo"])
    refund = ("orders", "refund", "1001", "--item", "NOTE", "--reason", "duplicate", "--restock", "--yes")
    proposed = run(*refund)
    until = proposed.err.partition("must approve it until ")[2].partition(": ")[0]
    assert until.endswith(" JST")
    made = run(*refund, "--json").json["proposal"]
    assert (made["number"], made["restock"]) == (1, True)
    assert f"{datetime.fromisoformat(made['expires_at']).astimezone(ZoneInfo('Asia/Tokyo')):%Y-%m-%d %H:%M:%S}" in until
    shown = run("proposals", "show", "1").out
    assert f"expires   {until}\n" in shown
    facts = (made["payment_id"], "2 × NOTE (€24.00)", "duplicate", "puts it back into stock")
    assert [fact for fact in facts if fact not in shown] == []
    for decision in ("approve", "reject"):
        asked = run("proposals", decision, "1")
        assert (asked.code, [fact for fact in facts if fact not in asked.err]) == (2, []), asked.err


def test_items_are_a_list_in_every_json_of_a_proposal(
    run: Run, shop: CheckoutAnswer, tokens: dict[str, str], environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("CHECKOUT_OPERATOR_TOKEN", tokens["bo"])
    made = run("orders", "refund", "1001", "--item", "NOTE:1", "--yes", "--json").json["proposal"]
    assert made["items"] == [{"sku": "NOTE", "quantity": 1, "amount": 1200}]
    assert run("orders", "refund", "1001", "--amount", "3000", "--yes", "--json").json["proposal"]["items"] == []
    assert run("proposals", "show", "1", "--json").json == made
    assert [line["items"] for line in run("proposals", "list", "--json").lines] == [[], made["items"]]
    whole = run("proposals", "list", "--columns", "items").out
    assert '[{"sku":"NOTE","quantity":1,"amount":1200}]' in whole


def test_a_role_that_refunds_nothing_has_no_limit_to_print(run: Run, shop: CheckoutAnswer) -> None:
    limited = run("operators", "limit", "bo", "--role", "act")
    assert (limited.code, limited.err) == (0, "bo: act, no refunds alone.\n")
    (line,) = (line for line in run("operators", "list").out.splitlines() if line.startswith("bo "))
    assert "no refunds alone" in line
    again = run("operators", "limit", "bo", "--role", "refund")
    assert again.err == "bo: refund, up to €10.00.\n"


def test_from_the_first_operator_on_only_operators_act(
    run: Run, shop: CheckoutAnswer, environment: pytest.MonkeyPatch
) -> None:
    assert run("operators", "disable", "anna", "--yes").code == 4  # the only admin
    assert run("operators", "add", "dee", "--role", "admin", "--system-user", "dee").code == 0
    assert run("operators", "disable", "anna", "--yes").code == 0
    ran = run("orders", "note", "1001", "hello")
    assert (ran.code, "(not registered)" in ran.err, "is not an operator of this shop" in ran.err) == (4, True, True)
    assert run("orders", "list").code == 0
    environment.setenv("CHECKOUT_OPERATOR_TOKEN", "ckt_aaaaaaaaaaaa_" + "A" * 43)
    assert run("orders", "note", "1001", "hello").code == 2


def test_a_name_that_happens_to_be_an_operators_is_none(run: Run, paid: CheckoutAnswer) -> None:
    """The system's user has the name of an operator who is recognized by something else."""
    user = this_operator().os_user
    assert run("tokens", "create", "other").code == 0
    assert run("operators", "add", user, "--role", "admin", "--token", "other").code == 0
    ran = run("orders", "note", "1001", "hello")
    assert (ran.code, "is not an operator" in ran.err) == (4, True)


def test_operators_are_listed_limited_and_refused(run: Run, shop: CheckoutAnswer) -> None:
    table = run("operators", "list").out
    assert "up to €10.00" in table
    assert "any amount" in table
    assert run("operators", "limit", "bo", "eur=5000", "chf=100").code == 0
    assert run("operators", "limit", "bo", "--role", "approve", "--json").json["limits"] == {"eur": 5000, "chf": 100}
    assert run("operators", "limit", "bo", "--json").json["limits"] == {}
    for wrong in (["eur"], ["eur=1.5"], ["eur=1", "EUR=2"]):
        assert run("operators", "limit", "bo", *wrong).code == 2
    add = ("operators", "add")
    unknown = run(*add, "eve", "--role", "act", "--token", "x")
    assert (unknown.code, "`checkout tokens create x` makes it" in unknown.err) == (2, True)
    assert run("tokens", "create", "x").code == 0
    assert run(*add, "bo", "--role", "act", "--token", "x").code == 4
    assert run(*add, "eve", "--role", "act", "--token", "bo").code == 4
    assert run(*add, "eve", "--role", "act").code == 2
    assert run(*add, "checkout-daemon", "--role", "act", "--token", "x").code == 2
    assert run("operators", "limit", "nobody", "eur=1").code == 3
    assert run("operators", "disable", "bo", "--yes").code == 0
    assert "bo" not in run("operators", "list", "--quiet").out.split()
    assert "bo" in run("operators", "list", "--all", "--quiet").out.split()
    assert run(*add, "bo", "--role", "act", "--token", "bo").code == 0  # and comes back


def test_the_first_operator_must_be_an_admin(run: Run) -> None:
    ran = run("operators", "add", "bo", "--role", "refund", "--system-user", "bo")
    assert (ran.code, "the first operator must be an admin" in ran.err) == (4, True)
    assert "everybody who reaches the database may act" in run("operators", "list").err


def test_the_token_of_a_disabled_operator_is_refused(
    run: Run, shop: CheckoutAnswer, tokens: dict[str, str], environment: pytest.MonkeyPatch
) -> None:
    ran = run("operators", "disable", "bo", "--yes")
    assert (ran.code, ran.out, "token bo is refused" in ran.err) == (0, "bo is disabled.\n", True)
    assert run("operators", "disable", "cy", "--yes", "--json").json["statements"] == []
    environment.setenv("CHECKOUT_OPERATOR_TOKEN", tokens["bo"])
    refused = run("orders", "note", "1001", "hello")
    assert (refused.code, "its operator is disabled" in refused.err) == (2, True)


def test_what_another_database_user_must_run_is_printed(
    run: Run, shop: CheckoutAnswer, database_url: str, environment: pytest.MonkeyPatch
) -> None:
    prefix = database_url.rpartition("/")[2]
    roles: Roles = go(apply_roles(database_url, prefix))
    add = ("operators", "add", "--prefix", prefix, "--json")
    try:
        password = run(*add, "dee", "--role", "admin", "--database-role", f"{prefix}_dee").json["password"]
        assert run(*add, "eve", "--role", "act", "--database-role", f"{prefix}_eve").code == 0
        parts = urlsplit(database_url)
        own = f"postgresql://{prefix}_dee:{password}@{parts.hostname}:{parts.port}{parts.path}"
        environment.setenv("DATABASE_URL", own)
        limited = run("operators", "limit", "eve", "--role", "view")
        assert (limited.code, limited.out.splitlines()[0]) == (0, f"GRANT {prefix}_reader TO {prefix}_eve;")
        disabled = run("operators", "disable", "eve", "--yes")
        assert (disabled.code, f"The login {prefix}_eve keeps its rights" in disabled.err) == (0, True)
        assert f"\nREVOKE {prefix}_operator FROM {prefix}_eve" in disabled.out
    finally:
        go(drop(database_url, f"{prefix}_dee", f"{prefix}_eve"))
        go(drop(database_url, *roles.names))


async def drop(database_url: str, *roles: str) -> None:
    connection = await asyncpg.connect(database_url)
    for role in roles:
        await connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    await connection.close()
