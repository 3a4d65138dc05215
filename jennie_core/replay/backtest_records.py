"""What a backtest writes down: fills, round trips, days."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from jennie_core.domain.enums import IntradayRiskLevel, MarketRegime, OrderSide


class Stage(StrEnum):
    """Where in the bar something happened; later stages never pay for earlier ones."""

    DELISTED = "0-delisted"
    OPEN = "1-open"
    ENTRY = "2-entry"
    UNFAVOURABLE = "3-low"
    FAVOURABLE = "4-high"
    CLOSE = "5-close"


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution; `net_krw` of a sell is its gain after its costs and its share of the buy's commission."""

    day: date
    stage: Stage
    side: OrderSide
    code: str
    name: str
    quantity: int
    price_krw: int
    commission_krw: int
    tax_krw: int
    rule: str
    reason: str
    net_krw: int = 0
    net_pct: float = 0.0

    @property
    def amount_krw(self) -> int:
        """Shares times price."""
        return self.quantity * self.price_krw

    def hashed(self) -> list[str | int]:
        """What makes two runs the same."""
        what: list[str | int] = [self.code, self.quantity, self.price_krw, self.commission_krw, self.tax_krw, self.rule]
        return [self.day.isoformat(), self.stage.value, self.side.value, *what]


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """A holding from its buy to its last share sold, net of all costs."""

    code: str
    name: str
    sector_group: str
    bought_on: date
    sold_on: date
    quantity: int
    buy_price_krw: int
    net_krw: int
    last_rule: str

    @property
    def net_pct(self) -> float:
        """Net gain in percent of the money paid."""
        return self.net_krw / (self.quantity * self.buy_price_krw) * 100


@dataclass(frozen=True, slots=True)
class DayRecord:
    """One session as it was lived; None = unknown."""

    day: date
    as_of: date
    regime: MarketRegime
    context_run: str
    context_age_hours: float
    position_multiplier: float
    level_at_open: IntradayRiskLevel | None
    level_after_low: IntradayRiskLevel | None
    is_loss_limited: bool
    index_change_pct: float | None
    index_close: float | None
    listed: int
    held_before: int
    held_after: int
    equity_before_krw: int
    equity_krw: int
    cash_krw: int
    fills: tuple[Fill, ...]
    refusals: Mapping[str, int]
    misses: Mapping[str, int]
    carried: tuple[tuple[str, str, str], ...]
    """Code, rule and reason of exits that held but could not trade."""

    @property
    def exits(self) -> dict[str, int]:
        """Sells by rule."""
        return dict(Counter(fill.rule for fill in self.fills if fill.side is OrderSide.SELL))

    @property
    def buys(self) -> int:
        """Buys of the session."""
        return sum(fill.side is OrderSide.BUY for fill in self.fills)

    @property
    def pnl_krw(self) -> int:
        """Change of the equity since the previous close."""
        return self.equity_krw - self.equity_before_krw
