"""Logs as JSON lines on standard error, those of libraries too. The work queue binds component and incident."""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import Processor

from incident_commander.log_level import LogLevel

_CHATTY = ("kopf", "aiohttp", "uvicorn", "kubernetes", "asyncio")
"""Their everyday is of no interest to who runs the operator; warnings are."""


class _ToldByTheWatch(logging.Filter):
    """Drops what Kopf logs of an API server that is away or refuses: a traceback each, for what ``watching`` says."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to keep the record."""
        error = record.exc_info[1] if record.exc_info else None
        outside = isinstance(error, OSError) or type(error).__module__.startswith(("kopf.", "aiohttp."))
        return not (record.name.startswith("kopf") and error is not None and outside)


def configure(level: LogLevel) -> None:
    """Set up structlog and the standard library's logging for this process."""
    number = logging.getLevelNamesMapping()[level.value.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.format_exc_info,
        structlog.processors.EventRenamer("message"),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(sort_keys=True, default=str),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    if level is not LogLevel.DEBUG:
        handler.addFilter(_ToldByTheWatch())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(number if level is LogLevel.DEBUG else max(number, logging.WARNING))
