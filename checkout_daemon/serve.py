"""`checkout serve`: check the settings, migrate the database, and run one process or several."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TextIO

from checkout_daemon import systemd
from checkout_daemon.errors import CheckoutError, ConfigurationError, next_step
from checkout_daemon.listeners import (
    Listeners,
    address_of,
    open_listeners,
    port_listeners,
    remove_stale,
    unix_listeners,
)
from checkout_daemon.observability.logs import level_number, log_uncaught_errors, set_up_logging
from checkout_daemon.observability.metrics import forget_process
from checkout_daemon.observability.metrics_folder import shared_metrics
from checkout_daemon.observability.tracing import check_traces
from checkout_daemon.outbound import check_outbound
from checkout_daemon.settings import DEV_ENV, PARENT_PIPE, Settings
from checkout_daemon.settings.unknown import unknown_warnings
from checkout_daemon.stripe_cli.daemons import announced
from checkout_daemon.urls import host_and_port

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Where and how to serve. Port 0 is any free one; with one worker this process serves; `jobs` also run here.

    After SIGTERM, the daemon serves on for `drain_seconds`, but is not ready. At the start it waits for
    `wait_seconds` for a database that does not answer.
    """

    host: str
    port: int
    workers: int = 1
    jobs: bool = True
    drain_seconds: float = 0.0
    wait_seconds: float = 0.0


def run(settings: Settings, options: ServeOptions) -> int:
    """Serve until a signal stops the daemon. Return the exit code: 0, 1 failed, 2 settings, 5 database unavailable."""
    from checkout_daemon.web.connections import raise_descriptor_limit

    set_up_logging(settings.log_format, level=level_number(settings.log_level))
    log_uncaught_errors(log)
    raise_descriptor_limit()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))  # until the processes handle them
    try:
        _log_sources(settings)
        _require(settings)
        _check_addresses(settings, options)
        asyncio.run(_prepare(settings, options))
        with contextlib.ExitStack() as running:
            # Not before: connections would wait that long, and be reset if there is no database.
            listeners = _open(settings, options, running)
            return _serve(settings, options, listeners, running)
    except CheckoutError as error:
        return refuse(error, settings.log_format)


def refuse(error: CheckoutError, log_format: str) -> int:
    """Report why the daemon does not serve, in one line of the log's format, and return the exit code."""
    if log_format == "json":
        set_up_logging(log_format)
        log.critical("%s%s", error.detail, next_step(error))
    else:
        sys.stderr.write(f"checkout serve: {error.detail}{next_step(error)}\n")
    return error.exit_code


def _require(settings: Settings) -> None:
    """Raise ConfigurationError with everything missing or wrong, in one line."""
    faults: list[str] = []
    checks: tuple[Callable[[], object], ...] = (
        settings.require_database_url,
        settings.require_stripe_api_key,
        settings.require_webhook_secrets,
        check_outbound,
        lambda: check_traces(settings.traces),
    )
    for check in checks:
        try:
            check()
        except ConfigurationError as error:
            faults.append(error.detail)
    if faults:
        raise ConfigurationError("; ".join(faults))


async def _prepare(settings: Settings, options: ServeOptions) -> None:
    """Prepare the database and import the worker's modules at once: one mostly waits. Raise as _prepare_database."""
    # With several workers, prometheus-client must be imported later: see shared_metrics.
    modules = ["checkout_daemon.worker", *(["prometheus_client"] if options.workers == 1 else [])]
    loading = asyncio.create_task(asyncio.to_thread(lambda: [import_module(name) for name in modules]))
    from checkout_daemon.database.away import waiting

    await waiting(lambda: _prepare_database(settings), options.wait_seconds, log.warning)
    await loading


async def _prepare_database(settings: Settings) -> None:
    """Apply missing migrations. Raise DatabaseUnavailable, or SchemaMismatch if the database is too new."""
    from checkout_daemon.database.migrations import code_version, migrate, read_state
    from checkout_daemon.database.pool import Database
    from checkout_daemon.database.url_parameters import WRONG_URL

    url = settings.database_listen_url or settings.require_database_url()
    database = Database(url, max_size=1)
    try:
        async with database.connection() as connection:
            state = await read_state(connection)
        if state.version >= code_version():
            state.check(code_version())
        applied = await migrate(url)
        if applied:
            log.info("schema versions applied: %s", ", ".join(map(str, applied)))
        async with database.connection() as connection:
            (await read_state(connection)).check(code_version())
    except ValueError as error:
        raise ConfigurationError(WRONG_URL) from error
    finally:
        await database.close()


def _check_addresses(settings: Settings, options: ServeOptions) -> None:
    """Raise CannotListen now if an address is taken, before the database is asked."""
    if settings.unix_socket is None:
        open_listeners(options.host, options.port, 0)
    else:
        remove_stale(settings.unix_socket)
    if settings.admin_listen is not None:
        open_listeners(*host_and_port(settings.admin_listen), 0)


