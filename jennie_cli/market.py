"""Preparing a rehearsal's market: the folder the data plane reads and the pack the exchange reads (decision 0002)."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from jennie_cli import market_frames
from jennie_cli.carry import Carried, carried_holdings
from jennie_cli.errors import UserError
from jennie_cli.minutes import minute_bars
from jennie_cli.places import RunFolder
from jennie_cli.report.model import Note
from jennie_core.domain.trading_settings import TradingSettings
from jennie_core.krx.calendar import KrxCalendar, UnknownSessionError
from jennie_infra.sources.errors import MarketDataError
from jennie_infra.sources.files import MarketFolder
from jennie_sim.market.generate import generate_market
from jennie_sim.market.pack import CarriedHolding, PackAccount
from jennie_sim.market.write_pack import write_pack

DEFAULT_REAL_DAY = date(2025, 6, 27)
DEFAULT_SIMULATED_DAY = date(2026, 3, 18)
PACK_SESSIONS = 300
BACKFILL_SESSIONS = 250
START_EQUITY_KRW = 100_000_000


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the gateway shows the exchange; made anew for each rehearsal."""

    account_number: str
    app_key: str
    app_secret: str
    hts_id: str


@dataclass(frozen=True, slots=True)
class PreparedMarket:
    """What a rehearsal trades on."""

    day: date
    source: str
    simulated: bool
    market_folder: Path
    sessions: tuple[date, ...]
    carried: tuple[Carried, ...]
    start_equity_krw: int
    cash_krw: int
    previous_equity_krw: int
    moved_values: int
    notes: tuple[Note, ...]


def choose_day(requested: date | None, market_data: Path | None) -> date:
    """The day to rehearse; raises UserError when it is no KRX session."""
    day = requested or (DEFAULT_REAL_DAY if market_data else DEFAULT_SIMULATED_DAY)
    calendar = KrxCalendar.shipped()
    if not calendar.known_from <= day <= calendar.known_until or calendar.is_session(day) is None:
        raise UserError(
            f"DAY={day}: the calendar does not know this day; "
            f"choose one from {calendar.known_from} to {calendar.known_until}"
        )
    if not calendar.is_session(day):
        raise UserError(
            f"DAY={day} is no KRX session (weekend or holiday); the next one is {calendar.next_session(day)}"
        )
    return day


def prepare(
    folder: RunFolder,
    *,
    day: date,
    seed: int,
    market_data: Path | None,
    credentials: Credentials,
    settings: TradingSettings,
) -> PreparedMarket:
    """Write the session pack (and, without real data, the generated market folder); raises UserError on bad data."""
    try:
        if market_data is None:
            return _generated(folder, day, seed, credentials, settings)
        return _real(folder, day, seed, market_data, credentials, settings)
    except MarketDataError as error:
        raise UserError(f"MARKET_DATA: {error}") from error
    except UnknownSessionError as error:
        raise UserError(f"DAY={day}: too early, the sessions before it are not known ({error})") from error


def _generated(
    folder: RunFolder, day: date, seed: int, credentials: Credentials, settings: TradingSettings
) -> PreparedMarket:
    made = generate_market(folder.market, seed, day)
    source = MarketFolder(folder.market)
    return _write(
        folder,
        day=day,
        seed=seed,
        name=f"generated market, seed {seed}",
        simulated=True,
        market_folder=folder.market,
        source=source,
        listing=made.listing,
        session=made.session,
        history=made.daily,
        index=made.index,
        flows=market_frames.flows(source, made.daily["date"].min(), day),  # type: ignore[arg-type]
        minutes=None,
        credentials=credentials,
        settings=settings,
        notes=(),
    )


