"""Prepare the empty database of DATABASE_URL for a measurement: the schema and a catalog of 200 products, no orders."""

from __future__ import annotations

import asyncio
import os

from bench.support.targets import daemon

if __name__ == "__main__":
    store = daemon().store
    assert store is not None
    asyncio.run(store.prepare(os.environ["DATABASE_URL"], 0))
