"""The documents name only what exists: paths, and links between pages; and the line for cron mails what it should."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
# A path in a document may be below one of these.
BASES = [ROOT / base for base in ("", "checkout_daemon", "checkout_daemon/sandbox", "tui", "frontend", "frontend/src")]
MODULES = {path.name for part in ("checkout_daemon", "tui", "frontend/src") for path in (ROOT / part).rglob("*.[pt]*")}
NAMED = re.compile(r"`((?:[\w.-]+/)+(?:[\w.-]+\.(?:py|sql|ts|tsx|json|svg))?|[\w-]+\.(?:py|cfg|toml))`")
# Examples of what a reader makes, and what a build or a run leaves.
PLACEHOLDERS = re.compile(r"ROOM|MODULE|GROUP|NNNN|\.checkout/|\.faults/|node_modules|storefront$|^/")


def named_paths(page: Path) -> list[str]:
    return [path for path in NAMED.findall(page.read_text("utf-8")) if not PLACEHOLDERS.search(path)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_path_that_a_document_names_exists(page: Path) -> None:
    missing = [
        path
        for path in named_paths(page)
        if not any((base / path).exists() for base in BASES) and not ("/" not in path and path in MODULES)
    ]
    assert missing == []


def test_the_architecture_names_many_paths() -> None:
    assert len(named_paths(ROOT / "docs" / "ARCHITECTURE.md")) > 80


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_to_another_page_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_prose_is_wrapped_at_100(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    prose = [line for line in text.splitlines() if not line.startswith("|") and "](" not in line]
    assert [line for line in prose if len(line) > 100] == []


@pytest.mark.parametrize(("code", "mailed"), [(0, None), (1, "FAULT   database\nerror: 1 check failed\n")])
def test_the_line_for_cron_mails_what_is_wrong_and_nothing_else(tmp_path: Path, code: int, mailed: str | None) -> None:
    page = (ROOT / "docs" / "OPERATIONS.md").read_text("utf-8")
    (line,) = re.findall(r"^0 \* \* \* \*  root  (.+)$", page, re.MULTILINE)
    assert "%" not in line  # in a line of cron, it would be the end of the line
    settings, doctor, mail, box = (tmp_path / name for name in ("checkout.env", "checkout", "mail", "box"))
    settings.write_text(f"CODE={code}\n")
    doctor.write_text('#!/bin/sh\necho "FAULT   database"\necho "error: 1 check failed" >&2\nexit $CODE\n')
    mail.write_text(f"#!/bin/sh\ncat > {box}\n")
    doctor.chmod(0o755)
    mail.chmod(0o755)
    line = line.replace("/opt/checkout/bin/checkout", str(doctor)).replace("/etc/checkout/checkout.env", str(settings))
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    ran = subprocess.run(["sh", "-c", line], env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert (ran.stdout, ran.stderr) == ("", "")  # cron would mail it
    assert (box.read_text() if box.exists() else None) == mailed


def test_the_threat_model_names_tests_that_exist() -> None:
    text = (ROOT / "docs" / "SECURITY.md").read_text("utf-8")
    named = re.findall(r"`([\w/]*test_\w+\.py)(?:::(\w+))?`", text.replace("`tests/", "`"))
    assert len(named) > 50
    missing = [
        f"{file}::{test}"
        for file, test in named
        if not (path := ROOT / "tests" / file).exists()
        or (test and not re.search(rf"def {test}\(", path.read_text("utf-8")))
    ]
    assert missing == []
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith(("| threat", "| ---"))]
    assert [row for row in rows if "test_" not in row.split(" | ")[2]] == []
