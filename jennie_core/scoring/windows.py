"""Sums and recursions over each stock's last market sessions, for every row of a long price history at once.

All arrays are flat: rows of one code stand together, oldest first. A row's window begins at the position `start` and
ends at the row itself; whole numbers are summed exactly, so the window figures equal those of a single day.
"""

import numpy as np
import numpy.typing as npt
import polars as pl

from jennie_core.scoring.indicators import ATR_PERIOD, RSI_PERIOD

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def window_starts(code_number: Ints, session_number: Ints, sessions: int) -> Ints:
    """Position of the oldest row of the same code within the last `sessions` market sessions of each row."""
    stride = int(session_number.max(initial=0)) + sessions + 1
    key = code_number * stride + session_number
    first_allowed = np.maximum(key - (sessions - 1), code_number * stride)
    starts: Ints = np.searchsorted(key, first_allowed).astype(np.int64)
    return starts


def running(values: Ints) -> Ints:
    """Sums before each position: the sum of rows a..b is `running[b + 1] - running[a]`."""
    sums = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(values, out=sums[1:])
    return sums


class Changes:
    """Gains and losses of the closes: Wilder and simple RSI of every row over its window (R-QNT-03, R-ANL-10)."""

    def __init__(self, close: pl.Series, code_number: pl.Series, starts: Ints) -> None:
        """`close` in won, `code_number` the code of each row, `starts` from `window_starts`."""
        step = pl.col("close").diff().over("code").fill_null(0)
        frame = pl.DataFrame({"close": close, "code": code_number}).select(
            "code", gain=step.clip(lower_bound=0), loss=(-step).clip(lower_bound=0)
        )
        decayed = frame.select(
            pl.col("gain", "loss").cast(pl.Float64).ewm_mean(alpha=1.0 / RSI_PERIOD, adjust=False).over("code")
        )
        self._starts = starts
        self._changes = np.arange(len(starts)) - starts
        self._sums = {name: running(frame[name].to_numpy()) for name in ("gain", "loss")}
        self._decayed = {name: decayed[name].to_numpy() for name in ("gain", "loss")}

    def wilder(self) -> Floats:
        """`rsi_wilder` of each row's window; nan where it is unknown.

        The average since the code's first row, less its part that is older than the window's seed: that part is the
        average at the seed's end, decayed once for each change since.
        """
        known = self._changes >= RSI_PERIOD
        seed_end = np.where(known, self._starts + RSI_PERIOD, self._starts)
        later_changes = np.maximum(self._changes - RSI_PERIOD, 0)
        decay = np.power((RSI_PERIOD - 1) / RSI_PERIOD, np.arange(later_changes.max(initial=0) + 1.0))[later_changes]
        parts, moved = {}, np.zeros(len(known), dtype=np.int64)
        for name, sums in self._sums.items():
            seed = (sums[seed_end + 1] - sums[self._starts + 1]) / RSI_PERIOD
            later = self._decayed[name] - decay * self._decayed[name][seed_end]
            total = self._since(sums, self._starts)
            parts[name] = np.where(total > 0, seed * decay + later, 0.0)
            moved += total
        return _strength(parts["gain"], parts["loss"], known & (moved > 0))

    def simple(self) -> Floats:
        """`rsi_simple` of each row's window; nan where it is unknown."""
        known = self._changes >= RSI_PERIOD
        first = np.where(known, np.arange(len(known)) - RSI_PERIOD, 0)
        gain, loss = (self._since(self._sums[name], first) / RSI_PERIOD for name in ("gain", "loss"))
        return _strength(gain, loss, known & (gain + loss > 0))

    @staticmethod
    def _since(sums: Ints, first: Ints) -> Ints:
        """Sum of the changes after position `first` up to each row."""
        return sums[1:] - sums[first + 1]


def _strength(gain: Floats, loss: Floats, known: npt.NDArray[np.bool_]) -> Floats:
    falls = loss > 0
    ratio = np.divide(gain, loss, out=np.zeros_like(gain), where=falls)
    return np.where(known, np.where(falls, 100.0 - 100.0 / (1.0 + ratio), 100.0), np.nan)


def average_true_range(bars: pl.DataFrame, code_number: pl.Series, starts: Ints) -> Floats:
    """`indicators.atr` of each row's window; nan where it is unknown. `bars` have high, low, close and is_halted."""
    traded = ~bars["is_halted"].to_numpy()
    rows = np.flatnonzero(traded)
    high, low, close = (bars[name].to_numpy()[rows] for name in ("high_krw", "low_krw", "close_krw"))
    code = code_number.to_numpy()[rows]
    previous = np.concatenate([close[:1], close[:-1]])
    spans = np.maximum(high - low, np.maximum(np.abs(high - previous), np.abs(low - previous)))
    same = np.concatenate([[False], code[1:] == code[:-1]])[: len(rows)]
    sums = running(np.where(same, spans, 0))
    before = running(traded.astype(np.int64))
    end = before[1:]
    count = np.minimum(end - before[starts] - 1, ATR_PERIOD)
    known = count > 0
    taken = np.where(known, count, 1)
    return np.where(known, (sums[end] - sums[np.where(known, end - taken, 0)]) / taken, np.nan)
