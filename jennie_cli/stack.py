"""The processes of one stack under supervisord: configuration, start, state, ordered stop (H3)."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
from supervisor.xmlrpc import SupervisorTransport

from jennie_cli.errors import UserError
from jennie_cli.places import RunFolder
from jennie_infra.settings import PORTS, Settings, generated_secret, write_private


@dataclass(frozen=True, slots=True)
class Program:
    """One process. Lower `priority` starts earlier and stops later."""

    name: str
    command: tuple[str, ...]
    priority: int
    port: int | None = None
    environment: Mapping[str, str] | None = None
    autorestart: bool = True


MODULES: dict[str, tuple[str, int]] = {
    "kis-gateway": ("jennie_live.gateway", 30),
    "sell-executor": ("jennie_live.sell_executor", 40),
    "price-monitor": ("jennie_live.monitor", 50),
    "buy-executor": ("jennie_live.buy_executor", 60),
    "buy-scanner": ("jennie_live.scanner", 70),
    "dashboard-api": ("jennie_live.dashboard", 80),
    "command-handler": ("jennie_live.commands", 81),
}
"""Workers in starting order; stopping goes the other way: scanner, buy, monitor, sell, gateway, stores."""

LEFTOVER_SECONDS = 2.0
"""How long grandchildren, e.g. Dagster's code server, may outlive their program."""

TRADING_WORKERS = ("kis-gateway", "buy-scanner", "price-monitor", "buy-executor", "sell-executor")


def worker_programs(settings: Settings) -> list[Program]:
    """The seven workers of the trading plane."""
    return [
        Program(name, (sys.executable, "-m", module), priority, settings.port(name))
        for name, (module, priority) in MODULES.items()
    ]


def require_free_ports(settings: Settings, names: list[str]) -> None:
    """Raise UserError naming the first port that is taken and what to do."""
    for name in names:
        port = settings.port(name)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise UserError(
                    f"port {port} ({name}) is taken; end what listens there or choose other ports with PORT_BASE "
                    f"(now {settings.port_base}, added to {PORTS[name]})"
                ) from error


