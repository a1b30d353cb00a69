"""Build the documentation as a site, with every link checked: `make docs`.

`python -m tools.docs_site SPHINX_PYTHON OUTPUT`. The pages are copied as they lie in the repository, so that links
between them, and to files, lead where they do there. Sphinx is in an environment of its own.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# The pages by subject, as the site's menu has them. Each page of docs/ is in it: tests/test_deployment.py.
MENU = {
    "Begin": ("INSTALL", "DEPLOY", "GOING_LIVE", "MOVING_IN", "CUSTOMIZE", "LIMITS"),
    "Operate": ("OPERATIONS", "METRICS", "DATABASE", "UPGRADING", "MESSAGES", "TUI"),
    "Reference": ("SETTINGS", "CLI", "API", "SANDBOX", "GLOSSARY"),
    "Inside": ("ARCHITECTURE", "RELIABILITY", "PERFORMANCE", "SCALING", "SECURITY", "adr/README"),
}
_ROOT_PAGES = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
_TREE = "\n```{{toctree}}\n:caption: {caption}\n:hidden:\n\n{pages}\n```\n"


def stage(folder: Path) -> None:
    """Copy the pages and the files that they link to, with the README as the first page and the menu in it."""
    shutil.copytree(ROOT / "docs", folder / "docs", ignore=shutil.ignore_patterns("site"))
    shutil.copytree(ROOT / "deploy", folder / "deploy")
    shutil.copytree(ROOT / "tests" / "tui" / "pictures", folder / "tests" / "tui" / "pictures")
    for name in (*_ROOT_PAGES, "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    decisions = sorted(f"docs/adr/{path.stem}" for path in (ROOT / "docs" / "adr").glob("[0-9]*.md"))
    menu = {caption: [f"docs/{page}" for page in pages] for caption, pages in MENU.items()}
    menu["Decisions"] = decisions
    menu["Project"] = [name.removesuffix(".md") for name in _ROOT_PAGES]
    trees = "".join(_TREE.format(caption=caption, pages="\n".join(pages)) for caption, pages in menu.items())
    (folder / "index.md").write_text((ROOT / "README.md").read_text("utf-8") + trees, "utf-8")


def main(python: str, output: str) -> int:
    """Build the site, and return Sphinx's exit code: 1 if a link leads nowhere."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        stage(folder)
        build = ["-m", "sphinx", "-W", "--keep-going", "-q", "-E", "-j", "auto", "-c", str(ROOT / "docs" / "site")]
        done = subprocess.run([python, *build, place, output], check=False)  # noqa: S603
    if done.returncode == 0:
        sys.stdout.write(f"{output}/index.html\n")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
