"""Everything the exchange knows of the traded day, drawn lazily code by code."""

from datetime import date
from functools import cached_property

import polars as pl

from jennie_core.domain.enums import AssetKind, ListingStatus
from jennie_core.domain.enums import Market as Segment
from jennie_core.krx.limits import PriceLimits, price_limits
from jennie_core.krx.sessions import session_times
from jennie_sim.market.book import Book, book_after
from jennie_sim.market.breaker import Breaker, broken_tape
from jennie_sim.market.fall import Fall, bar_of
from jennie_sim.market.grid import PriceGrid
from jennie_sim.market.halts import RESUMPTION_AUCTION_MS, HeldBack, cut_off, resumed
from jennie_sim.market.hours import MINUTE_MS, SessionHours, from_instant
from jennie_sim.market.index_path import IndexPath
from jennie_sim.market.interruption import DYNAMIC_PCT, DYNAMIC_PCT_OF_INDEX_MEMBERS, Interruption, VolatilityRule
from jennie_sim.market.pack import Listed, SessionPack
from jennie_sim.market.path import DayBar
from jennie_sim.market.tape import Band, Tape
from jennie_sim.market.tape_maker import TapeMaker
from jennie_sim.market.tide import Tide

INDEX_MEMBERS = 200
BREAKING_INDICES = (Segment.KOSPI.value, Segment.KOSDAQ.value)
"""Each of the two markets stops by its own index; other indices belong to the KOSPI."""
INDEX_SHARE = 4
"""KOSPI200 has about a quarter of the KOSPI's ordinary shares; a smaller listing gets its largest quarter."""


