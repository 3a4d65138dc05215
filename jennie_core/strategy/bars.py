"""One-minute bars in event time for one code (R-BAR-01..04).

A tick belongs to the minute of its exchange time. A bar closes with the first tick of a later minute or, without one,
by the timer (`close_until`). Minutes without a trade make no bar; the next bar counts them as its gap.

The exchange's running total tells whether trades are missing: a total that is not what was seen plus the trade's own
size is a hole (drill 17), whatever made it: a cut connection, a lost frame, a trimmed stream. Both bars that a hole
touches are marked, and a marked bar plays no part in volume readings.
"""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from jennie_core.domain.base import to_epoch_us
from jennie_core.domain.market import MinuteBar

MINUTE_US = 60_000_000
KEPT_BARS = 60
VOLUME_RATIO_BARS = 20


class Bar(NamedTuple):
    """A closed minute; `start_us` is its first instant in microseconds since the epoch."""

    start_us: int
    open_krw: int
    high_krw: int
    low_krw: int
    close_krw: int
    volume: int
    gap_minutes: int = 0
    """Minutes without a bar before this one."""
    is_complete: bool = True
    """False when trades of this minute are known to be missing: no normal bar for volume decisions."""


class BarBuilder:
    """Builds the bars of one code over one session; all integers, one call per tick."""

    __slots__ = (
        "_bars_before",
        "_close",
        "_cumulative",
        "_end_us",
        "_has_bar",
        "_high",
        "_lost_ticks",
        "_low",
        "_open",
        "_start_us",
        "_volume",
        "_volume_before",
        "bars",
        "day_turnover_krw",
        "day_volume",
        "last_price_krw",
        "late_ticks",
    )

    def __init__(self) -> None:
        self.bars: deque[Bar] = deque(maxlen=KEPT_BARS)
        """Closed bars, oldest first; readers only, the builder adds them by `append`."""
        self.day_turnover_krw = 0
        self.day_volume = 0
        self.last_price_krw = 0
        self.late_ticks = 0
        self._has_bar = False
        self._lost_ticks = False
        self._cumulative = 0
        self._start_us = 0
        self._end_us = 0
        self._open = self._high = self._low = self._close = self._volume = 0
        self._bars_before = self._volume_before = 0

    def add(self, price_krw: int, volume: int, exchange_us: int, cumulative: int = 0) -> Bar | None:
        """Take one trade; returns the bar that it closed, if any. `cumulative`: the day's shares with this trade, or 0.

        A trade of a minute that is already closed counts into the day's VWAP and is counted as late; closed bars
        never change.
        """
        self.day_turnover_krw += price_krw * volume
        self.day_volume += volume
        is_hole = cumulative > 0 and cumulative - volume != self._cumulative
        if is_hole:
            self._mark_before_hole()
        if cumulative:
            self._cumulative = cumulative
        if exchange_us < self._end_us:
            if exchange_us < self._start_us or not self._has_bar:
                self.late_ticks += 1
                return None
            if price_krw > self._high:
                self._high = price_krw
            elif price_krw < self._low:
                self._low = price_krw
            self._close = self.last_price_krw = price_krw
            self._volume += volume
            return None
        closed = self._close_bar() if self._has_bar else None
        self._start_us = exchange_us - exchange_us % MINUTE_US
        self._end_us = self._start_us + MINUTE_US
        self._has_bar = True
        self._lost_ticks = self._lost_ticks or is_hole
        self._open = self._high = self._low = self._close = self.last_price_krw = price_krw
        self._volume = volume
        return closed

    def close_until(self, market_us: int) -> Bar | None:
        """Close the running bar when its minute is over at `market_us` (the timer)."""
        if self._has_bar and market_us >= self._end_us:
            return self._close_bar()
        return None

    def mark_gap(self) -> None:
        """Say that ticks were lost: the running bar, or else the next one, is marked incomplete."""
        self._lost_ticks = True

    def _mark_before_hole(self) -> None:
        """The bar of the last trade before a hole is incomplete, also when its minute has closed since."""
        if self._has_bar:
            self._lost_ticks = True
        elif self.bars:
            self.bars[-1] = self.bars[-1]._replace(is_complete=False)

    @property
    def vwap_krw(self) -> float | None:
        """Volume weighted average price since the open; None before the first trade (R-BAR-02)."""
        return self.day_turnover_krw / self.day_volume if self.day_volume else None

    @property
    def volume_ratio(self) -> float | None:
        """Volume of the last closed bar over the mean of up to 20 closed bars before it (R-BAR-03).

        None (unknown) when the last bar is incomplete; incomplete ones before it are left out of the mean.
        """
        if not self._volume_before:
            return None
        last = self.bars[-1]
        return last.volume * self._bars_before / self._volume_before if last.is_complete else None

    def append(self, bar: Bar) -> None:
        """Keep a closed bar; the one that was last moves into the volume window, its oldest moves out."""
        bars = self.bars
        if bars:
            last = bars[-1]
            if last.is_complete:
                self._bars_before += 1
                self._volume_before += last.volume
            if len(bars) > VOLUME_RATIO_BARS:
                oldest = bars[-1 - VOLUME_RATIO_BARS]
                if oldest.is_complete:
                    self._bars_before -= 1
                    self._volume_before -= oldest.volume
        bars.append(bar)

    def _close_bar(self) -> Bar:
        gap = (self._start_us - self.bars[-1].start_us) // MINUTE_US - 1 if self.bars else 0
        bar = Bar(
            self._start_us, self._open, self._high, self._low, self._close, self._volume, gap, not self._lost_ticks
        )
        self.append(bar)
        self._has_bar = False
        self._lost_ticks = False
        return bar

    def warm_start(self, minute_bars: Sequence[MinuteBar], turnover_krw: int | None = None) -> list[Bar]:
        """Rebuild from today's closed minute bars, oldest first (R-BAR-04); returns the bars in order.

        Without the day's turnover the VWAP is estimated from each bar's typical price. Raises ValueError when the
        builder already holds ticks or the bars do not ascend.
        """
        if self.day_volume or self.bars:
            raise ValueError("a warm start needs an empty builder")
        rebuilt: list[Bar] = []
        for minute in minute_bars:
            start_us = to_epoch_us(minute.started_at)
            if start_us < self._end_us:
                raise ValueError(f"minute bars of {minute.code} do not ascend at {minute.started_at.isoformat()}")
            gap = (start_us - rebuilt[-1].start_us) // MINUTE_US - 1 if rebuilt else 0
            bar = Bar(
                start_us,
                minute.open_krw,
                minute.high_krw,
                minute.low_krw,
                minute.close_krw,
                minute.volume,
                gap,
            )
            rebuilt.append(bar)
            self.append(bar)
            self._start_us, self._end_us = start_us, start_us + MINUTE_US
            self.last_price_krw = minute.close_krw
            self.day_volume += minute.volume
            self.day_turnover_krw += minute.volume * (minute.high_krw + minute.low_krw + minute.close_krw) // 3
        if turnover_krw is not None:
            self.day_turnover_krw = turnover_krw
        return rebuilt
