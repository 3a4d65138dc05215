"""dashboard-api over real stores: what it shows with its age, what it says when something is missing, and the stops."""

import asyncio
import contextlib
import importlib.util
import json
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import select
from websockets.asyncio.client import connect as ws_connect
from websockets.exceptions import InvalidStatus

from jennie_core.domain.base import to_epoch_us
from jennie_core.domain.market import ClockMark, Tick
from jennie_core.domain.signals import Alert, SellOrder
from jennie_infra.bus.connect import connect_sync
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.bus.streams import Streams, publish_sync
from jennie_infra.bus.ticks import TickWriter
from jennie_infra.db.ledger import ControlLog, StopRow
from jennie_infra.db.read_only import ReadStore, StoreUnreadableError, read_only_engine
from jennie_infra.db.schema import upgrade
from jennie_infra.embedded import valkey
from jennie_infra.login import mint_login_link, token_hash
from jennie_infra.settings import generated_secret
from jennie_infra.stops import read_stop_file
from jennie_live.common.runtime import SERVICE_TOKEN
from jennie_live.dashboard.app import build
from jennie_live.dashboard.guard import CSRF_HEADER
from jennie_live.dashboard.session import COOKIE
from tests.integration.command_rig import CommandRig, serving, stub_gateway, until

ACCOUNT = "5012345601"
READS = [
    "/api/me",
    "/api/portfolio/summary",
    "/api/portfolio/positions",
    "/api/portfolio/live",
    "/api/portfolio/history?days=90",
    "/api/portfolio/performance",
    "/api/portfolio/intraday",
    "/api/trades/recent?days=30",
    "/api/macro/insight",
    "/api/macro/regime",
    "/api/macro/dates",
    "/api/watchlist/current",
    "/api/watchlist/history",
    "/api/decisions",
    "/api/why/int-0627-036",
    "/api/permit",
    "/api/stops",
    "/api/system/health",
    "/api/jobs",
    "/api/logs/services",
    "/api/llm/stats",
    "/api/llm/stats/2025-06-27",
    "/api/rehearsal/latest",
    "/api/live",
    "/api/signals/sig-900",
]

AGELESS = ("/api/portfolio/intraday", "/api/stops", "/api/signals/sig-900")
"""Answers that may be about nothing yet: no minute seen, no stop said, no outcome recorded."""


