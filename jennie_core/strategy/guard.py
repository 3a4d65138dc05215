"""The portfolio guard on the final amount of a buy, in order (R-GRD-01..07)."""

from collections.abc import Sequence
from dataclasses import dataclass

from jennie_core.domain.decisions import Refusal
from jennie_core.domain.enums import MarketRegime
from jennie_core.domain.trading_settings import RiskSettings
from jennie_core.strategy.sizing import HeldPosition, equity_krw


@dataclass(frozen=True, slots=True)
class GuardInput:
    """The portfolio before the buy, and the buy."""

    code: str
    sector_group: str
    amount_krw: int
    cash_krw: int
    positions: Sequence[HeldPosition]
    regime: MarketRegime
    sector_cap: int | None
    """Dynamic cap of the sector (R-BUD-05); None = no budget known, the fixed cap holds."""


@dataclass(frozen=True, slots=True)
class GuardVerdict:
    """What the guard found; with the guard switched off it is only shown (R-GRD-05)."""

    refusal: Refusal | None
    is_shadow: bool

    @property
    def blocks(self) -> bool:
        """Whether the buy is refused."""
        return self.refusal is not None and not self.is_shadow


def check_guard(given: GuardInput, settings: RiskSettings) -> GuardVerdict:
    """The first limit that this buy would break."""
    return GuardVerdict(_first_breach(given, settings), is_shadow=not settings.guard_enabled)


def cash_floor_pct(regime: MarketRegime, settings: RiskSettings) -> float:
    """Least cash after a buy in percent of the equity (R-GRD-04)."""
    if regime is MarketRegime.STRONG_BULL:
        return settings.cash_floor_strong_bull_pct
    if regime is MarketRegime.BULL:
        return settings.cash_floor_bull_pct
    if regime is MarketRegime.SIDEWAYS:
        return settings.cash_floor_sideways_pct
    return settings.cash_floor_bear_pct


def _first_breach(given: GuardInput, settings: RiskSettings) -> Refusal | None:
    total = equity_krw(given.cash_krw, given.positions)
    if isinstance(total, Refusal):
        return total
    if total <= 0:
        return Refusal(rule="R-GRD-06", detail="no equity", value=float(total), limit="> 0")
    in_sector = [position for position in given.positions if position.sector_group == given.sector_group]
    cap = settings.max_sector_stocks if given.sector_cap is None else given.sector_cap
    if len(in_sector) >= cap:
        return Refusal(
            rule="R-GRD-01",
            detail=f"stocks held in {given.sector_group}",
            value=float(len(in_sector)),
            limit=float(cap),
        )
    strong = given.regime is MarketRegime.STRONG_BULL
    sector_limit = settings.max_sector_value_strong_bull_pct if strong else settings.max_sector_value_pct
    sector_value = given.amount_krw + sum(_value(position) for position in in_sector)
    sector_pct = sector_value / total * 100
    if sector_pct > sector_limit:
        return Refusal(
            rule="R-GRD-02", detail=f"value in {given.sector_group}", value=round(sector_pct, 3), limit=sector_limit
        )
    stock_limit = settings.max_stock_value_strong_bull_pct if strong else settings.max_stock_value_pct
    stock_pct = given.amount_krw / total * 100
    if stock_pct > stock_limit:
        return Refusal(rule="R-GRD-03", detail="value of this buy", value=round(stock_pct, 3), limit=stock_limit)
    floor_pct = cash_floor_pct(given.regime, settings)
    cash_pct = (given.cash_krw - given.amount_krw) / total * 100
    if cash_pct < floor_pct:
        return Refusal(rule="R-GRD-04", detail="cash after the buy", value=round(cash_pct, 3), limit=floor_pct)
    return None


def _value(position: HeldPosition) -> int:
    if position.price_krw is None:
        raise AssertionError("equity_krw refuses positions without a price")
    return position.quantity * position.price_krw
