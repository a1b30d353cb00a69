"""Fuzz everything that reads text from outside, each target for its share of the time, and keep what was found.

A finding is an exception that the function does not document, an input that takes more than a second, or one that takes
a gigabyte of memory. The corpus grows in `.faults/corpus`; `tests/faults/corpus` has a small one, which `make test`
replays.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from pathlib import Path

from tests.faults.fuzz.targets import TARGETS
from tests.faults.report import MissingPackage, Options, Part, Result

CORPUS = Path(__file__).parent / "corpus"
_DONE = re.compile(r"Done (\d+) runs")
_STATUS = re.compile(r"#(\d+)\s.*?cov: (\d+) .*?corp: (\d+)/")
_ERROR = re.compile(r"^(?:[\w.]+(?:Error|Exception|Rejected)\b.*|AssertionError.*|==\d+== ERROR.*)$", re.MULTILINE)
_MOST_MEMORY_MB = 1024


async def fuzz(python: Path, name: str, options: Options, seconds: float) -> Result:
    """Fuzz one target."""
    grown, findings = options.folder / "corpus" / name, options.directory / "findings" / name
    for folder in (grown, findings):
        folder.mkdir(parents=True, exist_ok=True)
    arguments = [
        *(f"-max_total_time={max(1, round(seconds))}", f"-seed={options.seed}", f"-rss_limit_mb={_MOST_MEMORY_MB}"),
        *("-timeout=10", "-max_len=16384", "-print_final_stats=0", f"-artifact_prefix={findings}/"),
        *(str(grown), str(CORPUS / name)),
    ]
    process = await asyncio.create_subprocess_exec(
        *(str(python), "-m", "tests.faults.fuzz.harness", name, *arguments),
        cwd=Path(__file__).resolve().parents[2], stdin=DEVNULL, stdout=PIPE, stderr=STDOUT,
    )  # fmt: skip
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = output.decode(errors="replace")
    (options.directory / f"{name}.log").write_text(text, encoding="utf-8")
    last = _STATUS.findall(text)[-1:] or [("0", "0", "0")]
    done = _DONE.search(text)
    counts = {
        "seconds": round(seconds), "inputs": int(done[1] if done else last[0][0]), "edges": int(last[0][1]),
        "corpus": int(last[0][2]),
    }  # fmt: skip
    differences = []
    if process.returncode != 0:
        error = sorted(_ERROR.findall(text), key=lambda line: not line.startswith("=="))  # the exception comes last
        kept = ", ".join(str(file) for file in sorted(findings.iterdir()))
        differences.append(f"{error[-1] if error else f'ended with {process.returncode}'}: {kept}")
    return Result(f"{name}: {(TARGETS[name].__doc__ or '').strip()}", counts, tuple(differences))


async def run(options: Options) -> list[Result]:
    """Fuzz all targets, one after the other."""
    python = options.folder / "fuzz/bin/python"
    missing = "fuzzing needs the PyPI package atheris, of which there is no wheel for this Python or system"
    if not python.exists() or shutil.which(python) is None:
        raise MissingPackage(missing)
    probe = await asyncio.create_subprocess_exec(python, "-c", "import atheris", stdout=DEVNULL, stderr=DEVNULL)
    if await probe.wait() != 0:
        raise MissingPackage(missing)
    return [await fuzz(python, name, options, options.seconds / len(TARGETS)) for name in TARGETS]


PART = Part("fuzz", "coverage-guided fuzzing of what reads signatures, events, forms, files, headers and bodies", run)
