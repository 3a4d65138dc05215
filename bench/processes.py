"""Child processes of a bench: started with a log, waited for, measured, ended."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 60.0
STOP_SECONDS = 15.0


class BenchError(Exception):
    """The bench cannot go on; the message says which process and where its log is."""


@dataclass(frozen=True, slots=True)
class Use:
    """What a set of processes has used up to now."""

    cpu_seconds: float
    rss_mb: float


class Children:
    """The processes of one bench; ended in reverse order of their start."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._logs.mkdir(parents=True, exist_ok=True)
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def start(self, name: str, argv: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start a process without any `JENNIE_*` variable but the given ones."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith("JENNIE_")}
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._logs,
                env=clean | {"PYTHONPATH": str(ROOT)} | dict(environment or {}),
            )
        self._running.append((name, process))

    def python(self, name: str, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        """Start `python -m ...`."""
        self.start(name, [sys.executable, "-m", *arguments], environment)

    def log(self, name: str) -> Path:
        """Where a process writes."""
        return self._logs / f"{name}.log"

    def wait(self, name: str, condition: Callable[[], bool], seconds: float = START_SECONDS) -> None:
        """Wait until `condition` holds; raises BenchError when a process fails first or time is up."""
        deadline = time.monotonic() + seconds
        while not condition():
            for running, process in self._running:
                if process.poll():
                    raise BenchError(f"{running} ended with {process.returncode}; see {self.log(running)}")
            if time.monotonic() > deadline:
                raise BenchError(f"{name} was not ready within {seconds:.0f} s; see {self.log(name)}")
            time.sleep(0.05)

    def use(self, names: Sequence[str]) -> Use:
        """CPU seconds so far and resident memory now of the named processes with their children."""
        cpu = rss = 0.0
        for name, process in self._running:
            if name in names and process.poll() is None:
                for member in _family(process.pid):
                    times = member.cpu_times()
                    cpu += times.user + times.system
                    rss += member.memory_info().rss / 2**20
        return Use(cpu, rss)

    def stop(self) -> None:
        """End every process that was started here."""
        for _, process in reversed(self._running):
            if process.poll() is None:
                process.terminate()
        for _, process in reversed(self._running):
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def listens(port: int) -> bool:
    """Whether something accepts connections on a loopback port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=0.5).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
