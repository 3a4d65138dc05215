"""A real MariaDB server with a private data folder as a child process."""

import getpass
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pymysql

from jennie_infra.embedded.child import (
    EmbeddedServerError,
    check_socket_path,
    generated_password,
    private_directory,
    running_child,
)
from jennie_infra.settings import write_private

USER = "jennie"
DATABASE = "jennie"

# /usr/sbin is not on the PATH of an ordinary Debian user.
_FOLDERS = (
    "/usr/sbin",
    "/usr/libexec",
    "/opt/homebrew/opt/mariadb/bin",
    "/usr/local/opt/mariadb/bin",
    "/usr/local/bin",
)
_SEARCH_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), *_FOLDERS))


@dataclass(frozen=True)
class MariadbConfig:
    """How to run the server. Without `port` it listens on a unix socket in `directory` (mode 0700) only.

    The application user may do everything in databases whose name begins with `jennie`, and nothing elsewhere.
    """

    directory: Path
    port: int | None = None
    durable: bool = True
    """Flush every commit to disk; off only for tests."""
    buffer_pool_mb: int = 256

    @property
    def socket_path(self) -> Path:
        return self.directory.resolve() / "mariadb.sock"

    @property
    def data_path(self) -> Path:
        return self.directory.resolve() / "data"

    @property
    def init_path(self) -> Path:
        return self.directory.resolve() / "init.sql"

    @property
    def log_path(self) -> Path:
        return self.directory.resolve() / "mariadb.log"

    @property
    def password(self) -> str:
        """The application user's generated password."""
        return generated_password(self.directory / "mariadb.password")

    def url(self, database: str = DATABASE) -> str:
        """Address for SQLAlchemy: over TCP when there is a port, else over the socket."""
        if self.port is None:
            return f"mysql+pymysql://{USER}:{self.password}@localhost/{database}?unix_socket={self.socket_path}"
        return f"mysql+pymysql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"


def find_program(*names: str) -> Path:
    """The first of `names` on PATH or where packages put servers; raises EmbeddedServerError when there is none."""
    for name in names:
        found = shutil.which(name, path=_SEARCH_PATH)
        if found is not None:
            return Path(found)
    raise EmbeddedServerError(
        f"{names[0]} is not on this machine: apt-get install mariadb-server-core mariadb-client-core, "
        "brew install mariadb, or give the address of a running server"
    )


def server_argv(config: MariadbConfig) -> list[str]:
    """Make the data folder if need be and return the command that runs the server in the foreground.

    Raises EmbeddedServerError if MariaDB is missing or the folder cannot be made.
    """
    server = find_program("mariadbd", "mysqld")
    private_directory(config.directory)
    check_socket_path(config.socket_path)
    if not (config.data_path / "mysql").is_dir():
        _make_data_folder(config)
    write_private(config.init_path, _init_sql(config.password))
    network = ["--skip-networking"] if config.port is None else [f"--port={config.port}", "--bind-address=127.0.0.1"]
    return [
        str(server),
        "--no-defaults",
        *_user_option(),
        f"--datadir={config.data_path}",
        f"--socket={config.socket_path}",
        f"--pid-file={config.directory.resolve() / 'mariadb.pid'}",
        f"--init-file={config.init_path}",
        *network,
        "--skip-name-resolve",
        "--local-infile=1",
        "--character-set-server=utf8mb4",
        "--collation-server=utf8mb4_unicode_ci",
        f"--innodb-buffer-pool-size={config.buffer_pool_mb}M",
        "--innodb-log-file-size=128M",
        f"--innodb-flush-log-at-trx-commit={1 if config.durable else 2}",
    ]


@contextmanager
def running(config: MariadbConfig) -> Iterator[str]:
    """Run a server until the block ends; yields the URL of its empty database `jennie`."""
    argv = server_argv(config)
    with running_child(argv, name="mariadb", log_file=config.log_path, answers=lambda: _answers(config)):
        yield config.url()


def _make_data_folder(config: MariadbConfig) -> None:
    # root may log in over the socket as the operating system's own user only: nobody without a password over TCP.
    command = [
        str(find_program("mariadb-install-db", "mysql_install_db")),
        "--no-defaults",
        *_user_option(),
        f"--datadir={config.data_path}",
        "--auth-root-authentication-method=socket",
        f"--auth-root-socket-user={getpass.getuser()}",
        "--skip-test-db",
        "--skip-name-resolve",
    ]
    find_program("my_print_defaults")
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
        shutil.rmtree(config.data_path, ignore_errors=True)
        raise EmbeddedServerError(f"mariadb-install-db failed in {config.data_path}: {lines[0]}")


def _user_option() -> list[str]:
    return ["--user=root"] if os.geteuid() == 0 else []


def _init_sql(password: str) -> str:
    """Statements of every start, one per line as the server wants them; repeating them changes nothing."""
    users = [f"'{USER}'@'{host}'" for host in ("localhost", "127.0.0.1")]
    create = [f"CREATE USER IF NOT EXISTS {user} IDENTIFIED BY '{password}';" for user in users]
    alter = [f"ALTER USER {user} IDENTIFIED BY '{password}';" for user in users]
    grant = [f"GRANT ALL ON `{DATABASE}%`.* TO {user};" for user in users]
    database = f"CREATE DATABASE IF NOT EXISTS `{DATABASE}`;"
    return "\n".join([*create, *alter, *grant, database]) + "\n"


def _answers(config: MariadbConfig) -> bool:
    address = {"unix_socket": str(config.socket_path)} if config.port is None else {"port": config.port}
    try:
        pymysql.connect(host="127.0.0.1", user=USER, password=config.password, **address).close()
    except pymysql.err.OperationalError:
        return False
    return True