def _seeds() -> Any:
    path = Path(__file__).parents[2] / "scripts" / "dev_dashboard.py"
    spec = importlib.util.spec_from_file_location("dev_dashboard", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class DashboardRig(CommandRig):
    """Stores and a running dashboard-api."""

    @property
    def url(self) -> str:
        return self.settings.url("dashboard-api")

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {generated_secret(self.settings, SERVICE_TOKEN)}"}

    def lose_ledger(self) -> None:
        """Remove the ledger's files."""
        self.engine.dispose()
        for path in self.settings.state_dir.glob("ledger.db*"):
            path.unlink()

    def has_ledger(self) -> bool:
        """Whether there is a ledger file."""
        return (self.settings.state_dir / "ledger.db").exists()

    def seed(self) -> None:
        """The generated day of the development dashboard."""
        seeds, rng = _seeds(), random.Random(1)
        listed = seeds.watchlist(rng)
        seeds.seed_ledger(self.engine, rng)
        market = seeds.make_engine(self.settings.effective_market_url, durable=False)
        seeds.seed_market(market, listed, rng)
        market.dispose()
        seeds.seed_redis(self.settings, listed)
        seeds.seed_files(self.settings, self.settings.var_dir)

    @contextlib.asynccontextmanager
    async def dashboard(self) -> AsyncIterator[httpx.AsyncClient]:
        async with (
            serving(build(self.settings), self.settings.port("dashboard-api")),
            httpx.AsyncClient(base_url=self.url, headers=self.bearer, timeout=20) as client,
        ):
            yield client


@pytest_asyncio.fixture
async def rig(redis_url: str, tmp_path: Path) -> AsyncIterator[DashboardRig]:
    made = DashboardRig(redis_url, tmp_path, 1, var_dir=tmp_path, kis_account=ACCOUNT)
    yield made
    await made.close()


@pytest.mark.rule(
    "R-DASH-01", "R-DASH-02", "R-DASH-03", "R-DASH-04", "R-DASH-05", "R-DASH-06", "R-DASH-07", "R-DASH-08", "R-DASH-10"
)
async def test_every_read_of_a_full_day_answers_with_source_and_age(rig: DashboardRig) -> None:
    rig.seed()
    await rig.mark()
    async with serving(stub_gateway(), rig.settings.port("kis-gateway")), rig.dashboard() as client:
        said = ""
        for path in READS:
            answer = await client.get(path)
            assert answer.status_code == 200, f"{path}: {answer.text}"
            said += answer.text
            body = answer.json()
            if "source" in body and body.get("problem") is None and path not in AGELESS:
                assert body["as_of"] is not None, path
        assert ACCOUNT not in said
        assert ACCOUNT[:8] not in said
        summary = (await client.get("/api/portfolio/summary")).json()
        assert (summary["source"], summary["cash_krw"]) == ("broker", 10_000_000)
        chain = (await client.get("/api/why/int-0627-036")).json()
        assert [link["step"] for link in chain["links"]] == [
            "trade", "fills", "order", "signal", "watchlist", "score", "prices",
        ]  # fmt: skip
        assert chain["complete"]
        regime = (await client.get("/api/macro/regime")).json()
        council, intraday = regime["context"]["position_multiplier"], regime["intraday"]["position_multiplier"]
        assert regime["effective_position_multiplier"] == min(council, intraday)
        rows = (await client.get("/api/watchlist/current")).json()["rows"]
        assert {row["nearest_refusal"]["rule"] for row in rows if row["is_held"]} == {"R-BUY-06"}
        measured = {row["nearest_refusal"]["distance"] for row in rows if row["nearest_refusal"]}
        assert any(isinstance(distance, float) for distance in measured)
        permit = (await client.get("/api/permit")).json()
        assert permit["permit"]["signature"] == ""
        rules = {rule["rule"]: rule for rule in (await client.get("/api/decisions")).json()["rules"]}
        assert rules["R-GRD-02"]["example"]["value"] == "33.8"
        assert rules["R-GRD-02"]["example"]["limit"] == "30.0"


@pytest.mark.rule("R-DASH-01", "R-DASH-05")
async def test_empty_stores_are_said_with_their_next_step_and_nothing_fails(rig: DashboardRig) -> None:
    async with rig.dashboard() as client:
        assert (await client.get("/health")).status_code == 200
        for path in READS:
            answer = await client.get(path)
            assert answer.status_code == 200, f"{path}: {answer.text}"
        listed = (await client.get("/api/watchlist/current")).json()
        assert (listed["problem"]["rule"], listed["rows"]) == ("WATCHLIST-ABSENT", [])
        assert "scout_job" in listed["problem"]["next_step"]
        summary = (await client.get("/api/portfolio/summary")).json()
        assert summary["total_asset_krw"] is None
        assert summary["source"] == "none"
        frame = (await client.get("/api/live")).json()
        assert (frame["market_time"], frame["phase"], frame["permit_valid"]) == (None, "unknown", False)
        jobs = (await client.get("/api/jobs")).json()
        assert jobs["problem"]["rule"] == "DAGSTER-DOWN"
        assert any(job["job"] == "scout_job" and not job["can_run"] for job in jobs["jobs"])


async def test_without_a_ledger_it_starts_is_unhealthy_and_names_the_repair(redis_url: str, tmp_path: Path) -> None:
    rig = DashboardRig(redis_url, tmp_path, 1)
    rig.lose_ledger()
    async with rig.dashboard() as client:
        health = await client.get("/health")
        assert health.status_code == 503
        assert "jennie doctor --repair" in health.json()["dependencies"]["ledger"]["detail"]
        answer = await client.get("/api/trades/recent")
        assert answer.status_code == 503
        assert answer.json()["rule"] == "STORE-LEDGER"
        assert not rig.has_ledger(), "a read must not make a database"
        assert (await client.get("/")).status_code in (200, 503)
        upgrade("ledger", rig.engine)
        await until(lambda: _is_healthy(client))
    await rig.close()


async def _is_healthy(client: httpx.AsyncClient) -> bool:
    return (await client.get("/health")).status_code == 200


async def test_a_login_link_works_once_and_only_its_hash_is_kept(rig: DashboardRig) -> None:
    redis = connect_sync(rig.settings.effective_redis_url)
    async with rig.dashboard(), httpx.AsyncClient(base_url=rig.url) as browser:
        link = mint_login_link(rig.settings, redis)
        token = link.rpartition("token=")[2]
        assert redis.ttl(RedisKeys.LOGIN_LINK.of(token_hash=token_hash(token))) <= 600
        assert not any(token.encode() in key for key in redis.keys("*"))
        assert (await browser.get("/api/me")).status_code == 401
        answer = await browser.get(link)
        assert answer.status_code == 303
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert (await browser.get("/api/me")).status_code == 200
        again = await browser.get(link)
        assert again.status_code == 403
        assert "jennie login" in again.text
        assert (await browser.get("/login?token=wrong")).status_code == 403
        assert (await browser.post("/api/logout")).status_code == 403
        await browser.post("/api/logout", headers={CSRF_HEADER: "1"})
        assert COOKIE not in browser.cookies
    redis.close()


async def test_a_stop_is_recorded_in_three_places_after_its_confirmation(rig: DashboardRig) -> None:
    await rig.mark()
    async with rig.dashboard() as client:
        wrong = await client.post("/api/stops/halt", json={"confirm": "pause", "reason": "x"})
        assert (wrong.status_code, wrong.json()["rule"]) == (409, "STOP-CONFIRM")
        assert read_stop_file(rig.settings) is None
        answer = (await client.post("/api/stops/halt", json={"confirm": "halt", "reason": "시험"})).json()
        assert sorted(answer["stored_in"]) == ["file", "ledger", "redis"]
        assert (await client.get("/api/stops")).json()["state"]["halted"]
        assert (await client.get("/api/live")).json()["stops"]["reason"] == "시험"
        await client.post("/api/stops/resume", json={"confirm": "resume"})
        assert (await client.post("/api/stops/dance", json={"confirm": "halt"})).status_code == 404
    with rig.engine.connect() as connection:
        assert list(connection.execute(select(ControlLog.verb, ControlLog.said_by))) == [
            ("halt", "dashboard"),
            ("resume", "dashboard"),
        ]
        assert connection.execute(select(StopRow.halted)).scalar_one() is False


async def test_a_stop_holds_when_redis_is_down(tmp_path: Path) -> None:
    with valkey.running(valkey.ValkeyConfig(tmp_path / "v", durable=False)) as url:
        rig = DashboardRig(url, tmp_path, 1)
        await rig.mark()
        running = rig.dashboard()
        client = await running.__aenter__()
    answer = (await client.post("/api/stops/halt", json={"confirm": "halt"})).json()
    assert sorted(answer["stored_in"]) == ["file", "ledger"]
    assert "redis" in answer["failed"][0]
    state = read_stop_file(rig.settings)
    assert state is not None
    assert state.halted
    assert (await client.get("/health")).status_code == 503
    assert (await client.get("/api/trades/recent")).status_code == 200
    await running.__aexit__(None, None, None)
    await rig.close()


@pytest.mark.rule("R-MSG-02", "R-TG-17")
async def test_a_manual_sell_is_one_typed_order_however_often_it_is_sent(rig: DashboardRig) -> None:
    await rig.mark()
    rig.hold("104010", 12)
    body = {"request_id": "click-0001", "stock_code": "104010", "quantity": 5}
    async with serving(stub_gateway(), rig.settings.port("kis-gateway")), rig.dashboard() as client:
        too_many = await client.post("/api/orders/sell", json=body | {"quantity": 13, "request_id": "click-0000"})
        assert too_many.json()["rule"] == "SELL-TOO-MANY"
        first, second = [await client.post("/api/orders/sell", json=body) for _ in range(2)]
        assert (first.status_code, second.status_code) == (202, 409)
        outcome = (await client.get(f"/api/signals/{first.json()['signal_id']}")).json()
        assert outcome["outcome"] is None, "unknown until the executor has spoken"
    (entry,) = await rig.entries(Streams.SELL_ORDERS)
    assert isinstance(entry.message, SellOrder)
    assert (entry.message.quantity, entry.message.trigger_price_krw) == (5, 50_000)


async def test_a_manual_order_needs_a_market_time(rig: DashboardRig) -> None:
    rig.hold("104010", 12)
    async with rig.dashboard() as client:
        answer = await client.post("/api/orders/sell", json={"request_id": "click-0001", "stock_code": "104010"})
    assert (answer.status_code, answer.json()["rule"]) == (503, "TIME-UNKNOWN")
    assert await rig.entries(Streams.SELL_ORDERS) == []


@pytest.mark.rule("R-DASH-02", "R-MON-09")
async def test_the_live_frame_shows_price_positions_alerts_and_market_time(rig: DashboardRig) -> None:
    rig.hold("104010", 10)
    await rig.mark()
    at = _seeds().at("10:00:30")
    tick = Tick("104010", 50_000, 1, 1, 50_100, 50_000, to_epoch_us(at), 0)
    alert = Alert(alert_id="a", severity="warning", service="monitor", text="x", raised_at=at)
    async with rig.dashboard(), ws_connect(f"{rig.url.replace('http', 'ws')}/ws", additional_headers=rig.bearer) as ws:
        first = json.loads(await ws.recv())
        assert first["positions"][0]["unrealized_pnl_krw"] is None
        await TickWriter(rig.redis).write([tick, ClockMark(to_epoch_us(at + timedelta(seconds=1)), True)])
        publish_sync(connect_sync(rig.settings.effective_redis_url), Streams.ALERTS, alert, at)

        async def frame() -> Any:
            found = json.loads(await asyncio.wait_for(ws.recv(), 10))
            return found if found["alerts"] and found["prices"] else None

        found = await until(frame)
    assert found["market_time"] == "2025-06-27T10:00:31+09:00"
    assert found["phase"] == "continuous"
    assert found["prices"]["104010"]["price_krw"] == 50_000
    assert found["positions"][0]["unrealized_pnl_krw"] == 20_000
    assert found["unrealized_krw"] == 20_000


async def test_the_live_frame_is_refused_without_a_session(rig: DashboardRig) -> None:
    async with rig.dashboard():
        with pytest.raises(InvalidStatus):
            await ws_connect(f"{rig.url.replace('http', 'ws')}/ws").__aenter__()


async def test_the_page_and_its_files_are_served_and_unknown_api_addresses_are_not_the_page(rig: DashboardRig) -> None:
    async with rig.dashboard() as client:
        page = await client.get("/")
        assert '<div id="root">' in page.text
        script = page.text.split('src="./')[1].split('"')[0]
        asset = await client.get(f"/{script}")
        assert asset.status_code == 200
        assert "immutable" in asset.headers["cache-control"]
        assert (await client.get("/favicon.svg")).headers["content-type"].startswith("image/svg")
        assert (await client.get("/%2e%2e/app.py")).text.startswith("<!doctype html>")
        assert (await client.get("/api/nothing")).status_code == 404


def test_a_read_cannot_write(tmp_path: Path) -> None:
    rig = DashboardRig("redis://127.0.0.1:1", tmp_path, 1)
    store = ReadStore("ledger", read_only_engine(rig.settings.effective_ledger_url, setting="JENNIE_LEDGER_URL"))
    with pytest.raises(StoreUnreadableError):
        asyncio.run(store.read(lambda c: c.exec_driver_sql("DELETE FROM stop_state")))
    store.close()
    rig.engine.dispose()
