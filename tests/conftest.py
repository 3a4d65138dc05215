"""Fixtures that hand out real servers. A server that cannot be had fails the test with one line; nothing is skipped."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pymysql
import pytest
import redis
from sqlalchemy.engine import make_url

from jennie_infra.embedded import EmbeddedServerError, mariadb, valkey

REAL_DATA = Path(os.environ.get("JENNIE_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
"""Real KRX data beside the checkout; the project carries none."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests over real data belong to machines that have it."""
    if REAL_DATA.is_dir():
        return
    elsewhere = [item for item in items if item.get_closest_marker("realdata")]
    if elsewhere:
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if item not in elsewhere]


def pytest_report_header() -> str:
    """Say which data the tests run over."""
    return f"real data: {REAL_DATA}" if REAL_DATA.is_dir() else f"real data: none at {REAL_DATA} (JENNIE_TEST_DATA)"


@pytest.fixture(scope="session")
def short_directory() -> Iterator[Path]:
    """A private folder with a short name: unix sockets may have about 100 bytes."""
    path = Path(tempfile.mkdtemp(prefix="jt-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def redis_server(short_directory: Path) -> Iterator[str]:
    """URL of a real Redis-compatible server of this session (or TEST_REDIS_URL)."""
    given = os.environ.get("TEST_REDIS_URL")
    if given:
        yield given
        return
    try:
        with valkey.running(valkey.ValkeyConfig(short_directory / "v", durable=False)) as url:
            yield url
    except EmbeddedServerError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """URL of an empty Redis database."""
    with redis.Redis.from_url(redis_server) as client:
        client.flushdb()
    return redis_server


@pytest.fixture(scope="session")
def mariadb_server(short_directory: Path) -> Iterator[str]:
    """URL of a real MariaDB of this session (or TEST_MARIADB_URL), as a user who may make databases `jennie*`."""
    given = os.environ.get("TEST_MARIADB_URL")
    if given:
        yield given
        return
    try:
        config = mariadb.MariadbConfig(short_directory / "m", durable=False, buffer_pool_mb=128)
        with mariadb.running(config) as url:
            yield url
    except EmbeddedServerError as error:
        pytest.fail(f"{error} (or set TEST_MARIADB_URL)", pytrace=False)


@pytest.fixture
def mariadb_url(mariadb_server: str) -> Iterator[str]:
    """URL of a fresh, empty MariaDB database, dropped after the test."""
    server = make_url(mariadb_server)
    name = f"jennie_test_{uuid4().hex[:12]}"
    connection = pymysql.connect(
        host=server.host or "localhost",
        port=server.port or 3306,
        user=server.username,
        password=str(server.password or ""),
        unix_socket=server.query.get("unix_socket"),
    )
    with connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE `{name}`")
        yield server.set(database=name).render_as_string(hide_password=False)
        cursor.execute(f"DROP DATABASE `{name}`")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """URL of a fresh SQLite file."""
    return f"sqlite:///{tmp_path / 'jennie.db'}"
