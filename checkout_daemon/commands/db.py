"""`checkout db`: the schema, backups, and how database and program fit."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from checkout_daemon.commands.output import answer, confirm, counted, print_json, say
from checkout_daemon.commands.running import database_address, with_database, with_runtime
from checkout_daemon.errors import CheckoutError, SchemaMismatch
from checkout_daemon.services import backups, schema
from checkout_daemon.services.missing_orders import look_after_restore
from checkout_daemon.services.schema import SchemaReport
from checkout_daemon.settings import Settings, load_settings
from checkout_daemon.store.database import Database
from checkout_daemon.urls import shown_url


def init(*, as_json: bool) -> int:
    async def work(database: Database, settings: Settings) -> tuple[SchemaReport, bool]:
        before = await schema.read_schema(database)
        if before.version:
            return before, False
        applied = await schema.migrate(database_address(settings, direct=True))
        return await schema.read_schema(database), bool(applied)

    report, created = with_database(work, direct=True)
    if as_json:
        print_json({"version": report.version, "created": created})
    elif created:
        answer(f"The schema is made: version {report.version}.")
    else:
        answer(f"There is a schema already: version {report.version}. Nothing was changed.")
        if not report.fits:
            say("It does not fit this program: `checkout db status` says why.")
    return 0


def migrate(*, as_json: bool) -> int:
    async def work(database: Database, settings: Settings) -> tuple[SchemaReport, list[int]]:
        before = await schema.read_schema(database)
        applied: list[int] = []
        if before.version <= before.code_version:
            applied = await schema.migrate(database_address(settings, direct=True))
        report = await schema.read_schema(database)
        if not report.fits:
            await schema.explain_misfit(database)
        return report, applied

    report, applied = with_database(work, direct=True)
    if as_json:
        print_json({"version": report.version, "applied": applied})
    elif applied:
        answer(f"The schema is now version {report.version}; applied: {', '.join(map(str, applied))}.")
    else:
        answer(f"The schema is up to date: version {report.version}.")
    return 0


def status(*, as_json: bool) -> int:
    """1 if database and program do not fit."""

    async def work(database: Database, _: Settings) -> tuple[SchemaReport, str]:
        report = await schema.read_schema(database)
        try:
            await schema.explain_misfit(database)
        except SchemaMismatch as misfit:
            return report, misfit.detail
        return report, ""

    report, misfit = with_database(work, direct=True)
    if as_json:
        print_json(asdict(report))
    else:
        answer(f"Schema of the database:  {report.version or 'none'}")
        answer(f"Schema of this program:  {report.code_version}")
        answer(f"Oldest program it bears: {report.oldest_code or 'any'}")
    if misfit:
        say(f"error: {misfit}")
    return 0 if report.fits else 1


def backup(path: Path, *, as_json: bool) -> int:
    async def work(database: Database, settings: Settings) -> int:
        return await backups.back_up(database, database_address(settings, direct=True), path)

    size = with_database(work, direct=True)
    if as_json:
        print_json({"file": str(path), "bytes": size})
    else:
        answer(f"{path}: {size:,} bytes. It holds customers' data: keep it as you keep the database.")
    return 0


def restore(path: Path, *, yes: bool, as_json: bool) -> int:
    shown = shown_url(database_address(load_settings(), direct=True)) or "the database of DATABASE_URL"
    confirm(f"Replace everything in {shown} by {path}?", yes=yes)

    async def work(database: Database, settings: Settings) -> SchemaReport:
        await backups.restore(database, database_address(settings, direct=True), path)
        return await schema.read_schema(database)

    report = with_database(work, direct=True)
    if as_json:
        print_json({"file": str(path), "version": report.version, "fits": report.fits})
    else:
        answer(f"Restored from {path}: schema version {report.version}.")
    if not report.fits:
        say("It does not fit this program yet: run `checkout db migrate`.")
        say("Then run `checkout reconcile`, before orders come: it finds what Stripe has and the backup lacks.")
    else:
        _compare_with_stripe()
    return 0


def _compare_with_stripe() -> None:
    """Say what the backup lacks, and let no number come twice. Not being able to is no failure of the restore."""
    unknown = "What Stripe has and the backup lacks is not known"
    if not load_settings().stripe_api_key:
        say(f"{unknown}, for STRIPE_API_KEY is not set: run `checkout reconcile` before orders come.")
        return
    try:
        missing = with_runtime(look_after_restore)
    except CheckoutError as error:
        say(f"{unknown}: {error.detail}. Run `checkout reconcile` before orders come.")
        return
    if missing:
        count = counted(len(missing), "paid order")
        say(f"Stripe has {count} that the backup lacks; `checkout doctor` names them, the first is brought back by")
        say(f"  checkout orders recover {missing[0].session_id}")
