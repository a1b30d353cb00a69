"""Imports a catalog in an operator's name, with an audit entry of how much it changed."""

from __future__ import annotations

from dataclasses import replace

import asyncpg

from checkout_daemon.audit.audit_log import OperatorAction, record_without_order
from checkout_daemon.audit.operators import Operator
from checkout_daemon.catalog.catalog import CatalogReport, write_catalog
from checkout_daemon.catalog.files import CatalogFile
from checkout_daemon.database.pool import Database
from checkout_daemon.stock.counting import serve_oversold


async def import_as_operator(database: Database, catalog: CatalogFile, *, operator: Operator) -> CatalogReport:
    """Add and change what the catalog lists, as write_catalog does. An import that changes nothing leaves no entry.

    The pieces that it states go to oversold orders first. Raise NotAnOperator or RoleTooLow.
    """
    report = await database.run(_import, catalog, operator)
    stated = [product.sku for product in catalog.products if product.stock is not None]
    return replace(report, served=await serve_oversold(database, stated))


async def _import(connection: asyncpg.Connection, catalog: CatalogFile, operator: Operator) -> CatalogReport:
    report = await write_catalog(connection, catalog.products, catalog.discounts, actor=operator.actor)
    if report.added or report.changed:
        details = {"added": len(report.added), "changed": len(report.changed)}
        await record_without_order(connection, [OperatorAction("catalog.imported", operator, details=details)])
    return report
