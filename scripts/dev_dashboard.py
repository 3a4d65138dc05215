#!/usr/bin/env python
# ruff: noqa: E501 - rows of generated data read as tables
"""A dashboard over generated data, for work on the page and for its browser tests.

    python scripts/dev_dashboard.py --home DIR --port-base 20000

Fills a fresh ledger, market store and Redis below DIR, answers as gateway, workers and Dagster on their ports, moves the
market forward, runs dashboard-api and prints one JSON line {"url", "login", "service_token"} when it is ready.
Every name and figure is made up.
"""

import argparse
import asyncio
import json
import random
import sys
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from sqlalchemy import Engine, insert

from jennie_core.domain.base import KST, to_epoch_us
from jennie_core.domain.enums import (
    IntradayRiskLevel,
    MarketRegime,
    Mode,
    PoliticalRisk,
    RiskTag,
    SectorTier,
    Sentiment,
    TradeTier,
    VixRegime,
)
from jennie_core.domain.health import DependencyStatus, HealthStatus
from jennie_core.domain.macro import IntradayRisk, MacroInsight, SectorAllowance, SectorBudget, TradingContext
from jennie_core.domain.market import ClockMark, Quote, Tick
from jennie_core.domain.orders import AccountBalance, Holding
from jennie_core.domain.permit import PermitCheck, TradingPermit
from jennie_core.domain.schedule import SCHEDULE
from jennie_core.domain.signals import Alert
from jennie_core.domain.watchlist import HotWatchlist, WatchlistEntry
from jennie_core.krx.calendar import KrxCalendar
from jennie_infra.bus.cache import put_sync
from jennie_infra.bus.connect import connect, connect_sync
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.bus.streams import Streams, publish_sync
from jennie_infra.bus.ticks import TickWriter
from jennie_infra.clock import real_now_us
from jennie_infra.db import ledger as led
from jennie_infra.db import market as mkt
from jennie_infra.db.engine import make_engine
from jennie_infra.db.schema import upgrade
from jennie_infra.embedded import valkey
from jennie_infra.login import mint_login_link
from jennie_infra.permit import permit_key, sign
from jennie_infra.settings import PORTS, Settings, generated_secret, load_settings
from jennie_live.common.runtime import SERVICE_TOKEN
from jennie_live.dashboard.app import build

DAY = date(2025, 6, 27)
RUN, VERSION = "scout-20250627-0830", "wl-20250627-0830"
CASH = 41_870_000
COMPANIES = [
    ("104010", "가온전자", "반도체", 78_400),
    ("104020", "한빛반도체", "반도체", 214_500),
    ("104030", "다솜모터스", "자동차", 199_800),
    ("104040", "푸른바이오", "바이오", 163_200),
    ("104050", "늘찬화학", "화학", 47_950),
    ("104060", "미르조선", "조선", 32_350),
    ("104070", "새별중공업", "조선", 88_700),
    ("104080", "온누리금융지주", "금융", 61_200),
    ("104090", "해오름에너지", "에너지", 27_150),
    ("104100", "참솔식품", "음식료", 312_000),
    ("104110", "두레방산", "방산", 245_500),
    ("104120", "나래항공우주", "방산", 91_300),
    ("10413K", "아라엔터", "미디어", 54_600),
    ("104140", "세움건설", "건설", 18_720),
]
HELD = {"104020": (18, 205_300), "104060": (120, 30_900), "104110": (14, 251_800), "104080": (55, 58_950)}


def at(clock: str, day: date = DAY) -> datetime:
    """An instant of the seeded day in KST."""
    return datetime.combine(day, time.fromisoformat(clock), tzinfo=KST)


