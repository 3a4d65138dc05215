"""What the scanner remembers of one code, and what it answers."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from jennie_core.domain.base import canonical_hash, from_epoch_us
from jennie_core.domain.decisions import Refusal
from jennie_core.domain.enums import SignalType
from jennie_core.domain.market import Tick
from jennie_core.domain.signals import BuySignal
from jennie_core.strategy.bars import Bar, BarBuilder
from jennie_core.strategy.listed import Listed
from jennie_core.strategy.opening_range import OpeningRange
from jennie_core.strategy.running import BarIndicators


@dataclass(frozen=True, slots=True)
class SignalRefusal:
    """A setup matched and no signal went out; at most one per code, rule and bar."""

    code: str
    signal_type: SignalType
    refusal: Refusal
    market_us: int
    price_krw: int
    signal: BuySignal | None = None
    """The suppressed signal, complete, when only a stop held it back (R-SCAN-04)."""

    @property
    def market_time(self) -> datetime:
        """When it was decided, in KST."""
        return from_epoch_us(self.market_us)

    @property
    def is_suppressed(self) -> bool:
        """Held back by pause or halt: stored as `suppressed` (R-SCAN-04)."""
        return self.signal is not None


Decision = BuySignal | SignalRefusal


class Trigger(NamedTuple):
    """What made a decision fall: the price now and the tick it came from."""

    price_krw: int
    market_us: int
    tick_us: int
    received_us: int


class Readings(NamedTuple):
    """RSI, volume ratio and VWAP at a closed bar; saved with a pending hit, published with the signal."""

    rsi: float | None
    volume_ratio: float | None
    vwap_krw: float | None


@dataclass(slots=True)
class Pending:
    """A momentum hit that waits for its confirmation bar (R-STRAT-10)."""

    signal_type: SignalType
    price_krw: int
    readings: Readings
    bars_left: int


class CodeState:
    """Bars, indicators, opening range and pending hit of one code over one session."""

    __slots__ = (
        "builder",
        "indicators",
        "interrupted_us",
        "last_received_us",
        "last_tick_us",
        "listed",
        "listed_sessions",
        "opening_range",
        "pending",
        "scored_sessions",
    )

    def __init__(self, opening_range: OpeningRange) -> None:
        self.listed: Listed | None = None
        self.listed_sessions: int | None = None
        self.scored_sessions: int | None = None
        self.builder = BarBuilder()
        self.indicators = BarIndicators()
        self.opening_range = opening_range
        self.pending: Pending | None = None
        self.last_tick_us = 0
        self.last_received_us = 0
        self.interrupted_us: int | None = None
        """Since when trading of the code is interrupted (R-GATE-14); its next trade ends it."""

    def add(self, tick: Tick) -> Bar | None:
        """Take one trade of continuous trading; the bar that it closed, if any."""
        closed = self.builder.add(tick.price_krw, tick.volume, tick.exchange_us, tick.cumulative_volume)
        self.last_tick_us = tick.exchange_us
        self.last_received_us = tick.received_us
        self.interrupted_us = None
        return closed

    def interrupt(self, tick: Tick) -> Pending | None:
        """Take the announcement of an interruption, unless a newer trade has ended it; the pending hit that it ends."""
        if tick.exchange_us < self.last_tick_us:
            return None
        if self.interrupted_us is None:
            self.interrupted_us = tick.exchange_us
        pending, self.pending = self.pending, None
        return pending

    def take(self, bar: Bar) -> None:
        """Move indicators and opening range by one closed bar."""
        self.indicators.add(bar.close_krw)
        self.opening_range.add(bar)

    def readings(self) -> Readings:
        """The readings at the last closed bar."""
        return Readings(self.indicators.rsi.value, self.builder.volume_ratio, self.builder.vwap_krw)


def signal_id(market_day: str, code: str, signal_type: SignalType, tick_us: int) -> str:
    """Deterministic id of a signal: the same tick gives the same id in every run."""
    return canonical_hash([market_day, code, signal_type.value, tick_us])


def without_repeats(decisions: Iterable[Decision]) -> list[Decision]:
    """At most one refusal per rule for one bar; a later setup's repeat is dropped."""
    seen: set[str] = set()
    kept: list[Decision] = []
    for decision in decisions:
        if isinstance(decision, SignalRefusal):
            if decision.refusal.rule in seen:
                continue
            seen.add(decision.refusal.rule)
        kept.append(decision)
    return kept
