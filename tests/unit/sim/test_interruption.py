"""Volatility interruptions (protocol sheet 5.4) and trading halts: what they do to the path and to orders."""

from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jennie_core.domain.enums import ListingStatus, OrderSide
from jennie_sim.exchange.exchange import Exchange
from jennie_sim.exchange.orders import Lifetime, Order, OrderKind, OrderStatus, Refusal, Refused
from jennie_sim.exchange.request import OrderRequest
from jennie_sim.market.auction import expected_match
from jennie_sim.market.grid import PriceGrid
from jennie_sim.market.handmade import ACCOUNT, CODE, TradeRow, at, handmade_market
from jennie_sim.market.hours import MINUTE_MS, SECOND_MS, SessionHours
from jennie_sim.market.interruption import Interruption, InterruptionKind, VolatilityRule, interrupted
from jennie_sim.market.market import Market
from jennie_sim.market.path import AUCTION, DayBar, Trades, code_rng, draw_trades

BUYER, SELLER = 1, 5
GRID = PriceGrid.of(date(2025, 6, 27))
HOURS = SessionHours(at("09:00:00"), at("15:30:00"))
RISING: list[TradeRow] = [
    ("09:00:00", 70_000, 1_000, AUCTION),
    ("09:10:00", 73_000, 50, BUYER),
    ("09:20:00", 76_900, 50, BUYER),
    ("09:30:00", 77_000, 40, BUYER),
    ("09:30:30", 77_500, 30, BUYER),
    ("09:31:00", 77_000, 20, SELLER),
    ("09:31:30", 77_300, 10, BUYER),
    ("10:00:00", 78_000, 80, BUYER),
    ("15:30:00", 77_800, 2_000, AUCTION),
]


def market(rows: list[TradeRow]) -> Market:
    return handmade_market({CODE: rows}, interruptions=True)


def only(rows: list[TradeRow]) -> Interruption:
    found = market(rows).tape(CODE).interruptions
    assert len(found) == 1
    return found[0]


def order(sim: Exchange, quantity: int, price: int = 0, lifetime: Lifetime = Lifetime.DAY) -> Order:
    kind = OrderKind.LIMIT if price else OrderKind.MARKET
    return sim.place(OrderRequest(ACCOUNT, CODE, OrderSide.BUY, kind, quantity, price, lifetime))


@pytest.mark.parametrize(
    ("rows", "kind", "begins"),
    [
        (RISING, InterruptionKind.STATIC, "09:30:00"),
        ([RISING[0], ("09:10:00", 65_800, 10, SELLER), RISING[-1]], InterruptionKind.DYNAMIC, "09:10:00"),
        ([RISING[0], ("09:10:00", 77_000, 10, BUYER), RISING[-1]], InterruptionKind.BOTH, "09:10:00"),
        ([("09:00:00", 77_000, 10, AUCTION), RISING[-1]], InterruptionKind.STATIC, "09:00:00"),
    ],
)
def test_what_sets_an_interruption_off(rows: list[TradeRow], kind: InterruptionKind, begins: str) -> None:
    """10 % from the last single price, or 6 % from the trade before; a gap of 10 % delays the opening cross."""
    found = only(rows)
    assert (found.kind, found.begins_ms) == (kind, at(begins))
    assert 2 * MINUTE_MS <= found.ends_ms - found.begins_ms < 2 * MINUTE_MS + 30 * SECOND_MS


def test_the_opening_price_is_the_static_reference_of_the_morning() -> None:
    rows = [("09:00:00", 72_000, 10, AUCTION), ("09:10:00", 75_600, 10, BUYER), ("09:20:00", 79_100, 10, BUYER)]
    assert market([*rows, RISING[-1]]).tape(CODE).interruptions == ()
    found = only([*rows, ("09:30:00", 79_200, 10, BUYER), RISING[-1]])
    assert (found.kind, found.static_reference_krw) == (InterruptionKind.STATIC, 72_000)


@pytest.mark.parametrize(
    "rows",
    [
        [*RISING[:3], RISING[-1]],
        [RISING[0], ("09:10:00", 65_900, 10, SELLER), RISING[-1]],
        [("09:00:00", 76_900, 10, AUCTION), RISING[-1]],
        [*RISING[:3], ("15:17:00", 77_500, 10, BUYER), RISING[-1]],
    ],
)
def test_what_does_not(rows: list[TradeRow]) -> None:
    """Less than the deviations, and none begins in the last four minutes of continuous trading."""
    assert market(rows).tape(CODE).interruptions == ()


