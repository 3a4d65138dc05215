"""A dashboard over generated data and a real Chromium for the browser tests."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from jennie_infra.bus.connect import connect_sync
from jennie_infra.login import mint_login_link
from jennie_infra.settings import Settings, load_settings
from tests.integration.command_rig import free_port_base

ROOT = Path(__file__).parents[2]
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_SECONDS = 60


class Stage:
    """One running development dashboard."""

    def __init__(self, home: Path, port_base: int) -> None:
        self.home = home
        self.settings: Settings = load_settings(
            {},
            Path("/nonexistent"),
            home=home / "state",
            var_dir=home,
            redis_url=f"unix://{home / 'redis' / 'redis.sock'}",
            port_base=port_base,
        )
        self.url = self.settings.url("dashboard-api")

    def login_link(self) -> str:
        """A fresh one-time link."""
        redis = connect_sync(self.settings.effective_redis_url)
        try:
            return mint_login_link(self.settings, redis)
        finally:
            redis.close()


def _run_stage(*options: str) -> Iterator[Stage]:
    home, base = Path(tempfile.mkdtemp(prefix="ju-")), free_port_base()
    command = [
        sys.executable,
        str(ROOT / "scripts" / "dev_dashboard.py"),
        "--home",
        str(home),
        "--port-base",
        str(base),
    ]
    with (home / "out").open("wb") as log:
        process = subprocess.Popen([*command, *options], stdout=log, stderr=log, cwd=ROOT, env=os.environ.copy())
    try:
        deadline = time.monotonic() + START_SECONDS
        while not any(line.startswith('{"url"') for line in (home / "out").read_text().splitlines()):
            assert process.poll() is None, (home / "out").read_text()[-3_000:]
            assert time.monotonic() < deadline, (home / "out").read_text()[-3_000:]
            time.sleep(0.1)
        yield Stage(home, base)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """The dashboard with a full day."""
    yield from _run_stage()


@pytest.fixture(scope="module")
def empty_stage() -> Iterator[Stage]:
    """The dashboard with nothing in its stores and no neighbour running."""
    yield from _run_stage(
        "--empty",
        "--without",
        "kis-gateway",
        "buy-scanner",
        "buy-executor",
        "sell-executor",
        "price-monitor",
        "command-handler",
        "dagster",
    )


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A system Chromium; playwright's own browsers are never downloaded."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.fail("no Chromium on this machine: apt-get install chromium fonts-nanum", pytrace=False)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, headless=True, args=CHROMIUM_ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens pages in Korean and Seoul time; any error in the page or its console fails the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def opened(link: str, *, width: int = 1_280, height: int = 900, expect_errors: bool = False, **kept: str) -> Page:
        context = browser.new_context(
            locale="ko-KR", timezone_id="Asia/Seoul", viewport={"width": width, "height": height}
        )
        contexts.append(context)
        page = context.new_page()
        if not expect_errors:
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        for name, value in kept.items():
            page.add_init_script(f"localStorage.setItem('jennie.{name}', {json.dumps(value)})")
        page.goto(link)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert errors == []