def _open(settings: Settings, options: ServeOptions, running: contextlib.ExitStack) -> list[Listeners]:
    """Open the sockets of each worker, until the daemon ends."""
    if settings.unix_socket is None:
        public = running.enter_context(port_listeners(options.host, options.port, options.workers))
    else:
        mode = int(settings.unix_socket_mode, 8)
        public = running.enter_context(unix_listeners(settings.unix_socket, mode, options.workers))
    if settings.admin_listen is None:
        return [Listeners(listener, None) for listener in public]
    host, port = host_and_port(settings.admin_listen)
    admin = running.enter_context(port_listeners(host, port, options.workers))
    return [Listeners(*pair) for pair in zip(public, admin, strict=True)]


def _serve(settings: Settings, options: ServeOptions, listeners: list[Listeners], running: contextlib.ExitStack) -> int:
    parent_pipe = _parent_pipe()
    addresses = ", ".join(address_of(listener) for listener in listeners[0].opened)

    def listening(by: str) -> None:
        running.enter_context(announced(settings.state_dir))
        systemd.notify(systemd.READY)
        # With port 0, nothing else shows the port.
        line = f"listening on {addresses} ({by})"
        if settings.log_format == "json" or (_is_log(sys.stdout) and log.isEnabledFor(logging.INFO)):
            log.info(line)
            return
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    if options.workers == 1:
        from checkout_daemon.worker import WebhookSecrets, run_worker

        secrets = WebhookSecrets(settings)
        return run_worker(
            settings,
            listeners[0],
            secrets,
            jobs=options.jobs,
            drain_seconds=options.drain_seconds,
            parent_pipe=parent_pipe,
            on_listening=lambda: listening("one process"),
            on_stop=lambda: systemd.notify(systemd.STOPPING),
            alive_seconds=systemd.watchdog_seconds(),
        )
    with shared_metrics() as folder:
        from checkout_daemon.supervisor import Supervisor
        from checkout_daemon.worker import (  # before the fork, so that the workers share its memory
            WebhookSecrets,
            load_jobs,
            run_worker,
        )

        if options.jobs:
            load_jobs()

        secrets = WebhookSecrets(settings)

        def work(index: int, alive: int) -> int:
            mine = listeners[index]
            for others in listeners:
                if others is not mine:
                    others.close()
            code = run_worker(
                settings,
                mine,
                secrets,
                jobs=options.jobs,
                drain_seconds=options.drain_seconds,
                parent_pipe=alive,
            )
            folder.leave()  # if the parent was killed, it cannot clean up
            return code

        def stop() -> None:
            systemd.notify(systemd.STOPPING)
            # A socket that any process holds open still takes connections, which nobody would serve.
            for listener in listeners:
                listener.close()

        supervisor = Supervisor(
            options.workers,
            work,
            drain_seconds=options.drain_seconds,
            parent_pipe=parent_pipe,
            on_hangup=secrets.read_again,
            on_stop=stop,
            on_death=forget_process,
            alive_seconds=systemd.watchdog_seconds(),
        )
        return supervisor.run(on_started=lambda: listening(f"{options.workers} workers"))


def _is_log(stream: TextIO) -> bool:
    """Return whether a stream leads where the log does: to a terminal, a file or the journal, and not to a program."""
    try:
        return os.path.sameopenfile(stream.fileno(), sys.stderr.fileno())
    except (OSError, ValueError):
        return False


def _parent_pipe() -> int | None:
    """Return the descriptor of our parent's pipe, if any. Our own children do not inherit it."""
    text = os.environ.pop(PARENT_PIPE, "")
    if not text:
        return None
    try:
        descriptor = int(text)
        os.set_inheritable(descriptor, False)
    except (ValueError, OSError) as error:
        raise ConfigurationError(f"{PARENT_PIPE} must name an open descriptor, not {text!r}") from error
    return descriptor


def _log_sources(settings: Settings) -> None:
    """Log which files settings came from, without values: a forgotten file must not take effect unnoticed."""
    for file in settings.files:
        log.info("settings from %s: %s", file.path.absolute(), ", ".join(file.names))
    if settings.demo_unused_for:
        unused_for = ", ".join(settings.demo_unused_for)
        log.info("%s is not used, because %s is set", settings.state_dir / DEV_ENV, unused_for)
    for warning in unknown_warnings():
        log.warning(warning)
    if settings.livemode and settings.public_url_is_local:
        log.warning(
            "CHECKOUT_PUBLIC_URL is %s with a live key: shoppers cannot reach that address after paying; "
            "set it to the public address of the shop",
            settings.public_url,
        )
