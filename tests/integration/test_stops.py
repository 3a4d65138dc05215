"""The stops: three places, each alone enough; obeyed within a second; closed when unreadable (O4)."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
import redis as redis_sync
from sqlalchemy import Engine, select

from jennie_core.domain.base import KST
from jennie_core.domain.control import ControlCommand, ControlVerb, StopState
from jennie_infra.bus.connect import AsyncRedis, connect
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.bus.streams import Streams, decode_entry
from jennie_infra.db.engine import DatabaseThread, make_engine
from jennie_infra.db.ledger import ControlLog
from jennie_infra.db.schema import upgrade
from jennie_infra.settings import Settings, load_settings
from jennie_infra.stops import StopReceipt, read_stop_file, read_stop_row, say, stop_file
from jennie_live.common.stops import StopWatcher

NOW = datetime(2025, 6, 27, 10, 0, tzinfo=KST)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"JENNIE_HOME": str(tmp_path / "home")}, tmp_path / "absent.env")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Engine]:
    engine = make_engine(f"sqlite:///{tmp_path / 'ledger.db'}", durable=True)
    upgrade("ledger", engine)
    yield engine
    engine.dispose()


@pytest.fixture
def redis(redis_url: str) -> Iterator[redis_sync.Redis]:
    with redis_sync.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
async def watching(redis_url: str) -> AsyncIterator[AsyncRedis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


def speak(settings: Settings, verb: ControlVerb, redis: redis_sync.Redis | None, ledger: Engine | None) -> StopReceipt:
    return say(settings, verb, said_by="test", reason="drill", now=NOW, redis=redis, ledger=ledger)


def rule_of(watcher: StopWatcher) -> str | None:
    refusal = watcher.refuse_buy()
    return None if refusal is None else refusal.rule


async def fresh(settings: Settings, client: AsyncRedis, ledger: Engine) -> StopWatcher:
    """What a worker that starts now knows."""
    thread = DatabaseThread(ledger, "test")
    watcher = StopWatcher(settings, client, thread)
    await watcher.start()
    await watcher.stop()
    return watcher


async def test_without_any_stop_buys_are_allowed(settings: Settings, watching: AsyncRedis, ledger: Engine) -> None:
    assert rule_of(await fresh(settings, watching, ledger)) is None


@pytest.mark.parametrize("verb", [ControlVerb.PAUSE, ControlVerb.HALT])
async def test_a_stop_is_stored_in_all_three_places(
    settings: Settings, redis: redis_sync.Redis, ledger: Engine, verb: ControlVerb
) -> None:
    receipt = speak(settings, verb, redis, ledger)
    assert receipt.stored_in == ("file", "redis", "ledger")
    with ledger.connect() as connection:
        row = read_stop_row(connection)
        logged = connection.execute(select(ControlLog.verb, ControlLog.said_by, ControlLog.reason)).one()
    file = read_stop_file(settings)
    assert file is not None
    assert row is not None
    assert (row.paused, row.halted, row.reason) == (file.paused, file.halted, file.reason) == (
        True, verb is ControlVerb.HALT, "drill",
    )  # fmt: skip
    assert tuple(logged) == (verb.value, "test", "drill")
    assert redis.get(RedisKeys.EMERGENCY_PAUSE.value) == b"drill"
    assert bool(redis.exists(RedisKeys.EMERGENCY_STOP.value)) is (verb is ControlVerb.HALT)
    ((entry_id, fields),) = redis.xrange(Streams.CONTROL.value)
    message = decode_entry(entry_id, fields).message
    assert isinstance(message, ControlCommand)
    assert message.verb is verb


@pytest.mark.parametrize("place", ["file", "redis", "redis flag only", "ledger"])
@pytest.mark.parametrize(("verb", "rule"), [(ControlVerb.PAUSE, "O4-PAUSE"), (ControlVerb.HALT, "O4-HALT")])
async def test_each_place_alone_is_enough(
    settings: Settings,
    redis: redis_sync.Redis,
    watching: AsyncRedis,
    ledger: Engine,
    tmp_path: Path,
    place: str,
    verb: ControlVerb,
    rule: str,
) -> None:
    aside = load_settings({"JENNIE_HOME": str(tmp_path / "aside")}, tmp_path / "absent.env")
    if place == "file":
        speak(settings, verb, None, None)
    elif place == "redis":
        speak(aside, verb, redis, None)
    elif place == "redis flag only":
        key = RedisKeys.EMERGENCY_PAUSE if verb is ControlVerb.PAUSE else RedisKeys.EMERGENCY_STOP
        redis.set(key.value, "by hand")
    else:
        speak(aside, verb, None, ledger)
    assert rule_of(await fresh(settings, watching, ledger)) == rule


async def test_a_pause_never_weakens_a_halt(settings: Settings, redis: redis_sync.Redis, ledger: Engine) -> None:
    """Wherever the halt is on record: here its file was lost."""
    speak(settings, ControlVerb.HALT, redis, ledger)
    stop_file(settings).unlink()
    assert speak(settings, ControlVerb.PAUSE, redis, ledger).state.halted
    assert redis.exists(RedisKeys.EMERGENCY_STOP.value)


async def test_resume_lifts_all_three(
    settings: Settings, redis: redis_sync.Redis, watching: AsyncRedis, ledger: Engine
) -> None:
    speak(settings, ControlVerb.HALT, redis, ledger)
    speak(settings, ControlVerb.RESUME, redis, ledger)
    assert rule_of(await fresh(settings, watching, ledger)) is None


async def test_a_resume_that_did_not_reach_the_ledger_leaves_its_stop_standing(
    settings: Settings, redis: redis_sync.Redis, watching: AsyncRedis, ledger: Engine
) -> None:
    speak(settings, ControlVerb.PAUSE, redis, ledger)
    speak(settings, ControlVerb.RESUME, redis, None)
    assert rule_of(await fresh(settings, watching, ledger)) == "O4-PAUSE"


async def test_a_stop_survives_restart_and_loss_of_redis(
    settings: Settings, redis: redis_sync.Redis, watching: AsyncRedis, ledger: Engine
) -> None:
    speak(settings, ControlVerb.HALT, redis, ledger)
    redis.flushall()
    assert rule_of(await fresh(settings, watching, ledger)) == "O4-HALT"


async def test_a_damaged_file_counts_as_a_halt(settings: Settings, watching: AsyncRedis, ledger: Engine) -> None:
    settings.state_dir.mkdir(parents=True)
    stop_file(settings).write_text('{"paused": tr')
    assert rule_of(await fresh(settings, watching, ledger)) == "O4-HALT"


async def test_a_damaged_redis_state_counts_as_unreadable(
    settings: Settings, redis: redis_sync.Redis, watching: AsyncRedis, ledger: Engine
) -> None:
    redis.set(RedisKeys.STOP_STATE.value, "{}x")
    assert rule_of(await fresh(settings, watching, ledger)) == "O4-UNREADABLE"


def test_a_stop_that_no_place_takes_is_an_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file-in-the-way"
    blocked.write_text("")
    settings = load_settings({"JENNIE_HOME": str(blocked)}, tmp_path / "absent.env")
    with pytest.raises(OSError, match="file:"):
        speak(settings, ControlVerb.HALT, None, None)


def test_a_dead_redis_does_not_keep_the_stop_from_the_others(settings: Settings, ledger: Engine) -> None:
    gone = redis_sync.Redis(port=1, socket_connect_timeout=0.2)
    receipt = speak(settings, ControlVerb.HALT, gone, ledger)
    assert receipt.stored_in == ("file", "ledger")
    assert receipt.failed[0].startswith("redis:")


@pytest.mark.parametrize("place", ["file", "redis", "ledger"])
async def test_a_running_worker_obeys_within_one_second(
    settings: Settings, redis: redis_sync.Redis, watching: AsyncRedis, ledger: Engine, tmp_path: Path, place: str
) -> None:
    aside = load_settings({"JENNIE_HOME": str(tmp_path / "aside")}, tmp_path / "absent.env")
    watcher = StopWatcher(settings, watching, DatabaseThread(ledger, "test"))
    await watcher.start()
    try:
        assert rule_of(watcher) is None
        said = time.monotonic()
        where = {"file": (settings, None, None), "redis": (aside, redis, None), "ledger": (aside, None, ledger)}[place]
        speak(where[0], ControlVerb.HALT, where[1], where[2])
        async with asyncio.timeout(5):
            while rule_of(watcher) != "O4-HALT":  # noqa: ASYNC110 - the watcher is asked, it does not tell
                await asyncio.sleep(0.01)
        assert time.monotonic() - said < 1.0
    finally:
        await watcher.stop()


@contextmanager
def black_hole(port_file: Path) -> Iterator[str]:
    """A server that takes connections and never answers."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(port_file))
    server.listen(16)
    held: list[socket.socket] = []

    def accept() -> None:
        try:
            while True:
                held.append(server.accept()[0])
        except OSError:
            return

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"unix://{port_file}"
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        for connection in held:
            connection.close()
        thread.join(2)