def seed_ledger(engine: Engine, rng: random.Random) -> None:
    """Positions, sixty days of snapshots, two weeks of trades, orders, signals, refusals, risk state."""
    sessions = KrxCalendar.shipped().sessions_between(DAY - timedelta(days=95), DAY - timedelta(days=1))[-60:]
    by_code = {code: (name, sector, price) for code, name, sector, price in COMPANIES}
    snapshots, total = [], 52_000_000
    for session in sessions:
        total = round(total * (1 + rng.gauss(0.0011, 0.0068)))
        stocks = round(total * rng.uniform(0.2, 0.45))
        snapshots.append(
            {
                "snapshot_date": session, "run_id": f"snap-{session}", "total_asset_krw": total, "cash_krw": total - stocks,
                "stock_evaluation_krw": stocks, "unrealized_pnl_krw": round(stocks * rng.gauss(0.01, 0.01)),
                "realized_pnl_krw": round(rng.gauss(30_000, 140_000)), "fees_krw": 3_200, "taxes_krw": 8_100,
                "position_count": rng.randint(2, 6), "is_active": True, "known_at": at("15:45", session),
            }
        )  # fmt: skip
    trades, orders, fills, signals = [], [], [], []
    plan: list[tuple[date, str, str, str, int, int, str, str, float | None]] = []
    for session in sessions[-9:]:
        for code in rng.sample([c[0] for c in COMPANIES], 2):
            price, quantity = by_code[code][2], max(1, 3_000_000 // by_code[code][2])
            profit = round(rng.gauss(1.1, 3.2), 2)
            plan.append((session, "10:12:31", code, "buy", quantity, price, "MOMENTUM", "R-STRAT-05", None))
            reason, rule = ("PROFIT_TARGET", "R-EXIT-09") if profit > 0 else ("STOP_LOSS", "R-EXIT-07")
            plan.append(
                (session, "14:03:07", code, "sell", quantity, round(price * (1 + profit / 100)), reason, rule, profit)
            )
    plan += [
        (DAY, "09:21:04", "104110", "buy", 14, 251_800, "ORB_BREAKOUT", "R-STRAT-02", None),
        (DAY, "09:48:40", "104080", "buy", 55, 58_950, "RSI_REBOUND", "R-STRAT-07", None),
        (DAY, "10:37:12", "104090", "sell", 90, 27_300, "TRAILING_STOP", "R-EXIT-08", 4.21),
        (DAY, "11:02:55", "104140", "sell", 160, 18_300, "STOP_LOSS", "R-EXIT-07", -3.14),
    ]
    for number, (session, clock, code, side, quantity, price, reason, rule, profit) in enumerate(plan):
        name, _sector, _ = by_code[code]
        intent, when, amount = f"int-{session:%m%d}-{number:03d}", at(clock, session), quantity * price
        fee, tax = round(amount * 0.00015), round(amount * 0.0015) if side == "sell" else 0
        pnl = None if profit is None else round(amount * profit / (100 + profit)) - fee - tax
        trades.append(
            {
                "intent_id": intent, "market_day": session, "stock_code": code, "stock_name": name, "trade_type": side.upper(),
                "quantity": quantity, "price_krw": float(price), "total_amount_krw": amount, "fee_krw": fee, "tax_krw": tax,
                "reason": reason, "rule": rule, "market_regime": "BULL", "hybrid_score": 71.4, "llm_score": 69.0,
                "trade_tier": "TIER1", "profit_pct": profit, "realized_pnl_krw": pnl,
                "holding_days": None if profit is None else 3, "signal_id": f"sig-{intent}", "watchlist_version": VERSION,
                "score_run_id": RUN, "traded_at": when,
            }
        )  # fmt: skip
        received = to_epoch_us(when)
        orders.append(
            {
                "intent_id": intent, "account_hash": "default", "market_day": session, "stock_code": code, "stock_name": name,
                "side": side, "order_type": "limit" if reason == "MOMENTUM" else "market", "quantity": quantity,
                "limit_price_krw": price if reason == "MOMENTUM" else None, "reference_price_krw": price, "lease": 1,
                "state": "filled", "order_number": f"{number:010d}", "organisation_number": "00001",
                "filled_quantity": quantity, "filled_amount_krw": amount, "refusal_rule": None, "refusal_text": None,
                "source_id": f"sig-{intent}", "reason": reason, "rule": rule, "scale_out_level": None,
                "watchlist_version": VERSION, "score_run_id": RUN, "created_at": when, "market_at": when, "updated_at": when,
                "unknown_checks": 0, "unknown_since": None, "tick_received_us": received, "signalled_us": received + 1_900,
                "sent_us": received + 6_240,
            }
        )  # fmt: skip
        fills.append(
            {
                "fill_id": f"fill-{intent}", "intent_id": intent, "order_number": f"{number:010d}", "market_day": session,
                "stock_code": code, "side": side, "quantity": quantity, "price_krw": price, "fee_krw": fee, "tax_krw": tax,
                "filled_at": when + timedelta(seconds=1), "booked_at": when + timedelta(seconds=1), "source": "notice",
            }
        )  # fmt: skip
        signals.append(_signal(f"sig-{intent}", side, session, code, name, reason, price, "ordered", when))
    waiting = dict(orders[-1])
    waiting |= {
        "intent_id": "int-0627-900", "stock_code": "104070", "stock_name": "새별중공업", "side": "buy", "order_type": "limit",
        "quantity": 30, "limit_price_krw": 88_700, "state": "partially_filled", "filled_quantity": 12,
        "filled_amount_krw": 12 * 88_700, "reason": "MOMENTUM", "rule": "R-STRAT-05", "source_id": "sig-900",
        "market_at": at("11:19:58"), "created_at": at("11:19:58"), "updated_at": at("11:19:58"),
    }  # fmt: skip
    orders.append(waiting)
    refused = [
        ("104010", "가온전자", "MOMENTUM", "R-GRD-02", "sector value over its limit", "33.8", "30.0", "11:12:40"),
        (
            "104120",
            "나래항공우주",
            "ORB_BREAKOUT",
            "R-COR-02",
            "correlation with 두레방산 too high",
            "0.91",
            "0.85",
            "10:58:03",
        ),
    ]
    for code, name, strategy, rule, detail, value, limit, clock in refused:
        row = _signal(f"sig-{code}", "buy", DAY, code, name, strategy, by_code[code][2], "refused", at(clock))
        signals.append(
            row | {"refusal_rule": rule, "refusal_text": detail, "refusal_value": value, "refusal_limit": limit}
        )
    gates = [
        ("R-GATE-04", "RSI above its ceiling", lambda: (f"{rng.uniform(75.5, 83):.1f}", "75.0")),
        ("R-GATE-07", "far above VWAP on high volume", lambda: (f"{rng.uniform(2.1, 3.4):.2f} %", "2.00 %")),
        ("R-GATE-01", "too few bars since the open", lambda: (str(rng.randint(7, 19)), "20")),
        ("R-GATE-12", "shooting star on the last bar", lambda: (f"{rng.uniform(2.1, 3.9):.1f}", "2.0")),
    ]
    decisions = []
    for number in range(160):
        code, name, _sector, price = rng.choice(COMPANIES[:11])
        rule, detail, figures = rng.choices(gates, weights=[6, 4, 2, 1])[0]
        value, limit = figures()
        when = at("09:05:00") + timedelta(seconds=rng.randint(0, 8_000))
        decisions.append(
            {
                "decision_id": f"dec-{number}", "market_day": DAY, "service": "buy-scanner", "stock_code": code,
                "subject": rng.choice(["MOMENTUM", "RSI_REBOUND", "VOLUME_BREAKOUT"]), "rule": rule, "detail": detail,
                "value": value, "limit_value": limit, "price_krw": price, "decided_at": when,
            }
        )  # fmt: skip
    positions = [
        {
            "stock_code": code, "stock_name": by_code[code][0], "quantity": quantity, "external_quantity": 0,
            "average_price_krw": float(average), "sector_group": by_code[code][1],
            "bought_on": DAY if code in ("104110", "104080") else date(2025, 6, 24), "high_watermark_krw": by_code[code][2],
            "scale_out_level": 1 if code == "104020" else 0, "rsi_sold": False, "profit_floor_armed": False,
            "atr_krw": by_code[code][2] * 0.021, "trade_id": orders[len(plan) - 4]["intent_id"], "reconciled": code != "104080",
            "updated_at": at("10:40"),
        }
        for code, (quantity, average) in HELD.items()
    ]  # fmt: skip
    risk = {
        "market_day": DAY, "previous_equity_krw": total, "week_start_equity_krw": round(total * 0.99),
        "realized_pnl_krw": 12_345, "unrealized_pnl_krw": 214_000, "daily_limit_hit_at": None, "weekly_limit_hit_at": None,
        "updated_at": at("11:20"),
    }  # fmt: skip
    with engine.begin() as connection:
        for table, rows in (
            (led.DailyAssetSnapshot, snapshots),
            (led.TradeLog, trades),
            (led.OrderIntent, orders),
            (led.FillRow, fills),
            (led.SignalLog, signals),
            (led.DecisionLog, decisions),
            (led.ActivePortfolio, positions),
            (led.RiskState, [risk]),
        ):
            connection.execute(insert(table), [_complete(table, row) for row in rows])


def _complete(table: Any, row: dict[str, Any]) -> dict[str, Any]:
    """The row with an empty value in every required column it does not name."""
    empty: dict[str, Any] = {
        "JsonText": {},
        "String": "",
        "Text": "",
        "Integer": 0,
        "BigInteger": 0,
        "Float": 0.0,
        "Boolean": False,
    }
    missing = {
        column.name: empty[type(column.type).__name__]
        for column in table.__table__.columns
        if column.name not in row and not column.nullable and column.default is None
    }
    return missing | row


def _signal(
    signal_id: str, side: str, day: date, code: str, name: str, strategy: str, price: int, outcome: str, when: datetime
) -> dict[str, Any]:
    return {
        "signal_id": signal_id, "side": side, "market_day": day, "stock_code": code, "stock_name": name,
        "strategy": strategy, "price_krw": price, "outcome": outcome, "refusal_rule": None, "refusal_text": None,
        "refusal_value": None, "refusal_limit": None, "payload": {}, "raised_at": when, "settled_at": when,
    }  # fmt: skip


def watchlist(rng: random.Random) -> HotWatchlist:
    """The list of the morning."""
    entries = []
    for rank, (code, name, sector, price) in enumerate(COMPANIES, start=1):
        hybrid = round(81 - rank * 1.6 + rng.uniform(-0.5, 0.5), 1)
        blocked = code == "10413K"
        entries.append(
            WatchlistEntry(
                code=code, name=name, rank=rank, sector_group=sector, quant_score=round(hybrid - rng.uniform(-4, 4), 1),
                llm_score=round(hybrid + rng.uniform(-6, 6), 1), hybrid_score=hybrid,
                coverage_ratio=0.52 if blocked else round(rng.uniform(0.68, 0.97), 2), is_tradable=not blocked,
                trade_tier=TradeTier.BLOCKED if blocked else TradeTier.TIER1 if rank < 7 else TradeTier.TIER2,
                risk_tag=RiskTag.CAUTION if rank in (4, 9) else RiskTag.BULLISH if rank < 4 else RiskTag.NEUTRAL,
                previous_close_krw=round(price * rng.uniform(0.975, 1.01)), atr_krw=price * 0.022,
                first_listed_on=DAY - timedelta(days=rng.randint(0, 9)), scored_at=at("08:30"),
            )
        )  # fmt: skip
    return HotWatchlist(
        version=VERSION, run_id=RUN, market_day=DAY, market_regime=MarketRegime.BULL, entries=tuple(entries),
        known_at=at("08:31"), expires_at=at("15:30"),
    )  # fmt: skip


def macro() -> tuple[MacroInsight, TradingContext]:
    """The council of the morning and what it means."""
    insight = MacroInsight(
        insight_date=DAY, run_id="council-20250627-0730", analyst="rules", sentiment=Sentiment.NEUTRAL_TO_BULLISH,
        sentiment_score=61.0, regime_hint="완만한 상승, 변동성 낮음", market_regime=MarketRegime.BULL,
        sector_signals={"반도체": "HOT", "조선": "WARM", "건설": "COOL"},
        key_themes=("조선 수주 증가", "반도체 재고 정상화", "원화 약세 진정"),
        risk_factors=("미국 금리 결정을 앞둔 관망", "외국인 선물 매도"), opportunity_factors=("방산 수출 계약",),
        sectors_to_favor=("반도체", "조선", "방산"), sectors_to_avoid=("건설",), position_size_pct=110,
        stop_loss_adjust_pct=100, political_risk_level=PoliticalRisk.LOW, council_consensus="partial_agree",
        trading_reasoning="지수는 20일선 위에서 거래되고 VIX는 16대로 낮습니다. 외국인 순매수가 사흘째 이어졌으나 선물은 매도 우위여서 비중을 "
        "10 %만 늘립니다.", vix_value=16.6, vix_regime=VixRegime.NORMAL, usd_krw=1_357.2,
        kospi_level=3_079.6, kospi_change_pct=-0.92, kosdaq_level=787.9, kosdaq_change_pct=-1.29,
        data_completeness_ratio=0.92, known_at=at("07:31"), expires_at=at("11:50"),
    )  # fmt: skip
    context = TradingContext(
        market_day=DAY, run_id=insight.run_id, market_regime=MarketRegime.BULL, position_multiplier=1.1,
        stop_loss_multiplier=1.0, vix_regime=VixRegime.NORMAL, risk_off_level=2, favor_sectors=insight.sectors_to_favor,
        avoid_sectors=insight.sectors_to_avoid, known_at=at("07:31"), expires_at=at("15:30"),
    )  # fmt: skip
    return insight, context


def seed_market(engine: Engine, listed: HotWatchlist, rng: random.Random) -> None:
    """Scores, lists, verdicts and enough prices for a lineage."""
    insight, context = macro()
    scores = [
        {
            "score_date": DAY, "run_id": RUN, "stock_code": e.code, "stock_name": e.name, "scorer_version": "1",
            "settings_hash": "0" * 12, "total_quant_score": e.quant_score, "coverage_ratio": e.coverage_ratio,
            "momentum_score": rng.uniform(10, 20), "quality_score": rng.uniform(6, 18), "value_score": rng.uniform(4, 15),
            "technical_score": rng.uniform(5, 10), "news_score": None if e.coverage_ratio < 0.75 else rng.uniform(3, 9),
            "supply_demand_score": rng.uniform(5, 15), "sector_momentum_score": rng.uniform(3, 10),
            "llm_score": e.llm_score, "hybrid_score": e.hybrid_score, "smoothed_score": e.hybrid_score,
            "analyst": "rules", "llm_grade": "B", "llm_reason": "20일 수익률과 수급이 모두 양호하고 밸류에이션 부담이 낮음",
            "risk_tag": e.risk_tag.value, "trade_tier": e.trade_tier.value, "is_tradable": e.is_tradable,
            "is_final_selected": True, "exclusion": None, "sector_group": e.sector_group, "is_active": True,
            "feeds_watchlist": True,
            "known_at": at("08:30"),
        }
        for e in listed.entries
    ]  # fmt: skip
    history = [
        {
            "snapshot_date": DAY, "run_id": RUN, "stock_code": e.code, "version": VERSION, "rank_number": e.rank,
            "entry": e.model_dump(mode="json"), "market_regime": "BULL", "is_active": True, "known_at": at("08:31"),
        }
        for e in listed.entries
    ]  # fmt: skip
    verdicts = [
        {
            "insight_date": day, "run_id": f"council-{day:%Y%m%d}-0730", "analyst": "rules",
            "sentiment_score": insight.sentiment_score - back * 2, "market_regime": "BULL" if back < 3 else "SIDEWAYS",
            "insight": insight.model_copy(update={"insight_date": day}).model_dump(mode="json"),
            "context": context.model_dump(mode="json"), "raw_output": {"rules": {"kospi_20d_return_pct": 6.1, "vix": 16.6}},
            "is_active": True, "known_at": at("07:31", day),
        }
        for back, day in enumerate(reversed(KrxCalendar.shipped().sessions_between(DAY - timedelta(days=9), DAY)))
    ]  # fmt: skip
    prices = [
        {
            "stock_code": code, "trade_date": session, "open_krw": price, "high_krw": price, "low_krw": price,
            "close_krw": price, "volume": 100_000, "is_halted": False, "source": "generated", "known_at": at("16:00", session),
        }
        for code, _, _, price in COMPANIES
        for session in KrxCalendar.shipped().sessions_between(DAY - timedelta(days=30), DAY - timedelta(days=1))
    ]  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(mkt.DailyQuantScore), [_complete(mkt.DailyQuantScore, row) for row in scores])
        connection.execute(insert(mkt.WatchlistHistory), [_complete(mkt.WatchlistHistory, row) for row in history])
        connection.execute(insert(mkt.DailyMacroInsight), [_complete(mkt.DailyMacroInsight, row) for row in verdicts])
        connection.execute(insert(mkt.StockDailyPrice), [_complete(mkt.StockDailyPrice, row) for row in prices])


