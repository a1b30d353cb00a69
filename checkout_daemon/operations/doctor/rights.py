"""Check that the user of the database has every right that the daemon needs, before it is needed."""

from __future__ import annotations

from checkout_daemon.database.neighbours import our_relations
from checkout_daemon.database.queries import sql
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.operations.doctor.check import Check
from checkout_daemon.operations.doctor.probes import Probes
from checkout_daemon.orders.terminal_windows import may_write

NAME = "rights"
_MOST_NAMED = 4
_FIX = "checkout db roles --apply"


async def rights_suffice(probes: Probes) -> Check:
    """Check the rights on tables, and that partitions can be made; a user who may only read needs none."""
    if probes.database is None or probes.server is None:
        raise DatabaseUnavailable("cannot be checked without the database")
    if not await may_write(probes.database):
        return Check.passed(NAME, "this user may only read, which serves nobody; commands that show something work")
    async with probes.database.connection() as connection:
        missing = [row["missing"] for row in await connection.fetch(sql("missing_rights"), sorted(our_relations()))]
        maker = await connection.fetchval(sql("partitions_are_made"))
    if missing:
        named = ", ".join(missing[:_MOST_NAMED])
        more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
        return Check.failed(NAME, f"this user lacks {named}{more}", _FIX)
    if not maker:
        detail = "later partitions of payloads cannot be made: who owns ensure_payload_partitions may not create tables"
        return Check.failed(NAME, detail, _FIX)
    return Check.passed(NAME, "this user has every right that the daemon needs")
