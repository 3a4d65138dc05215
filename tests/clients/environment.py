"""A Python environment for each published client: made from its lock file, kept below var/ by the lock's hash."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CLIENTS = Path(__file__).parent
CACHE = ROOT / "var" / "clients"
INSTALL_SECONDS = 300


def python_of(client: str) -> Path:
    """The interpreter of the client's environment; made when its lock (or this Python) is new."""
    lock = CLIENTS / client / "requirements.lock"
    key = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]
    home = CACHE / f"{client}-{key}"
    if not (home / "ready").exists():
        for old in CACHE.glob(f"{client}-*"):
            shutil.rmtree(old)
        _install(home, lock)
        (home / "ready").touch()
    return home / "bin" / "python"


def _install(home: Path, lock: Path) -> None:
    """uv where it is, else pip; both by hash, so that what runs is what was locked."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    python = str(home / "bin" / "python")
    quiet = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    if subprocess.run([sys.executable, "-m", "uv", "--version"], capture_output=True, check=False).returncode == 0:
        command = [sys.executable, "-m", "uv", "pip", "sync", "-q", "--python", python, "--require-hashes", str(lock)]
    else:
        pip = [sys.executable, "-m", "pip", "--python", python]
        command = [*pip, "install", "-q", "--no-deps", "--require-hashes", "-r", str(lock)]
    subprocess.run(command, check=True, env=quiet, timeout=INSTALL_SECONDS)