def seed_redis(settings: Settings, listed: HotWatchlist) -> None:
    """Values in force and two alerts."""
    redis = connect_sync(settings.effective_redis_url)
    insight, context = macro()
    put_sync(redis, RedisKeys.WATCHLIST_ACTIVE, listed)
    put_sync(redis, RedisKeys.REGIME_CURRENT, context)
    put_sync(redis, RedisKeys.MACRO_INSIGHT, insight, date=DAY.isoformat())
    sectors = {
        name: SectorAllowance(sector_group=name, tier=tier, watchlist_cap=cap, portfolio_cap=3, return_pct=change)
        for name, tier, cap, change in (
            ("반도체", SectorTier.HOT, 5, 2.1),
            ("조선", SectorTier.WARM, 4, 1.2),
            ("건설", SectorTier.COOL, 1, -1.7),
        )
    }
    put_sync(
        redis,
        RedisKeys.SECTOR_BUDGET,
        SectorBudget(run_id=RUN, market_day=DAY, sectors=sectors, known_at=at("08:31"), expires_at=at("15:30")),
    )
    put_sync(
        redis,
        RedisKeys.RISK_INTRADAY,
        IntradayRisk(
            level=IntradayRiskLevel.NORMAL, position_multiplier=1.0, kospi_change_pct=-0.4, vix_value=16.6,
            known_at=at("11:15"), expires_at=at("15:30"),
        ),
    )  # fmt: skip
    permit = TradingPermit(
        mode=Mode.REHEARSAL, account_hash=settings.account_hash, market_day=DAY, watchlist_version=VERSION,
        settings_hash=settings.trading().settings_hash(), granted=True,
        checks=(
            PermitCheck(asset="stock_daily_price", check="freshness", passed=True, blocking=True, detail="last close 2025-06-26"),
            PermitCheck(asset="hot_watchlist", check="coverage", passed=True, blocking=True, detail="13 of 14 tradable"),
            PermitCheck(asset="krx_calendar", check="known_days_ahead", passed=True, blocking=True, detail="123 days"),
            PermitCheck(asset="news", check="freshness", passed=False, blocking=False, detail="no headlines since yesterday"),
        ),
        issued_at=at("08:31"), expires_at=at("15:20"),
    )  # fmt: skip
    put_sync(redis, RedisKeys.PERMIT_TRADING, sign(permit, permit_key(settings)))
    redis.hset(RedisKeys.LLM_STATS.of(date=DAY.isoformat(), service="scout"), mapping={"calls": 0, "tokens_in": 0})
    for alert_id, severity, text, step in (
        (
            "unreconciled:104080",
            "warning",
            "온누리금융지주: 잔고가 증권사와 다릅니다",
            "다음 대사를 기다리거나 Portfolio를 확인하세요",
        ),
        ("news:stale", "info", "뉴스가 어제 이후로 수집되지 않았습니다", "System에서 market_data_job을 실행하세요"),
    ):
        alert = Alert.model_validate(
            {
                "alert_id": alert_id,
                "severity": severity,
                "service": "monitor",
                "text": text,
                "next_step": step,
                "raised_at": at("11:05"),
            }
        )
        publish_sync(redis, Streams.ALERTS, alert, at("11:05"))
    redis.close()


