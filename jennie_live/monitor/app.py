"""Wiring of price-monitor."""

from fastapi import FastAPI

from jennie_infra.settings import Settings
from jennie_live.common.runtime import build_runtime
from jennie_live.common.web import create_app
from jennie_live.monitor.worker import MonitorWorker

SERVICE = "price-monitor"


def build(settings: Settings) -> FastAPI:
    """The process from its settings."""
    runtime = build_runtime(SERVICE, settings, needs_ledger=True, needs_gateway=True)
    return create_app(runtime, MonitorWorker(runtime), title=SERVICE)