def test_one_tick_at_the_lowest_prices_sets_nothing_off() -> None:
    trades = Trades(
        *(np.array(part, dtype=np.int64) for part in ([at("09:00:00"), at("09:10:00")], [12, 13], [5, 5], [3, 1]))
    )
    _, found = interrupted(trades, 12, VolatilityRule(static_pct=30), GRID, HOURS, code_rng(1, CODE, "x"))
    assert found == ()


def test_nothing_is_traded_until_the_single_price_and_then_the_path_catches_up() -> None:
    made = market(RISING)
    tape, vi = made.tape(CODE), only(RISING)
    assert not [time for time in tape.times if vi.begins_ms <= time < vi.ends_ms]
    cross, later, after, last = (tape.row(index) for index in (3, 4, 5, 6))
    assert (cross[0], cross[1], cross[2], cross[3]) == (vi.ends_ms, 77_000, 60, AUCTION)
    assert [row[1] for row in (later, after)] == [77_500, 77_300]
    assert vi.ends_ms < later[0] < after[0] < vi.ends_ms + 3 * MINUTE_MS
    assert (last[0], last[1]) == (at("10:00:00"), 78_000)


def test_the_single_price_is_the_next_static_reference() -> None:
    rows = [*RISING[:-2], ("10:00:00", 84_600, 80, BUYER), ("10:10:00", 84_700, 10, BUYER), RISING[-1]]
    kinds = [(row.price_krw, row.static_reference_krw) for row in market(rows).tape(CODE).interruptions]
    assert kinds == [(77_000, 70_000), (84_600, 77_000)]


@st.composite
def wild_days(draw: st.DrawFn) -> DayBar:
    levels = GRID.levels(49_000, 91_000)
    low, high = sorted(draw(st.lists(st.integers(0, len(levels) - 1), min_size=2, max_size=2)))
    opened, close = (draw(st.integers(low, high)) for _ in range(2))
    return DayBar(CODE, *(int(levels[i]) for i in (opened, high, low, close)), draw(st.integers(40, 4_000_000)))


@settings(max_examples=60, deadline=None)
@given(wild_days(), st.integers(0, 2**20), st.sampled_from([3, 6]))
def test_the_day_shows_its_bar_whatever_interrupts_it(bar: DayBar, seed: int, dynamic_pct: int) -> None:
    """Open, high, low, close and volume hold; no trade falls into an auction; each ends with a cross."""
    drawn = draw_trades(bar, GRID.levels(bar.low, bar.high), HOURS, seed)
    made, found = interrupted(drawn, 70_000, VolatilityRule(dynamic_pct), GRID, HOURS, code_rng(seed, CODE, "vi"))
    assert (made.price[0], made.price.max(), made.price.min(), made.price[-1]) == (
        bar.open, bar.high, bar.low, drawn.price[-1],
    )  # fmt: skip
    assert made.size.sum() == bar.volume
    assert made.size.min() >= 1
    assert (np.diff(made.at_ms) >= 0).all()
    assert not (made.at_ms[:-1] >= HOURS.close_ms).any()
    for row in found:
        assert not ((made.at_ms >= row.begins_ms) & (made.at_ms < row.ends_ms)).any()
        crosses = np.flatnonzero((made.at_ms == row.ends_ms) & (made.side == AUCTION))
        assert row.price_krw in made.price[crosses]
        assert row.ends_ms < HOURS.continuous_end_ms
    assert all(one.ends_ms <= two.begins_ms for one, two in pairwise(found))


def test_orders_accepted_during_it_match_at_its_single_price() -> None:
    """Drill 10: an interruption refuses nothing that fits a call auction; the fill comes at its end."""
    vi = only(RISING)
    sim = Exchange(market(RISING), start_ms=at("09:30:30"))
    at_market, generous, stingy = order(sim, 5), order(sim, 6, 78_500), order(sim, 7, 76_000)
    with pytest.raises(Refused) as refused:
        order(sim, 1, 78_000, Lifetime.IOC)
    assert refused.value.refusal is Refusal.ORDER_TYPE
    sim.advance(vi.ends_ms - 1)
    assert not sim.fills
    sim.advance(vi.ends_ms)
    assert [(fill.price_krw, fill.at_ms) for fill in sim.fills] == [(77_000, vi.ends_ms)] * 2
    assert (at_market.filled_quantity, generous.filled_quantity, stingy.filled_quantity) == (5, 6, 0)


