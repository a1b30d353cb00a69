"""Check what an acknowledged answer survives: a crash of the server, or the loss of its machine."""

from __future__ import annotations

from checkout_daemon.database.replication import Replication, Standby, read_replication
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.operations.doctor.check import Check
from checkout_daemon.operations.doctor.probes import Probes

_NAME = "replication"
_LOOK = "psql \"$DATABASE_URL\" --command 'TABLE pg_stat_replication'"
_WAITS = {
    "on": "has written it to its disk",
    "remote_apply": "shows it",
    "remote_write": "has received it: it is lost if both machines lose power at once",
}


async def answers_are_kept(probes: Probes) -> Check:
    """Check that commits wait for the disk, and for a standby if that is configured; state what follows."""
    if probes.database is None or probes.server is None:
        raise DatabaseUnavailable("cannot be checked without the database")
    async with probes.database.connection() as connection:
        found = await read_replication(connection)
    settings = f"synchronous_standby_names '{found.wanted}', synchronous_commit {found.synchronous_commit}"
    if found.in_recovery:
        return Check.failed(_NAME, "this server is a standby: it takes no orders and no events", _LOOK)
    if found.synchronous_commit == "off":
        detail = f"{settings}: answers do not wait for the disk, so a crash of the server loses some of them"
        return Check.failed(_NAME, detail, "psql \"$DATABASE_URL\" --command 'SHOW synchronous_commit'")
    standbys = _listed(found)
    if not found.wanted:
        if not found.standbys:
            return Check.passed(_NAME, f"{settings}: answers survive a crash of the server, not the loss of its disk")
        detail = f"{settings}; {standbys}: if this machine is lost, the answers that no standby has yet are lost"
        return Check.passed(_NAME, detail)
    if found.synchronous_commit == "local":
        detail = f"{settings}; {standbys}: answers do not wait for a standby, and are lost with this machine"
        return Check.failed(_NAME, detail, "psql \"$DATABASE_URL\" --command 'SHOW synchronous_commit'")
    if found.hidden:
        detail = f"{settings}; {standbys}; the database's user may not see which of them confirm (GRANT pg_monitor)"
        return Check.passed(_NAME, detail)
    if not any(standby.confirms for standby in found.standbys):
        detail = f"{settings}; {standbys}: none of them confirms, so nothing is answered until one does"
        return Check.failed(_NAME, detail, _LOOK)
    waits = _WAITS.get(found.synchronous_commit, "has it")
    return Check.passed(_NAME, f"{settings}; {standbys}: an answer is given once a standby {waits}")


def _listed(found: Replication) -> str:
    return ", ".join(map(_described, found.standbys)) or "no standby is connected"


def _described(standby: Standby) -> str:
    if standby.state is None:
        return f"standby {standby.name}"
    lag = "" if standby.replay_lag is None else f", {standby.replay_lag.total_seconds():.1f} s"
    behind = "" if standby.bytes_behind is None else f", {standby.bytes_behind} bytes{lag} behind"
    return f"standby {standby.name} ({standby.sync_state}, {standby.state}{behind})"
