"""Start three nodes of PostgreSQL under Patroni on this machine, the offline Stripe and a daemon: `make cluster`."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from pathlib import Path

from tests.faults.patroni.nodes import running_cluster
from tests.faults.patroni.shop import running_shop
from tests.faults.report import MissingPackage

_FOLDER = Path(".faults").resolve()
_SETTINGS = (
    *("DATABASE_URL", "DATABASE_READ_URL", "STRIPE_API_KEY", "STRIPE_API_BASE", "STRIPE_WEBHOOK_SECRET"),
    "CHECKOUT_PUBLIC_URL",
)


async def _run(directory: Path) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    print("Starting etcd, Patroni and PostgreSQL on three nodes …", flush=True)
    async with running_cluster(directory, _FOLDER) as cluster:
        print("Starting the offline Stripe and the daemon …", flush=True)
        async with running_shop(directory, cluster, seed=1) as shop:
            environ = directory / "shop.env"
            settings = {name: shop.stack.environ[name] for name in _SETTINGS}
            environ.touch(mode=0o600)
            environ.write_text("".join(f"export {name}='{value}'\n" for name, value in settings.items()))
            for node in cluster.nodes:
                print(f"  {node.name}   PostgreSQL {node.port}   Patroni http://127.0.0.1:{node.api_port}/cluster")
            print(f"  shop    {shop.stack.url}")
            print(f"  Stripe  {shop.stack.stripe_base}")
            print(f"  for commands of `checkout`: . {environ}")
            print(f"  logs    {directory}")
            print(f"To lose a server: kill -9 $(head -1 {directory}/NODE/data/postmaster.pid)")
            print("Ctrl-C stops everything.", flush=True)
            await stop.wait()
            print("Stopping.", flush=True)


def main() -> int:
    """Run until Ctrl-C. Return the exit code."""
    with tempfile.TemporaryDirectory(prefix="checkout-cluster-") as directory:
        Path(directory).chmod(0o755)
        try:
            asyncio.run(_run(Path(directory)))
        except MissingPackage as error:
            sys.stderr.write(f"make cluster: {error}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
