"""Folders of a run below `var/`, and the record of what is running."""

import contextlib
import json
import os
import shutil
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

import psutil

from jennie_cli.errors import UserError
from jennie_core.domain.base import Message
from jennie_infra.settings import write_private

KEEP_RUNS = 5
MIN_FREE_BYTES = 500 * 1024 * 1024
SOCKET_PATH_LIMIT = 100
HOME_PATH_LIMIT = 350
"""Characters of a state folder's path: SQLite takes 512 in all, and Dagster's files lie deep below the folder."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One (mode, account) state folder with everything a stack needs in it."""

    home: Path

    @property
    def exchange(self) -> Path:
        """Session pack of the rehearsal exchange (decision 0002)."""
        return self.home / "exchange"

    @property
    def market(self) -> Path:
        """Generated market folder."""
        return self.home / "market"

    @property
    def dagster_home(self) -> Path:
        """DAGSTER_HOME."""
        return self.home / "dagster"

    @property
    def logs(self) -> Path:
        """Output of the processes."""
        return self.home / "logs"

    @property
    def secrets(self) -> Path:
        """Private files."""
        return self.home / "secrets"

    @property
    def report_json(self) -> Path:
        """The report of a rehearsal."""
        return self.home / "report.json"

    def make(self) -> None:
        """Create the folders; the home is private to its owner."""
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in (self.exchange, self.dagster_home, self.logs):
            path.mkdir(exist_ok=True)
        self.secrets.mkdir(exist_ok=True, mode=0o700)

    def fits_unix_sockets(self) -> bool:
        """Whether socket files below the home stay inside the kernel's path limit."""
        return len(str(self.home / "supervisor.sock")) <= SOCKET_PATH_LIMIT


class RunningStack(Message):
    """A stack that was started and not yet ended."""

    home: Path
    mode: str
    port_base: int
    supervisor_pid: int
    started_at: datetime
    purpose: str

    @property
    def is_alive(self) -> bool:
        """Whether its supervisor still runs; a process that only has its old number is none of ours to end."""
        try:
            process = psutil.Process(self.supervisor_pid)
            own = any(str(self.home) in part for part in process.cmdline())
            return own and process.status() != psutil.STATUS_ZOMBIE
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False


def new_rehearsal(var_dir: Path, now: datetime) -> RunFolder:
    """A fresh folder for one rehearsal; raises UserError when the disk is too full."""
    runs = var_dir / "rehearsal" / "runs"
    require_short(runs.absolute())
    try:
        runs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{runs} cannot be written: {error.strerror}; choose another place with JENNIE_VAR_DIR"
        ) from error
    require_space(runs)
    folder = RunFolder(_fresh(runs, f"{now:%m%d%H%M%S}").resolve())
    folder.make()
    return folder


def _fresh(runs: Path, name: str) -> Path:
    """A folder of that name that nobody else has, also when two rehearsals start in the same second."""
    for number in count():
        path = runs / (f"{name}-{number}" if number else name)
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
            return path
    raise AssertionError("unreachable")


def drop_if_nothing_ran(folder: RunFolder) -> None:
    """A run that failed before any process started leaves no half-written folder behind."""
    if not any(folder.logs.glob("*.log")) and os.environ.get("KEEP_FAILED_RUN") is None:
        shutil.rmtree(folder.home, ignore_errors=True)


def require_short(path: Path) -> None:
    """Raise UserError for a path that is too long to hold databases."""
    if len(str(path)) > HOME_PATH_LIMIT:
        raise UserError(
            f"{str(path)[:60]}...: the path has {len(str(path))} characters, state needs one of at most "
            f"{HOME_PATH_LIMIT}; set JENNIE_VAR_DIR to a shorter path"
        )


def require_space(path: Path) -> None:
    """Raise UserError when less than 500 MB are free."""
    free = shutil.disk_usage(path).free
    if free < MIN_FREE_BYTES:
        raise UserError(
            f"{path}: {free // 2**20} MB free, a run needs {MIN_FREE_BYTES // 2**20} MB; "
            "free some space or set JENNIE_VAR_DIR"
        )


def publish_latest(var_dir: Path, folder: RunFolder) -> Path:
    """Point `var/rehearsal/latest` at a finished run and drop the oldest runs; returns the link."""
    link = var_dir / "rehearsal" / "latest"
    temporary = link.with_name(".latest.new")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(os.path.relpath(folder.home, link.parent))
    temporary.replace(link)
    runs = sorted(
        (path for path in folder.home.parent.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime
    )
    alive = {stack.home for stack in running_stacks(var_dir)}
    for old in runs[:-KEEP_RUNS]:
        if old not in alive and old != folder.home:
            shutil.rmtree(old, ignore_errors=True)
    return link


def latest(var_dir: Path) -> RunFolder | None:
    """The last finished rehearsal."""
    link = var_dir / "rehearsal" / "latest"
    return RunFolder(link.resolve()) if link.exists() else None


def record_running(var_dir: Path, stack: RunningStack) -> None:
    """Remember a started stack."""
    place = var_dir / "running"
    place.mkdir(parents=True, exist_ok=True)
    write_private(place / f"{stack.supervisor_pid}.json", stack.model_dump_json())


def forget_running(var_dir: Path, supervisor_pid: int) -> None:
    """Forget an ended stack."""
    (var_dir / "running" / f"{supervisor_pid}.json").unlink(missing_ok=True)


def running_stacks(var_dir: Path) -> list[RunningStack]:
    """Stacks that run now; records of dead ones are dropped."""
    found: list[RunningStack] = []
    for path in sorted((var_dir / "running").glob("*.json")):
        try:
            stack = RunningStack.model_validate(json.loads(path.read_text()))
        except (OSError, ValueError):
            path.unlink(missing_ok=True)
            continue
        if stack.is_alive:
            found.append(stack)
        else:
            path.unlink(missing_ok=True)
    return found
