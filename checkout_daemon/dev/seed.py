"""The demo shop's catalog, for a database that has none."""

from __future__ import annotations

from importlib.resources import files

from checkout_daemon.services.catalog import seed_demo
from checkout_daemon.store.database import Database

CURRENCY = "eur"


async def seed_catalog(database_url: str) -> bool:
    """Fill an empty catalog; whether it was. What an operator has changed since is never touched."""
    database = Database(database_url, max_size=1)
    try:
        return await seed_demo(database, files("checkout_daemon.dev").joinpath("demo_catalog.json").read_text("utf-8"))
    finally:
        await database.close()
