"""No two public classes share a name, tests mirror the rooms, and the contract of the screens has all of them."""

from __future__ import annotations

import ast
import configparser
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_no_two_public_classes_have_one_name() -> None:
    places = defaultdict(list)
    for package in ("checkout_daemon", "tui"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places[node.name].append(str(path.relative_to(ROOT)))
    assert len(places) > 300
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


def test_every_folder_of_tests_is_named_after_a_room() -> None:
    rooms = {path.name for path in (ROOT / "checkout_daemon").iterdir() if path.is_dir()} | {"tui"}
    shared = {"bench", "faults", "support", "vectors"}
    folders = {path.name for path in (ROOT / "tests").iterdir() if (path / "__init__.py").exists()}
    assert folders - shared <= rooms


def test_the_contract_of_the_screens_has_every_place_of_the_terminal() -> None:
    contracts = configparser.ConfigParser(interpolation=None)
    contracts.read(ROOT / "setup.cfg", encoding="utf-8")
    listed = contracts["importlinter:contract:screens"]["modules"].split()
    screens = [
        f"tui.screens.{path.stem}"
        for path in sorted((ROOT / "tui" / "screens").glob("*.py"))
        if '\n    PLACE = "' in path.read_text("utf-8")
    ]
    assert len(screens) > 10
    assert sorted(listed) == screens
