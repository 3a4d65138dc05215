"""A server as a child process: start, wait until it answers, stop."""

import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from jennie_infra.settings import write_private

MAX_SOCKET_PATH = 103
"""Longest unix socket path, in bytes, that Linux (107) and macOS (103) both take."""


class EmbeddedServerError(Exception):
    """A server cannot be found or started; the message is one line and names the repair."""


def private_directory(path: Path) -> Path:
    """Make `path` (absolute, mode 0700) if need be; the server's socket and passwords live in it."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.chmod(0o700)
    return path.resolve()


def check_socket_path(path: Path) -> Path:
    """Return `path`, or raise EmbeddedServerError where the operating system could not bind it."""
    length = len(str(path).encode())
    if length > MAX_SOCKET_PATH:
        raise EmbeddedServerError(
            f"{path}: a socket path may have {MAX_SOCKET_PATH} bytes, this has {length}; "
            "set JENNIE_HOME to a folder with a shorter name"
        )
    return path


def generated_password(path: Path) -> str:
    """The password kept in `path` (mode 0600), made at first use; letters and digits only."""
    if not path.is_file():
        private_directory(path.parent)
        write_private(path, secrets.token_hex(24), exclusive=True)
    return path.read_text().strip()


def free_port() -> int:
    """A TCP port on 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_child(
    argv: Sequence[str],
    *,
    name: str,
    log_file: Path,
    answers: Callable[[], bool],
    start_seconds: float = 30.0,
    stop_seconds: float = 15.0,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `argv` until the block ends. `answers` is polled until True; raises EmbeddedServerError if it never is."""
    with log_file.open("ab") as log:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait_until_it_answers(process, name=name, log_file=log_file, answers=answers, seconds=start_seconds)
        yield process
    finally:
        _stop(process, stop_seconds)


def _wait_until_it_answers(
    process: subprocess.Popen[bytes], *, name: str, log_file: Path, answers: Callable[[], bool], seconds: float
) -> None:
    deadline = time.monotonic() + seconds
    while not answers():
        if process.poll() is not None:
            raise EmbeddedServerError(f"{name} ended at once: {_last_line(log_file)} (log: {log_file})")
        if time.monotonic() > deadline:
            raise EmbeddedServerError(f"{name} did not answer within {seconds:g} s (log: {log_file})")
        time.sleep(0.02)


def _stop(process: subprocess.Popen[bytes], seconds: float) -> None:
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_line(log_file: Path) -> str:
    """The last error of a log, else its last line."""
    lines = [line.strip() for line in log_file.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower() or "could not" in line.lower()]
    return (errors or lines or ["no output"])[-1]
