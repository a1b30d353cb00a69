"""requirements.lock and constraints.txt pin every package, name no registry, and agree."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent


def requirements(section: str, option: str) -> list[Requirement]:
    """Return what setup.cfg requires there."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return [Requirement(line) for line in parser[section][option].split("\n") if line.strip()]


NEEDED = requirements("options", "install_requires")
FOR_DEVELOPMENT = requirements("options.extras_require", "dev")
EXTRAS = requirements("options.extras_require", "otel") + requirements("options.extras_require", "alerts")
HASHED = ("requirements.lock", "requirements-extras.lock")


def locked(file: str) -> dict[str, str]:
    """Return the locked versions by package name."""
    text = (ROOT / file).read_text(encoding="utf-8")
    return {canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", text, re.M)}


@pytest.mark.parametrize(
    ("file", "requirement"),
    [("requirements.lock", requirement) for requirement in NEEDED]
    + [("requirements-extras.lock", requirement) for requirement in NEEDED + EXTRAS]
    + [("constraints.txt", requirement) for requirement in NEEDED + FOR_DEVELOPMENT + EXTRAS],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_every_requirement_has_an_upper_bound_and_is_locked_within_it(file: str, requirement: Requirement) -> None:
    assert any(specifier.operator in ("<", "==", "~=") for specifier in requirement.specifier)
    assert locked(file)[canonicalize_name(requirement.name)] in requirement.specifier


@pytest.mark.parametrize("file", HASHED)
def test_every_package_of_a_deployment_has_hashes(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=\S)", text)
    packages = [block for block in blocks if "==" in block.partition("\n")[0]]
    assert len(packages) == len(locked(file))
    assert [block.partition("=")[0] for block in packages if "--hash=sha256:" not in block] == []


def test_deployments_get_the_versions_that_were_tested() -> None:
    assert locked("requirements.lock").items() <= locked("requirements-extras.lock").items()
    assert locked("requirements-extras.lock").items() <= locked("constraints.txt").items()


@pytest.mark.parametrize("file", [*HASHED, "constraints.txt"])
def test_no_lock_file_names_a_registry(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    assert not re.search(r"https?://|--index|--extra-index|--find-links", text)
