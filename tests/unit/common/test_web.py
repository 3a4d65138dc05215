"""The HTTP face: /health tells the truth with its status code, /metrics speaks Prometheus, the loop is supervised."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from jennie_core.domain.health import DependencyStatus, ServiceState
from jennie_infra.settings import load_settings
from jennie_live.common import runtime as runtime_module
from jennie_live.common import web
from jennie_live.common.runtime import Runtime, build_runtime
from jennie_live.common.web import create_app, supervise


class Loop:
    """A worker whose state and run the test decides."""

    def __init__(self, state: ServiceState = "healthy") -> None:
        self.state: ServiceState = state

    async def start(self) -> None: ...

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def stop(self) -> None: ...

    def health(self) -> tuple[ServiceState, dict[str, str | int | float | bool | None]]:
        return self.state, {"known": 1}

    async def dependencies(self) -> dict[str, DependencyStatus]:
        return {"broker": DependencyStatus(ok=True)}


class FakeRedis:
    """Answers PING, fails it, or never answers."""

    def __init__(self, ping: Callable[[], Awaitable[Any]]) -> None:
        self.ping = ping

    async def mget(self, _keys: list[str]) -> list[None]:
        return [None, None, None]


async def pong() -> bool:
    return True


async def refuse() -> bool:
    raise ConnectionResetError


async def silence() -> bool:
    await asyncio.Event().wait()
    return True


def runtime_with(tmp_path: Path, ping: Callable[[], Awaitable[Any]] = pong) -> Runtime:
    settings = load_settings({"JENNIE_HOME": str(tmp_path)}, tmp_path / "absent.env")
    made = build_runtime("test-worker", settings, needs_ledger=False, needs_gateway=False)
    made.redis = cast("Any", FakeRedis(ping))
    made.stops._redis = cast("Any", made.redis)
    made.state = "healthy"
    return made


async def ask(runtime: Runtime, worker: Loop, path: str) -> httpx.Response:
    app = create_app(runtime, worker, title="test")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        return await client.get(path)


@pytest.mark.rule("R-SVC-01")
@pytest.mark.parametrize(
    ("state", "code"),
    [("healthy", 200), ("degraded", 200), ("starting", 503), ("reconciling", 503), ("unhealthy", 503)],
)
async def test_health_is_503_unless_it_can_do_its_job(tmp_path: Path, state: ServiceState, code: int) -> None:
    answer = await ask(runtime_with(tmp_path), Loop(state), "/health")
    assert (answer.status_code, answer.json()["status"]) == (code, state)


@pytest.mark.rule("R-CFG-02", "R-SVC-01", "R-SVC-02")
async def test_health_tells_service_mode_settings_stops_and_dependencies(tmp_path: Path) -> None:
    body = (await ask(runtime_with(tmp_path), Loop(), "/health")).json()
    assert body["service"] == "test-worker"
    assert body["mode"] == "rehearsal"
    assert len(body["settings_hash"]) == 12
    assert body["market_time"] is None
    assert body["dependencies"]["redis"]["ok"]
    assert body["dependencies"]["broker"]["ok"]
    assert body["detail"] == {"known": 1, "paused": False, "halted": False, "halt_blocks_exits": False}


@pytest.mark.parametrize(("ping", "why"), [(refuse, "ConnectionResetError"), (silence, "TimeoutError")])
async def test_without_redis_it_is_unhealthy_and_says_so_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ping: Callable[[], Awaitable[Any]], why: str
) -> None:
    monkeypatch.setattr(runtime_module, "PING_SECONDS", 0.05)
    answer = await asyncio.wait_for(ask(runtime_with(tmp_path, ping), Loop(), "/health"), 5)
    assert (answer.status_code, answer.json()["status"]) == (503, "unhealthy")
    assert answer.json()["dependencies"]["redis"]["detail"] == why


async def test_metrics_speak_prometheus(tmp_path: Path) -> None:
    made = runtime_with(tmp_path)
    made.metrics.counter("things_total", "things", ("kind",)).labels("a").inc(3)
    answer = await ask(made, Loop(), "/metrics")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert [row.value for row in families["jennie_things"].samples if row.name.endswith("_total")] == [3.0]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the loop under test tells nobody
            await asyncio.sleep(0.005)


def failures(runtime: Runtime) -> float:
    return float(runtime.metrics.registry.get_sample_value("jennie_worker_failures_total") or 0)


@pytest.mark.rule("R-SVC-01")
@pytest.mark.parametrize("how", ["raises", "returns"])
async def test_a_loop_that_dies_is_unhealthy_counted_and_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(web, "FIRST_PAUSE_SECONDS", 0.02)
    made, states, runs = runtime_with(tmp_path), [], 0

    async def run() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            if how == "raises":
                raise ValueError("first time")
            return
        await asyncio.Event().wait()

    task = asyncio.create_task(supervise(made, run))
    await until(lambda: failures(made) == 1)
    states.append(made.state)
    await until(lambda: runs == 2)
    states.append(made.state)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert states == ["unhealthy", "healthy"]


async def test_when_the_supervision_itself_ends_it_is_unhealthy(tmp_path: Path) -> None:
    made = runtime_with(tmp_path)

    async def run() -> None:
        raise asyncio.CancelledError

    await asyncio.gather(asyncio.create_task(supervise(made, run)), return_exceptions=True)
    assert made.state == "unhealthy"


async def test_an_alert_is_said_once_until_it_clears(tmp_path: Path) -> None:
    """I5."""
    made = runtime_with(tmp_path)
    said: list[Any] = []

    async def xadd(_stream: str, fields: dict[str, str], **_: Any) -> bytes:
        said.append(fields["payload"])
        return b"1-0"

    made.redis = cast("Any", SimpleNamespace(xadd=xadd))
    for _ in range(3):
        await made.alert("x", "warning", "something")
    await made.clear_alert("never-raised")
    await made.clear_alert("x")
    await made.clear_alert("x")
    await made.alert("x", "warning", "again")
    assert len(said) == 3
    assert '"cleared":true' in said[1]
