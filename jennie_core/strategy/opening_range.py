"""The range of the first minutes of the session (R-STRAT-02)."""

from jennie_core.strategy.bars import Bar

MIN_BARS = 3


class OpeningRange:
    """High and low of the bars that start in [start_us, end_us)."""

    __slots__ = ("bars", "end_us", "high_krw", "low_krw", "start_us")

    def __init__(self, start_us: int, end_us: int) -> None:
        self.start_us = start_us
        self.end_us = end_us
        self.high_krw = 0
        self.low_krw = 0
        self.bars = 0

    def add(self, bar: Bar) -> None:
        """Take a closed bar; bars after the range change nothing."""
        if not self.start_us <= bar.start_us < self.end_us:
            return
        self.high_krw = bar.high_krw if not self.bars else max(self.high_krw, bar.high_krw)
        self.low_krw = bar.low_krw if not self.bars else min(self.low_krw, bar.low_krw)
        self.bars += 1

    @property
    def is_known(self) -> bool:
        """At least three bars were seen; a scanner that started late has no range."""
        return self.bars >= MIN_BARS

    @property
    def width_pct(self) -> float | None:
        """(high/low - 1) in percent, None while unknown."""
        return (self.high_krw - self.low_krw) * 100 / self.low_krw if self.is_known else None
