"""Refuse words that the house does not use, and name what to write instead.

Reads every tracked file of the product: code, statements, templates, styles and documents. Run by `make check`:

    .venv/bin/python tools/words.py [PATH ...]
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

PRODUCT = ("checkout_daemon", "tui", "cli.py", "sql", "docs", "frontend", "bench", ".ci", ".github", "Makefile")
TEXT = {".py", ".sql", ".md", ".ts", ".tsx", ".css", ".tcss", ".html", ".js", ".txt", ".yml", ".yaml", ".json", ".cfg"}
# Merged migrations are never edited; what Stripe wrote is Stripe's; this list names the words itself.
EXEMPT = ("sql/migrations/", "package-lock.json", "stripe_types.json", "tools/words.py", "docs/adr/", "generated")

WORDS = {
    r"mend(s|ed|ing)?": "fix",
    r"deeds?": "audit entry, or operator action",
    r"operator'?s'? log": "audit log",
    r"told": "reported, given, known",
    r"tellings?": "update",
    r"says": "states, shows, reads",
    r"said": "stated, reported, printed",
    r"beside": "next to, besides",
    r"by (itself|themselves)": "automatically, on its own, or nothing",
    r"keeping": "retention",
    r"is none": "does not exist, is not a ...",
    r"there (is|are) none": "do not exist",
    r"leaves? away": "omit",
    r"homeless": "unlinked",
    r"stands (there|here|in|on|twice|still)": "is",
    r"as told": "as reported",
    r"(is|are|be|been|was|goes|go|gone|went|going) on with": "continue",
    r"puts? right": "fix",
    r"what there is": "everything, or the thing's name",
    r"(is|are|was|were) at it": "is running it",
}
_IN_PROSE_ONLY = {"is none", "there (is|are) none"}  # `is None` is Python
# A line with this comment keeps a word that users rely on: a JSON key, a column.
KEPT = "# kept:"
_BANNED = {
    re.compile(rf"(?<![A-Za-z]){word}(?![A-Za-z])", 0 if word in _IN_PROSE_ONLY else re.IGNORECASE): instead
    for word, instead in WORDS.items()
}


def faults_of(path: Path) -> list[str]:
    """Return one line for each banned word and each loop variable called `each`."""
    text = path.read_text(encoding="utf-8")
    faults = [
        f"{path}:{number}: {match.group()!r}: write {instead}"
        for number, line in enumerate(text.splitlines(), 1)
        if KEPT not in line
        for banned, instead in _BANNED.items()
        for match in banned.finditer(line)
    ]
    if path.suffix == ".py":
        faults += [
            f"{path}:{name.lineno}: 'each' is no name: name the variable for what it is"
            for name in ast.walk(ast.parse(text))
            if isinstance(name, ast.Name) and name.id == "each" and isinstance(name.ctx, ast.Store)
        ]
    elif path.suffix in {".ts", ".tsx", ".js"}:
        faults += [
            f"{path}:{number}: 'each' is no name: name the variable for what it is"
            for number, line in enumerate(text.splitlines(), 1)
            if re.search(r"\b(const|let) each\b|\(each[,)]|\beach =>", line)
        ]
    return faults


def main(paths: list[str]) -> int:
    """Print every fault of the files below the paths, and return 1 if one was found."""
    wanted = paths or [*PRODUCT, *(str(path) for path in Path().glob("*.md"))]
    command = ["git", "ls-files", "-z", *wanted]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603
    files = [Path(name) for name in listed.split("\0") if name and not any(part in name for part in EXEMPT)]
    faults = [
        fault
        for file in files
        if file.is_file() and (file.suffix in TEXT or file.name == "Makefile")
        for fault in faults_of(file)
    ]
    print("\n".join(faults) if faults else f"{len(files)} files: no banned word")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
