"""The jobs of the schedule table (T5) and their assets; names are those of `jennie_core.domain.schedule`."""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from jennie_assets.maintenance import maintenance_job

JOB_ASSETS: dict[str, tuple[str, ...]] = {
    "market_data_job": ("stock_master", "daily_prices", "index_prices", "investor_flows", "fundamentals"),
    "macro_collect_job": ("macro_snapshot", "news_articles", "news_sentiment", "news_vectors"),
    "macro_council_job": ("council_insight", "regime_context"),
    "scout_job": (
        "universe", "quant_scores", "analyst_scores", "hybrid_scores",
        "sector_budget", "hot_watchlist", "trading_permit",
    ),
    "trading_records_job": ("ticks", "buy_signals", "sell_orders", "order_intents", "fills", "positions"),
    "asset_snapshot_job": ("daily_asset_snapshot",),
    "close_prices_job": ("close_prices",),
    "daily_briefing_job": ("daily_briefing", "other_scores", "score_quality"),
}  # fmt: skip

DESCRIPTIONS: dict[str, str] = {
    "market_data_job": "시세·수급·재무: 직전 거래일까지의 시장 자료",
    "macro_collect_job": "협의회가 볼 거시 지표와 뉴스",
    "macro_council_job": "거시 협의회와 시장 국면",
    "scout_job": "점수, 섹터 예산, 관심종목, 매매 허가",
    "trading_records_job": "틱, 신호, 주문, 체결, 보유를 자산으로 기록",
    "asset_snapshot_job": "계좌 일별 스냅샷",
    "close_prices_job": "장 마감 뒤 당일 시세",
    "daily_briefing_job": "일일 브리핑과 점수 사후 평가",
}


def build_jobs() -> list[dg.JobDefinition | UnresolvedAssetJobDefinition]:
    """All jobs, maintenance included."""
    jobs: list[dg.JobDefinition | UnresolvedAssetJobDefinition] = [
        dg.define_asset_job(
            name,
            selection=dg.AssetSelection.assets(*assets),
            description=DESCRIPTIONS[name],
        )
        for name, assets in JOB_ASSETS.items()
    ]
    return [*jobs, maintenance_job]
