"""A recorded day: the tick log of a run folder or of a path, and the stores or market folder it is read against."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from jennie_cli.errors import UserError
from jennie_cli.replay.inputs import ACCOUNT, CHECKS_NOT_RUN, START_EQUITY_KRW, DayInputs, Frame, exchange_of
from jennie_cli.replay.logs import read_log
from jennie_cli.replay.plane import FolderPlane, read_knowledge
from jennie_cli.replay.stored import stored_plane
from jennie_cli.report.model import Note
from jennie_core.domain.base import KST, from_epoch_us
from jennie_core.domain.enums import AssetKind, ListingStatus, Market
from jennie_core.domain.market import ClockMark, DailyBar, Tick
from jennie_core.krx.calendar import KrxCalendar
from jennie_core.replay.day_ports import DayStart, FillModel, MarketFacts
from jennie_core.replay.paper_account import PaperAccount
from jennie_core.replay.recorded import RecordedSlices
from jennie_core.replay.tape_board import StockFacts, TapeBoard
from jennie_core.replay.tick_fills import TickFillRules, TickFills
from jennie_core.strategy.fills import Listing
from jennie_infra.db.read_only import read_only_engine
from jennie_infra.db.repositories import recorded_day, risk
from jennie_infra.db.repositories.cooldowns import CooldownKind
from jennie_infra.db.repositories.market_prices import read_daily_prices
from jennie_infra.db.repositories.recorded_day import StoredStock
from jennie_infra.sources.files import MarketFolder

HISTORY_SESSIONS = 90
NO_INDEX = Note(
    ko="틱 기록에는 지수가 없습니다. 장중 위험 단계는 15분 뒤 CAUTION으로 봅니다 (R-THR-09).",
    en="A tick log holds no index: the throttle falls to CAUTION after 15 minutes (R-THR-09).",
)
STATUS_ASSUMED = Note(
    ko="종목 상태가 기록되지 않은 종목은 정상으로 보았습니다.",
    en="A listing status that was not recorded counts as normal.",
)
ESTIMATED = Note(
    ko="체결은 기록된 체결량의 일부로 추정했습니다: 슬리피지 {bps:g}bp, 거래량의 {share:.0%}.",
    en="Fills are estimated from the recorded trades: {bps:g} bp slippage, {share:.0%} of the volume.",
)


@contextmanager
def home_inputs(frame: Frame, home: Path, *, estimate: bool, rules: TickFillRules) -> Iterator[DayInputs]:
    """A run folder: its tick log, what its stores published, the morning's books.

    A rehearsal's folder has a session pack, whose exchange matches as it did then unless `estimate` is asked for.
    """
    for name in ("ledger.db", "market.db"):
        if not (home / name).is_file():
            raise UserError(f"--home {home}: no {name} in it; name a run folder such as var/rehearsal/latest")
    items = read_log(home / "ticks", frame.day)
    ledger = read_only_engine(f"sqlite:///{home / 'ledger.db'}", setting="--home")
    market = read_only_engine(f"sqlite:///{home / 'market.db'}", setting="--home")
    try:
        yield _home_day(frame, home, items, ledger, market, None if not estimate else rules, rules)
    except SQLAlchemyError as error:
        raise UserError(f"--home {home}: its stores cannot be read ({str(error).splitlines()[0]})") from error
    finally:
        ledger.dispose()
        market.dispose()


def _home_day(
    frame: Frame,
    home: Path,
    items: list[Tick | ClockMark],
    ledger: Engine,
    market: Engine,
    estimate: TickFillRules | None,
    rules: TickFillRules,
) -> DayInputs:
    settings_hash = frame.settings.settings_hash()
    plane, issued_for = stored_plane(market, ledger, frame.day, settings_hash)
    if plane.is_empty:
        raise UserError(f"DAY={frame.day}: the stores of {home} published nothing that day; choose a day it traded")
    start, cash = _morning(frame, ledger)
    begins_at = from_epoch_us(_first_mark_us(items))
    notes: tuple[Note, ...] = tuple(
        _other_settings(each, settings_hash) for each in sorted(issued_for - {settings_hash})
    )
    broker: FillModel
    facts: MarketFacts
    if (home / "exchange" / "meta.json").is_file() and estimate is None:
        exchange = exchange_of(frame, home / "exchange", begins_at - timedelta(seconds=60))
        broker, facts, fills = exchange, exchange.facts, "exchange"
    else:
        codes = {item.code for item in items if isinstance(item, Tick)} | {each.stock_code for each in start.positions}
        board = TapeBoard(frame.day, _stored_stocks(market, frame.day, codes))
        account = PaperAccount.of(START_EQUITY_KRW if cash is None else cash, start.positions)
        broker, facts, fills = TickFills(frame.day, account, board, rules), board, "ticks"
        notes = (*notes, NO_INDEX, _estimated(rules), STATUS_ASSUMED)
    return DayInputs(
        start, RecordedSlices(items), broker, facts, plane, begins_at, f"recorded log of {home.name}", fills, notes
    )


def log_inputs(frame: Frame, path: Path, *, market_data: Path | None, cash_krw: int, rules: TickFillRules) -> DayInputs:
    """A tick log alone: lists and scores come from a market folder, the account begins with cash only."""
    if market_data is None:
        raise UserError(
            f"--ticks {path}: a log holds no scores; give --market-data with daily bars before the day, or --home"
        )
    items = read_log(path, frame.day)
    source = MarketFolder(market_data)
    known = read_knowledge(source, frame.day)
    before = KrxCalendar.shipped().previous_session(frame.day, HISTORY_SESSIONS)
    prices = source.daily_prices(before, frame.day - timedelta(days=1))
    master = source.stock_master(KrxCalendar.shipped().previous_session(frame.day))
    listed = {row["code"]: _stock(row) for row in master.iter_rows(named=True)}
    codes = {item.code for item in items if isinstance(item, Tick)}
    stocks = {code: _facts(listed[code], bars) for code, bars in _bars_of(prices, codes).items() if code in listed}
    board = TapeBoard(frame.day, stocks)
    return DayInputs(
        start=DayStart(frame.day, frame.settings, opening_equity_krw=cash_krw, week_equity_krw=cash_krw),
        source=RecordedSlices(items),
        broker=TickFills(frame.day, PaperAccount(cash_krw), board, rules),
        market=board,
        plane=FolderPlane(known, frame.day, frame.settings, ACCOUNT),
        begins_at=from_epoch_us(_first_mark_us(items)),
        data_source=f"recorded log {path.name}, scores from {market_data.name}",
        fills="ticks",
        notes=(NO_INDEX, _estimated(rules), STATUS_ASSUMED, CHECKS_NOT_RUN),
    )


def _first_mark_us(items: Iterable[Tick | ClockMark]) -> int:
    return next(item.market_us for item in items if isinstance(item, ClockMark))


def _morning(frame: Frame, ledger: Engine) -> tuple[DayStart, int | None]:
    day, limits = frame.day, frame.settings.risk
    midnight = datetime.combine(day, time(), KST)
    monday = day - timedelta(days=day.weekday())
    lives = {
        CooldownKind.STOP_LOSS: midnight + timedelta(days=limits.stop_loss_cooldown_days),
        CooldownKind.SELL: midnight + timedelta(hours=limits.sell_cooldown_hours),
    }
    with ledger.connect() as connection:
        ends = recorded_day.cooldowns_before(connection, lives)
        start = DayStart(
            day=day,
            settings=frame.settings,
            positions=tuple(recorded_day.morning_positions(connection, day)),
            opening_equity_krw=risk.equity_at_close_before(connection, day),
            week_equity_krw=risk.equity_at_close_before(connection, monday),
            stop_loss_cooldowns=ends[CooldownKind.STOP_LOSS],
            sell_cooldowns=ends[CooldownKind.SELL],
            account=ACCOUNT,
        )
        return start, recorded_day.morning_cash(connection, day)


def _stored_stocks(market: Engine, day: date, codes: set[str]) -> dict[str, StockFacts]:
    before = KrxCalendar.shipped().previous_session(day, HISTORY_SESSIONS)
    with market.connect() as connection:
        listed = recorded_day.stocks_of(connection, day, codes)
        bars = _bars_of(read_daily_prices(connection, before, day - timedelta(days=1)), codes)
    return {code: _facts(listed[code], found) for code, found in bars.items() if code in listed}


def _stock(row: Mapping[str, Any]) -> StoredStock:
    """A row of `frames.STOCK_MASTER`."""
    return StoredStock(
        row["name"] or row["code"],
        Market(row["market"] or Market.UNKNOWN),
        AssetKind(row["asset_kind"] or AssetKind.COMMON),
        None if row["status"] is None else ListingStatus(row["status"]),
    )


def _facts(stock: StoredStock, bars: tuple[DailyBar, ...]) -> StockFacts:
    return StockFacts(stock.name, bars, Listing(stock.market, stock.kind), stock.status or ListingStatus.NORMAL)


def _bars_of(prices: pl.DataFrame, codes: set[str]) -> dict[str, tuple[DailyBar, ...]]:
    found: dict[str, list[DailyBar]] = {}
    columns = ("code", "trade_date", "open_krw", "high_krw", "low_krw", "close_krw", "volume")
    for row in prices.filter(pl.col("code").is_in(sorted(codes))).select(columns).iter_rows(named=True):
        found.setdefault(row["code"], []).append(DailyBar(**row))
    return {code: tuple(bars) for code, bars in found.items()}


def _other_settings(recorded: str, now: str) -> Note:
    return Note(
        ko=f"그날의 설정은 {recorded}, 재생의 설정은 {now}입니다. 결과가 다를 수 있습니다.",
        en=f"The day was traded under settings {recorded}, the replay runs under {now}: results may differ.",
    )


def _estimated(rules: TickFillRules) -> Note:
    words = {"bps": rules.slippage_bps, "share": rules.volume_share_ratio}
    return Note(ko=ESTIMATED.ko.format(**words), en=ESTIMATED.en.format(**words))
