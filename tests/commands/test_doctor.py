"""`checkout doctor` as a command; its checks are tested with their service."""

from __future__ import annotations

from checkout_daemon.operations.doctor import CHECKS
from tests.commands.conftest import Run


def test_each_check_is_a_line_of_json_and_a_fault_is_exit_1(run: Run) -> None:
    ran = run("doctor", "--json")
    assert [line["check"] for line in ran.lines] == list(CHECKS)
    assert {tuple(line) for line in ran.lines} == {("check", "ok", "detail", "fix")}
    assert ran.lines[0]["ok"] is True
    assert ran.code == 1  # no key is set
    assert [line["check"] for line in ran.lines if line["fix"]] == [
        line["check"] for line in ran.lines if line["ok"] is False
    ]


def test_people_read_what_is_wrong_and_what_fixes_it(run: Run) -> None:
    ran = run("doctor")
    assert "ok     database" in ran.out
    assert "FAULT  key mode      STRIPE_API_KEY is not set" in ran.out
    assert "→ checkout dev" in ran.out
    assert "skip   smtp          no mail is sent" in ran.out
    assert ran.err.startswith("error: ")


def test_single_checks_can_be_asked_for(run: Run) -> None:
    ran = run("doctor", "--only", "disk", "--only", "smtp")
    assert [line.split()[1] for line in ran.out.splitlines()] == ["smtp", "disk"]
    assert (ran.code, ran.err) == (0, "No faults; skipped: smtp.\n")
    assert run("doctor", "--only", "disk").err == "All is well.\n"
    quiet = run("doctor", "--only", "disk", "--quiet")
    assert (quiet.out, quiet.err) == ("disk\n", "")
    wrong = run("doctor", "--only", "network")
    assert (wrong.code, wrong.out) == (2, "")
    assert "--only has no check 'network': choose from database, " in wrong.err


def test_a_check_that_is_skipped_is_null_in_json(run: Run) -> None:
    assert [line["ok"] for line in run("doctor", "--only", "smtp", "--json").lines] == [None]


def test_a_check_is_named_as_it_is_shown_or_as_json_has_it(run: Run) -> None:
    named = [run("doctor", "--only", name, "--json").lines for name in ("live_key", "live key", "Live-Key")]
    assert [[line["check"] for line in lines] for lines in named] == [["live_key"]] * 3
    assert run("doctor", "--only", "no key").code == 2
