"""Incremental forms of the indicators for the tick path; each equals its list form in `indicators` at every step."""

from collections import deque

from jennie_core.strategy.indicators import ATR_PERIOD, RSI_PERIOD


class RunningSma:
    """Mean of the last n values; the sum of integer prices stays exact (R-IND-01)."""

    __slots__ = ("_n", "_total", "_window", "previous", "value")

    def __init__(self, n: int) -> None:
        self._n = n
        self._window: deque[float] = deque()
        self._total: float = 0
        self.value: float | None = None
        self.previous: float | None = None

    def add(self, value: float) -> float | None:
        """Take one value; the mean before it stays readable as `previous`."""
        self.previous = self.value
        window, total, n = self._window, self._total + value, self._n
        window.append(value)
        if len(window) > n:
            total -= window.popleft()
        self._total = total
        if len(window) == n:
            self.value = total / n
        return self.value


class RunningEma:
    """Exponential mean seeded with the first value (R-IND-02)."""

    __slots__ = ("_k", "value")

    def __init__(self, n: int) -> None:
        self._k = 2 / (n + 1)
        self.value: float | None = None

    def add(self, value: float) -> float:
        """Take one value."""
        self.value = value if self.value is None else self.value + self._k * (value - self.value)
        return self.value


class RunningRsi:
    """Wilder's RSI (R-IND-03)."""

    __slots__ = ("_changes", "_gain", "_last", "_loss", "_n", "previous", "value")

    def __init__(self, n: int = RSI_PERIOD) -> None:
        self._n = n
        self._last: float | None = None
        self._changes = 0
        self._gain = 0.0
        self._loss = 0.0
        self.value: float | None = None
        self.previous: float | None = None

    def add(self, value: float) -> float | None:
        """Take one value; the RSI before it stays readable as `previous`."""
        last, self._last = self._last, value
        if last is None:
            return None
        self.previous = self.value
        change, n = value - last, self._n
        up, down = (change, 0.0) if change > 0 else (0.0, -change)
        if self._changes < n:
            self._changes += 1
            gain, loss = self._gain + up, self._loss + down
            if self._changes < n:
                self._gain, self._loss = gain, loss
                return None
            gain, loss = gain / n, loss / n
        else:
            gain = (self._gain * (n - 1) + up) / n
            loss = (self._loss * (n - 1) + down) / n
        self._gain, self._loss = gain, loss
        self.value = 100.0 if loss == 0 else 100 - 100 / (1 + gain / loss)
        return self.value


class RunningAtr:
    """Simple mean of the last n true ranges (R-IND-04)."""

    __slots__ = ("_last_close", "_n", "_ranges", "value")

    def __init__(self, n: int = ATR_PERIOD) -> None:
        self._n = n
        self._last_close: float | None = None
        self._ranges: deque[float] = deque(maxlen=n)
        self.value = 0.0

    def add(self, high: float, low: float, close: float) -> float:
        """Take one bar; 0 until there are two."""
        last, self._last_close = self._last_close, close
        if last is not None:
            self._ranges.append(max(high - low, abs(high - last), abs(low - last)))
            self.value = sum(self._ranges) / len(self._ranges)
        return self.value


class RunningMacd:
    """MACD(12,26,9) (R-IND-07)."""

    __slots__ = ("_fast", "_signal", "_slow", "histogram", "line", "signal")

    def __init__(self, fast: int = 12, slow: int = 26, smooth: int = 9) -> None:
        self._fast = RunningEma(fast)
        self._slow = RunningEma(slow)
        self._signal = RunningEma(smooth)
        self.line: float | None = None
        self.signal: float | None = None
        self.histogram: float | None = None

    def add(self, value: float) -> float:
        """Take one value; returns the histogram."""
        self.line = self._fast.add(value) - self._slow.add(value)
        self.signal = self._signal.add(self.line)
        self.histogram = self.line - self.signal
        return self.histogram


class BarIndicators:
    """What the entry strategies read of one code's closed bars: RSI(14), SMA5 and SMA20."""

    __slots__ = ("rsi", "sma5", "sma20")

    def __init__(self) -> None:
        self.rsi = RunningRsi()
        self.sma5 = RunningSma(5)
        self.sma20 = RunningSma(20)

    def add(self, close_krw: int) -> None:
        """Take the close of one closed bar."""
        self.rsi.add(close_krw)
        self.sma5.add(close_krw)
        self.sma20.add(close_krw)
