"""The embedded MariaDB: private, ready for bulk loads, and clear when it is missing."""

import shutil
from pathlib import Path

import pymysql
import pytest
from sqlalchemy import create_engine, text

from jennie_infra.embedded import EmbeddedServerError, child, mariadb


@pytest.fixture
def directory(short_directory: Path):
    path = short_directory / "m2"
    yield path
    shutil.rmtree(path, ignore_errors=True)


def test_fresh_database_keeps_korean_text_and_takes_bulk_loads(mariadb_url: str) -> None:
    engine = create_engine(mariadb_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (code CHAR(6) CHARACTER SET ascii PRIMARY KEY, name VARCHAR(40))"))
        connection.execute(text("INSERT INTO t VALUES ('005930', '삼성전자')"))
        assert connection.execute(text("SELECT name FROM t")).scalar_one() == "삼성전자"
        assert connection.execute(text("SELECT @@local_infile")).scalar_one() == 1
    engine.dispose()


def test_tests_do_not_see_each_others_tables(mariadb_url: str) -> None:
    engine = create_engine(mariadb_url)
    with engine.connect() as connection:
        assert connection.execute(text("SHOW TABLES")).all() == []
    engine.dispose()


def test_data_password_and_user_survive_a_restart_and_no_other_login_works(directory: Path) -> None:
    config = mariadb.MariadbConfig(directory, port=child.free_port(), durable=False, buffer_pool_mb=64)
    with mariadb.running(config) as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE kept (n INT)"))
        engine.dispose()
        for user in ("root", mariadb.USER):
            with pytest.raises(pymysql.err.OperationalError):
                pymysql.connect(host="127.0.0.1", port=config.port, user=user, password="")
    with mariadb.running(config) as again:
        assert again == url
        engine = create_engine(again)
        with engine.connect() as connection:
            assert connection.execute(text("SHOW TABLES")).scalars().all() == ["kept"]
            with pytest.raises(Exception, match="denied"):
                connection.execute(text("CREATE DATABASE other"))
        engine.dispose()


def test_missing_server_is_named_with_its_repair(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mariadb, "_SEARCH_PATH", "/nonexistent")
    with pytest.raises(EmbeddedServerError, match="apt-get install mariadb-server-core"):
        mariadb.server_argv(mariadb.MariadbConfig(directory))
