"""Wiring of buy-scanner."""

from fastapi import FastAPI

from jennie_infra.settings import Settings
from jennie_live.common.runtime import build_runtime
from jennie_live.common.web import create_app
from jennie_live.scanner.worker import ScannerWorker

SERVICE = "buy-scanner"


def build(settings: Settings) -> FastAPI:
    """The process from its settings."""
    runtime = build_runtime(SERVICE, settings, needs_ledger=True, needs_gateway=True)
    return create_app(runtime, ScannerWorker(runtime), title=SERVICE)
