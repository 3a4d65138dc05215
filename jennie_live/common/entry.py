"""Start of a worker process: settings, wiring, serving; a wrong setting is one clear line and exit code 2."""

import sys
from collections.abc import Callable

from fastapi import FastAPI

from jennie_infra.db.engine import DatabaseUrlError
from jennie_infra.settings import Settings, SettingsError, load_settings
from jennie_live.common.web import serve


def run_worker(service: str, build: Callable[[Settings], FastAPI]) -> None:
    """Serve the worker until SIGTERM."""
    try:
        settings = load_settings()
        app = build(settings)
    except (SettingsError, DatabaseUrlError) as error:
        sys.stderr.write(f"{service}: {error}\n")
        raise SystemExit(2) from error
    serve(app, settings, service)
