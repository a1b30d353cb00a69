"""Documents and docstrings name only what exists, and all of it; and the line for cron mails what it should."""

from __future__ import annotations

import ast
import configparser
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import cli

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
# A path in a document may be below one of these.
BASES = [ROOT / base for base in ("", "checkout_daemon", "checkout_daemon/sandbox", "tui", "frontend", "frontend/src")]
MODULES = {path.name for part in ("checkout_daemon", "tui", "frontend/src") for path in (ROOT / part).rglob("*.[pt]*")}
NAMED = re.compile(r"`((?:[\w.-]+/)+(?:[\w.-]+\.(?:py|sql|ts|tsx|json|svg))?|[\w-]+\.(?:py|cfg|toml))`")
# Examples of what a reader makes, and what a build or a run leaves.
PLACEHOLDERS = re.compile(r"ROOM|MODULE|GROUP|NNNN|verify_audit|\.checkout/|\.faults/|node_modules|storefront$|^/")
SOURCES = [ROOT / "cli.py", *(path for part in ("checkout_daemon", "tui") for path in (ROOT / part).rglob("*.py"))]
# A path in a docstring has no marks. It may also be next to its module, or below one of these.
PLAIN = re.compile(r"(?<![\w/.:-])((?:[\w-]+/)+[\w.-]+\.(?:py|sql|ts|tsx|json|md|html)|[\w-]+\.(?:py|sql))(?![\w/(])")
NEAR = [*BASES, ROOT / "sql", ROOT / "sql" / "queries", ROOT / "docs", ROOT / "tests"]
FILES = MODULES | {path.name for path in (ROOT / "sql").rglob("*.sql")}


def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


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


def docstrings(path: Path) -> Iterator[str]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, kinds):
            yield ast.get_docstring(node) or ""


def test_a_path_that_a_docstring_names_exists() -> None:
    named = [(path, name) for path in SOURCES for text in docstrings(path) for name in PLAIN.findall(text)]
    assert len(named) > 20
    missing = [
        f"{path.relative_to(ROOT)}: {name}"
        for path, name in named
        if not PLACEHOLDERS.search(name)
        and not any((base / name).exists() for base in (*NEAR, path.parent))
        and not ("/" not in name and name in FILES)
    ]
    assert missing == []


def test_a_statement_that_contributing_names_exists() -> None:
    named = re.findall(r"statement\s+`(\w+)`", (ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    queries = "".join(path.read_text("utf-8") for path in (ROOT / "sql" / "queries").rglob("*.sql"))
    assert named
    assert [name for name in named if f"-- name: {name}\n" not in queries] == []


def test_contributing_names_every_package() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    packages = {path.parent.name for path in (ROOT / "checkout_daemon").glob("*/__init__.py")} - {"sql"}
    assert len(packages) > 20
    assert sorted(name for name in packages if f"`{name}/`" not in text) == []


def test_the_architecture_lists_packages_in_the_order_of_the_layers() -> None:
    layers = setup_cfg()["importlinter:contract:layers"]["layers"].split("\n")
    levels = {name: level for level, line in enumerate(layers) for name in re.findall(r"\w+", line)}
    rooms = (ROOT / "docs" / "ARCHITECTURE.md").read_text("utf-8").partition("## The rooms")[2].partition("\n## ")[0]
    heads = "\n".join(re.findall(r"^- (`[^:]+):", rooms, re.MULTILINE))
    names = ["__main__" if name == "cli" else name for name in re.findall(r"`(\w+)(?:/|\.py)`", heads)]
    assert names.pop(0) == "tui"
    assert sorted(names) == sorted(levels.keys() - {"sandbox"})
    assert names == sorted(names, key=lambda name: levels[name])


def test_the_table_of_dependencies_has_all_that_are_installed() -> None:
    table = (ROOT / "docs" / "ARCHITECTURE.md").read_text("utf-8").partition("## Dependencies")[2]
    listed = {name.lower() for row in re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE) for name in row.split(", ")}
    installed = re.findall(r"^[\w-]+", setup_cfg()["options"]["install_requires"], re.MULTILINE)
    assert len(installed) > 10
    assert [name for name in installed if name not in listed] == []


def test_every_page_asks_for_the_node_that_vite_needs() -> None:
    lock = json.loads((ROOT / "frontend" / "package-lock.json").read_text("utf-8"))
    needed = lock["packages"]["node_modules/vite"]["engines"]["node"]
    words = "Node " + " or ".join(f"{version}+" for version in re.findall(r"(\d+\.\d+)\.0", needed))
    pages = ("README.md", "CONTRIBUTING.md", "docs/INSTALL.md", "Makefile")
    assert [page for page in pages if words not in (ROOT / page).read_text("utf-8")] == []
    assert f"# Vite needs {needed}.\n" in (ROOT / "Makefile").read_text("utf-8")


def test_the_glossary_defines_no_term_twice() -> None:
    terms = re.findall(r"^- \*\*([^*]+)\*\*", (ROOT / "docs" / "GLOSSARY.md").read_text("utf-8"), re.MULTILINE)
    assert len(terms) > 100
    assert sorted({term for term in terms if terms.count(term) > 1}) == []


def test_the_readme_names_every_command() -> None:
    named = set(re.findall(r"checkout ([a-z]+)", (ROOT / "README.md").read_text("utf-8")))
    assert sorted(set(cli.checkout.commands) - named) == []


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