async def move_market(settings: Settings, start: datetime, market_seconds_per_second: float) -> None:
    """Ticks and marks for every company until cancelled."""
    redis, rng = connect(settings.effective_redis_url), random.Random(7)
    writer, now = TickWriter(redis), start
    prices = {code: float(price) for code, _, _, price in COMPANIES}
    while True:
        now += timedelta(seconds=market_seconds_per_second / 2)
        items: list[Tick | ClockMark] = []
        for code in prices:
            prices[code] *= 1 + rng.gauss(0, 0.0005)
            unit = 500 if prices[code] >= 200_000 else 100 if prices[code] >= 50_000 else 50
            price = round(prices[code] / unit) * unit
            items.append(Tick(code, price, 10, 1_000, price + unit, price, to_epoch_us(now), real_now_us()))
        items.append(ClockMark(to_epoch_us(now), True))
        await writer.write(items)
        await asyncio.sleep(0.5)


def stand_in(settings: Settings, service: str) -> FastAPI:
    """Answers of one neighbour: health of a worker, the gateway's reads, Dagster's GraphQL."""
    app = FastAPI()

    @app.get("/health")
    async def health() -> HealthStatus:
        return HealthStatus(
            service=service, status="degraded" if service == "price-monitor" else "healthy", uptime_seconds=8_130.0,
            version="0.1.0", mode="rehearsal", settings_hash=settings.trading().settings_hash(), market_time=None,
            dependencies={"redis": DependencyStatus(ok=True, latency_ms=0.4)}, detail={"lag": 0},
        )  # fmt: skip

    @app.get("/api/account/balance")
    async def balance() -> AccountBalance:
        by_code = {code: (name, price) for code, name, _, price in COMPANIES}
        holdings = tuple(
            Holding(
                stock_code=code, stock_name=by_code[code][0], quantity=q, sellable_quantity=q, average_price_krw=average,
                current_price_krw=by_code[code][1], evaluation_krw=by_code[code][1] * q,
            )
            for code, (q, average) in HELD.items()
        )  # fmt: skip
        return AccountBalance(
            deposit_krw=CASH, cash_krw=CASH, orderable_cash_krw=CASH - 1_600_000,
            total_evaluation_krw=CASH + sum(h.evaluation_krw for h in holdings), holdings=holdings, inquired_at=at("11:20"),
        )  # fmt: skip

    @app.get("/api/market/snapshot")
    async def quote(code: str) -> Quote:
        name, price = next((name, price) for known, name, _, price in COMPANIES if known == code)
        return Quote(
            code=code, name=name, price_krw=price, previous_close_krw=price, open_krw=price, high_krw=price, low_krw=price,
            volume=1, turnover_krw=1, upper_limit_krw=price * 13 // 10, lower_limit_krw=price * 7 // 10, change_pct=0.0,
            quoted_at=at("11:20"),
        )  # fmt: skip

    @app.get("/server_info")
    async def server_info() -> dict[str, str]:
        return {"dagster_version": "1.13.27"}

    @app.post("/graphql")
    async def graphql(request: Request) -> dict[str, Any]:
        body = await request.json()
        if "launchRun" in body["query"]:
            return {
                "data": {
                    "launchRun": {"__typename": "LaunchRunSuccess", "run": {"runId": "run-manual", "status": "QUEUED"}}
                }
            }
        names = sorted({row.job for row in SCHEDULE})
        jobs = [{"name": name, "description": "", "isAssetJob": True} for name in names]
        runs = [
            {
                "runId": f"run-{name}", "jobName": name, "status": "FAILURE" if name == "daily_briefing_job" else "SUCCESS",
                "creationTime": at("08:30").timestamp(), "startTime": at("08:30").timestamp(),
                "endTime": at("08:31").timestamp(), "tags": [{"key": "dagster/partition", "value": DAY.isoformat()}],
            }
            for name in names
        ]  # fmt: skip
        node = {"name": "__repository__", "location": {"name": "jennie_assets"}, "jobs": jobs, "schedules": []}
        return {
            "data": {
                "repositoriesOrError": {"__typename": "RepositoryConnection", "nodes": [node]},
                "runsOrError": {"__typename": "Runs", "results": runs},
            }
        }

    return app