class Stack:
    """supervisord with the programs of one run folder."""

    def __init__(
        self, folder: RunFolder, settings: Settings, programs: list[Program], environment: Mapping[str, str]
    ) -> None:
        self.folder = folder
        self.settings = settings
        self.programs = programs
        self._environment = dict(environment)
        self._socket = folder.home / "supervisor.sock"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def was_started(self) -> bool:
        """Whether a supervisord was started, alive or not."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """Process id of supervisord."""
        if self._process is None:
            raise RuntimeError("the stack was not started")
        return self._process.pid

    def start(self) -> None:
        """Write the configuration and start supervisord; raises UserError if it dies.

        Settings reach the programs through the inherited environment, so that no secret stands in the configuration.
        """
        config = self.folder.home / "supervisord.conf"
        write_private(config, self._configuration())
        log = (self.folder.logs / "supervisord.out").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=self.folder.home,
            start_new_session=True,
            env={**os.environ, **self._environment},
        )
        log.close()
        deadline = time.monotonic() + 20
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop(5)
                raise UserError(f"the supervisor did not start; see {self.folder.logs / 'supervisord.out'}")
            time.sleep(0.05)

    def process_info(self) -> list[dict[str, Any]]:
        """supervisord's view of every program."""
        info: Any = self._proxy().supervisor.getAllProcessInfo()
        return list(info)

    def spawn_counts(self) -> dict[str, int]:
        """How often each program was started, from the supervisor's log."""
        counts: dict[str, int] = {}
        log = self.folder.logs / "supervisord.log"
        for line in log.read_text(errors="replace").splitlines() if log.exists() else []:
            if "spawned: '" in line:
                name = line.split("spawned: '", 1)[1].split("'", 1)[0]
                counts[name] = counts.get(name, 0) + 1
        return counts

    def start_program(self, name: str) -> None:
        """Start one program that is not started with the stack."""
        self._proxy().supervisor.startProcess(name, False)

    def wait_healthy(self, names: tuple[str, ...], seconds: float, accept: tuple[int, ...] = (200,)) -> None:
        """Wait until each worker answers /health; raises UserError naming the one that does not and its log."""
        deadline = time.monotonic() + seconds
        waiting = dict.fromkeys(names, "no answer")
        with httpx.Client(timeout=2.0) as client:
            while waiting:
                for name in list(waiting):
                    try:
                        answer = client.get(f"{self.settings.url(name)}/health")
                        if answer.status_code in accept:
                            del waiting[name]
                        else:
                            waiting[name] = answer.text[:300]
                    except httpx.HTTPError as error:
                        waiting[name] = type(error).__name__
                if waiting and time.monotonic() > deadline:
                    name, why = next(iter(waiting.items()))
                    raise UserError(
                        f"{name} is not healthy after {seconds:.0f} s ({why}); see {self.folder.logs / name}.log"
                    )
                time.sleep(0.1)

    def wait_port(self, name: str, seconds: float) -> None:
        """Wait until a service's port accepts a connection; raises UserError naming its log."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.settings.port(name)), timeout=1.0).close()
                return
            except OSError as error:
                if time.monotonic() > deadline:
                    raise UserError(f"{name} did not start ({error}); see the logs in {self.folder.logs}") from error
            time.sleep(0.05)

    def wait(self) -> None:
        """Wait until the supervisor ends."""
        if self._process is not None:
            self._process.wait()

    def stop(self, seconds: float = 30.0) -> None:
        """Ordered stop of every program and of supervisord itself; what does not end in time is killed."""
        if self._process is None or self._process.poll() is not None:
            return
        end_supervisor(self._process.pid, seconds)
        self._process.wait(timeout=5)

    def _answers(self) -> bool:
        try:
            self._proxy().supervisor.getState()
        except (OSError, xmlrpc.client.Error):
            return False
        return True

    def _proxy(self) -> Any:
        return supervisor_proxy(self.folder)

    def _configuration(self) -> str:
        lines = [
            "[unix_http_server]",
            f"file={self._socket}",
            "chmod=0700",
            "[supervisord]",
            "nodaemon=true",
            "silent=true",
            f"logfile={self.folder.logs / 'supervisord.log'}",
            "logfile_maxbytes=5MB",
            f"pidfile={self.folder.home / 'supervisord.pid'}",
            "minfds=1024",
            "[rpcinterface:supervisor]",
            "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
            "[supervisorctl]",
            f"serverurl=unix://{self._socket}",
        ]
        if not self.folder.fits_unix_sockets():
            lines[0:3] = ["[inet_http_server]", f"port=127.0.0.1:{9001 + self.settings.port_base}"]
            lines[2:2] = ["username=jennie", f"password={generated_secret(self.settings, 'supervisor_password')}"]
        for program in self.programs:
            lines += self._program_lines(program)
        return "\n".join(lines) + "\n"

    def _program_lines(self, program: Program) -> list[str]:
        environment = program.environment or {}
        pairs = ",".join(f'{key}="{_escape(value)}"' for key, value in environment.items())
        return [
            f"[program:{program.name}]",
            f"command={' '.join(_quote(part) for part in program.command)}",
            f"priority={program.priority}",
            *([f"environment={pairs}"] if pairs else []),
            f"directory={self.folder.home}",
            f"autorestart={'true' if program.autorestart else 'false'}",
            "startsecs=1",
            "startretries=20",
            "stopsignal=TERM",
            "stopwaitsecs=8",
            "stopasgroup=false",
            "killasgroup=true",
            "redirect_stderr=true",
            f"stdout_logfile={self.folder.logs / program.name}.log",
            "stdout_logfile_maxbytes=10MB",
            "stdout_logfile_backups=2",
        ]


def supervisor_proxy(folder: RunFolder) -> Any:
    """XML-RPC proxy to the supervisord of a run folder."""
    if folder.fits_unix_sockets():
        transport = SupervisorTransport(None, None, f"unix://{folder.home / 'supervisor.sock'}")
    else:
        values = dict(line.split("=", 1) for line in (folder.home / "supervisord.conf").read_text().splitlines()[1:4])
        transport = SupervisorTransport(values["username"], values["password"], f"http://{values['port']}")
    return xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)


def end_supervisor(pid: int, seconds: float = 40.0) -> None:
    """SIGTERM a supervisord, wait for its ordered stop, then end what its programs left behind."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        process.send_signal(signal.SIGTERM)
    except psutil.NoSuchProcess:
        return
    psutil.wait_procs([process], timeout=seconds)
    for send in (psutil.Process.terminate, psutil.Process.kill):
        _, family = psutil.wait_procs(family, timeout=LEFTOVER_SECONDS)
        for leftover in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                send(leftover)
    psutil.wait_procs(family, timeout=5)


def random_key(length: int) -> str:
    """A random text of letters and digits, e.g. for the rehearsal exchange's application key."""
    return secrets.token_hex(length)[:length]


def _quote(part: str) -> str:
    return f'"{part}"' if " " in part else part


def _escape(value: str) -> str:
    return value.replace("%", "%%").replace('"', '\\"')


def interpreter_root() -> Path:
    """Folder of the virtual environment's executables."""
    return Path(sys.executable).parent
