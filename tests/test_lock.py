"""requirements.lock: every package of a deployment, exactly, with hashes and from no particular registry."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent


def requirements() -> list[Requirement]:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return [Requirement(line) for line in parser["options"]["install_requires"].split("\n") if line.strip()]


def locked() -> dict[str, str]:
    """Versions by name."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return {canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", text, re.M)}


@pytest.mark.parametrize("requirement", requirements(), ids=lambda each: each.name)
def test_every_requirement_has_an_upper_bound_and_is_locked_within_it(requirement: Requirement) -> None:
    assert any(each.operator in ("<", "==", "~=") for each in requirement.specifier)
    assert locked()[canonicalize_name(requirement.name)] in requirement.specifier


def test_every_locked_package_has_hashes_and_names_no_registry() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=\S)", text)
    packages = [block for block in blocks if "==" in block.partition("\n")[0]]
    assert len(packages) == len(locked())
    assert [block.partition("=")[0] for block in packages if "--hash=sha256:" not in block] == []
    assert not re.search(r"https?://|--index|--extra-index|--find-links", text)
