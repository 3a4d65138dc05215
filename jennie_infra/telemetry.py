"""Logs and metrics: structured lines without secrets, Prometheus figures with standard names."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECRET_KEYS = re.compile(
    r"(token|secret|appkey|app_key|password|authorization|approval_key|account|cano|chat_id|hts_id)", re.IGNORECASE
)
_registered: set[str] = set()


def register_secret(value: str) -> None:
    """Values given here are struck out of every log line."""
    if len(value) >= 6:
        _registered.add(value)


def redact(text: str) -> str:
    """The text without any registered secret."""
    for value in _registered:
        if value in text:
            text = text.replace(value, "***")
    return text


def _strike_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if _SECRET_KEYS.search(key) and value not in (None, ""):
            event[key] = "***"
        elif isinstance(value, str):
            event[key] = redact(value)
    return event


def configure_logging(service: str, level: str = "INFO") -> None:
    """JSON lines on standard output, one event a line, with the service's name."""
    logging.basicConfig(level=level, stream=sys.stdout, format="%(message)s", force=True)
    for noisy in ("httpx", "httpcore", "uvicorn.access", "aiohttp.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _strike_secrets,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(service=service)


def get_logger() -> Any:
    """The process's logger."""
    return structlog.get_logger()


LATENCY_BUCKETS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5, 30)


class Metrics:
    """Prometheus figures of one process in its own registry (no global state)."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.registry = CollectorRegistry()
        self._known: dict[str, Any] = {}

    def counter(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Counter:
        """A counter `jennie_<name>`; asked for twice, the same one is returned."""
        if name not in self._known:
            self._known[name] = Counter(f"jennie_{name}", text, labels, registry=self.registry)
        counter: Counter = self._known[name]
        return counter

    def gauge(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Gauge:
        """A gauge `jennie_<name>`."""
        if name not in self._known:
            self._known[name] = Gauge(f"jennie_{name}", text, labels, registry=self.registry)
        gauge: Gauge = self._known[name]
        return gauge

    def histogram(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Histogram:
        """A latency histogram `jennie_<name>` in seconds."""
        if name not in self._known:
            self._known[name] = Histogram(
                f"jennie_{name}", text, labels, buckets=LATENCY_BUCKETS, registry=self.registry
            )
        histogram: Histogram = self._known[name]
        return histogram