def seed_files(settings: Settings, folder: Path) -> None:
    """Logs and the report of a last rehearsal."""
    logs = settings.state_dir / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    lines = [
        {
            "timestamp": at("11:19:58").astimezone(UTC).isoformat(),
            "level": level,
            "event": event,
            "service": "buy-executor",
            **more,
        }
        for level, event, more in (
            ("info", "signal received", {"signal_id": "sig-900", "stock_code": "104070"}),
            ("info", "order accepted", {"intent_id": "int-0627-900", "order_number": "0000000041"}),
            ("warning", "signal refused", {"rule": "R-GRD-02", "value": "33.8", "limit": "30.0"}),
            ("error", "gateway slow", {"latency_ms": 812}),
        )
    ]
    for service in ("buy-executor", "kis-gateway"):
        (logs / f"{service}.log").write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + "\n")
    report = {
        "mode": "rehearsal", "market_day": "2025-06-26", "data_source": "generated", "simulated": True, "seed": 7,
        "speed": "unlimited", "wall_seconds": 71.3, "watchlist": {"version": VERSION, "size": 14, "tradable": 13, "regime": "BULL"},
        "ticks": {"sent": 156_204, "received": 156_204, "lost": 0},
        "signals": {"buy": 9, "sell": 4, "refused": {"R-GRD-02": 3, "R-COR-02": 1}},
        "orders": {"submitted": 9, "filled": 8, "partially_filled": 0, "cancelled": 1, "rejected": 0, "unknown": 0},
        "fills": 11, "pnl": {"realized_krw": 184_200, "unrealized_krw": -52_300, "fees_krw": 6_120, "taxes_krw": 14_900},
        "latency_ms": {
            "tick_to_signal": {"p50": 1.9, "p99": 6.2, "max": 11.0, "samples": 9},
            "signal_to_order": {"p50": 4.2, "p99": 12.8, "max": 15.1, "samples": 9},
            "tick_to_order": {"p50": 6.4, "p99": 17.9, "max": 22.4, "samples": 9},
        },
        "reconciliation": {"matches": True, "differences": [], "compared": 12},
        "assets": {"materialized": 41, "failed": 0}, "checks": {"passed": 57, "failed": 0, "warned": 2},
        "partitions_backfilled": 250, "order_hash": "9f2c7ab0d1e4", "settings_hash": settings.trading().settings_hash(),
    }  # fmt: skip
    target = folder / "rehearsal" / "latest"
    target.mkdir(parents=True, exist_ok=True)
    (target / "report.json").write_text(json.dumps(report, ensure_ascii=False))


