"""Run Lighthouse as a phone against shops of 12 and of 5,000 products, and time them on slow 3G.

Starts a shop of its own. Prints the four scores, and how long it takes until a product can be read on slow 3G (400
kbit/s, 2 s of latency, a CPU four times slower): medians of the rounds. Exits with 1 below 0.9 for performance, 1 for
accessibility, best practices and SEO, or above 5 s. Other work on the machine lowers the performance: run it alone.

Lighthouse is installed into .bench/lighthouse at the first run, apart from the storefront's packages. The browser is
that of the storefront's tests.

    .venv/bin/python -m bench.lighthouse [--rounds 3] [--products 12 5000]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.storefront import machine

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = ROOT / "bench" / "phone"
PACKAGES = ROOT / ".bench" / "lighthouse"
CHECKOUT = str(Path(sys.executable).parent / "checkout")
PICTURES = sorted((ROOT / "frontend" / "public" / "products").glob("*.svg"))
LEAST = {"performance": 0.9, "accessibility": 1.0, "best-practices": 1.0, "seo": 1.0}
MOST_SECONDS = 5.0
READY_SECONDS = 120
RUN_SECONDS = 600

Round = dict[str, Any]


def install() -> None:
    """Install Lighthouse, unless the wanted release is there. No package runs a script of its own."""
    wanted, here = (PROGRAM / "package.json").read_text("utf-8"), PACKAGES / "package.json"
    done = PACKAGES / ".installed"
    if done.exists() and here.read_text("utf-8") == wanted:
        return
    PACKAGES.mkdir(parents=True, exist_ok=True)
    done.unlink(missing_ok=True)
    here.write_text(wanted, "utf-8")
    npm = ["npm", "--prefix", str(PACKAGES), "install", "--loglevel=error", "--no-audit", "--no-fund"]
    subprocess.run([*npm, "--no-package-lock", "--ignore-scripts"], check=True, stdout=sys.stderr)
    done.touch()


def browser() -> str:
    """Return the browser of the storefront's tests, as JSON."""
    command = ["npm", "--prefix", str(ROOT / "frontend"), "exec", "--", "vite-node", "bench/browser.ts"]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT / "frontend").stdout


@contextmanager
def shop(folder: Path) -> Iterator[str]:
    """Run a shop in a folder, and yield its address once it is ready."""
    state = folder / "state"
    command = [CHECKOUT, "dev", "--port", "0", "--sandbox-port", "0", "--state-dir", str(state)]
    with (folder / "log").open("w") as log, subprocess.Popen(command, cwd=folder, stdout=log, stderr=log) as child:
        try:
            yield _ready(child, state / "dev.env")
        finally:
            child.terminate()
            child.wait()


def _ready(child: subprocess.Popen[bytes], settings: Path) -> str:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and child.poll() is None:
        lines = settings.read_text("utf-8").splitlines() if settings.exists() else []
        url = next((line.partition("=")[2].strip("'\"") for line in lines if "CHECKOUT_PUBLIC_URL" in line), "")
        try:
            if url and urllib.request.urlopen(f"{url}/readyz", timeout=2).status == 200:
                return url
        except OSError:
            pass  # not listening yet
        time.sleep(0.2)
    sys.exit("the shop did not start")


def fill(folder: Path, products: int) -> None:
    """Add products to those of the demo, until there are so many."""
    environ = os.environ | {"CHECKOUT_STATE_DIR": str(folder / "state")}
    listed = subprocess.run([CHECKOUT, "catalog", "export", "--json"], env=environ, check=True, capture_output=True)
    there = len(json.loads(listed.stdout)["products"])
    more = [
        {
            "sku": f"MORE-{number}",
            "name": f"Further product {number}",
            "description": f"The product with the number {number}, for desks and *drawers* of all kinds.",
            "image_url": f"/products/{PICTURES[number % len(PICTURES)].name}",
            "unit_amount": 500 + number % 90 * 50,
            "currency": "eur",
        }
        for number in range(there + 1, products + 1)
    ]
    if more:
        file = folder / "more.json"
        file.write_text(json.dumps({"products": more}), "utf-8")
        subprocess.run([CHECKOUT, "catalog", "import", str(file)], env=environ, check=True, stdout=subprocess.DEVNULL)


def measure(url: str, product: str, rounds: int, chromium: str) -> list[Round]:
    """Return what each round measured."""
    command = ["node", str(PROGRAM / "lighthouse.mjs"), str(PACKAGES), chromium, url, product, str(rounds)]
    ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=RUN_SECONDS)
    found: list[Round] = json.loads(ran.stdout)
    return found


def report(products: int, rounds: Sequence[Round]) -> bool:
    """Print the medians, and return whether all of them are good enough."""
    scores = {name: statistics.median(one["scores"][name] for one in rounds) for name in LEAST}
    seconds = statistics.median(one["readable"] for one in rounds) / 1000
    good = {name: score >= LEAST[name] for name, score in scores.items()} | {"readable": seconds <= MOST_SECONDS}
    shown = [f"{name} {score:.2f}{'' if good[name] else ' TOO LOW'}" for name, score in scores.items()]
    shown.append(f"slow 3G {seconds:.1f} s{'' if good['readable'] else ' TOO SLOW'}")
    print(f"{products:6,} products: {', '.join(shown)}")
    timings = {name: statistics.median(one["timings"][name] for one in rounds) for name in rounds[0]["timings"]}
    shift = timings.pop("cumulative-layout-shift")
    milliseconds = (f"{name} {value:,.0f} ms" for name, value in timings.items())
    print(f"{'':16}  {', '.join(milliseconds)}, cumulative-layout-shift {shift:.3f}")
    if failed := sorted({name for one in rounds for name in one["failed"]}):
        print(f"{'':16}  failed: {', '.join(failed)}")
    return all(good.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--products", type=int, nargs="+", default=[12, 5000])
    options = parser.parse_args()
    install()
    chromium = browser()
    print(f"{machine()}; Lighthouse {json.loads((PROGRAM / 'package.json').read_text())['dependencies']['lighthouse']}")
    folder = Path(tempfile.mkdtemp(prefix="checkout-lighthouse-"))
    good = True
    try:
        with shop(folder) as url:
            for products in sorted(options.products):
                fill(folder, products)
                time.sleep(2)  # the daemon makes its pages anew once it has heard of the import
                good &= report(products, measure(f"{url}/", "A5 notebook", options.rounds, chromium))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
