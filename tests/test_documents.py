"""The documents name only what exists: paths of files and folders, and links between pages."""

from __future__ import annotations

import re
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
