"""One process that serves on a socket until a signal stops it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from checkout_daemon import systemd
from checkout_daemon.app import create_app
from checkout_daemon.errors import ConfigurationError
from checkout_daemon.jobs.runner import Job
from checkout_daemon.listeners import Listeners
from checkout_daemon.observability.tracing import start_traces
from checkout_daemon.settings import Settings, load_settings
from checkout_daemon.web.admin import serve_admin
from checkout_daemon.web.server import ShopRunner

log = logging.getLogger(__name__)

# Longer than proxies keep idle connections, so that we never close one just as a request arrives.
KEEP_ALIVE_SECONDS = 75.0
# How long the rest of a refused body is read before its connection is closed: a client that is still writing could
# not read the refusal otherwise.
LINGER_SECONDS = 2.0
# aiohttp waits this long for answers under way, and as long again after it has cut off unfinished bodies.
ANSWER_SECONDS = 3.5
# So many new objects that are still in use start a collection; of so many one includes the older ones, and so on.
COLLECT_AFTER = (20_000, 20, 100)
# The process ends by then, whatever hangs.
STOP_SECONDS = 9.5


class WebhookSecrets:
    """The secrets that deliveries are verified with. They can be reloaded while the daemon runs."""

    def __init__(self, settings: Settings) -> None:
        self._state_dir = settings.state_dir
        self._secrets = settings.webhook_secrets

    def __call__(self) -> tuple[str, ...]:
        """Return the secrets in use."""
        return self._secrets

    def read_again(self) -> None:
        """Reload the secrets from the settings' sources, and keep the old ones if that fails."""
        try:
            self._secrets = load_settings(state_dir=self._state_dir, daemon=True).require_webhook_secrets()
        except (ConfigurationError, OSError) as error:
            log.error("the webhook secrets could not be reloaded, so the old ones stay in use: %s", error)
        else:
            log.info("the webhook secrets were reloaded: there are %d", len(self._secrets))


def run_worker(
    settings: Settings,
    listeners: Listeners,
    secrets: WebhookSecrets,
    *,
    jobs: bool,
    drain_seconds: float,
    parent_pipe: int | None,
    on_listening: Callable[[], None] = lambda: None,
    on_stop: Callable[[], None] = lambda: None,
    alive_seconds: float | None = None,
) -> int:
    """Serve until SIGTERM, SIGINT or the end of the parent's pipe. Return 0, or 1 if it could not start or has failed.

    After SIGTERM it serves on for `drain_seconds`, as not ready; a second one, or any other reason to stop, ends that.
    Every `alive_seconds` systemd is notified that the event loop works.
    """
    end_traces = start_traces(settings.traces)
    stop = _Stop()
    # On a thread, which needs no turn of the event loop: it also bounds what is waited for after the loop.
    deadline = threading.Timer(STOP_SECONDS, _give_up, [stop])
    deadline.daemon = True
    try:
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            try:
                work = load_jobs if jobs else tuple
                hooks = _Hooks(on_listening, on_stop, alive_seconds, deadline.start)
                runner.run(_serve(settings, listeners, secrets, work, drain_seconds, parent_pipe, stop, hooks))
            except Exception:
                log.exception("the daemon could not start")
                return 1
            finally:
                end_traces()
    finally:
        deadline.cancel()
    return 1 if stop.failed else 0


def load_jobs() -> Sequence[Job]:
    """Import the jobs, which no request needs, and leave their modules out of garbage collection."""
    from checkout_daemon.jobs.table import JOBS

    gc.freeze()
    return JOBS


@dataclass(frozen=True, slots=True)
class _Hooks:
    """What to call when the worker listens, stops and ends, and how often systemd wants to know that it works."""

    on_listening: Callable[[], None]
    on_stop: Callable[[], None]
    alive_seconds: float | None
    on_end: Callable[[], None]


async def _serve(
    settings: Settings,
    listeners: Listeners,
    secrets: WebhookSecrets,
    jobs: Callable[[], Sequence[Job]],
    drain_seconds: float,
    parent_pipe: int | None,
    stop: _Stop,
    hooks: _Hooks,
) -> None:
    loop = asyncio.get_running_loop()
    with _stop_signals(loop, secrets, parent_pipe, stop):
        app = create_app(settings, webhook_secrets=secrets, jobs=jobs, on_failure=stop.fail)
        runner = ShopRunner(
            app,
            access_log=None,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            lingering_time=LINGER_SECONDS,
            shutdown_timeout=ANSWER_SECONDS,
        )
        monitoring = asyncio.create_task(_tell_alive(hooks.alive_seconds)) if hooks.alive_seconds else None
        admin = None
        try:
            await runner.setup()
            await runner.listen(listeners.public)
            if listeners.admin is not None:
                admin = await serve_admin(app, listeners.admin)
            hooks.on_listening()
            _relieve_collector()
            await stop.asked.wait()
            hooks.on_stop()
            runner.drain()
            if drain_seconds and not (stop.failed or stop.at_once.is_set()):
                log.info("not ready any more, and stopping in %g s", drain_seconds)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.at_once.wait(), drain_seconds)
            if not stop.at_once.is_set():
                await runner.stop_listening(listeners.public)
        finally:
            log.info("stopping: requests under way are answered first")
            with contextlib.suppress(RuntimeError):  # no thread is left
                hooks.on_end()
            await runner.cleanup()
            if admin is not None:
                await admin.cleanup()
            if monitoring is not None:
                monitoring.cancel()


async def _tell_alive(seconds: float) -> None:
    """Tell systemd regularly that the event loop works."""
    while True:
        systemd.notify(systemd.ALIVE)
        await asyncio.sleep(seconds)


class _Stop:
    """Whether this process should stop, whether at once, and whether because it has failed."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.at_once = asyncio.Event()
        self.failed = False

    def ask(self) -> None:
        """Ask it to stop; the second time, at once."""
        if self.asked.is_set():
            self.at_once.set()
        self.asked.set()

    def hurry(self) -> None:
        """Stop it at once."""
        self.asked.set()
        self.at_once.set()

    def fail(self) -> None:
        """Stop it as a failure: whoever supervises it starts it again, so it does not drain."""
        self.failed = True
        self.asked.set()


@contextlib.contextmanager
def _stop_signals(
    loop: asyncio.AbstractEventLoop, secrets: WebhookSecrets, parent_pipe: int | None, stop: _Stop
) -> Iterator[None]:
    """Note what signals and the end of the parent ask for."""

    def parent_ended() -> None:
        if not os.read(parent_pipe or 0, 4096):
            loop.remove_reader(parent_pipe or 0)
            log.warning("the parent process has died: stopping")
            stop.hurry()

    loop.add_signal_handler(signal.SIGTERM, stop.ask)
    loop.add_signal_handler(signal.SIGINT, stop.hurry)
    loop.add_signal_handler(signal.SIGHUP, secrets.read_again)
    if parent_pipe is not None:
        loop.add_reader(parent_pipe, parent_ended)
    yield


def _relieve_collector() -> None:
    """Leave what was imported and made until now out of garbage collection, and collect the rest less often.

    What a request makes is freed without the collector, which finds only cycles: its passes were in vain, one in sixty
    events, and a whole one stopped the loop for tens of milliseconds.
    """
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


def _give_up(stop: _Stop) -> None:
    """End the process at once: answered events are committed, and Stripe sends the others again."""
    log.error("not everything was finished in %.1f s", STOP_SECONDS)
    logging.shutdown()
    os._exit(1 if stop.failed else 0)


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # not available on every platform
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
