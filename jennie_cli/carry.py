"""The three holdings an account begins a rehearsal with, opened by the same scores and caps over five sessions.

On each of them the stock ranked first among those tradable and not yet held is bought at that session's close for at
most the weight a scout entry may have (R-SIZE-04). A holding whose fixed stop was crossed on a later close is given up,
as the monitor would have sold it; what is then missing is bought on the last of the five. When coverage leaves nothing
tradable, the best hybrid score is taken instead, and said.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from jennie_core.domain.trading_settings import TradingSettings
from jennie_core.krx.calendar import KrxCalendar
from jennie_core.scoring.analyst import hybrid_scores
from jennie_core.scoring.readings import MarketInputs, assemble_readings
from jennie_core.scoring.rules_analyst import rules_opinions
from jennie_core.scoring.scorers import SCORERS
from jennie_core.scoring.universe import EmptyUniverseError, select_universe
from jennie_infra.sources.protocol import MarketDataSource

CARRIED = 3
LOOK_BACK_SESSIONS = 5
WEIGHT_RATIO = 0.12
HISTORY_DAYS = 400


@dataclass(frozen=True, slots=True)
class Carried:
    """One carried holding; `taken_by_score` says that nothing was tradable on its day."""

    code: str
    name: str
    sector_group: str
    quantity: int
    price_krw: int
    bought_on: date
    taken_by_score: bool = False

    @property
    def cost_krw(self) -> int:
        """Won paid, without commission."""
        return self.quantity * self.price_krw


def carried_holdings(
    source: MarketDataSource, day: date, equity_krw: int, settings: TradingSettings, calendar: KrxCalendar
) -> list[Carried]:
    """Up to three holdings for the morning of `day`, from data before `day` only."""
    sessions = source.sessions(calendar.previous_session(day, LOOK_BACK_SESSIONS), day - timedelta(days=1))
    first = sessions[0] if sessions else day
    prices = source.daily_prices(first - timedelta(days=HISTORY_DAYS), day - timedelta(days=1))
    held: dict[str, Carried] = {}
    for session in sessions:
        for code in [code for code, item in held.items() if _stopped(prices, item, session, settings)]:
            del held[code]
        wanted = CARRIED if session == sessions[-1] else min(CARRIED, len(held) + 1)
        while len(held) < wanted:
            choice = _choose(source, prices, session, set(held), equity_krw, settings)
            if choice is None:
                break
            held[choice.code] = choice
    return list(held.values())


def _choose(
    source: MarketDataSource,
    prices: pl.DataFrame,
    session: date,
    held: set[str],
    equity_krw: int,
    settings: TradingSettings,
) -> Carried | None:
    known = prices.filter(pl.col("trade_date") < session)
    newest: date | None = known["trade_date"].max()  # type: ignore[assignment]
    if newest is None:
        return None
    yesterday = session - timedelta(days=1)
    inputs = MarketInputs(
        prices=known,
        master=source.stock_master(newest),
        market_caps=source.market_caps(newest),
        fundamentals=source.fundamentals(yesterday),
        flows=source.investor_flows(newest - timedelta(days=90), newest),
        headlines=source.headlines(newest - timedelta(days=14), yesterday),
    )
    readings = assemble_readings(inputs, as_of=newest, known_by=yesterday)
    try:
        universe = select_universe(readings, as_of=newest, settings=settings.scout)
    except EmptyUniverseError:
        return None
    members = readings.join(universe.members.select("code", "size_rank"), on="code")
    scored = SCORERS[settings.scout.scorer].scores(members, regime=None)
    judged = hybrid_scores(scored, rules_opinions(scored), settings=settings.scout)
    today = prices.filter((pl.col("trade_date") == session) & ~pl.col("is_halted")).select(
        "code",
        pl.col("close_krw").alias("paid_krw"),  # the readings carry the close of the session before
    )
    open_to_us = judged.join(today, on="code", how="inner").filter(
        ~pl.col("code").is_in(sorted(held)) & pl.col("hybrid_score").is_not_null()
    )
    tradable = open_to_us.filter(pl.col("is_tradable"))
    pool = tradable if tradable.height else open_to_us
    if pool.is_empty():
        return None
    row = pool.sort("hybrid_score", "code", descending=[True, False]).row(0, named=True)
    price = int(row["paid_krw"])
    quantity = int(equity_krw * WEIGHT_RATIO // price)
    if quantity == 0:
        return None
    return Carried(row["code"], row["name"], row["sector_group"], quantity, price, session, tradable.is_empty())


def _stopped(prices: pl.DataFrame, item: Carried, session: date, settings: TradingSettings) -> bool:
    close = prices.filter((pl.col("code") == item.code) & (pl.col("trade_date") == session))["close_krw"]
    if close.is_empty():
        return False
    return float((close[0] / item.price_krw - 1) * 100) <= -settings.sell.stop_loss_pct
