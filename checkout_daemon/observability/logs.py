"""Log lines for people (console) and for machines (JSON): with ids, without personal data."""

from __future__ import annotations

import json
import logging
import sys
import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO

from checkout_daemon.observability.context import current
from checkout_daemon.observability.redaction import redact, shorten_ids

# At INFO the SDK writes a kilobyte per call, with session ids in it; metrics count the calls. At DEBUG those that send
# alerts write the addresses, which are secrets.
_CHATTY = ("stripe", "urllib3", "requests", "requests_oauthlib", "oauthlib")


def set_up_logging(log_format: str, *, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send every log line of the process to stderr in the format "console" or "json"."""
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(JsonFormatter() if log_format == "json" else ConsoleFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    quiet_bad_requests(logging.getLogger("aiohttp.server"))
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def level_number(name: str) -> int:
    """Return the number of a level by its name in the settings, such as warning."""
    return logging.getLevelNamesMapping()[name.upper()]


def log_uncaught_errors(logger: logging.Logger) -> None:
    """Log what nobody catches, in this process and on its threads, instead of printing it."""

    def of_the_process(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        logger.critical("an error ends the program", exc_info=(kind, error, trace))

    def of_a_thread(args: threading.ExceptHookArgs) -> None:
        error = args.exc_value or args.exc_type()
        logger.critical("an error ends a thread", exc_info=(args.exc_type, error, args.exc_traceback))

    sys.excepthook = of_the_process
    threading.excepthook = of_a_thread


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, message, the ids known there, and the exception if any."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without personal data and with shortened ids."""
        line = {
            "time": _time(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _safe(record.getMessage()),
            **{name: shorten_ids(value) for name, value in current().items()},
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = _safe(self.formatException(record.exc_info))
        return json.dumps(line)  # as ASCII: a terminal obeys nothing in it


class ConsoleFormatter(logging.Formatter):
    """Time, level, logger, message, and the ids at the end."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without personal data and with shortened ids."""
        ids = "".join(f" {name}={value}" for name, value in current().items())
        time = _time(record).astimezone().strftime("%H:%M:%S")
        logger = record.name.removeprefix("checkout_daemon.")
        message = record.getMessage().rstrip("\n")
        lines = [f"{time} {record.levelname.lower():<7} {logger}: {message}{ids}"]
        if record.exc_info and record.exc_info[0] is not None:
            # Indented, so that no part of an error's text looks like a line of the log.
            lines += [f"  {line}" for line in self.formatException(record.exc_info).split("\n")]
        return "\n".join(_printable(_safe(line)) for line in lines)


def quiet_bad_requests(logger: logging.Logger) -> None:
    """Log no traceback and no bytes of invalid HTTP: anyone can send that."""
    if _not_http not in logger.filters:
        logger.addFilter(_not_http)


def _not_http(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not any(base.__name__ == "HttpProcessingError" for base in type(error).__mro__)


def _safe(text: str) -> str:
    return shorten_ids(redact(text))


def _printable(text: str) -> str:
    r"""Return one line on which line ends, and what a terminal would obey or hide, are escapes such as \x1b."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)