def _real(
    folder: RunFolder, day: date, seed: int, market_data: Path, credentials: Credentials, settings: TradingSettings
) -> PreparedMarket:
    if not market_data.is_dir():
        raise UserError(f"MARKET_DATA={market_data}: no such folder; give a folder with daily KRX bars or marcap files")
    source = MarketFolder(market_data)
    first = KrxCalendar.shipped().previous_session(day, PACK_SESSIONS)
    prices = source.daily_prices(first, day)
    session = prices.filter(pl.col("trade_date") == day)
    if session.is_empty():
        newest: date | None = prices["trade_date"].max()  # type: ignore[assignment]
        raise UserError(
            f"DAY={day}: {market_data} has no prices of that day"
            + (
                f"; the newest before it is {newest}"
                if newest is not None
                else f" nor of the {PACK_SESSIONS} sessions before"
            )
        )
    if session["is_halted"].all():
        raise UserError(f"DAY={day}: every stock of that day is a halt in {market_data}; choose a day that was traded")
    history = prices.filter(pl.col("trade_date") < day)
    if history["trade_date"].n_unique() < 60:
        raise UserError(
            f"DAY={day}: only {history['trade_date'].n_unique()} sessions before it in {market_data}, 60 are needed"
        )
    notes: list[Note] = []
    index, index_note = market_frames.index(source, prices, first, day)
    notes += index_note
    _require_readable(source, day)
    minutes, minute_notes = minute_bars(market_data, day)
    notes += minute_notes
    return _write(
        folder,
        day=day,
        seed=seed,
        name=f"real {'daily bars' if minutes.is_empty() else 'daily and minute bars'} from {market_data.name}",
        simulated=False,
        market_folder=market_data.resolve(),
        source=source,
        listing=market_frames.listing(source, history, day),
        session=market_frames.plain(session).drop("date"),
        history=market_frames.plain(history),
        index=index,
        flows=market_frames.flows(source, first, day),
        minutes=minutes,
        credentials=credentials,
        settings=settings,
        notes=tuple(notes),
    )


def _require_readable(source: MarketFolder, day: date) -> None:
    """What only the data plane reads is opened here, so that a broken file is named before anything is started."""
    month = day - timedelta(days=30)
    source.macro_daily(month, day)
    source.market_flows(month, day)
    source.headlines(month, day)
    source.fundamentals(day)


def _write(
    folder: RunFolder,
    *,
    day: date,
    seed: int,
    name: str,
    simulated: bool,
    market_folder: Path,
    source: MarketFolder,
    listing: pl.DataFrame,
    session: pl.DataFrame,
    history: pl.DataFrame,
    index: pl.DataFrame,
    flows: pl.DataFrame,
    minutes: pl.DataFrame | None,
    credentials: Credentials,
    settings: TradingSettings,
    notes: tuple[Note, ...],
) -> PreparedMarket:
    calendar = KrxCalendar.shipped()
    listed = set(listing["code"])
    carried = tuple(
        item for item in carried_holdings(source, day, START_EQUITY_KRW, settings, calendar) if item.code in listed
    )
    cash = START_EQUITY_KRW - sum(item.cost_krw for item in carried)
    account = PackAccount(
        account_number=credentials.account_number,
        hts_id=credentials.hts_id,
        app_key=credentials.app_key,
        app_secret=credentials.app_secret,
        cash_krw=cash,
        holdings=tuple(
            CarriedHolding(
                code=item.code, quantity=item.quantity, average_price_krw=item.price_krw, bought_on=item.bought_on
            )
            for item in carried
        ),
    )
    meta = write_pack(
        folder.exchange,
        day=day,
        seed=seed,
        source=name,
        simulated=simulated,
        listing=listing,
        session=session.filter(pl.col("code").is_in(sorted(listed))),
        history=history,
        index=index,
        accounts=[account],
        flows=flows,
        minutes=minutes,
    )
    closes = dict(listing.select("code", "base_price_krw").iter_rows())
    sessions = tuple(source.sessions(calendar.previous_session(day, BACKFILL_SESSIONS), day - timedelta(days=1)))
    said = [
        Note(
            ko=f"{item.name} ({item.code}): 매수 가능한 종목이 없던 날이라 점수 순으로 이월 종목을 골랐습니다 (Q1).",
            en=f"{item.name} ({item.code}): no stock was tradable on its day, taken by score (Q1).",
        )
        for item in carried
        if item.taken_by_score
    ]
    return PreparedMarket(
        day=day,
        source=name,
        simulated=simulated,
        market_folder=market_folder,
        sessions=sessions,
        carried=carried,
        start_equity_krw=START_EQUITY_KRW,
        cash_krw=cash,
        previous_equity_krw=cash + sum(item.quantity * closes[item.code] for item in carried),
        moved_values=meta.moved_values,
        notes=(*notes, *said),
    )
