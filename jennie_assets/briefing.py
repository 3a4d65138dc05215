"""The evening briefing as Telegram HTML (R-BRF): the template's own words, or a model's where one is configured."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

import polars as pl
from pydantic import BaseModel, Field

from jennie_assets import records
from jennie_assets.platform import Platform
from jennie_core.domain.macro import MacroInsight
from jennie_core.domain.watchlist import WatchlistEntry
from jennie_infra.db.repositories import market_reference as reference
from jennie_infra.db.repositories import market_scores as scores
from jennie_infra.llm.provider import RULES, Prompt, named_fallback
from jennie_infra.llm.stats import count_usage
from jennie_infra.telegram import escape

SERVICE = "briefing"
MOST_TRADES = 8
MOST_POSITIONS = 8
MOST_LISTED = 5
MOST_NEWS = 5
UNKNOWN = "모름"

_SYSTEM = (
    "주어진 사실만으로 오늘의 매매 브리핑을 친근한 한국어로 쓰십시오. "
    "시장, 거래, 보유, 관심종목, 뉴스, 전망의 여섯 부분, 텔레그램 HTML(<b>만), 3500자 이내. "
    '없는 사실을 지어내지 마십시오. JSON 하나로만 답하십시오: {"text": "..."}'
)


class Written(BaseModel):
    """A model's briefing."""

    text: str = Field(min_length=50, max_length=3_500)


def compose(platform: Platform, day: date, *, now: datetime) -> tuple[str, str]:
    """Text and writer (`rules`, a model, or the rules instead of a model that failed)."""
    return told(platform, template(platform, day), now=now)


def told(platform: Platform, facts: str, *, now: datetime) -> tuple[str, str]:
    """The facts in a model's words where one is configured and answers, else as they are; with the writer's name."""
    model = platform.language_model
    if model.name == RULES:
        return facts, RULES
    answer = model.ask(Prompt(service=SERVICE, system=_SYSTEM, user=facts, max_tokens=2_000), Written)
    count_usage(platform.redis, now.date(), SERVICE, [answer])
    if answer.value is None:
        return facts, named_fallback(model.name)
    return answer.value.text, model.name


def template(platform: Platform, day: date) -> str:
    """The briefing from the stores alone; a figure that is not known is called so."""
    with platform.market.connect() as connection:
        insight = scores.active_insight(connection, day)
        _, listed = scores.active_entries(connection, day, day)
        news = reference.read_headlines(connection, day - timedelta(days=2), day - timedelta(days=1))
    parts = [
        f"<b>{day:%Y-%m-%d} 매매 브리핑</b>",
        *_account(platform, day),
        *_trades(platform, day),
        *_positions(platform),
        *_market(insight),
        *_watchlist(listed),
        *_news(news),
    ]
    return "\n".join(parts)


def _account(platform: Platform, day: date) -> list[str]:
    row = records.snapshot(platform, day)
    if row is None:
        return ["", "<b>계좌</b>", f"총자산 {UNKNOWN} (스냅샷 없음)"]
    return [
        "",
        "<b>계좌</b>",
        f"총자산 {row['total_asset_krw']:,}원 · 현금 {row['cash_krw']:,}원 · 주식 {row['stock_evaluation_krw']:,}원",
        f"실현 {row['realized_pnl_krw']:+,}원 · 평가 {row['unrealized_pnl_krw']:+,}원 · "
        f"수수료 {row['fees_krw']:,}원 · 세금 {row['taxes_krw']:,}원",
    ]


def _trades(platform: Platform, day: date) -> list[str]:
    rows = records.trades(platform, day)
    sells = [row for row in rows if row["realized_pnl_krw"] is not None]
    wins = sum(row["realized_pnl_krw"] > 0 for row in sells)
    lines = ["", f"<b>거래</b> {len(rows)}건" + (f" · 매도 {len(sells)}건 중 이익 {wins}건" if sells else "")]
    for row in rows[:MOST_TRADES]:
        side = "매수" if row["trade_type"].lower() == "buy" else "매도"
        gain = "" if row["profit_pct"] is None else f" ({row['profit_pct']:+.2f}%)"
        deal = f"{side} {escape(row['stock_name'])} {row['quantity']:,}주 {row['price_krw']:,.0f}원"
        lines.append(f"{deal} · {escape(row['reason'])}{gain}")
    return lines


def _positions(platform: Platform) -> list[str]:
    rows = [row for row in records.positions(platform) if row["quantity"] > 0]
    lines = ["", f"<b>보유</b> {len(rows)}종목"]
    lines += [
        f"{escape(row['stock_name'])} {row['quantity']:,}주 · 평균 {row['average_price_krw']:,.0f}원"
        for row in rows[:MOST_POSITIONS]
    ]
    return lines


def _market(insight: MacroInsight | None) -> list[str]:
    if insight is None:
        return ["", "<b>시장</b>", f"협의회 의견 {UNKNOWN}"]
    return [
        "",
        "<b>시장</b> (오늘 아침 기준)",
        f"코스피 {_figure(insight.kospi_level)} ({_change(insight.kospi_change_pct)}) · "
        f"코스닥 {_figure(insight.kosdaq_level)} ({_change(insight.kosdaq_change_pct)})",
        f"VIX {_figure(insight.vix_value)} · 원/달러 {_figure(insight.usd_krw)}",
        f"국면 {insight.market_regime.value} · 심리 {insight.sentiment_score:.1f}점 · "
        f"{escape(insight.council_consensus)}",
        f"우선 {_names(insight.sectors_to_favor)} · 회피 {_names(insight.sectors_to_avoid)}",
        escape(insight.trading_reasoning),
    ]


def _watchlist(listed: tuple[WatchlistEntry, ...]) -> list[str]:
    lines = ["", f"<b>관심종목</b> {len(listed)}개"]
    lines += [
        f"{entry.rank}. {escape(entry.name)} {entry.hybrid_score:.1f}점 · {escape(entry.sector_group)}"
        for entry in listed[:MOST_LISTED]
    ]
    return lines


def _news(news: pl.DataFrame) -> list[str]:
    best = news.filter(pl.col("sentiment_score").is_not_null()).sort(
        "sentiment_score", "title", descending=[True, False]
    )
    titles = best.head(MOST_NEWS)["title"].to_list()
    return ["", "<b>뉴스</b>", *(f"· {escape(title)}" for title in titles)] if titles else []


def _figure(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.2f}"


def _change(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:+.2f}%"


def _names(names: Iterable[str]) -> str:
    return ", ".join(escape(name) for name in names) or "없음"
