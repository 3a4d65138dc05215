"""Sensors say a condition once and its end once, against a real Redis, a real ledger and a real HTTP answer (I5)."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import insert, select

from jennie_assets.defs.trading import sensors
from jennie_assets.defs.trading.services import SERVICES, service_of
from jennie_assets.platform import Platform
from jennie_core.domain.base import to_epoch_us
from jennie_core.domain.control import StopState
from jennie_core.domain.enums import MarketRegime
from jennie_core.domain.macro import TradingContext
from jennie_infra.bus.cache import put_sync
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.bus.streams import Streams, encode_watermark
from jennie_infra.db.ledger import AlertLog, FillRow
from jennie_infra.db.schema import upgrade
from jennie_infra.settings import PORTS, load_settings
from tests.e2e.house import free_port_bases
from tests.integration.assets_rig import DAY, at


@dataclass
class Workers:
    """The one HTTP answer that stands for every worker: what it says and whether it says anything."""

    status: str = "healthy"
    asked: list[str] = field(default_factory=list)

    def answer(self, service: str) -> bytes:
        """A health status as the workers give it."""
        broken = {} if self.status == "healthy" else {"redis": {"ok": False, "detail": "gone"}}
        return json.dumps(
            {
                "service": service,
                "status": self.status,
                "uptime_seconds": 1.0,
                "version": "1",
                "mode": "rehearsal",
                "settings_hash": "x",
                "dependencies": broken,
            }
        ).encode()


@pytest.fixture
def workers() -> Workers:
    return Workers()


@pytest.fixture
def base(workers: Workers) -> Iterator[int]:
    """A port base where every worker's /health is answered."""
    number = next(iter(free_port_bases()))
    servers = []
    for asset in SERVICES:
        service = service_of(asset.key.to_user_string())

        class Health(BaseHTTPRequestHandler):
            name = service

            def do_GET(self) -> None:
                body = workers.answer(self.name)
                self.send_response(200 if workers.status == "healthy" else 503)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                return

        servers.append(ThreadingHTTPServer(("127.0.0.1", PORTS[service] + number), Health))
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield number
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def platform(tmp_path: Path, redis_url: str, base: int) -> Iterator[Platform]:
    settings = load_settings({}, tmp_path / "absent.env", home=tmp_path / "state", redis_url=redis_url, port_base=base)
    settings.state_dir.mkdir(parents=True)
    made = Platform(settings)
    upgrade("ledger", made.ledger)
    _market_time(made, at("10:00"))
    yield made
    made.close()


def _market_time(platform: Platform, now: datetime) -> None:
    fields: Any = encode_watermark("price-monitor", to_epoch_us(now))
    platform.redis.xadd(Streams.WATERMARKS.value, fields)


def _alerts(platform: Platform) -> dict[str, bool]:
    """Alerts on record, and whether each has ended."""
    t = AlertLog
    with platform.ledger.connect() as connection:
        return {
            row.alert_id: row.cleared_at is not None for row in connection.execute(select(t.alert_id, t.cleared_at))
        }


def _said(platform: Platform) -> int:
    found: Any = platform.redis.xlen(Streams.ALERTS.value)
    return int(found)


@pytest.mark.rule("R-JOB-24", "R-SVC-01")
def test_a_worker_that_falls_ill_is_said_once_and_its_recovery_once(platform: Platform, workers: Workers) -> None:
    first = sensors.service_health(platform, "")
    kinds = [type(event) for event in first.asset_events]
    assert kinds.count(dg.AssetMaterialization) == len(SERVICES)
    assert sensors.service_health(platform, first.cursor or "").asset_events == []
    workers.status = "unhealthy"
    ill = sensors.service_health(platform, first.cursor or "")
    assert {type(event) for event in ill.asset_events} == {dg.AssetObservation}
    again = sensors.service_health(platform, ill.cursor or "")
    assert again.asset_events == []
    assert _said(platform) == len(SERVICES)
    assert set(_alerts(platform).values()) == {False}
    workers.status = "healthy"
    sensors.service_health(platform, again.cursor or "")
    assert set(_alerts(platform).values()) == {True}
    assert _said(platform) == 2 * len(SERVICES)


