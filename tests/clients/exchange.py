"""`jennie sim` as a process, what it must show (drawn from the same seed here), and a client's run against it."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from jennie_cli.exchange_admin import ExchangeAdmin
from jennie_core.krx.ticks import tick_size
from jennie_sim.main import STAND_ALONE_ACCOUNT, generated_pack, parser
from jennie_sim.market.market import Market
from tests.clients.environment import CLIENTS, python_of

START = "10:00:00"
CODES = 40
SCRIPT_SECONDS = 240
NOWHERE = "http://127.0.0.1:9"
Line = dict[str, Any]


@dataclass(frozen=True)
class Sight:
    """What one client saw, line by line, beside the exchange's own ledger after it had finished."""

    lines: list[Line]
    ledger: dict[str, Any]
    violations: list[dict[str, Any]]

    def of(self, step: str) -> list[Line]:
        """The lines of a step that the client could do."""
        return [line for line in self.lines if line["step"] == step and "cannot" not in line]

    def one(self, step: str) -> Line:
        """The only line of a step."""
        found = self.of(step)
        assert len(found) == 1, f"{step}: {len(found)} lines in {self.lines}"
        return found[0]

    @property
    def cannot(self) -> dict[str, str]:
        """Steps the client has no way to do, with its reasons."""
        return {line["step"]: line["cannot"] for line in self.lines if "cannot" in line}


@dataclass(frozen=True)
class Exchange:
    """A running exchange of one day with the published account."""

    port: int
    admin: ExchangeAdmin
    options: list[str]

    @cached_property
    def market(self) -> Market:
        """The same market, drawn here: what the exchange must show."""
        return Market(generated_pack(parser().parse_args(self.options)))

    @cached_property
    def code(self) -> str:
        """The stock with the largest turnover of the day: its trades are many and its order book deep."""
        bars = self.market.pack.bars.values()
        return max(bars, key=lambda bar: bar.volume * bar.close).code

    @property
    def tick_size(self) -> int:
        """Won between the lowest price of the day and the next one."""
        market, listed = self.market, self.market.listing[self.code]
        lower = market.limits(self.code).lower_krw
        return tick_size(lower, on=market.day, kind=listed.kind, market=listed.market)

    def show(self, client: str, **environment: str) -> Sight:
        """Run a client's script in its own environment and return what it saw; fails with its output if it failed."""
        with tempfile.TemporaryDirectory(prefix="jc-") as home:
            done = subprocess.run(
                [str(python_of(client)), str(CLIENTS / client / "script.py")],
                cwd=home,
                env=self._environment(home) | environment,
                capture_output=True,
                text=True,
                timeout=SCRIPT_SECONDS,
                check=False,
            )
        assert done.returncode == 0, (
            f"{client} ended with {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        )
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"step"')]
        return Sight(lines, self.admin.ledger(), self.admin.violations()["violations"])

    def _environment(self, home: str) -> dict[str, str]:
        account = STAND_ALONE_ACCOUNT
        return {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "LANG": "C.UTF-8",
            "TZ": "Asia/Seoul",
            # Whatever a client wants to fetch elsewhere ends at a closed port: nothing leaves this machine.
            "HTTP_PROXY": NOWHERE,
            "HTTPS_PROXY": NOWHERE,
            "NO_PROXY": "127.0.0.1",
            "PYTHONPATH": str(CLIENTS / "common"),
            "EXCHANGE_REST": f"http://127.0.0.1:{self.port}",
            "EXCHANGE_WS": f"ws://127.0.0.1:{self.port}",
            "APP_KEY": account.app_key,
            "APP_SECRET": account.app_secret,
            "ACCOUNT": account.account_number,
            "HTS_ID": account.hts_id,
            "CODE": self.code,
            "TICK": str(self.tick_size),
            "MARKET_NOW": self.admin.state()["now"],
        }


@contextmanager
def running_exchange(day: date, wire_revision: str, *more: str) -> Iterator[Exchange]:
    """`jennie sim` from 10:00 of `day` at wall-clock speed, on ports of its own choosing, with the broker's limits."""
    with tempfile.TemporaryDirectory(prefix="jc-sim-") as folder:
        token = Path(folder) / "admin-token"
        options = ["--day", day.isoformat(), "--codes", str(CODES), "--start", START, "--wire-revision", wire_revision]
        command = [sys.executable, "-m", "jennie_cli", "sim", *options, *more, "--port", "0", "--admin-port", "0"]
        process = subprocess.Popen(
            [*command, "--admin-token-file", str(token)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert said, process.communicate(timeout=10)[1]
            ports = json.loads(said)
            yield Exchange(ports["port"], ExchangeAdmin(ports["admin_port"], token.read_text().strip()), options)
        finally:
            process.terminate()
            process.communicate(timeout=30)
