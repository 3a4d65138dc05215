"""Starts the real `jennie` as a child process with its own folder and ports, and looks at it from outside."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import redis

from jennie_cli.errors import UserError
from jennie_cli.exchange_admin import ExchangeAdmin
from jennie_cli.places import RunFolder
from jennie_cli.rig import ADMIN_TOKEN
from jennie_cli.stack import MODULES, supervisor_proxy
from jennie_infra.settings import PORTS, Settings, generated_secret, load_settings

ROOT = Path(__file__).resolve().parents[2]
JENNIE = Path(sys.executable).parent / "jennie"
DEADLINE_SECONDS = 300.0
PORT_STEP = 23
FIRST_BASE, LAST_BASE = 11_000, 19_000
DATA = Path(os.environ.get("JENNIE_TEST_DATA", ROOT.parent / "shared" / "data"))
"""Folder with real bars, if this machine has one."""


def until(condition: Callable[[], Any], what: str, seconds: float = DEADLINE_SECONDS) -> Any:
    """Wait for a condition and return its value; fails by name after the deadline."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.02)
    return value


def free_port_bases() -> Iterator[int]:
    """Bases at which every port of a stack is free, beginning at a place of this process.

    Test processes that run side by side have places of their own; a base comes again only after all others.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    bases = range(FIRST_BASE + worker * PORT_STEP, LAST_BASE, workers * PORT_STEP)
    refused, place = 0, os.getpid() * 7
    while refused < len(bases):
        base = bases[place % len(bases)]
        place += 1
        if all(_is_free(port + base) for port in PORTS.values()):
            refused = 0
            yield base
        else:
            refused += 1


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def clean_environment(changes: Mapping[str, str]) -> dict[str, str]:
    """This environment without anybody's settings, and with the given ones."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JENNIE_")}
    return {**kept, "COLUMNS": "200", "DAGSTER_DISABLE_TELEMETRY": "1", **changes}


def processes_of(var_dir: Path) -> list[str]:
    """Processes that work in or for a state folder, whoever started them."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline"]):
        try:
            texts = [*process.cmdline(), process.cwd(), process.environ().get("JENNIE_HOME", "")]
            if process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found += [" ".join(process.cmdline())] if any(str(var_dir) in text for text in texts) else []
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


class House:
    """One state folder and one port base, and the commands said to them."""

    def __init__(self, port_base: int, var_dir: Path | None = None) -> None:
        self.port_base = port_base
        self.var_dir = var_dir or Path(tempfile.mkdtemp(prefix="je-"))
        self.environment = clean_environment({"JENNIE_VAR_DIR": str(self.var_dir)})
        self._process: subprocess.Popen[bytes] | None = None
        self.output = self.var_dir / "output.txt"

    def start(self, *arguments: str) -> "House":
        """Start a command in the background; its output goes to a file."""
        with self.output.open("wb") as output:
            self._process = subprocess.Popen(
                [str(JENNIE), *arguments],
                cwd=self.var_dir,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return self

    def rehearse(self, *options: str) -> "House":
        """Start a rehearsal in the background."""
        return self.start("rehearse", "--plain", "--port-base", str(self.port_base), *options)

    def wait(self, seconds: float = DEADLINE_SECONDS) -> int:
        """Exit code of the command started last."""
        assert self._process is not None
        return self._process.wait(seconds)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Market time stands still: the conductor sleeps, every worker goes on."""
        assert self._process is not None
        assert self.is_running
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    @property
    def is_running(self) -> bool:
        """Whether the command started last still runs; fails with its output when it ended badly."""
        assert self._process is not None
        code = self._process.poll()
        assert code in (None, 0), self.output.read_text(errors="replace")[-2000:]
        return code is None

    def say(self, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [str(JENNIE), *arguments],
            cwd=self.var_dir,
            env={**self.environment, **changes},
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )

    def end(self) -> None:
        """End whatever still runs here, politely first."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
        if (self.var_dir / "running").exists():
            self.say("down")

    @property
    def home(self) -> Path:
        """State folder of the newest run."""
        runs = self.var_dir / "rehearsal" / "runs"
        return until(lambda: sorted(runs.glob("*")) if runs.exists() else [], "a run folder", 60)[-1]

    @property
    def settings(self) -> Settings:
        """Settings as the newest run's processes have them."""
        return load_settings({}, ROOT / "absent.env", mode="rehearsal", home=self.home, port_base=self.port_base)

    @property
    def report(self) -> dict[str, Any]:
        """The finished rehearsal's report."""
        found: dict[str, Any] = json.loads((self.var_dir / "rehearsal" / "latest" / "report.json").read_text())
        return found

    @property
    def admin(self) -> ExchangeAdmin:
        """Line to the exchange."""
        return ExchangeAdmin(self.settings.port("sim-admin"), generated_secret(self.settings, ADMIN_TOKEN))

    def redis(self) -> "redis.Redis":
        """A client of the run's Redis."""
        return redis.Redis.from_url(self.settings.effective_redis_url)

    def market_clock(self) -> str:
        """HH:MM:SS at the exchange; "" before it answers."""
        assert self.is_running, "the rehearsal ended too soon"
        try:
            now: str = self.admin.state()["now"]
        except UserError:
            return ""
        return now[11:19]

    def health(self, service: str) -> dict[str, Any]:
        """/health of a worker; empty while it does not answer."""
        try:
            answer: dict[str, Any] = httpx.get(f"{self.settings.url(service)}/health", timeout=5).json()
        except (httpx.HTTPError, ValueError):
            return {}
        return answer

    def pids(self) -> dict[str, int]:
        """Process id of every worker as the supervisor knows it."""
        info: Any = supervisor_proxy(RunFolder(self.home)).supervisor.getAllProcessInfo()
        return {row["name"]: int(row["pid"]) for row in info if row["name"] in MODULES}