def test_the_expected_match_is_shown_in_every_auction_and_only_there() -> None:
    made = market(RISING)
    phases = {
        clock: expected_match(made, CODE, at(clock))
        for clock in ("08:00:00", "08:40:00", "09:15:00", "09:31:00", "15:25:00", "15:31:00")
    }
    assert [clock for clock, match in phases.items() if match is None] == ["08:00:00", "09:15:00", "15:31:00"]
    shown = {clock: match.phase for clock, match in phases.items() if match is not None}
    assert shown == {"08:40:00": "B", "09:31:00": "C", "15:25:00": "A"}


def test_liquidation_trading_knows_no_interruption_and_large_kospi_shares_are_watched_more_closely() -> None:
    pack, listed = market(RISING).pack, market(RISING).listing[CODE]
    four = {f"70001{n}": replace(listed, code=f"70001{n}", listed_shares=1_000 * (n + 1)) for n in range(4)}
    four[CODE] = replace(listed, status=ListingStatus.LIQUIDATION_TRADING, listed_shares=None)
    four["700014"] = replace(listed, code="700014", listed_shares=1)
    made = Market(replace(pack, listing=four))
    assert made.volatility_rule(CODE) is None
    assert made.volatility_rule("700013") == VolatilityRule(dynamic_pct=3)
    assert made.volatility_rule("700012") == VolatilityRule(dynamic_pct=6)


class TestHalt:
    """거래정지 that begins and ends during the day."""

    def halted(self, sim: Exchange) -> Exchange:
        sim.advance(at("09:15:00"))
        sim.halt(CODE)
        return sim

    def test_nothing_is_traded_and_new_orders_are_refused_while_resting_ones_stay(self) -> None:
        """Drill 10: a halt that begins with our order resting."""
        sim = Exchange(market(RISING), start_ms=at("09:05:00"))
        resting = order(sim, 10, 69_000)
        self.halted(sim)
        with pytest.raises(Refused) as refused:
            order(sim, 1)
        assert refused.value.refusal is Refusal.HALTED
        sim.advance(at("15:29:00"))
        assert len(sim.market.tape(CODE).times) == 2
        assert resting.status is OrderStatus.WORKING
        assert sim.cancel(ACCOUNT, resting.number, None).status is OrderStatus.CANCELLED

    def test_its_end_is_a_single_price_behind_which_the_day_goes_on(self) -> None:
        sim = self.halted(Exchange(market(RISING), start_ms=at("09:05:00")))
        shown = sim.market.tape(CODE).rows.copy()
        sim.advance(at("09:40:00"))
        sim.resume(CODE, 10 * MINUTE_MS)
        waiting = order(sim, 5)
        tape = sim.market.tape(CODE)
        assert np.array_equal(tape.rows[:2], shown)
        assert tape.times[2] == at("09:50:00")
        assert sim.market.interruption(CODE, at("09:45:00")) is not None
        sim.advance(at("09:50:00"))
        assert [(fill.price_krw, fill.at_ms) for fill in waiting.fills] == [(76_900, at("09:50:00"))]
        bar = sim.market.bar(CODE)
        assert (tape.row(-1)[1], tape.rows[:, 2].sum()) == (bar.close, bar.volume)
        assert all(time <= at("15:31:00") for time in tape.times)

    def test_no_share_is_lost_when_it_ends_before_the_next_trade(self) -> None:
        sim = self.halted(Exchange(market(RISING), start_ms=at("09:05:00")))
        sim.advance(at("09:16:00"))
        sim.resume(CODE, MINUTE_MS)
        tape = sim.market.tape(CODE)
        assert (tape.times[2], tape.row(2)[2]) == (at("09:17:00"), 50)
        assert tape.rows[:, 2].sum() == sim.market.bar(CODE).volume

    def test_too_late_an_end_leaves_the_closing_cross(self) -> None:
        sim = self.halted(Exchange(market(RISING), start_ms=at("09:05:00")))
        sim.advance(at("15:12:00"))
        sim.resume(CODE, 10 * MINUTE_MS)
        assert [row[1] for row in sim.market.tape(CODE).rows[2:].tolist()] == [77_800]

    def test_halting_twice_or_resuming_what_trades_changes_nothing(self) -> None:
        sim = Exchange(market(RISING), start_ms=at("09:05:00"))
        before = sim.market.tape(CODE)
        sim.resume(CODE, MINUTE_MS)
        assert sim.market.tape(CODE) is before
        self.halted(sim)
        sim.advance(at("09:20:00"))
        sim.halt(CODE)
        sim.resume(CODE, MINUTE_MS)
        assert len(sim.market.tape(CODE).times) > 2
