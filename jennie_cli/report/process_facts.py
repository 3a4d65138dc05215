"""What the running processes say of themselves while they still run."""

import time

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families

from jennie_cli.report.model import ProcessRow
from jennie_cli.stack import MODULES, Stack
from jennie_infra.settings import Settings

RECEIVED_METRIC = "jennie_records"
COUNT_SECONDS = 3.0


def received(settings: Settings, sent: int) -> int:
    """Trade records taken from the exchange's frames since the gateway started, dropped ones too.

    The gateway carries its counts over once a second, so a count below `sent` is asked for again for a few seconds.
    """
    deadline = time.monotonic() + COUNT_SECONDS
    while (received := _counted(settings)) < sent and time.monotonic() < deadline:
        time.sleep(0.2)
    return received


def _counted(settings: Settings) -> int:
    body = httpx.get(f"{settings.url('kis-gateway')}/metrics", timeout=5.0).text
    return sum(
        int(sample.value)
        for family in text_string_to_metric_families(body)
        if family.name == RECEIVED_METRIC
        for sample in family.samples
        if sample.name.endswith("_total")
    )


def processes(stack: Stack, settings: Settings) -> tuple[ProcessRow, ...]:
    """Every process of the supervisor, with what its own /health says."""
    spawned = stack.spawn_counts()
    rows: list[ProcessRow] = []
    for info in stack.process_info():
        name, pid = str(info["name"]), int(info["pid"])
        rows.append(
            ProcessRow(
                name=name,
                pid=pid,
                port=settings.port(name) if name in MODULES or name == "sim" else None,
                healthy=_healthy(settings, name) if name in MODULES else info["statename"] == "RUNNING",
                restarts=max(0, spawned.get(name, 1) - 1),
                rss_mb=_rss_mb(pid),
            )
        )
    return tuple(rows)


def _healthy(settings: Settings, name: str) -> bool:
    try:
        return httpx.get(f"{settings.url(name)}/health", timeout=5.0).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _rss_mb(pid: int) -> float | None:
    try:
        return round(psutil.Process(pid).memory_info().rss / 2**20, 1)
    except psutil.NoSuchProcess:
        return None
