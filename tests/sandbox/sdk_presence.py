"""Which fields of Stripe's objects may be absent and which may be null, which the Python SDK does not distinguish.

Python's `Optional` stands for both; the TypeScript types of stripe-node distinguish them (`name?:`, `| null`). They are
written to sdk_presence.json by `make stripe-table`, from the release of stripe-node with the same API version:

    python -m tests.sandbox.sdk_presence PATH/TO/node_modules/stripe
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

FILE = Path(__file__).parent / "sdk_presence.json"
_OPENS = re.compile(r"^\s*(?:export )?(?:declare )?(interface|namespace) (\w+)(?: extends \w+)? \{$")
_FIELD = re.compile(r"^\s*(\w+|'[^']+')(\?)?: (.*)$")
_KIND = re.compile(r"^    object: '([\w.]+)';$")
_NEITHER = ("Params", "Deleted", "Resource")


@cache
def presence() -> dict[str, dict[str, str]]:
    """Return, for each structure, its fields that may be absent (`?`), null (`0`) or both (`?0`).

    Structures are named by the kind of object and the path of classes below it: `charge:Outcome.Rule`.
    """
    found: dict[str, dict[str, str]] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def structure_of(cls: type) -> dict[str, str] | None:
    """Return what is known about a resource class of the Python SDK, or a class inside one."""
    outer, *inner = cls.__qualname__.split(".")
    module = sys.modules[cls.__module__]
    kind = getattr(getattr(module, outer), "OBJECT_NAME", outer)
    found = presence()
    name = ".".join(inner)
    return found.get(f"{kind}:{name}", found.get(f"shared:{inner[-1]}") if inner else None)


def read(package: Path) -> dict[str, dict[str, str]]:
    """Return the structures in stripe-node's declarations."""
    found: dict[str, dict[str, str]] = {}
    for file in sorted((package / "cjs" / "resources").rglob("*.d.ts")):
        if "V2" not in file.parts:
            found |= _in_file(file.read_text(encoding="utf-8").splitlines())
    for name, fields in _interfaces((package / "cjs" / "shared.d.ts").read_text(encoding="utf-8").splitlines()):
        found[f"shared:{name}"] = fields
    return dict(sorted(found.items()))


def _in_file(lines: list[str]) -> Iterator[tuple[str, dict[str, str]]]:
    kinds = dict(_kinds(lines))
    for path, fields in _interfaces(lines):
        outer, _, inner = path.partition(".")
        if outer in kinds:
            yield f"{kinds[outer]}:{inner}", fields


def _kinds(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the interfaces that are kinds of object, with the value of their `object`."""
    name = ""
    for line in lines:
        if opened := _OPENS.match(line):
            name = name if line.startswith(" ") else opened[2]
        elif (kind := _KIND.match(line)) and not name.startswith(_NEITHER):
            yield name, kind[1]


def _interfaces(lines: list[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each interface that does not describe parameters, by its path, with marks for its fields."""
    stack: list[str] = []
    fields: list[dict[str, str]] = []
    skipped, last = 0, ""
    for line in lines:
        if skipped:
            if last and line.strip() == "} | null;":
                fields[-1][last] += "0"
            skipped += line.rstrip().endswith("{") - line.strip().startswith("}")
        elif opened := _OPENS.match(line):
            stack.append(opened[2])
            fields.append({})
        elif line.strip() == "}" and stack:
            path, found = ".".join(stack), fields.pop()
            if found and not stack[0].endswith(_NEITHER) and not stack[0].startswith("Deleted"):
                yield path, found
            stack.pop()
        elif line.rstrip().endswith("{") and not (_FIELD.match(line) and stack):
            skipped, last = 1, ""
        elif stack and (field := _FIELD.match(line)):
            mark = (field[2] or "") + ("0" if field[3].rstrip(";").endswith("| null") else "")
            last = field[1].strip("'")
            fields[-1][last] = mark
            skipped = int(line.rstrip().endswith("{"))


if __name__ == "__main__":
    text = json.dumps(read(Path(sys.argv[1])), separators=(",", ":"))
    FILE.write_text(text.replace("},", "},\n") + "\n", encoding="utf-8")
