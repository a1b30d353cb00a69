"""Look up the locked packages in the advisory databases of PyPI and npm: `make audit`.

Exit codes: 0 no advisory is known, 1 at least one is. Where a database cannot be reached, say so and exit 0, since
nothing is known against the packages; with --strict exit 1, so that a scheduled job cannot pass without looking.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Audit:
    """What one advisory database knows about one lock file."""

    lock_file: str
    advisories: tuple[str, ...] = ()
    not_checked: str = ""
    """Why packages could not be looked up; empty if all were."""


def audit_python(pip_audit: Sequence[str], lock_file: str) -> Audit:
    """Ask PyPI about the packages of a requirements file."""
    done = _run([*pip_audit, "--requirement", lock_file, "--no-deps", "--disable-pip", "--format", "json"])
    report = _json(done.stdout)
    if "dependencies" not in report:
        return Audit(lock_file, not_checked=_last_line(done.stderr))
    packages = report["dependencies"]
    skipped = [package for package in packages if "skip_reason" in package]
    advisories = tuple(
        f"{package['name']} {package['version']}: {advisory['id']}{_fixed_in(advisory)}"
        for package in packages
        for advisory in package.get("vulns", [])
    )
    # A mirror without PyPI's JSON API answers 404, which pip-audit reports as "no known vulnerabilities".
    reason = f"{len(skipped)} of {len(packages)} packages: {skipped[0]['skip_reason']}" if skipped else ""
    return Audit(lock_file, advisories, reason)


def audit_npm(npm: Sequence[str], folder: str) -> Audit:
    """Ask the npm registry about the packages of a package-lock.json."""
    lock_file = f"{folder}/package-lock.json"
    done = _run([*npm, "--prefix", folder, "audit", "--package-lock-only", "--json"])
    report = _json(done.stdout)
    if "vulnerabilities" not in report:
        return Audit(lock_file, not_checked=report.get("message") or _last_line(done.stderr))
    found = report["vulnerabilities"].values()
    return Audit(lock_file, tuple(f"{package['name']} {package['range']}: {package['severity']}" for package in found))


def describe(audit: Audit) -> str:
    """Return the lines that a person reads."""
    lines = [f"  {advisory}" for advisory in audit.advisories]
    if audit.advisories:
        lines.insert(0, f"{audit.lock_file}: {len(audit.advisories)} known advisories")
    elif not audit.not_checked:
        lines.append(f"{audit.lock_file}: no known advisories")
    if audit.not_checked:
        lines.append(f"{audit.lock_file}: NOT CHECKED, the advisory database did not answer ({audit.not_checked})")
    return "\n".join(lines)


def exit_code(audits: Sequence[Audit], *, strict: bool) -> int:
    """Return 1 if an advisory is known or, when strict, if something could not be checked."""
    return int(any(audit.advisories or (strict and audit.not_checked) for audit in audits))


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError as error:
        return subprocess.CompletedProcess(command, 127, "", str(error))


def _json(text: str) -> dict[str, Any]:
    try:
        return dict(json.loads(text))
    except ValueError:
        return {}


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["an unknown reason"])[-1]


def _fixed_in(advisory: dict[str, Any]) -> str:
    versions = advisory.get("fix_versions")
    return f" (fixed in {', '.join(versions)})" if versions else ""


def main(arguments: Sequence[str]) -> int:
    """Audit every lock file and print the results. The first argument is the path of pip-audit."""
    pip_audit = [arguments[0], "--progress-spinner", "off"]
    audits = [
        audit_python(pip_audit, "requirements.lock"),
        audit_python(pip_audit, "requirements-extras.lock"),
        audit_python(pip_audit, "constraints.txt"),
        audit_npm(["npm"], "frontend"),
    ]
    for audit in audits:
        print(describe(audit))
    return exit_code(audits, strict="--strict" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
