"""`checkout audit`: lists the audit log, verifies it, and exports it for a script that needs nothing else."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from checkout_daemon.audit import verifier
from checkout_daemon.audit.audit_log import anchor
from checkout_daemon.audit.chain import AuditKeys
from checkout_daemon.database.pool import Database
from tests.commands.conftest import Run, go

KEY, OTHER_KEY = "0123456789abcdef" * 2, "fedcba9876543210" * 2
Lines = list[dict[str, Any]]


@pytest.fixture
def logged(run: Run, add: Callable[..., str], database_url: str) -> tuple[str, str]:
    """Two orders with three entries and two anchors, the second one signed."""
    first, second = sorted((add(), add()))  # as an export has them
    assert run("orders", "note", first, "called Erika").code == 0
    go(anchored(database_url, AuditKeys()))
    assert run("orders", "assign", first, "anna").code == 0
    assert run("orders", "note", second, "ships on Friday").code == 0
    go(anchored(database_url, AuditKeys((KEY,))))
    return first, second


async def anchored(database_url: str, keys: AuditKeys) -> None:
    database = Database(database_url, max_size=1)
    assert await anchor(database, keys)
    await database.close()


async def forge(database_url: str, statement: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("SET session_replication_role = replica")
    await connection.execute(statement)
    await connection.close()


def exported(run: Run, folder: Path, *options: str) -> Path:
    file = folder / "audit.jsonl"
    assert run("audit", "export", file, "--force", *options).code == 0
    return file


def alone(run: Run, folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the script that `checkout audit verifier` prints, in a Python that knows no package."""
    script = folder / "verify_audit.py"
    script.write_text(run("audit", "verifier").out)
    line = [sys.executable, "-I", "-S", str(script), *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False, env={})


def faults(lines: Lines, published: verifier.Published | None = None) -> list[str]:
    taker = verifier.Verifier((KEY,), published)
    for number, line in enumerate(lines, 1):
        taker.take(number, json.dumps(line))
    return taker.finish()


def test_the_list_has_who_did_what_newest_first(run: Run, logged: tuple[str, str]) -> None:
    ran = run("audit", "list", "--json")
    assert [line["kind"] for line in ran.lines] == ["order.noted", "order.assigned", "order.noted"]
    assert ran.lines[0]["note"] == "ships on Friday"
    assert [line["number"] for line in run("audit", "list", "--order", logged[0], "--json").lines] == [2, 1]
    assert len(run("audit", "list", "--kind", "order.assigned", "--json").lines) == 1
    assert run("audit", "list", "--by", "nobody-of-this-name").err == "No entries.\n"
    assert run("audit", "list", "--since", "tomorrow-ish").code == 2
    cut = run("audit", "list", "--limit", "1")
    assert (cut.out.count("order.noted"), "Showing the newest 1." in cut.err) == (1, True)