async def serve_all(settings: Settings, options: argparse.Namespace) -> None:
    """Neighbours, dashboard and market until the process is ended."""

    def server(app: FastAPI, port: int) -> uvicorn.Server:
        config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False)
        return uvicorn.Server(config)

    neighbours = [name for name in PORTS if name not in ("dashboard-api", "sim", "sim-admin", *options.without)]
    servers = [server(stand_in(settings, name), settings.port(name)) for name in neighbours]
    servers.append(server(build(settings), settings.port("dashboard-api")))
    tasks = [asyncio.create_task(one.serve()) for one in servers]
    if not options.empty:
        tasks.append(asyncio.create_task(move_market(settings, at(options.clock), options.speed)))
    while not all(one.started for one in servers):
        await asyncio.sleep(0.05)
        if any(task.done() for task in tasks):
            break
    redis = connect_sync(settings.effective_redis_url)
    said = {
        "url": settings.url("dashboard-api"),
        "login": mint_login_link(settings, redis),
        "service_token": generated_secret(settings, SERVICE_TOKEN),
    }
    print(json.dumps(said), flush=True)
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


def main() -> None:
    """Parse, seed, serve."""
    parser = argparse.ArgumentParser(description="dashboard over generated data")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port-base", type=int, default=20_000)
    parser.add_argument("--clock", default="11:20:00", help="market time to start at")
    parser.add_argument("--speed", type=float, default=10.0, help="market seconds per second")
    parser.add_argument("--empty", action="store_true", help="schema only, no data and no market time")
    parser.add_argument("--without", nargs="*", default=[], help="neighbours that are down")
    options = parser.parse_args()
    rng = random.Random(20250627)
    home: Path = options.home.resolve()
    with valkey.running(valkey.ValkeyConfig(home / "redis", durable=False)) as redis_url:
        settings = load_settings(
            {},
            Path("/nonexistent"),
            home=home / "state",
            var_dir=home,
            redis_url=redis_url,
            port_base=options.port_base,
            simulated_prices=True,
        )
        settings.state_dir.mkdir(parents=True, exist_ok=True)
        ledger = make_engine(settings.effective_ledger_url, durable=False)
        market = make_engine(settings.effective_market_url, durable=False)
        upgrade("ledger", ledger)
        upgrade("market", market)
        if not options.empty:
            listed = watchlist(rng)
            seed_ledger(ledger, rng)
            seed_market(market, listed, rng)
            seed_redis(settings, listed)
            seed_files(settings, home)
        ledger.dispose()
        market.dispose()
        with suppress(KeyboardInterrupt, asyncio.CancelledError):
            asyncio.run(serve_all(settings, options))


if __name__ == "__main__":
    sys.exit(main())
