"""Starts the rehearsal exchange and kis-gateway as real processes for the gateway's integration tests."""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from jennie_core.domain.base import KST
from jennie_infra.kis.credentials import (
    REHEARSAL_ACCOUNT,
    REHEARSAL_APP_KEY,
    REHEARSAL_APP_SECRET,
    REHEARSAL_HTS_ID,
)
from jennie_sim.market.generate import generate_market
from jennie_sim.market.pack import CarriedHolding, PackAccount
from jennie_sim.market.write_pack import write_pack

DAY = date(2025, 6, 27)
SEED = 7
START_SECONDS = 30.0


@dataclass
class Stack:
    """Addresses and levers of one exchange and one gateway."""

    folder: Path
    sim_port: int
    admin_port: int
    gateway_base: int
    environment: dict[str, str]
    codes: list[str]
    gateway: subprocess.Popen[str] | None = None
    sim: subprocess.Popen[str] | None = None
    now: datetime = field(default_factory=lambda: datetime(2025, 6, 27, 8, 59, 50, tzinfo=KST))

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{8080 + self.gateway_base}"

    @property
    def service_token(self) -> str:
        return (self.folder / "home" / "secrets" / "service_token").read_text().strip()

    def admin(self, method: str, path: str, **body: Any) -> Any:
        token = (self.folder / "admin-token").read_text().strip()
        reply = httpx.request(
            method,
            f"http://127.0.0.1:{self.admin_port}/admin/{path}",
            json=body or None,
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )
        reply.raise_for_status()
        return reply.json()

    def advance(self, seconds: int) -> datetime:
        self.now += timedelta(seconds=seconds)
        self.admin("POST", "advance", until=self.now.isoformat())
        return self.now

    def api(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.service_token}", "X-Service": "test"}
        return httpx.request(method, self.gateway_url + path, headers=headers, timeout=15, **more)

    def health(self) -> dict[str, Any]:
        document: dict[str, Any] = httpx.get(self.gateway_url + "/health", timeout=5).json()
        return document

    def start_gateway(self) -> None:
        log = (self.folder / "gateway.log").open("a")
        self.gateway = subprocess.Popen(
            [sys.executable, "-m", "jennie_live.gateway"], env=self.environment, stdout=log, stderr=log, text=True,
            cwd=self.folder,
        )  # fmt: skip
        wait_for(lambda: self._answers(), f"gateway did not start:\n{self.log()}")

    def stop_gateway(self, number: int = signal.SIGTERM) -> None:
        if self.gateway is not None:
            gateway, self.gateway = self.gateway, None
            gateway.send_signal(number)
            try:
                gateway.wait(30)
            except subprocess.TimeoutExpired:
                gateway.send_signal(signal.SIGABRT)
                gateway.wait(10)
                raise AssertionError(f"gateway does not stop:\n{self.log()}") from None

    def log(self) -> str:
        path = self.folder / "gateway.log"
        return path.read_text()[-12000:] if path.exists() else ""

    def _answers(self) -> bool:
        if self.gateway is not None and self.gateway.poll() is not None:
            raise AssertionError(f"gateway ended with {self.gateway.returncode}:\n{self.log()}")
        with contextlib.suppress(httpx.TransportError):
            return bool(self.health()["detail"]["feed_connected"])
        return False


def wait_for(condition: Callable[[], Any], text: str = "condition", seconds: float = START_SECONDS) -> Any:
    """The condition's first true value; AssertionError after the deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"not within {seconds} s: {text}")


def free_base() -> int:
    """A port base whose gateway port is free."""
    while True:
        base = 20_000 + secrets.randbelow(20_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", 8080 + base))
            except OSError:
                continue
        return base


def make_pack(folder: Path) -> list[str]:
    """A session pack of the generated market with one carried holding (the last code); returns its traded codes."""
    made = generate_market(None, SEED, DAY, codes=70)
    codes = [code for code, volume in made.session.select("code", "volume").iter_rows() if volume > 0]
    carried = CarriedHolding(code=codes[-1], quantity=100, average_price_krw=10_000, bought_on=date(2025, 6, 20))
    account = PackAccount(
        account_number=REHEARSAL_ACCOUNT,
        hts_id=REHEARSAL_HTS_ID,
        app_key=REHEARSAL_APP_KEY,
        app_secret=REHEARSAL_APP_SECRET,
        cash_krw=100_000_000,
        holdings=(carried,),
    )
    write_pack(
        folder, day=DAY, seed=SEED, source="generated", simulated=True, listing=made.listing, session=made.session,
        history=made.daily, index=made.index, accounts=[account],
    )  # fmt: skip
    return codes


@contextlib.contextmanager
def running(folder: Path, redis_url: str, *sim_options: str, **environment: str) -> Iterator[Stack]:
    """An exchange on a generated market whose time stands until `advance`, and a gateway connected to it."""
    codes = make_pack(folder / "pack")
    sim = subprocess.Popen(
        [
            sys.executable, "-m", "jennie_sim", "--port", "0", "--admin-port", "0", "--speed", "0",
            "--admin-token-file", str(folder / "admin-token"), "--pack", str(folder / "pack"), "--start", "08:59:50",
            *sim_options,
        ],
        stdout=subprocess.PIPE, stderr=(folder / "sim.log").open("w"), text=True,
    )  # fmt: skip
    try:
        assert sim.stdout is not None
        line = sim.stdout.readline()
        assert line, (folder / "sim.log").read_text()
        facts = json.loads(line)
        base = free_base()
        variables = {
            "JENNIE_HOME": str(folder / "home"),
            "JENNIE_REDIS_URL": redis_url,
            "JENNIE_PORT_BASE": str(base),
            "JENNIE_KIS_REST_URL": f"http://127.0.0.1:{facts['port']}",
            "JENNIE_KIS_WS_URL": f"ws://127.0.0.1:{facts['port']}/tryitout",
            "JENNIE_MARKET_DAY": DAY.isoformat(),
            "PYTHONFAULTHANDLER": "1",
        } | environment
        clean = {name: value for name, value in os.environ.items() if not name.startswith("JENNIE_")}
        stack = Stack(folder, facts["port"], facts["admin_port"], base, clean | variables, codes, sim=sim)
        try:
            stack.start_gateway()
            yield stack
        finally:
            stack.stop_gateway()
    finally:
        sim.terminate()
        sim.wait(15)