class Market:
    """The session pack brought to life. A code's path depends on the seed and the code alone."""

    def __init__(self, pack: SessionPack) -> None:
        self.pack = pack
        self.day: date = pack.meta.day
        times = session_times(self.day)
        self.hours = SessionHours(from_instant(self.day, times.open_at), from_instant(self.day, times.close_at))
        self._tide = Tide(pack.meta.seed, (self.hours.continuous_end_ms - self.hours.open_ms) // MINUTE_MS)
        self._tapes: dict[str, Tape] = {}
        self._grids: dict[tuple[str, str], PriceGrid] = {}
        self._limits: dict[str, PriceLimits] = {}
        self._histories: dict[str, pl.DataFrame] = {}
        self._indices: dict[str, IndexPath | None] = {}
        self._held_back: dict[str, HeldBack] = {}
        self._fallen: dict[str, DayBar] = {}
        self._fall: Fall | None = None
        self.halt_calls: list[tuple[int, str]] = []
        """When a halt of a code was begun or ended (market time in milliseconds, code)."""

    @property
    def listing(self) -> dict[str, Listed]:
        """Every listed code."""
        return self.pack.listing

    def bar(self, code: str) -> DayBar:
        """The traded day of a listed code; a code without a row does not trade."""
        return (
            self._fallen.get(code)
            or self.pack.bars.get(code)
            or DayBar(code, 0, 0, 0, self.listing[code].base_price_krw, 0)
        )

    def is_halted(self, code: str, at_ms: int) -> bool:
        """거래정지: by its status, because the pack has no trade for it, by a halt or a circuit breaker that is on."""
        return code in self._held_back or self._never_trades(code) or self.breaker_at(code, at_ms) is not None

    def breakers(self, code: str) -> tuple[Breaker, ...]:
        """Circuit breakers of a code's market on this day."""
        index = self.index(self.listing[code].market.value)
        return () if index is None else index.breakers

    def breaker_at(self, code: str, at_ms: int) -> Breaker | None:
        """The circuit breaker that has stopped a code's market at an instant."""
        return next((row for row in self.breakers(code) if row.begins_ms <= at_ms < row.resumes_ms), None)

    def let_fall(self, fall: Fall) -> int:
        """Let the whole market fall on this day; returns the circuit breakers that it sets off.

        To be called before the opening auction. Prices, indices and the day's bars are those of the pack no longer.
        """
        self._fall = fall
        for known in (self._tapes, self._indices, self._fallen):
            known.clear()
        return sum(len(index.breakers) for name in BREAKING_INDICES if (index := self.index(name)) is not None)

    def _never_trades(self, code: str) -> bool:
        return self.listing[code].status is ListingStatus.HALTED or not self.bar(code).traded

    def halt(self, code: str, now_ms: int) -> None:
        """Stop the trading of a code; its tape stands until `resume`. Halting it again changes nothing."""
        if code not in self._held_back and not self._never_trades(code):
            tape = self.tape(code)
            self._held_back[code] = HeldBack(now_ms, tape)
            self._tapes[code] = cut_off(tape, now_ms)
            self.halt_calls.append((now_ms, code))

    def resume(self, code: str, now_ms: int, auction_ms: int = RESUMPTION_AUCTION_MS) -> None:
        """End a halt: a call auction, then what was held back; without a halt nothing changes."""
        held = self._held_back.pop(code, None)
        if held is not None:
            self._tapes[code] = resumed(held, now_ms, auction_ms, self.maker(code))
            self.halt_calls.append((now_ms, code))

    def interruption(self, code: str, at_ms: int) -> Interruption | None:
        """The call auction in mid-session that is on at an instant (VI, or the one behind a halt)."""
        return self.tape(code).interruption_at(at_ms)

    def in_auction(self, code: str, at_ms: int) -> bool:
        """Whether orders of an instant wait for a single price instead of trading at once."""
        if not self.hours.open_ms <= at_ms < self.hours.continuous_end_ms:
            return True
        return self.interruption(code, at_ms) is not None

    def grid(self, code: str) -> PriceGrid:
        """Legal prices of a code on this day."""
        listed = self.listing[code]
        key = (listed.kind.value, listed.market.value)
        if key not in self._grids:
            self._grids[key] = PriceGrid.of(self.day, listed.kind, listed.market)
        return self._grids[key]

    def limits(self, code: str) -> PriceLimits:
        """Price limits of a code on this day."""
        if code not in self._limits:
            listed = self.listing[code]
            self._limits[code] = price_limits(
                listed.base_price_krw, on=self.day, kind=listed.kind, market=listed.market
            )
        return self._limits[code]

    def tape(self, code: str) -> Tape:
        """All trades of a code on this day; drawn at the first question, empty for a halted code."""
        if code not in self._tapes:
            self._tapes[code] = self._draw(code)
        return self._tapes[code]

    def drawn(self, code: str) -> Tape:
        """The tape of a code; one that nobody has asked for is not kept, as all tapes of a day fill gigabytes."""
        return self._tapes.get(code) or self._draw(code)

    def replace_tape(self, code: str, tape: Tape) -> None:
        """Use given trades instead of drawn ones (hand-made markets)."""
        self._tapes[code] = tape

    def _draw(self, code: str) -> Tape:
        trades = self.maker(code).path()
        if self._fall is not None and len(trades.price):
            trades = self._fall.of(trades, self.grid(code), self.limits(code), self.hours)
            self._fallen[code] = bar_of(code, trades)
        maker = self.maker(code)
        tape = maker.make(*maker.interrupt(trades, maker.base_krw))
        return broken_tape(tape, self.breakers(code), maker) if len(trades.price) else tape

    def maker(self, code: str) -> TapeMaker:
        """What the tape of a code is made of."""
        bar, grid, limits = self.bar(code), self.grid(code), self.limits(code)
        listed = self.listing[code]
        if self._never_trades(code):
            bar = DayBar(code, 0, 0, 0, listed.base_price_krw, 0)
        levels = grid.levels(bar.low, bar.high)
        return TapeMaker(
            bar=bar,
            base_krw=listed.base_price_krw,
            grid=grid,
            band=Band(levels, grid.step_down(bar.low) if bar.traded else 0, limits.lower_krw, limits.upper_krw),
            hours=self.hours,
            seed=self.pack.meta.seed,
            rule=self.volatility_rule(code),
            minutes=self.pack.minutes.get(code),
            pull=self._tide.of(listed),
        )

    def volatility_rule(self, code: str) -> VolatilityRule | None:
        """What interrupts a code (5.4); liquidation trading (정리매매) knows no interruption."""
        if self.listing[code].status is ListingStatus.LIQUIDATION_TRADING:
            return None
        return VolatilityRule(DYNAMIC_PCT_OF_INDEX_MEMBERS if code in self.index_members else DYNAMIC_PCT)

    @cached_property
    def index_members(self) -> frozenset[str]:
        """Stand-ins for the KOSPI200: the largest ordinary shares of the KOSPI whose share count is known."""
        worth = {
            code: listed.base_price_krw * listed.listed_shares
            for code, listed in self.listing.items()
            if listed.market is Segment.KOSPI and listed.kind is AssetKind.COMMON and listed.listed_shares
        }
        largest = sorted(worth, key=lambda code: (-worth[code], code))
        return frozenset(largest[: min(INDEX_MEMBERS, len(largest) // INDEX_SHARE)])

    def book(self, code: str, at_ms: int) -> Book:
        """The order book of a code at an instant."""
        tape, limits = self.tape(code), self.limits(code)
        return book_after(tape, tape.index_at(at_ms), self.grid(code), limits.lower_krw, limits.upper_krw)

    def last_price(self, code: str, at_ms: int) -> int:
        """Last trade at or before an instant, before the first one the base price."""
        tape = self.tape(code)
        index = tape.index_at(at_ms)
        return int(tape.rows[index, 1]) if index >= 0 else self.listing[code].base_price_krw

    def history(self, code: str) -> pl.DataFrame:
        """Daily bars before the traded day, oldest first (columns of docs/decisions/0002)."""
        if code not in self._histories:
            self._histories[code] = self.pack.history.filter(pl.col("code") == code)
        return self._histories[code]

    @cached_property
    def sessions(self) -> list[date]:
        """Dates of the history and the traded day, ascending."""
        days = self.pack.history["date"].unique().sort().to_list()
        return [*days, self.day]

    def sessions_since(self, bought_on: date) -> int:
        """How many sessions ago a date of the history was (1 = the session before the traded day)."""
        return sum(1 for session in self.sessions if bought_on < session <= self.day)

    def index(self, index_code: str) -> IndexPath | None:
        """The day's path of an index, None when the pack has none."""
        if index_code not in self._indices:
            rows = self.pack.index.filter(pl.col("index_code") == index_code).sort("date")
            known = not rows.is_empty() and rows["date"][-1] == self.day
            self._indices[index_code] = self._draw_index(index_code, rows) if known else None
        return self._indices[index_code]

    def _draw_index(self, index_code: str, rows: pl.DataFrame) -> IndexPath:
        path = IndexPath.draw(index_code, rows, self.hours, self.pack.meta.seed, self._tide.of_index())
        if self._fall is not None:
            path = path.fallen(self._fall)
        if index_code in BREAKING_INDICES:
            return path.broken()
        market = self.index(Segment.KOSPI.value)
        return path if market is None else path.stopped_by(market.breakers)
