"""The engine over sessions made by hand: costs to the won, gaps, locks, delistings, no look-ahead, conservation."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from jennie_core.domain.enums import IntradayRiskLevel, MarketRegime, OrderSide
from jennie_core.domain.trading_settings import RiskSettings, TradingSettings
from jennie_core.replay.backtest import Backtest, PlanError
from jennie_core.replay.backtest_bars import BarPanel
from jennie_core.replay.backtest_losses import LossWatch
from jennie_core.replay.backtest_records import DayRecord, Fill
from jennie_core.replay.backtest_terms import BacktestTerms

from .market import CALM, CODES, TERMS, Prices, TinyMarket, plan, sessions

CODE = CODES[0]
BUY_AT = 30
"""Session number of the first plan."""


def tiny(extra: int = 4, **changes: object) -> TinyMarket:
    return replace(TinyMarket(days=sessions(BUY_AT + extra)), **changes)  # type: ignore[arg-type]


def live(market: TinyMarket, wanted: dict[int, Sequence[str]] | None = None, **options: object) -> Backtest:
    engine = market.engine(**options)  # type: ignore[arg-type]
    for _ in engine.run(market.plans(wanted)):
        engine.book.check()
    return engine


def sells(engine: Backtest) -> list[Fill]:
    return [fill for fill in engine.book.fills if fill.side is OrderSide.SELL]


def after_buy(*bars: Prices | None) -> dict[tuple[str, int], Prices | None]:
    """A calm day of the buy at 20,000, then the given bars."""
    calm: Prices = (CALM, CALM, CALM, CALM)
    return {(CODE, BUY_AT - 1): calm, (CODE, BUY_AT): calm} | {
        (CODE, BUY_AT + 1 + number): bar for number, bar in enumerate(bars)
    }


ONE_BUY: dict[int, Sequence[str]] = {BUY_AT: [CODE]}


@pytest.mark.rule("R-BT-02")
def test_one_trade_by_hand() -> None:
    """Bought at 20,050 (open + 10 bp, tick up); the next day opens at 18,000: below every stop, sold at 17,980.

    2024: commission 0.015 % each side, sell tax 0.18 %, each truncated to the won.
    """
    engine = live(tiny(bars=after_buy((18_000, 18_000, 18_000, 18_000))), ONE_BUY)
    buy, sell = engine.book.fills
    assert (buy.quantity, buy.price_krw) == (598, 20_050)
    assert buy.commission_krw == 598 * 20_050 * 15 // 100_000 == 1_798
    assert (sell.rule, sell.quantity, sell.price_krw) == ("R-EXIT-01", 598, 17_980)
    assert sell.commission_krw == 598 * 17_980 * 15 // 100_000 == 1_612
    assert sell.tax_krw == 598 * 17_980 * 18 // 10_000 == 19_353
    assert sell.net_krw == 598 * (17_980 - 20_050) - 1_798 - 1_612 - 19_353
    assert engine.book.cash_krw == TERMS.seed_cash_krw + sell.net_krw
    assert engine.book.round_trips[0].net_krw == sell.net_krw


def test_a_stop_inside_the_bar_trades_at_the_stop_and_a_gap_at_the_open() -> None:
    """The fixed stop of 5 % under 20,050 lies at 19,047.5; the ATR stop of 2 x 400 at 19,250 comes first."""
    inside = live(tiny(bars=after_buy((19_900, 19_950, 18_500, 18_600))), ONE_BUY)
    gap = live(tiny(bars=after_buy((18_600, 19_950, 18_500, 19_900))), ONE_BUY)
    assert [fill.stage.name for fill in (*sells(inside), *sells(gap))] == ["UNFAVOURABLE", "OPEN"]
    assert 19_000 <= sells(inside)[0].price_krw < 20_000
    assert sells(gap)[0].price_krw == 18_580


def test_the_unfavourable_extreme_comes_before_the_favourable_one() -> None:
    """A bar that shows both a stop and a large profit is a loss."""
    engine = live(tiny(bars=after_buy((20_000, 25_000, 18_000, 25_000))), ONE_BUY)
    assert [fill.reason for fill in sells(engine)] == ["STOP_LOSS"]


def test_a_stock_locked_at_its_lower_limit_is_carried_and_sold_at_the_next_open() -> None:
    locked: Prices = (14_000, 14_000, 14_000, 14_000)
    market = tiny(bars=after_buy(locked, (12_000, 12_500, 11_900, 12_000)))
    engine = market.engine()
    records = list(engine.run(market.plans(ONE_BUY)))
    assert records[1].carried == ((CODE, "R-EXIT-01", "limit_down"),)
    assert records[1].held_after == 1
    (sell,) = sells(engine)
    assert (sell.day, sell.price_krw) == (market.days[BUY_AT + 2], 11_980)


def test_a_halted_holding_is_not_judged_and_keeps_its_last_price() -> None:
    market = tiny(bars=after_buy(), halted={(CODE, BUY_AT + 1), (CODE, BUY_AT + 2)})
    engine = market.engine()
    records = list(engine.run(market.plans(ONE_BUY)))
    assert not sells(engine)
    assert records[0].equity_krw == records[1].equity_krw == records[2].equity_krw


def test_a_sell_beyond_the_volume_goes_on_the_next_day() -> None:
    """40,000 shares a day let 400 of 598 be sold; the rest follows at the next open."""
    falls = after_buy((18_000, 18_000, 18_000, 18_000), (17_900, 17_900, 17_900, 17_900))
    engine = live(tiny(bars=falls, volumes={(CODE, BUY_AT + 1): 40_000}), ONE_BUY)
    assert [fill.quantity for fill in sells(engine)] == [400, 198]
    assert len(engine.book.round_trips) == 1


@pytest.mark.parametrize(("ends_halted", "price"), [(False, CALM), (True, CALM // 2)])
def test_a_delisted_holding_ends_at_its_last_close_less_the_haircut_when_it_ended_in_a_halt(
    ends_halted: bool, price: int
) -> None:
    calm: Prices = (CALM, CALM, CALM, CALM)
    market = tiny(bars=after_buy(calm, None, None))
    if ends_halted:
        market.halted = {(CODE, BUY_AT + 1)}
    engine = live(market, ONE_BUY)
    (end,) = sells(engine)
    assert (end.rule, end.price_krw, end.day) == ("R-BT-delisted", price, market.days[BUY_AT + 2])
    assert (end.commission_krw, end.tax_krw) == (0, 0)


@pytest.mark.rule("R-BT-03")
def test_part_sales_advance_their_level_on_the_fill() -> None:
    """BULL: 25 % at +7 %, then nothing more of that level; the rest waits for +15 %."""
    up: Prices = (20_500, 21_600, 20_500, 21_600)
    engine = live(tiny(extra=3, bars=after_buy(up, (21_600, 21_600, 21_550, 21_600))), ONE_BUY)
    (part,) = sells(engine)
    assert (part.rule, part.quantity) == ("R-EXIT-09", 149)
    assert engine.book.holdings[CODE].held.context.scale_out_level == 1


def test_bars_after_a_day_do_not_change_the_trades_up_to_it() -> None:
    market = tiny(extra=12, bars=after_buy((19_800, 20_600, 19_700, 20_500)))
    wanted: dict[int, Sequence[str]] = dict.fromkeys(range(BUY_AT, BUY_AT + 12), CODES)
    cut = BUY_AT + 5
    later = {
        (code, number): (15_000, 30_000, 9_000, 11_000) for code in CODES for number in range(cut + 1, BUY_AT + 12)
    }
    changed = replace(market, bars={**market.bars, **later})
    first, second = live(market, wanted), live(changed, wanted)
    known = market.days[cut]
    kept = [[fill.hashed() for fill in engine.book.fills if fill.day <= known] for engine in (first, second)]
    assert kept[0] == kept[1]
    assert kept[0]
    assert first.trade_hash() != second.trade_hash()


@pytest.mark.rule("R-BT-01")
def test_what_is_sold_later_in_the_day_pays_for_no_buy_at_its_open() -> None:
    """Ten slots: the eleventh code is refused on the day on which a holding is stopped after the open."""
    settings = TradingSettings(risk=RiskSettings(max_positions=1))
    falls = after_buy((19_900, 19_950, 18_000, 18_000))
    wanted: dict[int, Sequence[str]] = {BUY_AT: [CODE], BUY_AT + 1: [CODES[1]], BUY_AT + 2: [CODES[1]]}
    market = tiny(bars=falls)
    engine = market.engine(settings=settings)
    records = list(engine.run(market.plans(wanted)))
    assert records[1].refusals == {"R-BUY-09": 1}
    assert (records[1].exits, records[2].buys) == ({"R-EXIT-06": 1}, 1)


def test_a_sold_stock_waits_out_its_cooldowns() -> None:
    """A stop in the bar of day 1 blocks three days from its close: refused on days 2 to 4."""
    falls = after_buy((19_900, 19_950, 18_000, 18_000))
    market = tiny(extra=6, bars=falls)
    engine = market.engine()
    records = list(engine.run(market.plans({number: [CODE] for number in range(BUY_AT, BUY_AT + 6)})))
    stopped = market.days[BUY_AT + 1]
    blocked = [record.day for record in records[2:] if record.refusals == {"R-BUY-07": 1}]
    assert blocked
    assert all((day - stopped).days <= 3 for day in blocked)


def test_a_sale_at_the_close_blocks_the_next_open_and_no_longer() -> None:
    """+4.7 % and back under +1 % is a profit lock: only the 24 hours of R-SELL-10 from that close."""
    market = tiny(extra=5, bars=after_buy((20_000, 21_000, 20_000, 20_050)))
    engine = market.engine()
    records = list(engine.run(market.plans({number: [CODE] for number in range(BUY_AT, BUY_AT + 5)})))
    assert [fill.rule for fill in records[1].fills] == ["R-EXIT-03"]
    assert (records[2].refusals, records[3].buys) == ({"R-BUY-07": 1}, 1)


def test_losses_are_measured_from_the_last_close_and_the_week_from_the_last_week() -> None:
    watch = LossWatch(RiskSettings(), 100)
    days = (date(2024, 3, 7), date(2024, 3, 8), date(2024, 3, 11))
    readings = []
    for day, equity in zip(days, (99, 98, 97), strict=True):
        watch.begin(day)
        watch.close(equity)
        readings.append((watch.reading.day_pnl_krw, watch.reading.week_pnl_krw, watch.reading.week_equity_krw))
    assert readings == [(-1, -1, 100), (-1, -2, 100), (-1, -1, 98)]


def test_what_the_panel_says_of_before_a_session_holds_nothing_of_it() -> None:
    market = tiny(extra=40)
    row, panel = 65, BarPanel(market.frame())
    wild = {(code, number): (30_000, 31_000, 29_000, 30_500) for code in CODES for number in (row, row + 1)}
    turned = BarPanel(replace(market, bars=wild).frame())
    for view in (panel, turned):
        assert len(view.closes_before(CODE, row, 10) or {}) == 10
    assert panel.closes_before(CODE, row, 70) == turned.closes_before(CODE, row, 70)
    assert panel.traded_before(CODE, row, 60) == turned.traded_before(CODE, row, 60)
    ours, theirs = panel.return_windows(list(CODES), row, 60), turned.return_windows(list(CODES), row, 60)
    assert ours is not None
    assert theirs is not None
    assert ours.tolist() == theirs.tolist()


@pytest.mark.parametrize(
    ("opening_move", "level", "rule"),
    [(-4.5, IntradayRiskLevel.CRITICAL, "R-THR-07"), (-1.5, IntradayRiskLevel.CAUTION, None)],
)
def test_the_throttle_reads_the_index_at_the_open(
    opening_move: float, level: IntradayRiskLevel, rule: str | None
) -> None:
    market = tiny(index_moves={BUY_AT: (opening_move, opening_move, opening_move)})
    engine = market.engine()
    record = next(iter(engine.run(market.plans(ONE_BUY))))
    assert record.level_at_open is level
    assert record.refusals == ({} if rule is None else {rule: 1})


def test_a_fall_of_the_index_after_the_open_makes_the_exits_harsher_and_blocks_no_buy_before_it() -> None:
    market = tiny(index_moves={BUY_AT: (0.0, -4.5, -4.4)})
    engine = market.engine()
    record = next(iter(engine.run(market.plans(ONE_BUY))))
    assert (record.level_at_open, record.level_after_low) == (IntradayRiskLevel.NORMAL, IntradayRiskLevel.CRITICAL)
    assert record.buys == 1
    assert engine.book.holdings[CODE].held.context.regime is MarketRegime.STRONG_BEAR


def test_without_an_index_bar_nothing_is_bought() -> None:
    market = tiny()
    engine = Backtest(
        panel=market.engine()._panel,
        index={},
        vix={},
        listings={},
        settings=TradingSettings(),
        terms=TERMS,
    )
    record = next(iter(engine.run(market.plans(ONE_BUY))))
    assert record.refusals == {"R-THR-07": 1}


def test_a_loss_limit_reached_at_the_open_stops_the_buys_of_the_day() -> None:
    """Seven shares in ten of one stock, down 10 % over night: more than 2 % of the equity."""
    settings = TradingSettings(risk=RiskSettings(max_stock_value_pct=100, max_sector_value_pct=100))
    wanted: dict[int, Sequence[str]] = {BUY_AT: CODES[:2], BUY_AT + 1: [CODES[2]]}
    gap: Prices = (17_000, 17_000, 17_000, 17_000)
    market = tiny(bars=after_buy(gap) | {(CODES[1], BUY_AT + 1): gap})
    engine = market.engine(settings=settings)
    records = list(engine.run(market.plans(wanted)))
    assert records[1].is_loss_limited
    assert records[1].refusals == {"R-GRD-08": 1}


def test_the_same_inputs_give_the_same_hash_and_one_won_of_seed_cash_another_book() -> None:
    market = tiny(extra=8)
    wanted: dict[int, Sequence[str]] = dict.fromkeys(range(BUY_AT, BUY_AT + 8), CODES)
    hashes = {live(market, wanted).trade_hash() for _ in range(2)}
    assert len(hashes) == 1
    poorer = live(market, wanted, terms=BacktestTerms(seed_cash_krw=50_000_000))
    assert poorer.trade_hash() not in hashes


def test_every_session_keeps_the_money() -> None:
    """Cash and shares recounted from the fills alone, at every close."""
    market = tiny(extra=10, bars=after_buy((20_500, 21_600, 20_500, 21_600), (21_000, 21_100, 19_000, 19_100)))
    frame = market.frame()
    closes = {(code, day): close for code, day, close in frame.select("code", "trade_date", "close_krw").iter_rows()}
    engine = market.engine()
    wanted: dict[int, Sequence[str]] = dict.fromkeys(range(BUY_AT, BUY_AT + 10), CODES)
    fills: list[Fill] = []
    for record in engine.run(market.plans(wanted)):
        fills += record.fills
        assert record.equity_krw == _recounted(fills, record, closes)
    assert len(fills) > 5


def _recounted(fills: list[Fill], record: DayRecord, closes: dict[tuple[str, date], int]) -> int:
    cash, shares = TERMS.seed_cash_krw, dict.fromkeys(CODES, 0)
    for fill in fills:
        sign = 1 if fill.side is OrderSide.BUY else -1
        cash -= sign * fill.quantity * fill.price_krw + fill.commission_krw + fill.tax_krw
        shares[fill.code] += sign * fill.quantity
    return cash + sum(count * closes[code, record.day] for code, count in shares.items() if count)


def test_sessions_out_of_order_and_plans_from_the_future_are_refused() -> None:
    market = tiny()
    days = market.days
    engine = market.engine()
    engine.session(plan(days[BUY_AT], days[BUY_AT + 1], []))
    with pytest.raises(PlanError):
        engine.session(plan(days[BUY_AT - 1], days[BUY_AT], []))
    with pytest.raises(PlanError):
        engine.session(plan(days[BUY_AT + 2], days[BUY_AT + 2], []))
    with pytest.raises(PlanError):
        engine.session(plan(days[BUY_AT], date(2024, 12, 25), []))