def test_new_fills_materialise_their_day_once(platform: Platform) -> None:
    with platform.ledger.begin() as connection:
        for number in (1, 2):
            row = {
                "fill_id": f"f{number}", "intent_id": "i", "order_number": "1", "market_day": DAY,
                "stock_code": "005930", "side": "buy", "quantity": 1, "price_krw": 60_000, "fee_krw": 9, "tax_krw": 0,
                "filled_at": at("10:00"), "booked_at": at("10:00") + timedelta(seconds=number), "source": "notice",
            }  # fmt: skip
            connection.execute(insert(FillRow).values(**row))
    found = sensors.trades(platform, "")
    events = [event for event in found.asset_events if isinstance(event, dg.AssetMaterialization)]
    assert {(event.asset_key.to_user_string(), event.partition) for event in events} == {
        ("fills", DAY.isoformat()),
        ("positions", DAY.isoformat()),
    }
    assert sensors.trades(platform, found.cursor or "").asset_events == []


@pytest.mark.rule("R-JOB-27")
def test_a_missing_watchlist_and_a_silent_feed_are_said_in_the_session_only(platform: Platform) -> None:
    for probe in (sensors.stale_watchlist, sensors.silent_feed, sensors.silent_feed):
        probe(platform, "")
    assert _alerts(platform) == {"watchlist:stale": False, "feed:silent": False}
    assert _said(platform) == 2
    mark: Any = {"mark": str(to_epoch_us(at("10:00"))), "settled": "1"}
    platform.redis.xadd(Streams.TICKS.value, mark)
    sensors.silent_feed(platform, "")
    assert _alerts(platform)["feed:silent"] is True
    _market_time(platform, at("16:00"))
    sensors.stale_watchlist(platform, "")
    assert _alerts(platform)["watchlist:stale"] is True, "nothing is missing after the close"


@pytest.mark.rule("R-REG-09")
def test_a_change_of_regime_and_of_the_stop_is_observed_once(platform: Platform) -> None:
    unknown = sensors.regime_change(platform, "")
    context = TradingContext(
        market_day=DAY,
        run_id="council-1",
        market_regime=MarketRegime.BEAR,
        position_multiplier=1.0,
        stop_loss_multiplier=1.0,
        risk_off_level=0,
        known_at=at("07:30"),
        expires_at=at("15:30"),
    )
    put_sync(platform.redis, RedisKeys.REGIME_CURRENT, context)
    bear = sensors.regime_change(platform, unknown.cursor or "")
    assert (unknown.cursor, bear.cursor) == ("unknown", "BEAR")
    assert len(bear.asset_events) == 1
    assert sensors.regime_change(platform, "BEAR").asset_events == []
    put_sync(platform.redis, RedisKeys.STOP_STATE, StopState(paused=True, halted=True, reason="test", said_by="test"))
    stopped = sensors.emergency_stop(platform, "none")
    assert (stopped.cursor, len(stopped.asset_events)) == ("halted", 1)


def test_a_stream_that_nobody_reads_is_said(platform: Platform) -> None:
    stream = Streams.SELL_ORDERS.value
    platform.redis.xgroup_create(stream, "sell-executor", id="0", mkstream=True)
    pipe = platform.redis.pipeline()
    fields: Any = {"x": "1"}
    for _ in range(1_001):
        pipe.xadd(stream, fields)
    pipe.execute()
    sensors.stream_lag(platform, "")
    assert _alerts(platform) == {f"lag:{stream}": False}
    platform.redis.xgroup_setid(stream, "sell-executor", "$")
    sensors.stream_lag(platform, "")
    assert _alerts(platform) == {f"lag:{stream}": True}


def test_each_sensor_runs_through_dagster(platform: Platform) -> None:
    cursors: dict[str, str | None] = {}
    for sensor in sensors.build_sensors(dg.DefaultSensorStatus.STOPPED):
        if sensor.name == "failed_runs":
            continue
        with (
            dg.DagsterInstance.ephemeral() as instance,
            dg.build_sensor_context(instance=instance, resources={"platform": platform}) as context,
        ):
            cursors[sensor.name] = sensor.evaluate_tick(context).cursor
    assert "healthy" in (cursors["service_health"] or "")
    assert (cursors["regime_change"], cursors["emergency_stop"]) == ("unknown", "none")
    assert set(_alerts(platform)) == {"watchlist:stale", "feed:silent"}
