"""Processes of a drill, forked from one that has imported the code: a rig starts in a second and costs little.

Each is a process of its own with its own memory, sockets and signals, exactly as `python -m MODULE` would be after its
imports; tests/e2e starts the house the long way.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Protocol

PRELOAD = [
    "jennie_live.gateway.app",
    "jennie_live.buy_executor.app",
    "jennie_live.sell_executor.app",
    "jennie_live.scanner.app",
    "jennie_live.monitor.app",
    "jennie_sim.app",
    "polars",
    # what the servers import once they run
    "uvicorn.lifespan.on",
    "uvicorn.loops.uvloop",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.protocols.websockets.auto",
    "sqlite3",
    "stringprep",
    "encodings.idna",
    "pydantic.v1",
]
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(PRELOAD)


class Child(Protocol):
    """What a drill does with a process, however it was started."""

    pid: int

    def poll(self) -> int | None:
        """Exit code; None while it runs."""
        ...

    def wait(self, timeout: float) -> int:
        """Exit code once it has ended; raises subprocess.TimeoutExpired."""
        ...

    def send_signal(self, number: int) -> None:
        """Send a signal; nothing happens to a process that has ended."""
        ...


class Forked:
    """A Python module as a process."""

    def __init__(self, module: str, arguments: list[str], environment: dict[str, str], log: Path) -> None:
        self._process = _context.Process(
            target=_be, args=(module, arguments, environment, str(log)), daemon=True, name=module
        )
        self._process.start()
        self.pid: int = self._process.pid or 0

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout)
        return code

    def send_signal(self, number: int) -> None:
        if self._process.exitcode is None:
            os.kill(self.pid, number)


def _be(module: str, arguments: list[str], environment: dict[str, str], log: str) -> None:
    """Become the process: environment, output, then the module as the main program."""
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the test, which ends its processes itself
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__")
