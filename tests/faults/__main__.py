"""Try the promises of docs/RELIABILITY.md on the real programs, at length.

`python -m tests.faults [PART ...] [--seconds N] [--seed N] [--folder FOLDER] [--previous REF]`. Without names all parts
run. The last line is "N passed, M failed"; the exit code is 1 if anything failed, or if a part that was named could not
run.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from tests.faults.report import MissingPackage, Options, Part, Result, save, show

MODULES = (
    "programs.third_parties",
    "crashes.part",
    "batches",
    "books",
    "deliveries",
    "history",
    "simulation.part",
    "overload",
    "fuzzing",
    "patroni.drills",
    "weather.stripe_away",
    "weather.limits",
    "weather.restore",
    "weather.point_in_time",
    "weather.soak",
    "servers.pooled",
    "servers.releases",
    "rolling.restarts",
    "rolling.upgrade",
    "rolling.locks",
    "deploying.part",
)
"""The modules of tests.faults with a PART each, in the sequence in which they run."""


def parts() -> list[Part]:
    """Import every part."""
    return [importlib.import_module(f"tests.faults.{name}").PART for name in MODULES]


async def _run(part: Part, options: Options) -> list[Result]:
    try:
        return await part.run(options)
    except MissingPackage:
        raise
    except Exception:  # noqa: BLE001 - one part must not end the others
        traceback.print_exc()
        return [Result("runs to its end", differences=(traceback.format_exc().splitlines()[-1],))]


def main(arguments: Sequence[str]) -> int:
    """Run the parts that are named, or all, and return the exit code."""
    known = {part.name: part for part in parts()}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.epilog = "\n".join(f"{name:<12} {part.summary}" for name, part in known.items())
    parser.add_argument("parts", nargs="*", metavar="PART", help="only these parts")
    parser.add_argument("--seconds", type=float, default=600, help="how long each random history is played")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path(".faults"), help="what `make faults` installed; the report")
    parser.add_argument("--previous", metavar="REF", help="the release that `upgrade` begins with: a tag or commit")
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.parts if name not in known]:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(known)}")
    results: dict[str, list[Result]] = {}
    missing: dict[str, str] = {}
    for name in given.parts or known:
        directory = Path(tempfile.mkdtemp(prefix=f"checkout-{name}-"))
        directory.chmod(0o755)  # PostgreSQL runs as another user
        options = Options(given.seconds, given.seed, given.folder.resolve(), directory, given.previous)
        try:
            results[name] = asyncio.run(_run(known[name], options))
        except MissingPackage as error:
            missing[name] = str(error)
            continue
        for result in results[name]:
            show(name, result)
        sys.stdout.write(f"     logs of {name}: {directory}\n")
    save(given.folder / "report.json", results, missing)
    for name, why in missing.items():
        sys.stdout.write(f"not run: {name}: {why}\n")
    every = [result for reported in results.values() for result in reported]
    failed = sum(not result.passed for result in every)
    sys.stdout.write(f"{len(every) - failed} passed, {failed} failed\n")
    return 1 if failed or (given.parts and missing) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
