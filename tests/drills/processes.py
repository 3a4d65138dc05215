"""The processes of a drill: started, killed, stopped, their output kept beside the ledger."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from jennie_infra.embedded.valkey import ValkeyConfig, server_argv
from jennie_infra.settings import Settings
from tests.drills.market_time import MarketTime
from tests.drills.nursery import Child, Forked

ROOT = Path(__file__).resolve().parents[2]
MODULES = {
    "kis-gateway": "jennie_live.gateway",
    "buy-executor": "jennie_live.buy_executor",
    "sell-executor": "jennie_live.sell_executor",
    "buy-scanner": "jennie_live.scanner",
    "price-monitor": "jennie_live.monitor",
}
TOKEN = "drill_admin_token"


class Processes(MarketTime):
    """Store, exchange and workers as children of the test."""

    home: Path
    settings: Settings
    environment: dict[str, str]
    processes: dict[str, Child]

    def _environment(self, more: dict[str, str]) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("JENNIE_")}
        return {**kept, **self.environment, **more}

    def spawn(self, name: str, command: list[str], **environment: str) -> None:
        """Start a program; its output goes to a log beside the ledger."""
        with (self.home / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self._environment(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def run_module(self, name: str, module: str, arguments: list[str], **environment: str) -> None:
        """Start a Python module as a process of its own, without the seconds that its imports take."""
        log = self.home / f"{name}.log"
        self.processes[name] = Forked(module, arguments, self._environment(environment), log)

    def start(self, name: str, process: str | None = None, **environment: str) -> None:
        """Start a worker, or a second one of its kind under another name."""
        self.run_module(process or name, MODULES[name], [], **environment)

    def start_redis(self) -> None:
        """Start the store on the data that is there."""
        self.spawn("redis", server_argv(ValkeyConfig(self.home)))

    def start_exchange(self, module: str = "tests.drills.exchange") -> None:
        """Start the exchange on its tape."""
        port, admin_port = self.settings.port("sim"), self.settings.port("sim-admin")
        self.run_module("sim", module, [str(port), str(admin_port), str(self.settings.secrets_dir / TOKEN)])

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        """End a process and return its exit code."""
        process = self.processes.pop(name)
        process.send_signal(number)
        return process.wait(30)

    async def died(self, name: str) -> int:
        """Wait until a process ended by itself; returns its exit code."""
        process = self.processes[name]
        await self.until(lambda: process.poll() is not None, f"{name} ends")
        del self.processes[name]
        return process.wait(1)

    def log(self, name: str) -> str:
        """The end of a process's output."""
        path = self.home / f"{name}.log"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""

    def all_logs(self) -> str:
        """The end of every process's output."""
        return "\n".join(f"--- {name}\n{self.log(name)}" for name in self.processes)

    def end_all(self) -> None:
        """End every process that is left, those that are stopped included."""
        for process in reversed(list(self.processes.values())):
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 15
        for process in self.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait(10)
