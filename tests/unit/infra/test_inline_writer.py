"""A commit in the calling thread never waits: what cannot be done at once is left to the database thread."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from jennie_infra.db.engine import make_engine
from jennie_infra.db.inline import REST_SECONDS, SLOW_SECONDS, InlineWriter, checkpoint

INSERT = "INSERT INTO note (text) VALUES (?)"
PAGE_BYTES = 4096
HEADER_BYTES = 32
"""Of SQLite's write-ahead log: its two salts change when the log begins anew."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = make_engine(f"sqlite:///{tmp_path / 'notes.db'}", durable=False)
    with made.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE note (text TEXT PRIMARY KEY)")
    yield made
    made.dispose()


def notes(folder: Path) -> list[str]:
    """What another process would read."""
    reader = sqlite3.connect(folder / "notes.db")
    found = [text for (text,) in reader.execute("SELECT text FROM note ORDER BY rowid")]
    reader.close()
    return found


def test_what_is_committed_can_be_read_by_others(engine: Engine, tmp_path: Path) -> None:
    writer = InlineWriter(engine)
    assert writer.commit(INSERT, ("a",))
    assert notes(tmp_path) == ["a"]
    writer.close()
    assert not writer.commit(INSERT, ("b",))


def test_a_locked_or_refused_statement_changes_nothing_and_does_not_wait(engine: Engine, tmp_path: Path) -> None:
    writer = InlineWriter(engine)
    other = sqlite3.connect(tmp_path / "notes.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert not writer.commit(INSERT, ("a",)), "locked"
    other.execute("ROLLBACK")
    assert writer.commit(INSERT, ("a",))
    assert not writer.commit(INSERT, ("a",)), "twice"
    assert notes(tmp_path) == ["a"]
    other.close()
    writer.close()


def test_after_a_slow_commit_the_writer_rests_for_a_minute(engine: Engine, tmp_path: Path) -> None:
    times = iter([0.0, 1.0, 1.0 + 2 * SLOW_SECONDS, 1.2, 2.0, 1.2 + REST_SECONDS, 1.2 + REST_SECONDS])
    writer = InlineWriter(engine, lambda: next(times))
    assert writer.commit(INSERT, ("slow",)), "what is committed is committed, however long it took"
    assert not writer.commit(INSERT, ("resting",))
    assert writer.commit(INSERT, ("rested",))
    assert notes(tmp_path) == ["slow", "rested"]
    writer.close()


def test_checkpoints_are_the_owners_and_begin_the_log_anew(engine: Engine, tmp_path: Path) -> None:
    """No commit of the writer pays one: the log grows past the thousand pages at which SQLite would make it."""
    writer, log = InlineWriter(engine), tmp_path / "notes.db-wal"
    for number in range(600):
        assert writer.commit(INSERT, (f"{number}" + "x" * PAGE_BYTES,))
    grown = log.stat().st_size
    assert grown > 1_000 * PAGE_BYTES
    before = log.read_bytes()[:HEADER_BYTES]
    with engine.begin() as connection:
        checkpoint(connection)
    assert log.read_bytes()[:HEADER_BYTES] != before, (
        "its new header is written and synced here, not by the next commit"
    )
    for number in range(100):
        assert writer.commit(INSERT, (f"again {number}",))
    assert log.stat().st_size == grown, "the log is written from its start again"
    assert len(notes(tmp_path)) == 700
    writer.close()
