"""What the market store knows of the day: scored stocks, the briefing, the way back to raw prices."""

from collections import Counter
from datetime import date

from sqlalchemy import func, select

from jennie_cli.report.ledger_facts import LedgerFacts
from jennie_cli.report.model import LineageSample
from jennie_infra.db.engine import make_engine
from jennie_infra.db.market import DailyBriefing, DailyQuantScore, StockDailyPrice
from jennie_infra.settings import Settings


def left_out(settings: Settings, day: date) -> tuple[int, dict[str, int]]:
    """Stocks scored by the newest run of a day, and those of them that may not be bought by the rule that says so."""
    engine = make_engine(settings.effective_market_url, durable=False)
    t = DailyQuantScore
    try:
        with engine.connect() as connection:
            rows = connection.execute(
                select(t.exclusion, func.count()).where(t.score_date == day, t.is_active).group_by(t.exclusion)
            ).all()
    finally:
        engine.dispose()
    counts: Counter[str] = Counter()
    for reason, count in rows:
        if reason is not None:
            counts[reason] += count
    return sum(count for _, count in rows), dict(counts.most_common())


def briefing(settings: Settings, day: date) -> str | None:
    """The day's newest briefing."""
    engine = make_engine(settings.effective_market_url, durable=False)
    try:
        with engine.connect() as connection:
            return connection.execute(
                select(DailyBriefing.text)
                .where(DailyBriefing.briefing_date == day)
                .order_by(DailyBriefing.known_at.desc())
            ).scalar()
    finally:
        engine.dispose()


def lineage(facts: LedgerFacts, settings: Settings) -> LineageSample | None:
    """The first fill of a scanner's buy, else the first fill, followed back to price rows."""
    if not facts.fills:
        return None
    intents = {row["intent_id"]: row for row in facts.intents}
    known = [fill for fill in facts.fills if fill["intent_id"] in intents]
    if not known:
        return None
    fill = next((row for row in known if row["side"] == "buy"), known[0])
    intent = intents[fill["intent_id"]]
    run_id, code = intent["score_run_id"], intent["stock_code"]
    engine = make_engine(settings.effective_market_url, durable=False)
    try:
        with engine.connect() as connection:
            score_date = connection.execute(
                select(DailyQuantScore.score_date).where(
                    DailyQuantScore.run_id == run_id,
                    DailyQuantScore.stock_code == code,
                    DailyQuantScore.feeds_watchlist,
                )
            ).scalar()
            before = score_date or intent["market_day"]
            first, last, rows = connection.execute(
                select(func.min(StockDailyPrice.trade_date), func.max(StockDailyPrice.trade_date), func.count()).where(
                    StockDailyPrice.stock_code == code, StockDailyPrice.trade_date < before
                )
            ).one()
    finally:
        engine.dispose()
    return LineageSample(
        fill_id=fill["fill_id"],
        intent_id=intent["intent_id"],
        signal_id=intent["source_id"],
        signal_type=intent["reason"],
        watchlist_version=intent["watchlist_version"],
        score_run_id=run_id,
        score_partition=None if score_date is None else score_date.isoformat(),
        price_partitions=() if first is None else (first.isoformat(), last.isoformat()),
        price_rows=int(rows),
    )