def test_verify_names_an_entry_that_was_changed(
    run: Run, logged: tuple[str, str], database_url: str, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("CHECKOUT_AUDIT_KEY", KEY)
    environment.setenv("CHECKOUT_AUDIT_KEY_SINCE", "2100-01-01T00:00:00Z")
    run_with_key = ("audit", "verify", "--json")
    assert (run(*run_with_key).code, run(*run_with_key).json["entries"]) == (0, 3)
    assert run("audit", "verify").out == "The audit log is intact: 3 entries, 2 anchors.\n"
    go(forge(database_url, f"UPDATE operator_log SET operator = 'bo' WHERE order_id = '{logged[1]}'"))
    ran = run("audit", "verify")
    assert (ran.code, f"entry 1 of order {logged[1]} was changed" in ran.out) == (1, True)


def test_an_export_is_verified_without_program_and_database(
    run: Run, logged: tuple[str, str], tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    file, key = exported(run, tmp_path), tmp_path / "key"
    assert file.stat().st_mode & 0o077 == 0
    key.write_text(f"{OTHER_KEY},{KEY}\n")
    done = alone(run, tmp_path, file, "--key-file", key)
    assert (done.returncode, done.stdout) == (0, "entries: 3, anchors: 2, faults: 0\n")
    assert "1 signed anchors were not verified" in alone(run, tmp_path, file).stdout
    assert alone(run, tmp_path).returncode == 2
    environment.setenv("CHECKOUT_AUDIT_KEY", KEY)
    assert run("audit", "verify", "--file", file).out == "The audit log is intact: 3 entries, 2 anchors.\n"
    assert run("audit", "export", file).code == 2  # it exists
    # Besides the time in the header, a second export is the same.
    assert run("audit", "export", "-").lines[1:] == [json.loads(line) for line in file.read_text().splitlines()][1:]


def test_without_notes_nothing_names_a_person_and_all_is_verified(
    run: Run, logged: tuple[str, str], tmp_path: Path
) -> None:
    file = exported(run, tmp_path, "--without-notes")
    assert "Erika" not in file.read_text()
    assert alone(run, tmp_path, file).returncode == 0


CHANGES: dict[str, tuple[Callable[[Lines], object], str]] = {
    "another operator": (lambda lines: lines[1].update(operator="bo"), "was changed"),
    "another note": (lambda lines: lines[1].update(personal='{"note":"paid"}'), "the note of entry 1"),
    "an entry removed": (lambda lines: lines.pop(1), "what came before entry 2"),
    "an entry of another chain": (lambda lines: lines.insert(4, lines.pop(1)), "what came before entry 2"),
    "the anchors removed": (lambda lines: lines.__delitem__(slice(4, 6)), "the export had 2 anchors, the file has 0"),
    "another anchor": (lambda lines: lines[4].update(at="2026-01-01T00:00:00.000000+00:00"), "anchor 1 was changed"),
    "a signed anchor": (lambda lines: lines[5].update(at="2026-01-01T00:00:00.000000+00:00"), "anchor 2 was changed"),
    "the end removed": (lambda lines: lines.pop(), "the end of the file is missing"),
    "no export": (lambda lines: lines.pop(0), "not an export of an audit log"),
    "a later version": (lambda lines: lines[0].update(version=2), "use the verifier of the release"),
    "another time": (lambda lines: lines[0].update(at="noon"), "'noon' is not a time"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_is_changed_in_an_export_is_found(
    run: Run, logged: tuple[str, str], tmp_path: Path, change: str
) -> None:
    lines = [json.loads(line) for line in exported(run, tmp_path).read_text().splitlines()]
    assert faults(lines) == []
    make, expected = CHANGES[change]
    make(lines)
    assert any(expected in fault for fault in faults(lines)), faults(lines)


def test_an_anchor_that_was_published_is_missed(run: Run, logged: tuple[str, str], tmp_path: Path) -> None:
    file, published = exported(run, tmp_path), tmp_path / "anchors"
    published.write_text(json.dumps({"anchor": 3, "at": "2026-01-01T00:00:00Z", "hash": "00"}) + "\n")
    done = alone(run, tmp_path, file, "--anchors", published)
    assert (done.returncode, "anchor 3 was published and is not in the export" in done.stdout) == (1, True)


def test_an_anchor_that_was_published_after_the_export_is_no_fault(
    run: Run, logged: tuple[str, str], tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    file, published = exported(run, tmp_path), tmp_path / "anchors"
    later = datetime.now(UTC) + timedelta(hours=1)
    published.write_text(json.dumps({"anchor": 3, "at": later.isoformat(), "hash": "00"}) + "\n")
    done = alone(run, tmp_path, file, "--anchors", published)
    told = re.search(r"^published anchors later than the export of .+: 1 \(not compared\)$", done.stdout, re.MULTILINE)
    assert (done.returncode, told is not None) == (0, True), done.stdout
    environment.setenv("CHECKOUT_AUDIT_ANCHOR", f"file:{published}")
    ran = run("audit", "verify", "--file", file)
    assert (ran.code, "1 published anchor later than the export of " in ran.err) == (0, True), ran.out
    found = run("audit", "verify", "--file", file, "--json").json
    assert (found["ok"], found["anchors_later"]) == (True, 1)


def test_an_export_of_an_older_release_is_as_old_as_its_newest_entry(
    run: Run, logged: tuple[str, str], tmp_path: Path
) -> None:
    lines = [json.loads(line) for line in exported(run, tmp_path).read_text().splitlines()]
    del lines[0]["at"]
    newest = max(datetime.fromisoformat(line["at"]) for line in lines if line["type"] == "entry")
    before, after = ((newest + timedelta(hours=hours)).isoformat() for hours in (-1, 1))
    missing = ["anchor 3 was published and is not in the export"]
    assert faults(lines, {3: ("00", before)}) == faults(lines, {3: ("00", "")}) == missing
    assert faults(lines, {3: ("00", after)}) == []
