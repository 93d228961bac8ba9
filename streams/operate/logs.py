"""Logging, set up once: structlog, JSON lines off a terminal and colour on one, always to stderr.

Invariants: stdout stays free for what a command answers; libraries (faust, mode, aiokafka, aiohttp) go through the
same formatter and limit; values of fields that may hold a person, a company or a secret are replaced before anything
is formatted.

Fields with a fixed meaning, in this order: event, event_id, correlation_id, contract_id, topic, partition, offset,
stage, outcome.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, Literal, TextIO

import orjson
import structlog

from tieout.streams.operate.log_limit import LimitedHandler

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

FIELDS = (
    "event",
    "event_id",
    "correlation_id",
    "contract_id",
    "topic",
    "partition",
    "offset",
    "stage",
    "outcome",
)

PERSONAL = frozenset(
    {
        "actor",
        "approver",
        "customer_id",
        "new_customer_id",
        "customer",
        "bill_to",
        "bill_to_id",
        "new_bill_to_id",
        "customer_name",
        "email",
    }
)
"""Names of fields that the schemas mark as personal (a test compares), and their usual relatives."""
SECRET = frozenset({"authorization", "password", "secret", "token", "web_token", "api_key"})
REDACTED = "(redacted)"

LIBRARIES = ("faust", "mode", "aiokafka", "aiohttp", "kafka", "asyncio")


def configure(
    log_format: Literal["auto", "json", "console"] = "auto", level: str = "info", stream: TextIO | None = None
) -> None:
    """Send all logging of this process to ``stream`` (stderr). Calling it again replaces the earlier set-up."""
    out = stream if stream is not None else sys.stderr
    as_json = log_format == "json" or (log_format == "auto" and not out.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact,
    ]
    handler = LimitedHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_rendering(as_json, out))
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        if isinstance(old, LimitedHandler):
            root.removeHandler(old)
            old.close()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("tieout").setLevel(level.upper())
    _adopt_libraries()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger under ``tieout``; pass ``__name__``. Bind the fields above as keywords."""
    found: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return found


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace personal and secret values, also one level down."""
    for name, value in event.items():
        if name != "event" and _hidden(name):
            event[name] = REDACTED
        elif isinstance(value, dict):
            event[name] = {key: REDACTED if _hidden(str(key)) else inner for key, inner in value.items()}
    return event


def _hidden(name: str) -> bool:
    lowered = name.lower()
    return lowered in PERSONAL or lowered in SECRET


def _rendering(as_json: bool, out: TextIO) -> list[Processor]:
    processors: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if as_json:
        return [*processors, structlog.processors.format_exc_info, _ordered, _json]
    return [*processors, structlog.dev.ConsoleRenderer(colors=out.isatty())]


def _ordered(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    first = ("timestamp", "level", "logger", *FIELDS)
    return {name: event[name] for name in first if name in event} | dict(event)


def _json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return orjson.dumps(event, default=_text, option=orjson.OPT_NON_STR_KEYS).decode()


def _text(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _adopt_libraries() -> None:
    """Libraries write through the root handler, from warning on, whatever they had set up themselves."""
    for name in LIBRARIES:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(logging.WARNING)