async def test_a_redis_that_swallows_every_command_closes_buys_within_a_second_and_leaves_exits(
    settings: Settings, short_directory: Path
) -> None:
    """Black-holed, not refused: nothing fails, nothing answers."""
    with black_hole(short_directory / "hole.sock") as url:
        client = connect(url, timeout_seconds=0.3)
        watcher = StopWatcher(settings, client)
        began = time.monotonic()
        refreshing = asyncio.create_task(watcher.refresh())
        assert rule_of(watcher) == "O4-UNREADABLE"
        assert not watcher.blocks_automatic_exits
        await refreshing
        assert rule_of(watcher) == "O4-UNREADABLE"
        assert time.monotonic() - began < 10
        await client.aclose()


async def test_a_reading_older_than_a_second_is_no_reading(
    settings: Settings, watching: AsyncRedis, ledger: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = await fresh(settings, watching, ledger)
    assert rule_of(watcher) is None
    later = time.monotonic() + 1.01
    monkeypatch.setattr("jennie_live.common.stops.time.monotonic", lambda: later)
    assert rule_of(watcher) == "O4-UNREADABLE"


@pytest.mark.parametrize("blocks", [False, True])
async def test_a_halt_blocks_protective_exits_only_when_the_setting_says_so(
    tmp_path: Path, watching: AsyncRedis, ledger: Engine, redis: redis_sync.Redis, blocks: bool
) -> None:
    variables = {"JENNIE_HOME": str(tmp_path / "home"), "JENNIE_HALT_BLOCKS_EXITS": str(blocks)}
    settings = load_settings(variables, tmp_path / "absent.env")
    speak(settings, ControlVerb.PAUSE, redis, ledger)
    assert not (await fresh(settings, watching, ledger)).blocks_automatic_exits
    speak(settings, ControlVerb.HALT, redis, ledger)
    watcher = await fresh(settings, watching, ledger)
    assert watcher.blocks_automatic_exits is blocks
    assert watcher.state.halt_blocks_exits is blocks


def test_the_state_says_who_why_and_when(settings: Settings) -> None:
    assert speak(settings, ControlVerb.HALT, None, None).state == StopState(
        paused=True, halted=True, reason="drill", said_by="test", since=NOW
    )
