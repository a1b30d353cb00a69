"""Measure `checkout trigger checkout.session.completed --order N`, from the command to the completed order.

Runs `checkout dev` with the offline Stripe; the official CLI creates the events. The goal is 2 s. Also measures the
parts that cannot be avoided: the start of the command, and two starts of the CLI.

    .venv/bin/python -m bench.trigger [--rounds 7]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from checkout_daemon.dev.ports import free_port
from checkout_daemon.stripe_cli.program import find_stripe_cli

GOAL_SECONDS = 2.0
CHECKOUT = (sys.executable, "-P", "-m", "checkout_daemon")
ORDER = {
    "items": [{"sku": "NOTEBOOK-A5", "quantity": 2}],
    "customer": {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+4930901820"},
    "insist": True,  # the same order many times
}


def start(state_dir: Path, port: int) -> subprocess.Popen[str]:
    """Start `checkout dev`, and return once it is ready."""
    command = [*CHECKOUT, "dev", "--state-dir", str(state_dir), "--port", str(port), "--sandbox-port", str(free_port())]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CHECKOUT_", "STRIPE_", "DATA"))}
    dev = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=clean)
    for line in dev.stdout or ():
        if "is ready" in line:
            return dev
    raise SystemExit("checkout dev ended before it was ready")


def order(port: int) -> int:
    """Create an order and return its number."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/stripe-checkout",
        json.dumps(ORDER).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return int(json.load(answer)["number"])


def timed(*command: str, env: dict[str, str]) -> tuple[float, str]:
    """Return the seconds that a command takes, and what it prints."""
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=True, timeout=60)
    return time.monotonic() - started, done.stdout


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    state_dir = Path(tempfile.mkdtemp(prefix="checkout-bench-"))
    state_dir.chmod(0o755)
    port = free_port()
    dev = start(state_dir, port)
    env = dict(os.environ) | {"CHECKOUT_STATE_DIR": str(state_dir)}
    found, problem = find_stripe_cli(None)
    if found is None:
        raise SystemExit(problem)
    cli_path, taken, parts = str(found), [], []
    try:
        for _ in range(rounds):
            number = order(port)
            seconds, printed = timed(
                *CHECKOUT, "trigger", "checkout.session.completed", "--order", str(number), env=env
            )
            if f"applied to #{number}: pending -> completed" not in printed:
                raise SystemExit(f"order {number} was not completed:\n{printed}")
            taken.append(seconds)
            own, _ = timed(*CHECKOUT, "orders", "show", str(number), "--json", env=env)
            cli, _ = timed(cli_path, "version", env=env)
            parts.append(own + 2 * cli)
    finally:
        dev.send_signal(signal.SIGTERM)
        dev.wait(30)
        shutil.rmtree(state_dir)
    median, floor = statistics.median(taken), statistics.median(parts)
    print(f"{rounds} orders on {os.cpu_count()} cores: median {median:.2f} s, slowest {max(taken):.2f} s")
    print(f"its parts alone {floor:.2f} s: {median / floor:.1f} times that; goal {GOAL_SECONDS:.0f} s", end="")
    print(" met" if median < GOAL_SECONDS else " missed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
