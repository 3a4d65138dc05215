"""Observers of the trading plane: health, lag, trades, regime, stops, watchlist, feed. Nothing trades on them.

Every probe has a time-out of two seconds and says a condition once, through the alert log.
"""

import dagster as dg

from jennie_assets.alerts import clear_alert, raise_alert
from jennie_assets.defs.trading import probes
from jennie_assets.defs.trading.services import SERVICES, service_of
from jennie_assets.platform import Platform
from jennie_assets.run_facts import market_now

INTERVAL_SECONDS = 30


def build_sensors(status: dg.DefaultSensorStatus) -> list[dg.SensorDefinition]:
    """All sensors with one default status."""
    return [
        _sensor("service_health", "Health of each worker.", service_health, status),
        _sensor("stream_lag", "Unread and unacknowledged entries of the streams.", stream_lag, status),
        _sensor("trades", "New fills become materialisations of fills and positions.", trades, status),
        _sensor("regime_change", "The regime in force has changed.", regime_change, status),
        _sensor("emergency_stop", "A stop was set or lifted.", emergency_stop, status),
        _sensor("stale_watchlist", "No watchlist in force while the market trades.", stale_watchlist, status),
        _sensor("silent_feed", "No clock mark for ten seconds while the market trades.", silent_feed, status),
        _failed_runs(status),
    ]


def service_health(platform: Platform, cursor: str) -> dg.SensorResult:
    """One observation per service whose state changed, a materialisation when it became healthy."""
    before = probes.decode(cursor)
    now = market_now(platform)
    events: list[dg.AssetObservation | dg.AssetMaterialization] = []
    states: dict[str, str] = {}
    for spec in SERVICES:
        name = spec.key.to_user_string()
        state, detail = probes.health(platform, service_of(name))
        states[name] = state
        if before.get(name) == state:
            continue
        metadata = {"state": state, "detail": detail}
        events.append(dg.AssetObservation(spec.key, metadata=metadata))
        if state == "healthy":
            events.append(dg.AssetMaterialization(spec.key, metadata=metadata))
            clear_alert(platform, f"service:{name}", text=f"{service_of(name)} 정상", now=now)
        elif name in before:
            raise_alert(
                platform,
                f"service:{name}",
                text=f"{service_of(name)}: {state} {detail}",
                next_step=f"대시보드의 시스템 화면에서 {service_of(name)}을(를) 확인하세요",
                now=now,
            )
    return dg.SensorResult(asset_events=events, cursor=probes.encode(states))


def stream_lag(platform: Platform, cursor: str) -> dg.SensorResult:
    """Alert on streams that grow beyond what their readers take."""
    now = market_now(platform)
    for stream, problem in probes.lagging_streams(platform).items():
        alert_id = f"lag:{stream}"
        if problem:
            raise_alert(platform, alert_id, text=problem, next_step=f"{stream}을 읽는 서비스를 확인하세요", now=now)
        else:
            clear_alert(platform, alert_id, text=f"{stream} 정상", now=now)
    return dg.SensorResult(cursor=cursor)


def trades(platform: Platform, cursor: str) -> dg.SensorResult:
    """Fills booked since the cursor, as materialisations of their day."""
    found, newest = probes.new_fills(platform, cursor)
    events: list[dg.AssetMaterialization] = []
    for day, count in found.items():
        for name in ("fills", "positions"):
            figures = {"new_fills": dg.MetadataValue.int(count)}
            events.append(dg.AssetMaterialization(name, partition=day.isoformat(), metadata=figures))
    return dg.SensorResult(asset_events=events, cursor=newest)


def regime_change(platform: Platform, cursor: str) -> dg.SensorResult:
    """An observation on the regime when it is another one."""
    regime, detail = probes.regime(platform)
    if regime == cursor:
        return dg.SensorResult(cursor=cursor)
    return dg.SensorResult(
        asset_events=[dg.AssetObservation("regime_context", metadata={"from": cursor, "to": regime, "detail": detail})],
        cursor=regime,
    )


def emergency_stop(platform: Platform, cursor: str) -> dg.SensorResult:
    """An observation on the orders when a stop was set or lifted."""
    stop = probes.stop(platform)
    if stop == cursor:
        return dg.SensorResult(cursor=cursor)
    return dg.SensorResult(
        asset_events=[dg.AssetObservation("order_intents", metadata={"stop": stop, "before": cursor})], cursor=stop
    )


def stale_watchlist(platform: Platform, cursor: str) -> dg.SensorResult:
    """Alert while the market trades without a list in force."""
    return _condition(
        platform, cursor, "watchlist:stale", probes.watchlist_problem(platform), "scout_job을 다시 실행하세요"
    )


def silent_feed(platform: Platform, cursor: str) -> dg.SensorResult:
    """Alert while marks are missing."""
    return _condition(
        platform, cursor, "feed:silent", probes.feed_problem(platform), "kis-gateway와 증권사 연결을 확인하세요"
    )


def _condition(platform: Platform, cursor: str, alert_id: str, problem: str, next_step: str) -> dg.SensorResult:
    now = market_now(platform)
    if problem:
        raise_alert(platform, alert_id, text=problem, next_step=next_step, now=now)
    else:
        clear_alert(platform, alert_id, text=f"{alert_id} 해소", now=now)
    return dg.SensorResult(cursor=cursor)


def _sensor(name: str, description: str, probe: "probes.Probe", status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    @dg.sensor(name=name, description=description, minimum_interval_seconds=INTERVAL_SECONDS, default_status=status)
    def observe(context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]) -> dg.SensorResult:
        return probe(platform, context.cursor or "")

    return observe


def _failed_runs(status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    @dg.run_failure_sensor(name="failed_runs", description="A run failed.", default_status=status)
    def failed_runs(context: dg.RunFailureSensorContext, platform: dg.ResourceParam[Platform]) -> None:
        run = context.dagster_run
        raise_alert(
            platform,
            f"run:{run.job_name}:{run.run_id[:8]}",
            text=f"{run.job_name} 실패: {context.failure_event.message or '원인 미상'}"[:500],
            next_step="Dagster에서 실행 기록을 확인하세요",
            now=market_now(platform),
            severity="warning",
        )

    return failed_runs
