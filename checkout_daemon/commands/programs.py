"""`checkout dev`, `checkout serve`, `checkout sandbox`: the programs that run until they are stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from checkout_daemon.errors import CheckoutError
from checkout_daemon.settings import DEFAULT_STATE_DIR, load_settings, read_setting


def dev(port: int, sandbox_port: int, state_dir: Path | None, *, sandbox: bool, seed: bool, jobs: bool) -> int:
    from checkout_daemon.dev.main import DevOptions, run

    options = DevOptions(
        port=port,
        sandbox_port=sandbox_port,
        state_dir=state_dir or _default_state_dir(),
        sandbox=sandbox,
        seed=seed,
        jobs=jobs,
    )
    return run(options)


def serve(host: str | None, port: int | None, workers: int, *, jobs: bool) -> int:
    from checkout_daemon.serve import ServeOptions, run

    settings = load_settings(daemon=True)
    options = ServeOptions(
        host=settings.host if host is None else host,
        port=settings.port if port is None else port,
        workers=workers,
        jobs=jobs,
    )
    return run(settings, options)


def sandbox(
    host: str,
    port: int,
    state_dir: Path | None,
    settle_seconds: float,
    retries: Literal["live", "test"],
    unix_socket: Path | None,
    names: tuple[str, ...],
    *,
    remote_endpoints: bool,
) -> int:
    from checkout_daemon.sandbox.main import SandboxSettings, run

    settings = SandboxSettings(
        host=host,
        port=port,
        state_dir=state_dir or _default_state_dir(),
        settle_seconds=settle_seconds,
        retries=retries,
        unix_socket=unix_socket,
        names=names,
        remote_endpoints=remote_endpoints,
    )
    try:
        run(settings)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise CheckoutError(f"the offline Stripe cannot run: {where}{error.strerror or error}") from error
    return 0


def _default_state_dir() -> Path:
    return Path(read_setting("CHECKOUT_STATE_DIR") or DEFAULT_STATE_DIR)
